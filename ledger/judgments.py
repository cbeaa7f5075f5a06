"""The vocabulary, second half: what judges are asked and say.

In: nothing. Out: strict, frozen records; only attempts are appended, all others are derived from them.
Source: style after ledger/records.py; every failure is an outcome with a name, and only `scored` has a score.
"""

from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from ledger.records import Key, Record, Text

Form = Literal["text", "json", "logprob"]
"""How a verdict is given: in free text, as a JSON object, or by the probabilities of a rating's first token."""
Parsing = Literal["strict", "fastchat", "json", "logprob"]
"""The rules to read a reply by: a free text strictly or as FastChat did, or those of its form."""


class Mode(StrEnum):
    """What a judge is asked: to rate one answer, or to compare two in a game."""

    SINGLE = "single"
    PAIR = "pair"


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
    """Whose answer stands in the first position of a game."""

    BASELINE_FIRST = "baseline_first"
    CANDIDATE_FIRST = "candidate_first"


class Winner(StrEnum):
    """Whom a single game was given to."""

    BASELINE = "baseline"
    CANDIDATE = "candidate"
    TIE = "tie"


class Damage(StrEnum):
    """What the ladder does to a good text, so that a judge can be asked whether it sees it."""

    TRUNCATED = "truncated"
    REPLACED = "replaced"
    LOOPED = "looped"
    CHANGED = "changed"
    CHANGED_WITH_REFERENCE = "changed_with_reference"


class RatingToken(BaseModel):
    """A token that the judge said, and the most likely ones in its place with their log-probabilities in nats."""

    model_config = Record.model_config

    token: Text
    top: tuple[tuple[Text, float], ...]


class Attempt(Record):
    """One call made to a judge, also a failed one; attempts are the only judge records that are appended.

    A batch tells no latency. `prompt_bytes` are those of its messages' texts, repeats left out. `rating_tokens` are
    kept for the form `logprob`: from the first token that is a rating on. `sent` are the fields of the call as they
    were asked for, `changed` those that the endpoint refuses; both are empty where nobody tells it.
    """

    judgment: str
    ask: Literal["first", "again"]
    attempt: int = Field(ge=1)
    request_digest: str
    status: Literal["answered", "failed", "rejected"]
    http_status: int | None = None
    error: Text | None = None
    latency_seconds: float | None = Field(default=None, ge=0)
    prompt_bytes: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    served_model: str | None = None
    finish: str | None = None
    refusal: Text | None = None
    reply: Text | None = None
    rating_tokens: tuple[RatingToken, ...] = ()
    sent: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

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
    """One comparison as it was played, in one order; what two mean together is decided in analysis/judged/games.py."""

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

    mode: Mode
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


class LadderMark(Judgment):
    """One game of the ladder: a good text against the same text with damage of one kind and size, in one order.

    The text is one of Assay's own checked references (`of_reference`), else the baseline's answer. A tie is wrong.
    """

    damage: Damage
    size: float = Field(gt=0)
    source: str
    question: str
    turn: int = Field(ge=1)
    of_reference: bool
    order: Order
    mark: Literal["right", "wrong"] | None = None

    @property
    def verdict(self) -> str | None:
        """The mark."""
        return self.mark

    @property
    def text(self) -> Key:
        """Which text was damaged."""
        return (self.source, self.question, self.turn, self.of_reference)

    @property
    def key(self) -> Key:
        """Judge, prompt, kind and size of the damage, text, order."""
        return (self.judge, self.prompt_digest, self.damage.value, f"{self.size:g}", *self.text, self.order.value)


class Label(Record):
    """A human's verdict on one game: which of two conversations was better up to a turn; who said so."""

    rater: str
    baseline: str
    candidate: str
    source: str
    question: str
    sample: int = Field(default=0, ge=0)
    turn: int = Field(ge=1)
    winner: Winner

    @property
    def key(self) -> Key:
        """Rater, both models, question, sample, turn."""
        return (self.rater, self.baseline, self.candidate, self.source, self.question, self.sample, self.turn)
