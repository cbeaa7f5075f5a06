"""Where one judged value stands: question, sample, turn, repeat; and how such values are gathered by question.

In: values by cell. Out: one sum and weight per question, the unit that is resampled. Repeats are averaged within a
turn first: however often a judge was asked, a turn weighs no more than another.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.statistics.resampling import Floats
from ledger.judgments import Game, Rating

Unit = tuple[str, str]
"""A question's source and id."""


class Cell(NamedTuple):
    """What one rating, or the two games of both orders, are about."""

    source: str
    question: str
    sample: int
    turn: int
    repeat: int

    @property
    def unit(self) -> Unit:
        """The question: all its samples, turns and repeats move together."""
        return (self.source, self.question)


Values = Mapping[Cell, float]
ALL = "all"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Scope:
    """A part of the cells: all of them, one turn, or one category."""

    name: str
    holds: Callable[[Cell], bool]

    def part(self, values: Values) -> dict[Cell, float]:
        """The values of this part."""
        return {cell: value for cell, value in values.items() if self.holds(cell)}


def cell_of(record: Rating | Game) -> Cell:
    """The cell that a rating or game is about."""
    return Cell(record.source, record.question, record.sample, record.turn, record.repeat)


def turn_of(cell: Cell) -> Cell:
    """The question, sample and turn that a cell's repeat is about: its first repeat."""
    return cell._replace(repeat=0)


def by_turn(values: Values) -> dict[Cell, float]:
    """The mean over a turn's repeats, at repeat 0."""
    grouped: dict[Cell, list[float]] = {}
    for cell in sorted(values):
        grouped.setdefault(turn_of(cell), []).append(values[cell])
    return {turn: sum(found) / len(found) for turn, found in grouped.items()}


def question_sums(values: Values) -> tuple[Floats, Floats]:
    """Sum and number of turns' values per question, each (questions,), in question order; values in any order."""
    grouped: dict[Unit, list[float]] = {}
    for turn, value in by_turn(values).items():
        grouped.setdefault(turn.unit, []).append(value)
    sums = np.array([sum(group) for group in grouped.values()], dtype=np.float64)
    return sums, np.array([len(group) for group in grouped.values()], dtype=np.float64)


def sampling(values: Values) -> tuple[int, float | None]:
    """The fewest samples of a question, and the SD that sampling alone gives a question's mean; None for one sample.

    All turns and repeats of a sample belong to one conversation and are averaged first.
    """
    grouped: dict[Unit, dict[int, list[float]]] = {}
    for turn, value in by_turn(values).items():
        grouped.setdefault(turn.unit, {}).setdefault(turn.sample, []).append(value)
    samples = [[sum(found) / len(found) for found in each.values()] for each in grouped.values()]
    fewest = min(map(len, samples), default=0)
    if fewest < 2:
        return fewest, None
    return fewest, float(np.sqrt(np.mean([np.var(each, ddof=1) / len(each) for each in samples])))


def by_question(values: Values) -> dict[Unit, tuple[float, float]]:
    """The same by question: its sum and number of turns."""
    units = sorted({cell.unit for cell in values})
    sums, weights = question_sums(values)
    return {unit: (float(total), float(weight)) for unit, total, weight in zip(units, sums, weights, strict=True)}


def scopes(cells: Iterable[Cell], categories: Mapping[Unit, str]) -> tuple[Scope, ...]:
    """Overall, then each turn, then each category, by name."""
    found = list(cells)
    names = sorted({categories.get(cell.unit, UNKNOWN) for cell in found})

    def of_category(name: str) -> Scope:
        return Scope(name, lambda cell: categories.get(cell.unit, UNKNOWN) == name)

    return (*whole_and_turns(found), *map(of_category, names))


def whole_and_turns(cells: Iterable[Cell]) -> tuple[Scope, ...]:
    """Overall, then each turn: the parts that coverage is gated on."""

    def of_turn(turn: int) -> Scope:
        return Scope(f"turn {turn}", lambda cell: cell.turn == turn)

    return (Scope(ALL, lambda _: True), *map(of_turn, sorted({cell.turn for cell in cells})))
