"""What every part of a config is: frozen, strict about names.

In: nothing. Out: the base of the sections.
"""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the config; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
