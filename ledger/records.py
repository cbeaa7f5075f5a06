"""The vocabulary, first half: what models are asked, write and pick. The judge's half is ledger/judgments.py.

In: nothing. Out: strict, frozen types with a key and a schema version; NaN, infinity and unknown fields are refused.
Source: "one file of record types is the whole vocabulary" (openai/simple-evals); failures are states with names.

A record's key says what it is about; a second record with the same key is an error (ledger/store.py).
"""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ledger.digests import digest_of

Key = tuple[str | int, ...]


def without_surrogates(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever it was given
    """A lone surrogate cannot be written as UTF-8; models and servers do send them, so it becomes U+FFFD."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Text = Annotated[str, BeforeValidator(without_surrogates)]
"""Text that came from a model, a server or a file."""


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


class Question(Record):
    """A conversation's user turns, with the references of a named set, or none."""

    source: str
    id: Text
    category: Text
    turns: tuple[Text, ...] = Field(min_length=1)
    reference_set: str | None = None
    references: tuple[Text, ...] = ()
    temperature: float = Field(ge=0)

    @property
    def key(self) -> Key:
        """Source and id."""
        return (self.source, self.id)

    @property
    def digest(self) -> str:
        """Hash of the question's name and of what decides its answers: the turns and the temperature."""
        return digest_of([self.source, self.id, self.turns, self.temperature])


class AnswerTurn(BaseModel):
    """One reply of the model under test; both numbers of tokens are by its own tokenizer, the thinking included.

    `text` is what the user sees; a thinking block before it is kept apart.
    """

    model_config = Record.model_config

    text: Text
    thinking: Text | None = None
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
    """A multiple-choice question; `gold` is the index of the one right option.

    `contexts` (one, or one per option) and `continuations` (one per option) are prompts rendered elsewhere, by
    lm-evaluation-harness; without them the prompt is made from the question and the options.
    """

    task: str
    id: Text
    subject: Text
    question: Text
    options: tuple[Text, ...] = Field(min_length=2)
    gold: int = Field(ge=0)
    contexts: tuple[Text, ...] = ()
    continuations: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if self.gold >= len(self.options):
            raise ValueError(f"gold is {self.gold}, but there are {len(self.options)} options")
        if not self.continuations and len(set(self.options)) != len(self.options):
            raise ValueError("two options are the same")
        if len(self.contexts) not in (0, 1, len(self.options)) or bool(self.contexts) != bool(self.continuations):
            raise ValueError("contexts are one, or one per option, and stand with continuations")
        if self.continuations and len(self.continuations) != len(self.options):
            raise ValueError(f"{len(self.continuations)} continuations for {len(self.options)} options")
        return self

    @property
    def key(self) -> Key:
        """Task and id."""
        return (self.task, self.id)

    @property
    def digest(self) -> str:
        """Hash of the document: its name, question, options, and which is right. The prompt has a hash of its own."""
        return digest_of([self.task, self.id, self.question, self.options, self.gold])


class Choice(Record):
    """How one model scored the options of one item.

    `item_digest` is the hash of the document, `prompt_digest` that of all that was shown: contexts and continuations.
    `logprobs` are summed log-probabilities in nats (None for a probability of zero, which not all can have),
    `characters` and `tokens` the options' lengths (no tokens where a log does not tell), all in the item's order.
    `picked` is the first maximum of `logprobs`, `picked_norm` that of logprobs / characters (acc and acc_norm of
    lm-evaluation-harness); exact ties go to the first, as numpy's argmax does.
    """

    model: str
    task: str
    item: str
    subject: str
    item_digest: str
    prompt_digest: str = ""
    logprobs: tuple[float | None, ...] = Field(min_length=2)
    characters: tuple[int, ...]
    tokens: tuple[int, ...]
    gold: int = Field(ge=0)
    picked: int = Field(ge=0)
    picked_norm: int = Field(ge=0)

    @model_validator(mode="after")
    def _even(self) -> Self:
        count = len(self.logprobs)
        if not (len(self.characters) == count and len(self.tokens) in (0, count)):
            raise ValueError("logprobs, characters and tokens differ in number")
        if all(logprob is None for logprob in self.logprobs):
            raise ValueError("no option has a log-probability, so none was picked")
        if max(self.gold, self.picked, self.picked_norm) >= count:
            raise ValueError(f"gold, picked or picked_norm lies outside the {count} options")
        return self

    @property
    def key(self) -> Key:
        """Model, task, item."""
        return (self.model, self.task, self.item)
