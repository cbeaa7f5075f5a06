"""Where records came from, and what was found beside them: whose they are, and what is not compared.

In: nothing. Out: frozen types that stand in a manifest, so that a later stage can name what an earlier one passed over;
and the sentence that two sides are one model.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

Passed = Literal["task", "lines", "items", "file", "other"]


class LeftOut(BaseModel):
    """Something that was found and is not compared.

    `name` is what `leave_out` must say to declare it, `group` the task that it belongs to. `declared` says by what the
    user left it out on purpose; where it is empty, the thing stands in the way of SHIP. `items` are named one by one.
    Files whose names promise no evidence are of the kind "other": they are listed, and block nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Passed
    name: str
    cause: str
    group: str = ""
    items: tuple[str, ...] = ()
    declared: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it stands in the way of SHIP."""
        return not self.declared and self.kind != "other"


class Origin(BaseModel):
    """One file of records that was brought in: its hash, and who made it as far as is told.

    `model` is empty where nothing beside the file tells the model: its identity is not shown. `arguments` are the
    engine's, as one text. A model that Assay ran itself has no file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file: str
    digest: str
    model: str = ""
    engine: str = ""
    arguments: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What two different models do not share."""
        return self.engine, self.model, self.arguments


def one_model(before: Sequence[Origin], after: Sequence[Origin], *, same_name: bool = False) -> str:
    """Why two sides are one model: a file's content that both have, or one model with the same arguments; else empty.

    `same_name` says that a folder was rebuilt, or that a server reuses its name: then only content counts.
    """
    contents = {each.digest: each.file for each in before if each.digest}
    for each in after:
        if each.digest in contents:
            return f"{contents[each.digest]} and {each.file} are the same file, byte for byte"
    known = {each.identity for each in before if each.model}
    shared = next((each for each in after if each.identity in known), None)
    if shared is None or same_name:
        return ""
    arguments = f" with {shared.arguments}" if shared.arguments and shared.arguments != shared.model else ""
    return f"both name the model {shared.model}{arguments}"
