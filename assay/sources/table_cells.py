"""The cells of a table's row by what they are; what is wrong with any of them is told with column and value.

In: an offer's columns, a row's cells in the order of `Columns.names`. Out: values; faults are added to a list.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from assay.sources import table_values
from assay.sources.table_offers import TASK, TableOffer
from assay.sources.table_values import missing
from ledger.records import Finish
from ledger.thinking import split_thinking

T = TypeVar("T")
Cells = Sequence[Any]
NUMBERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "tokens": ("completion_tokens", table_values.count),
    "seed": ("seed", table_values.count),
    "temperature": ("temperature", table_values.number),
}
SHOWN = 60  # characters of a cell that cannot be read


class CellReader:
    """Reads the cells of one row after the other."""

    def __init__(self, offer: TableOffer) -> None:
        columns, self._reading = offer.columns, offer.reading
        self.names = columns.names
        self._one = columns.one
        self._place = {name: place for place, name in enumerate(self.names)}
        self._options = [self._place[name] for name in columns.options]
        self._scores = [(name, self._place[name]) for name in columns.scores]
        self._numbers = [(what, *rule) for what, rule in NUMBERS.items() if what in columns.one]

    def picks(self, cells: Cells) -> bool:
        """Whether a row has option log-probabilities."""
        return any(not missing(cells[place]) for place in self._options)

    def cell(self, cells: Cells, what: str) -> Any:  # noqa: ANN401 - whatever a file holds
        """A cell as it is; None where there is no such column."""
        name = self._one.get(what)
        return None if name is None else cells[self._place[name]]

    def named(self, cells: Cells, faults: list[str]) -> dict[str, Any]:
        """A row's task, item and subject."""
        found = {"task": self._reading.task or TASK}
        for what in ("item", "task"):
            cell = self.cell(cells, what)
            if what in self._one and missing(cell):
                faults.append(f"column {self._one[what]!r} is empty")
            elif what in self._one:
                found[what] = _name(cell)
        subject = self.cell(cells, "subject")
        return found | {"subject": found["task"] if missing(subject) else _name(subject)}

    def repeat(self, cells: Cells, faults: list[str]) -> int:
        """Which of several answers it is, from 0."""
        found = self.value(cells, "repeat", table_values.count, faults)
        if found is not None and found < 0:
            faults.append(f"column {self._one['repeat']!r} has {found}, which is below 0")
        return found or 0

    def scores(self, cells: Cells, faults: list[str]) -> list[tuple[str, float | None]]:
        """The scores by their columns, None where they are missing."""
        scale = self._reading.scale
        return [
            (name, self._checked(name, cells[at], lambda cell: table_values.score(cell, scale), faults))
            for name, at in self._scores
        ]

    def numbers(self, cells: Cells, faults: list[str]) -> dict[str, Any]:
        """Tokens, seed and temperature, as a Solution names them."""
        return {name: self.value(cells, what, read, faults) for what, name, read in self._numbers}

    def options(self, cells: Cells, faults: list[str]) -> list[float] | None:
        """The log-probabilities of a row's options."""
        held, name = [cells[place] for place in self._options], self.names[self._options[0]]
        shown = held if len(held) > 1 else held[0]
        return self._checked(name, shown, lambda _: table_values.log_probabilities(held), faults)

    def option(self, cells: Cells, what: str, count: int, faults: list[str]) -> int | None:
        """The gold or the picked option, of so many."""
        found = self.value(cells, what, table_values.place, faults)
        if found is not None and count and found >= count:
            faults.append(f"column {self._one[what]!r} has option {found}, and the last of {count} is {count - 1}")
        return found

    def extracted(self, cells: Cells) -> str | None:
        """What was taken from a text: empty where it found nothing, None where no column tells."""
        if "pick" not in self._one:
            return None
        cell = self.cell(cells, "pick")
        return "" if missing(cell) else str(cell)

    def text(self, cells: Cells) -> dict[str, Any]:
        """What a model wrote and how it ended, as a Solution names them."""
        cell = self.cell(cells, "text")
        ended = table_values.finish(self.cell(cells, "finish"))
        if cell is None:
            return {"finish": ended}
        thinking, text = split_thinking(str(cell))
        if ended in (None, Finish.STOP) and not text.strip():
            ended = Finish.EMPTY
        return {"text": text, "thinking": thinking, "finish": ended}

    def unknown_ending(self, cells: Cells) -> str:
        """A way of ending that we do not know; empty where there is none."""
        cell = self.cell(cells, "finish")
        return "" if missing(cell) or table_values.finish(cell) else str(cell)

    def value(self, cells: Cells, what: str, read: Callable[[Any], T], faults: list[str]) -> T | None:
        """A cell's value; None where it is missing, or where there is no such column."""
        return self._checked(self._one[what], self.cell(cells, what), read, faults) if what in self._one else None

    @staticmethod
    def _checked(name: str, cell: Any, read: Callable[[Any], T], faults: list[str]) -> T | None:  # noqa: ANN401
        try:
            return read(cell)
        except ValueError as error:
            shown = repr(cell)
            shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
            faults.append(f"column {name!r} has {shown}, which {error}")
            return None


def _name(cell: Any) -> str:  # noqa: ANN401
    """A name as two tables spell it alike: 7, 7.0 and "7" are one item."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
