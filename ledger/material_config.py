"""The material's part of the config: what the models are asked to write and to pick.

In: `[questions]` and a `[[task]]` table. Out: a frozen QuestionsConfig, frozen TaskConfigs.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ledger.sections import ConfigSection

OWN_ITEMS = "assay"
Temperature = Annotated[float, Field(ge=0)]


class QuestionsConfig(ConfigSection):
    """The free-form part: which questions, and how they are answered.

    `answers` is "baseline" where no judge will read them: only the baseline writes, and all models trace what it wrote.
    `temperatures` overrides MT-Bench's temperature of a category. `traces` runs the baseline's answers through every
    model and keeps the `top_k` most likely tokens at each position.
    """

    source: str = "assay"
    references: str = ""
    limit: int | None = Field(default=None, ge=1)
    answers: Literal["all", "baseline"] = "all"
    samples: int = Field(default=1, ge=1)
    max_tokens: int = Field(default=1024, ge=1)
    temperatures: dict[str, Temperature] = Field(default_factory=dict)
    traces: bool = False
    top_k: int = Field(default=20, ge=1, le=1024)

    @model_validator(mode="after")
    def _read_by_somebody(self) -> Self:
        if self.answers == "baseline" and not self.traces:
            raise ValueError('`answers = "baseline"` is for `traces = true`; nothing else reads them')
        return self


class TaskConfig(ConfigSection):
    """A multiple-choice task: Assay's own items, a JSONL file of items, or a task of lm-evaluation-harness.

    `continuation` scores the text of each option, `letters` the letter before it; the harness builds its own prompts,
    for which `num_fewshot`, `include_path` and `chat_template` are. `limit` counts documents of each of its leaf tasks.
    `vocabulary` also keeps the `vocabulary_top_k` most likely tokens at each token of the options; 0 keeps all (only
    engine = "transformers"), which makes kl_vocabulary exact.
    """

    name: str = "assay"
    style: Literal["continuation", "letters"] = "continuation"
    limit: int | None = Field(default=None, ge=1)
    num_fewshot: int | None = Field(default=None, ge=0)
    include_path: str = ""
    chat_template: bool = False
    vocabulary: bool = False
    vocabulary_top_k: int = Field(default=20, ge=0, le=1024)

    @property
    def task(self) -> str:
        """The task's name in the records: a file's without folder and ending."""
        return self.name if self.of_harness else Path(self.name.removesuffix(".gz")).stem

    @property
    def of_harness(self) -> bool:
        """Whether lm-evaluation-harness has this task."""
        return self.name != OWN_ITEMS and not self.name.endswith((".jsonl", ".jsonl.gz"))

    @model_validator(mode="after")
    def _one_maker_of_prompts(self) -> Self:
        if not self.of_harness and (self.num_fewshot is not None or self.include_path or self.chat_template):
            raise ValueError("`num_fewshot`, `include_path` and `chat_template` are for lm-evaluation-harness' tasks")
        if self.of_harness and self.style != "continuation":
            raise ValueError("`style` is for Assay's own prompts; the harness builds those of its tasks")
        return self
