"""The material's part of the config: what the models are asked to write, to pick and to solve.

In: `[questions]` and a `[[task]]` table. Out: a frozen QuestionsConfig, frozen TaskConfigs.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ledger.sections import ConfigSection
from ledger.serving import Serving

OWN_ITEMS = "assay"
OWN_CHECKED = "assay-solve"
CHECKER = re.compile(r"|exact|number|regex|choice|json|function:[\w.]+:\w+")
Temperature = Annotated[float, Field(ge=0)]


def _known_checker(name: str) -> str:
    """A checker's name. Raises ValueError."""
    if not CHECKER.fullmatch(name):
        known = "exact, number, regex, choice, json and function:MODULE:NAME"
        raise ValueError(f"{name!r} is no checker; there are {known}")
    return name


class QuestionsConfig(Serving):
    """The free-form part: which questions, and how they are answered.

    `answers` is "baseline" where no judge will read them: only the baseline writes, and all models trace what it wrote.
    `temperature` takes the place of MT-Bench's by category, `temperatures` of one category's. `traces` runs the
    baseline's answers through every model, `rollouts` every model's own through itself and the baseline; the
    `trace_top_k` most likely tokens are kept at each position.
    """

    source: str = "assay"
    references: str = ""
    limit: int | None = Field(default=None, ge=1, description="only so many of the first questions, for a trial")
    answers: Literal["all", "baseline"] = Field(
        default="all", description="baseline: it alone writes, and all models trace it"
    )
    samples: int = Field(default=1, ge=1)
    max_tokens: int = Field(default=1024, ge=1)
    temperature: Temperature | None = None
    temperatures: dict[str, Temperature] = Field(default_factory=dict)
    traces: bool = False
    rollouts: bool = False
    trace_top_k: int = Field(default=20, ge=1, le=1024)

    @model_validator(mode="before")
    @classmethod
    def _k_by_its_own_name(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a file says
        """An earlier config's `top_k` is the traces' K: taken for anything else it would be lost without a word."""
        if (
            isinstance(given, dict)
            and (given.get("traces") or given.get("rollouts"))
            and "top_k" in given
            and "trace_top_k" not in given
        ):
            raise ValueError("the K of traces is `trace_top_k`, not `top_k`: rename it")
        return given

    @model_validator(mode="after")
    def _read_by_somebody(self) -> Self:
        if self.answers == "baseline" and not self.traces:
            raise ValueError('`answers = "baseline"` is for `traces = true`; nothing else reads them')
        if self.answers == "baseline" and self.rollouts:
            raise ValueError('`rollouts` read what every model writes: leave out `answers = "baseline"`')
        return self


class TaskConfig(ConfigSection):
    """A task: Assay's own items, a JSONL file of items, or a task of lm-evaluation-harness.

    Of multiple choice, `continuation` scores the text of each option, `letters` the letter before it; `vocabulary` also
    keeps the `vocabulary_top_k` most likely tokens at each token of the options; 0 keeps all (only engine =
    "transformers"), which makes kl_vocabulary exact.
    With a `checker` the answers to a file's items are written, and a program checks them: `pattern` is for "regex",
    `json_schema` for "json", "function:MODULE:NAME" is the user's own. Written answers are asked for `repeats` times,
    at `temperature` and `top_p`, and end at `max_tokens` or before a string of `stop`.
    The harness builds its own prompts, for which `num_fewshot` and `include_path` are, and scores written answers
    itself; what is left out it says itself. `limit` counts documents of each of its leaf tasks.
    """

    name: str = "assay"
    style: Literal["continuation", "letters"] = "continuation"
    limit: int | None = Field(default=None, ge=1, description="only so many of the first items, for a trial")
    num_fewshot: int | None = Field(default=None, ge=0, description="examples before each item of the harness")
    include_path: str = ""
    chat_template: bool | None = Field(default=None, description="written answers are asked in the chat template")
    system: str = Field(default="", description="the system prompt of written answers")
    vocabulary: bool = False
    vocabulary_top_k: int = Field(default=20, ge=0, le=1024)
    checker: Annotated[str, AfterValidator(_known_checker)] = ""
    pattern: str = ""
    json_schema: dict[str, Any] | None = Field(default=None, description="what an answer under checker json must fit")
    repeats: int | None = Field(default=None, ge=1)
    temperature: Temperature | None = Field(default=None, description="of written answers; 0 is greedy")
    top_p: float | None = Field(default=None, gt=0, le=1, description="of written answers")
    max_tokens: int | None = Field(default=None, ge=1)
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()

    @property
    def task(self) -> str:
        """The task's name in the records: a file's without folder and ending."""
        return self.name if self.of_harness else Path(self.name.removesuffix(".gz")).stem

    @property
    def of_harness(self) -> bool:
        """Whether lm-evaluation-harness has this task."""
        return self.name not in (OWN_ITEMS, OWN_CHECKED) and not self.name.endswith((".jsonl", ".jsonl.gz"))

    @property
    def is_checked(self) -> bool:
        """Whether the answers are written and checked by a program; the harness alone knows it of its tasks."""
        return self.name == OWN_CHECKED or bool(self.checker)

    @model_validator(mode="after")
    def _one_maker_of_prompts(self) -> Self:
        if not self.of_harness and (self.num_fewshot is not None or self.include_path):
            raise ValueError("`num_fewshot` and `include_path` are for lm-evaluation-harness' tasks")
        if self.of_harness and self.style != "continuation":
            raise ValueError("`style` is for Assay's own prompts; the harness builds those of its tasks")
        if self.is_checked and (self.style != "continuation" or self.vocabulary):
            raise ValueError("`style` and `vocabulary` are for multiple choice, not for answers that are checked")
        return self

    @model_validator(mode="after")
    def _one_way_to_check(self) -> Self:
        if self.of_harness and (self.checker or self.stop):
            raise ValueError("lm-evaluation-harness ends and scores the answers to its tasks: no `checker`, no `stop`")
        if self.name == OWN_CHECKED and self.checker:
            raise ValueError(f'each item of "{OWN_CHECKED}" has its own checker: leave `checker` out')
        if (self.pattern and self.checker != "regex") or (self.json_schema is not None and self.checker != "json"):
            raise ValueError('`pattern` is for checker = "regex", `json_schema` for checker = "json"')
        of_checked = ("system", "chat_template", "repeats", "temperature", "top_p", "max_tokens", "stop")
        given = [name for name in of_checked if getattr(self, name) not in ("", None, (), False)]
        if given and not (self.of_harness or self.is_checked):
            raise ValueError(f"`{given[0]}` is for answers that are written: name a `checker`")
        return self
