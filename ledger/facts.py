"""What one stage writes into a manifest for another to read, as types; each of its names is spelled here alone.

In: the settings and facts of a manifest. Out: frozen views of them. A fact that only people read (a device, a chat
template's digest) may be named here or not: whatever else a manifest holds is shown, and never looked up.
"""

from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field

from ledger.first_prompts import FirstPrompt, UnlikeText
from ledger.served_facts import ServedFacts

NOT_TOLD = "not told"
CLOCK_FUNCTION = "strftime_now"
"""The function by which a chat template asks the clock."""
PerPart = str | int | dict[str, str] | None
"""A condition's value; of imported logs that differ, each task's own."""


class TooLong(StrEnum):
    """What may have no room in a model's context; a trace of an option takes one token more than its score."""

    ITEMS = "items_too_long"
    OPTIONS = "options_too_long"
    TURNS = "turns_too_long"


class Refusal(StrEnum):
    """What of a model cannot be compared with the baseline's."""

    TRACES = "traces_refused"
    ROLLOUTS = "rollouts_refused"
    VOCABULARY = "vocabulary_refused"


class _Manifest(Protocol):
    @property
    def settings(self) -> dict[str, Any]: ...

    @property
    def facts(self) -> dict[str, Any]: ...


class _View(BaseModel):
    """Part of a manifest; a name that is not there has its default."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)

    part: ClassVar[str]

    @classmethod
    def of(cls, manifest: _Manifest | None) -> Self:
        """What a manifest says; all defaults where there is none. Raises ValidationError."""
        return cls.model_validate(getattr(manifest, cls.part)) if manifest else cls()

    def noted(self) -> dict[str, Any]:
        """What was given, as a manifest's file holds it."""
        return self.model_dump(mode="json", exclude_unset=True)


class PlannedRecords(BaseModel):
    """How many records there will be in the end."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    answers: int = Field(default=0, ge=0)
    choices: int = Field(default=0, ge=0)
    solutions: int = Field(default=0, ge=0)

    @property
    def total(self) -> int:
        """All together."""
        return self.answers + self.choices + self.solutions


class ModelSettings(_View):
    """What a model's records depend on; an import has `filter` and the digests of its `logs` or `files`."""

    part = "settings"
    compared: ClassVar[tuple[str, ...]] = ("engine", "max_tokens", "seed", "styles", "parameters", "served")
    """Those that a candidate should share with its baseline."""
    shown: ClassVar[tuple[str, ...]] = ("model", "weights", "engine", "engine_args", "seed", "max_tokens", "styles")
    """Those that a model's card opens with."""

    model: str = ""
    weights: str | None = None
    engine: str = ""
    engine_args: dict[str, Any] = {}
    template: str = ""
    endpoint: str = ""
    control: bool = False
    seed: int = 0
    max_tokens: int = 0
    trace_top_k: int = 0
    styles: dict[str, str] = {}
    prompts: dict[str, dict[str, Any]] = {}
    vocabulary: dict[str, int] = {}
    loader: str = ""
    batch_invariant: bool = False
    parameters: dict[str, Any] = {}
    served: dict[str, Any] = {}
    filter: str = ""
    logs: dict[str, str] = {}
    files: dict[str, str] = {}


class ConditionFacts(_View):
    """Where rounding alone makes records differ (ledger/conditions.py); None where nothing tells it."""

    part = "facts"

    dtype: PerPart = None
    threads: PerPart = None
    processor: PerPart = None
    lm_eval_version: PerPart = None
    inspect_version: PerPart = None
    transformers_version: PerPart = None


class ModelFacts(ConditionFacts, ServedFacts):
    """What was learned while a model's records were made.

    `tokenizer` is its digest, `shown_digests` that of all that a task showed. `top_k_bounded`: no whole vocabulary.
    `*_too_long`: no room in the context. `shards`: facts that differ. `first_prompts`: how one of a task's begins;
    `prompts` what made them and their scores, `unlike_texts` where they differ. `asks_clock`: the chat template does.
    """

    of_all_shards: ClassVar[tuple[str, ...]] = ("planned", TooLong.ITEMS)
    """Those that a merge makes anew from all shards."""
    one_shards: ClassVar[tuple[str, ...]] = (*of_all_shards, "torn_lines_removed")
    """Those that say nothing of the other shards."""
    of_prompts: ClassVar[tuple[str, ...]] = (
        *("num_fewshot", "fewshot_as_multiturn", "chat_template_sha", "system_instruction_sha", "task_version"),
    )
    """Those that decide how the prompts of a log were made."""
    of_documents: ClassVar[tuple[str, ...]] = ("task_version", "dataset", "task_args", "scorers")
    """Those of them that decide what its documents are, and how they are scored."""
    shown_apart: ClassVar[tuple[str, ...]] = ("first_prompts", "shown_digests", "unlike_texts")
    """Those that no card lists: texts are shown where two differ, and there alone."""

    planned: PlannedRecords = PlannedRecords()
    torn_lines_removed: int = 0
    revision: str | None = None
    tokenizer: str | None = None
    top_k_bounded: bool = False
    items_too_long: tuple[str, ...] = ()
    options_too_long: tuple[str, ...] = ()
    turns_too_long: tuple[str, ...] = ()
    traces_refused: str = ""
    rollouts_refused: str = ""
    vocabulary_refused: str = ""
    shards: dict[str, dict[str, Any]] = {}
    tasks: tuple[str, ...] = ()
    num_fewshot: PerPart = None
    fewshot_as_multiturn: PerPart = None
    chat_template_sha: PerPart = None
    system_instruction_sha: PerPart = None
    task_version: PerPart = None
    prompts: dict[str, dict[str, str]] = {}
    limit: PerPart = None
    asks_clock: bool = False
    first_prompts: dict[str, FirstPrompt] = {}
    shown_digests: dict[str, str] = {}
    unlike_texts: dict[str, UnlikeText] = {}

    def of_task(self, name: str, task: str) -> str | None:
        """A fact of logs as it was told of one task; None where nothing tells it."""
        value = getattr(self, name)
        found = value.get(task) if isinstance(value, dict) else value
        return None if found in (None, NOT_TOLD) else str(found)

    def too_long(self, what: TooLong) -> tuple[str, ...]:
        """The names of those without room."""
        return tuple(getattr(self, what))

    def refusal(self, what: Refusal) -> str:
        """Why it cannot be compared; empty where it can."""
        return str(getattr(self, what))


class JudgeSettings(_View):
    """What a judge's records depend on; an import has no digest of prompts, but those of its `files`."""

    part = "settings"
    alike: ClassVar[tuple[str, ...]] = (
        *("model", "host", "prompts", "prompts_digest", "form", "parsing", "temperature", "repeats"),
    )
    """Those that the judges of two runs must share before a number of theirs is subtracted."""

    judge: str | None = None
    model: str | None = None
    host: str | None = None
    prompts: str | None = None
    prompts_digest: str | None = None
    form: str | None = None
    temperature: float | None = None
    parsing: str | None = None
    modes: tuple[str, ...] | None = None
    repeats: int | None = None
    max_tokens: int | None = None
    parameters: dict[str, Any] = {}
    baseline: str | None = None
    files: dict[str, str] | None = None


class CallFailure(BaseModel):
    """How many judgments failed for good for one reason, and the endpoint's words to the last of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    judgments: int
    words: str


class JudgeFacts(_View):
    """What was learned while a judge was asked; None where nobody counted.

    `answers` counts, model by model, what in its answers might work on a judge. `judgments` counts outcomes by kind,
    `review` says who was judged. `served_models` counts the names that the endpoint answered as, `endpoint` has the
    parameters that it takes, `mixed_parameters` those that only some calls had, `failures` why judgments have no
    answer. `fastchat_averages` are what FastChat computes of the files that an import read, by model.
    """

    part = "facts"
    shown_apart: ClassVar[tuple[str, ...]] = ("review", "judgments", "prompt_texts", "failures", "fastchat_averages")
    """Those that no card lists: the report has them where they belong."""

    review: dict[str, Any] = {}
    answers: dict[str, dict[str, int]] = {}
    judgments: dict[str, dict[str, int]] = {}
    served_models: dict[str, int] = {}
    mixed_parameters: tuple[str, ...] = ()
    endpoint: dict[str, Any] = {}
    pace: dict[str, float | int] = {}
    prompt_texts: dict[str, str] = {}
    failures: tuple[CallFailure, ...] = ()
    fastchat_averages: dict[str, float] = {}
    calls: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    spent_usd: float | None = None


VIEWS: dict[str, tuple[type[_View], ...]] = {
    "generation": (ModelSettings, ModelFacts),
    "judge": (JudgeSettings, JudgeFacts),
}
"""What is read from the manifests of each stage."""
