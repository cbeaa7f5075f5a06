"""The judge's part of the config: where it is, how it is asked, what it may cost.

In: a `[[judge]]` table. Out: a frozen JudgeConfig. A key never stands here: `api_key_env` names the variable with it.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from ledger.endpoint.parameters import BaseUrl, EndpointParameters, KeyVariable
from ledger.judgments import Form, Mode, Parsing
from ledger.sections import Arguments, ConfigSection

MILLION = 1_000_000


class Price(ConfigSection):
    """What a judge's tokens cost, in US dollars per million."""

    input: float = Field(ge=0, description="of a prompt's tokens")
    output: float = Field(ge=0, description="of a reply's tokens")

    def usd(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The cost of so many tokens."""
        return (self.input * prompt_tokens + self.output * completion_tokens) / MILLION


class JudgeConfig(EndpointParameters):
    """A judge: any OpenAI-compatible endpoint, or a local model that Assay serves itself (`serve`).

    `pairs` are games of every rival with the baseline, or of all models with each other. `form` is how a verdict is
    given: free text, JSON by a strict schema, or the expected rating from the token probabilities (`logprob`).
    `concurrency` bounds the calls in flight, and the limits per minute those that begin: give the endpoint's own, where
    they are known. No call begins once a session has lasted `deadline_seconds`. `price` and `budget_usd` bound what the
    review's calls may cost in all. `exam_ladder` asks it, in games, how small a damage it still sees.
    `prompts = "unknown"` is written by an import whose judgments were held against no prompt: such a judge cannot be
    asked.
    """

    model: str = ""
    label: str = ""
    base_url: BaseUrl = Field(default="", description="its endpoint; where left out OPENAI_BASE_URL, or OpenAI's")
    serve: str = Field(default="", description="in place of `model`: a model that vLLM serves on this machine")
    serve_args: Arguments = Field(default_factory=dict, description="arguments of that server")
    api_key_env: KeyVariable = ""
    modes: tuple[Mode, ...] = tuple(Mode)
    pairs: Literal["baseline", "all"] = Field(default="baseline", description="whom every model plays")
    prompts: Literal["official", "assay", "unknown"] = "assay"
    form: Form = "text"
    parsing: Literal["strict", "fastchat"] = "strict"
    exam: bool = True
    exam_tasks: int = Field(default=20, ge=1)
    exam_ladder: bool = Field(default=False, description="ask it also how small a damage it sees")
    repeats: int = Field(default=1, ge=1)
    concurrency: int = Field(default=16, ge=1)
    requests_per_minute: float | None = Field(default=None, gt=0, description="where the endpoint tells no limit")
    tokens_per_minute: float | None = Field(default=None, gt=0, description="the same for tokens")
    max_tokens: int = Field(default=4096, ge=16)
    attempts: int = Field(default=6, ge=1)
    timeout_seconds: float = Field(default=600, gt=0)
    deadline_seconds: float = Field(default=21_600, gt=0)
    price: Price | None = None
    budget_usd: float | None = Field(default=None, ge=0)

    @property
    def name(self) -> str:
        """The label, or the judge model's own name."""
        return self.label or self.model or self.serve.rstrip("/").rsplit("/", 1)[-1]

    @property
    def rules(self) -> Parsing:
        """How a reply is read: the form says it; a free text is read strictly, or as FastChat did."""
        return self.parsing if self.form == "text" else self.form

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if bool(self.serve) == bool(self.model):
            raise ValueError("give either `model` (with `base_url`, if it is not OpenAI's) or `serve`")
        if not self.modes:
            raise ValueError("`modes` is empty; use single, pair or both")
        if len(set(self.modes)) < len(self.modes):
            raise ValueError("`modes` names one mode twice")
        return self

    @model_validator(mode="after")
    def _examinable(self) -> Self:
        if self.exam_ladder and not (self.exam and Mode.PAIR in self.modes):
            raise ValueError(
                '`exam_ladder` is a part of the exam, in games: it needs exam = true and "pair" in `modes`'
            )
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.form != "text" and (self.prompts != "assay" or self.parsing == "fastchat"):
            raise ValueError(f'form = "{self.form}" needs prompts = "assay" and parsing = "strict"')
        if self.form == "logprob" and self.modes != (Mode.SINGLE,):
            raise ValueError('form = "logprob" gives ratings; it needs modes = ["single"]')
        if self.budget_usd is not None and self.price is None:
            raise ValueError("`budget_usd` needs a `price`, in US dollars per million tokens")
        return self
