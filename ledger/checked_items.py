"""Items that are solved by writing: what a model is asked, how it answers, and what a program checks the answer by.

In: nothing. Out: CheckedItem, strict and frozen like all records. A Solution (ledger/solutions.py) is its answer.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ledger.digests import digest_of
from ledger.records import Key, Record, Text

Role = Literal["system", "user", "assistant"]
Checker = Literal["exact", "number", "regex", "choice", "json", "function"]
TARGETED: frozenset[Checker] = frozenset({"exact", "number", "choice"})
"""The checkers that need a right answer; of the others `regex` and `json` may have one."""


class CheckedItem(Record):
    """A document of a benchmark whose answer is written.

    The prompt is a conversation (`messages`, put in each model's own chat template) or a bare text (`prompt`). A last
    message of the assistant's is the beginning of its answer. `document_digest` is the hash of what it was made from.
    Without a `checker` lm-evaluation-harness scores it. `targets` are right answers, any of which will do; `letters`
    how many options a choice has; `document` the line itself, for a user's own function.
    """

    task: str
    id: Text
    subject: Text
    messages: tuple[tuple[Role, Text], ...] = ()
    prompt: Text = ""
    stop: tuple[Annotated[Text, Field(min_length=1)], ...] = ()
    max_tokens: int = Field(ge=1)
    temperature: float = Field(default=0.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    document_digest: str
    checker: Checker | None = None
    targets: tuple[Text, ...] = ()
    letters: int = Field(default=26, ge=2, le=26)
    pattern: Text = ""
    fits: dict[str, Any] | bool | None = None
    document: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _asked(self) -> Self:
        if bool(self.messages) == bool(self.prompt):
            raise ValueError("an item is asked by its messages or by its prompt")
        if self.checker in TARGETED and not self.targets:
            raise ValueError(f'checker "{self.checker}" needs a right answer')
        if self.checker in TARGETED and not all(each.strip() for each in self.targets):
            raise ValueError("the right answer is empty")
        if self.checker == "choice" and not {each.strip().upper() for each in self.targets} <= self._letters:
            raise ValueError(f"the right answer of a choice is one of its {self.letters} letters")
        if self.checker == "regex" and not self.pattern:
            raise ValueError('checker "regex" needs a pattern')
        return self

    @property
    def _letters(self) -> set[str]:
        return {chr(ord("A") + place) for place in range(self.letters)}

    @property
    def key(self) -> Key:
        """Task and id."""
        return (self.task, self.id)

    @property
    def shown(self) -> str:
        """The prompt as people read it: a conversation of one message is that message."""
        if len(self.messages) < 2:
            return self.messages[0][1] if self.messages else self.prompt
        return "\n\n".join(f"{role}: {content}" for role, content in self.messages)

    @property
    def digest(self) -> str:
        """Hash of the document. The prompt has a hash of its own."""
        return digest_of([self.task, self.id, self.document_digest])

    @property
    def prompt_digest(self) -> str:
        """Hash of all that is shown, and of how the answer is drawn and ended."""
        drawn = [self.stop, self.max_tokens, self.temperature, self.top_p]
        return digest_of([self.messages, self.prompt, *drawn])
