"""A few words of what a model was shown, kept where two models' prompts are compared.

In: a log's first item. Out: strict, frozen texts, as a manifest holds them.
"""

from pydantic import BaseModel, ConfigDict


class FirstPrompt(BaseModel):
    """The first item of a task and the beginning of what was shown of it, so that two models' can be compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: str
    text: str


class UnlikeText(BaseModel):
    """A few words of an item's document or prompt (`field`) that are not the baseline's, and the baseline's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: str
    field: str
    own: str
    other: str
