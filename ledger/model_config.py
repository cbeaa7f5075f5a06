"""The models' part of the config: where each is, how it is run, how it was made.

In: `[baseline]` and a `[[candidate]]` table. Out: frozen ModelConfigs. Keys stand in the environment only.
"""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from ledger.endpoint.parameters import BaseUrl, EndpointParameters, KeyVariable
from ledger.engines import ENGINES, known_engine
from ledger.sections import Arguments

Engine = Annotated[str, AfterValidator(known_engine)]


class ModelConfig(EndpointParameters):
    """A model under test: a folder, a hub name or a served name, and how to run it.

    `family` and `amount` say how a candidate was made: 2 in the family layers, say; candidates of one family with
    amounts are a sweep. `template` is empty for the tokenizer's own chat template, or `fastchat:NAME`. `loader` names a
    function of the user's own that loads the model (engine = "transformers"). `base_url`, `api_key_env` and
    `concurrency` are for models behind an endpoint (engine = "openai"), as are the parameters of its calls;
    `temperature` and `max_tokens` take the place of the questions' own. A model whose choices come from logs
    (`assay import`) has engine = "imported".
    """

    model: str = Field(min_length=1)
    label: str = ""
    engine: Engine = "vllm"
    engine_args: Arguments = Field(
        default_factory=dict, description="whatever the engine takes: max_model_len, tensor_parallel_size, dtype"
    )
    family: str = Field(default="", description="correlations are read within it: bits, layers, sparsity, noise")
    amount: float | None = Field(default=None, description="how much of it; a family with amounts is drawn as a sweep")
    template: str = Field(default="", pattern=r"^(fastchat:.+)?$")
    loader: str = Field(
        default="", pattern=r"^([\w.]+:\w+)?$", description='module:function of yours; with engine = "transformers"'
    )
    base_url: BaseUrl = Field(default="", description='the endpoint of engine = "openai"; else OPENAI_BASE_URL')
    api_key_env: KeyVariable = Field(default="", description="the variable that holds the endpoint's key")
    concurrency: int = Field(default=16, ge=1, description="calls to the endpoint that are in flight, at most")

    @property
    def name(self) -> str:
        """The label, or the last part of the model's name."""
        return self.label or self.model.rstrip("/").rsplit("/", 1)[-1]

    @property
    def parameters(self) -> EndpointParameters:
        """How its endpoint is asked."""
        return EndpointParameters(**self.declared())

    @model_validator(mode="after")
    def _asked(self) -> Self:
        if (found := sorted(self.declared())) and not ENGINES[self.engine].remote:
            raise ValueError(f'`{found[0]}` is for endpoints: it needs engine = "openai", or belongs into engine_args')
        return self

    @model_validator(mode="after")
    def _loads(self) -> Self:
        if self.loader and not ENGINES[self.engine].takes_loader:
            able = ", ".join(f'"{name}"' for name, engine in ENGINES.items() if engine.takes_loader)
            raise ValueError(f"`loader` needs engine = {able}")
        return self


class BaselineConfig(ModelConfig):
    """The model in use today; `control` runs it a second time to show the noise."""

    control: bool = True
