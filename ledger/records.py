"""The vocabulary: every record that crosses a file between stages.

In: nothing. Out: strict, frozen types with a key and a schema version; NaN, infinity and unknown fields are refused.
Source: "one file of record types is the whole vocabulary" (openai/simple-evals); failures are states with names.

A record's key says what it is about; a second record with the same key is an error (ledger/store.py).
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ledger.digests import digest_of

Key = tuple[str | int, ...]


def _without_surrogates(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever it was given
    """A lone surrogate cannot be written as UTF-8; models and servers do send them, so it becomes U+FFFD."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_without_surrogates)]
"""Text that came from a model or a server."""


class Record(BaseModel):
    """A line of a record file: strict, frozen, versioned, keyed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    schema_version: ClassVar[int] = 1
    version: int = 1

    @field_validator("version")
    @classmethod
    def _known_version(cls, version: int) -> int:
        if version != cls.schema_version:
            raise ValueError(f"{cls.__name__} of schema version {version}; this Assay reads {cls.schema_version}")
        return version

    @property
    def key(self) -> Key:
        """The identity of the record within its file."""
        raise NotImplementedError


class Finish(StrEnum):
    """How a turn's text ended."""

    STOP = "stop"
    LENGTH = "length"
    EMPTY = "empty"
    OVERFLOW = "overflow"


class Outcome(StrEnum):
    """What became of a judgment; only `SCORED` carries a score, a winner or a mark."""

    SCORED = "scored"
    UNREADABLE = "unreadable"
    CONTRADICTORY = "contradictory"
    OUT_OF_RANGE = "out_of_range"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    FILTERED = "filtered"
    FAILED = "failed"
    SKIPPED = "skipped"


class Order(StrEnum):
    """Which contestant sits in the first seat of a game."""

    BASELINE_FIRST = "baseline_first"
    CANDIDATE_FIRST = "candidate_first"


class Winner(StrEnum):
    """Whom a single game was given to."""

    BASELINE = "baseline"
    CANDIDATE = "candidate"
    TIE = "tie"


class Question(Record):
    """A conversation's user turns, with the references of a named set, or none."""

    source: str
    id: str
    category: str
    turns: tuple[str, ...] = Field(min_length=1)
    reference_set: str | None = None
    references: tuple[str, ...] = ()
    temperature: float = Field(ge=0)

    @property
    def key(self) -> Key:
        """Source and id."""
        return (self.source, self.id)

    @property
    def digest(self) -> str:
        """Hash of what the model under test sees: the turns and the temperature."""
        return digest_of([self.source, self.id, self.turns, self.temperature])


class AnswerTurn(BaseModel):
    """One reply of the model under test; `tokens` are counted by its own tokenizer."""

    model_config = Record.model_config

    text: Text
    finish: Finish
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)
    seed: int


class Answer(Record):
    """A whole conversation of one model about one question; it carries the question itself."""

    model: str
    sample: int = Field(ge=0)
    question: Question
    turns: tuple[AnswerTurn, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if len(self.turns) != len(self.question.turns):
            raise ValueError(f"{len(self.turns)} answers to {len(self.question.turns)} turns")
        return self

    @property
    def key(self) -> Key:
        """Model, source, question, sample."""
        return (self.model, *self.question.key, self.sample)


class Item(Record):
    """A multiple-choice question; `gold` is the index of the one right option."""

    task: str
    id: str
    subject: str
    question: str
    options: tuple[str, ...] = Field(min_length=2)
    gold: int = Field(ge=0)

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if self.gold >= len(self.options):
            raise ValueError(f"gold is {self.gold}, but there are {len(self.options)} options")
        if len(set(self.options)) != len(self.options):
            raise ValueError("two options are the same")
        return self

    @property
    def key(self) -> Key:
        """Task and id."""
        return (self.task, self.id)

    @property
    def digest(self) -> str:
        """Hash of all that decides what is scored and what is right."""
        return digest_of([self.task, self.id, self.question, self.options, self.gold])


class Choice(Record):
    """How one model scored the options of one item.

    `logprobs` are summed log-probabilities in nats, `characters` and `tokens` the options' lengths, all in the item's
    order. `picked` is the first maximum of `logprobs`, `picked_norm` that of logprobs / characters (acc and acc_norm
    of lm-evaluation-harness); exact ties go to the first, as numpy's argmax does.
    """

    model: str
    task: str
    item: str
    subject: str
    item_digest: str
    logprobs: tuple[float, ...] = Field(min_length=2)
    characters: tuple[int, ...]
    tokens: tuple[int, ...]
    gold: int = Field(ge=0)
    picked: int = Field(ge=0)
    picked_norm: int = Field(ge=0)

    @model_validator(mode="after")
    def _even(self) -> Self:
        if not len(self.logprobs) == len(self.characters) == len(self.tokens) > self.gold:
            raise ValueError("logprobs, characters and tokens differ in number, or gold lies outside them")
        return self

    @property
    def key(self) -> Key:
        """Model, task, item."""
        return (self.model, self.task, self.item)


class Attempt(Record):
    """One call made to a judge, also a failed one; attempts are the only judge records that are appended."""

    judgment: str
    ask: Literal["first", "again"]
    attempt: int = Field(ge=1)
    request_digest: str
    status: Literal["answered", "failed", "rejected"]
    http_status: int | None = None
    error: Text | None = None
    latency_seconds: float = Field(ge=0)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    served_model: str | None = None
    finish: str | None = None
    refusal: Text | None = None
    reply: Text | None = None

    @property
    def key(self) -> Key:
        """The judgment, the ask within it, and the attempt's number."""
        return (self.judgment, self.ask, self.attempt)


class Judgment(Record):
    """What all derived judge records share: who judged, under which prompt, and what became of it."""

    judge: str
    prompt_digest: str
    outcome: Outcome
    reply: Text | None = None

    @property
    def verdict(self) -> float | str | None:
        """The score, winner or mark, if there is one."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _verdict_only_when_scored(self) -> Self:
        if (self.outcome is Outcome.SCORED) != (self.verdict is not None):
            raise ValueError(f"outcome {self.outcome} with verdict {self.verdict!r}")
        return self


class Rating(Judgment):
    """A score from 1 to 10 for one turn of one answer, or the reason why there is none."""

    model: str
    source: str
    question: str
    sample: int = Field(ge=0)
    turn: int = Field(ge=1)
    repeat: int = Field(ge=0)
    score: float | None = Field(default=None, ge=1, le=10)

    @property
    def verdict(self) -> float | None:
        """The score."""
        return self.score

    @property
    def key(self) -> Key:
        """Judge, prompt, model, question, sample, turn, repeat."""
        about = (self.judge, self.prompt_digest, self.model, self.source, self.question)
        return (*about, self.sample, self.turn, self.repeat)


class Game(Judgment):
    """One comparison as it was played, in one order; what two games mean together is decided in analysis/games.py."""

    baseline: str
    candidate: str
    source: str
    question: str
    sample: int = Field(ge=0)
    turn: int = Field(ge=1)
    order: Order
    repeat: int = Field(ge=0)
    winner: Winner | None = None

    @property
    def verdict(self) -> Winner | None:
        """The winner."""
        return self.winner

    @property
    def key(self) -> Key:
        """Judge, prompt, both models, question, sample, turn, order, repeat."""
        contest = (self.judge, self.prompt_digest, self.baseline, self.candidate, self.source, self.question)
        return (*contest, self.sample, self.turn, self.order.value, self.repeat)


class ExamMark(Judgment):
    """One exam task put to a judge: a pair of texts (or one text) whose right verdict is known."""

    mode: Literal["single", "pair"]
    part: str
    source: str
    question: str
    order: Order | None = None
    mark: Literal["right", "wrong"] | None = None

    @property
    def verdict(self) -> str | None:
        """The mark."""
        return self.mark

    @property
    def key(self) -> Key:
        """Judge, prompt, mode, part, question, order."""
        return (self.judge, self.prompt_digest, self.mode, self.part, self.source, self.question, self.order or "")
