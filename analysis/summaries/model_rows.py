"""One model's row among the rows of all models, whatever they hold.

In: rows that name their model and its role, and a name. Out: the row, or None where nothing was measured.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar


class ModelRow(Protocol):
    """A row about one model: its name, and whether it is a candidate or the control."""

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def role(self) -> str:
        """`candidate` or `control`."""
        ...


Row = TypeVar("Row", bound=ModelRow)


def for_model(rows: Iterable[Row], model: str) -> Row | None:
    """The row of a model by its name."""
    return next((row for row in rows if row.model == model), None)


def control_row(rows: Iterable[Row]) -> Row | None:
    """The row of the control, whose changes are the noise floor."""
    return next((row for row in rows if row.role == "control"), None)
