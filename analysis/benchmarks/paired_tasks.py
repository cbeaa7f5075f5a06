"""Two models' solutions of the same items, task by task, in one order.

In: SolutionColumns of a baseline and another model. Out: PairedTasks, refused where an item differs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from analysis.benchmarks.solutions import PerRepeat, SolutionColumns, SolvedTask
from analysis.statistics.resampling import Floats
from ledger.errors import UnlikeItem
from ledger.solutions import NO_FILTER

LONG_TEXTS = 4000
"""Characters in all: two checkpoints that differ do not write a thousand tokens alike; shorter texts prove nothing."""
Deciding = tuple[str, str]
"""A metric and a filter."""


@dataclass(frozen=True)
class EqualTexts:
    """Of a task: the answers of both models whose texts are the same, those of them whose scores are not, all answers,
    and the baseline's characters. An empty text is none.
    """

    task: str
    same: int
    contradicted: int
    answers: int
    characters: int

    @property
    def proves(self) -> bool:
        """Whether every answer is the same text with the same scores, and these are long enough to prove anything."""
        same = 0 < self.same == self.answers and not self.contradicted
        return same and self.characters >= LONG_TEXTS


@dataclass(frozen=True, eq=False)
class PairedTask:
    """The items of a task that both models have, row by row; `left_out` counts items that only one has.

    Where a side has several repeats, those of one number stand in one column of both, as they may share a seed.
    `scorings` are those that both have, the deciding one first; a loss under any of `guards` holds: of all, or of those
    that were declared.
    """

    before: SolvedTask
    after: SolvedTask
    scorings: tuple[str, ...]
    left_out: int
    guards: tuple[str, ...]

    @property
    def task(self) -> str:
        """The task's name."""
        return self.before.task

    @property
    def sampled(self) -> bool:
        """Whether answers of either side were drawn at a temperature."""
        return self.before.sampled or self.after.sampled

    @property
    def equal(self) -> "EqualTexts":
        """How many answers of both are the same text."""
        width = min(len(self.before.numbers), len(self.after.numbers))
        both = self.before.held[:, :width] & self.after.held[:, :width]
        texts = self.before.texts[:, :width]
        same = both & (texts != 0) & (texts == self.after.texts[:, :width])
        apart = np.zeros_like(same)
        for scoring in self.scorings:
            old, new = (side[:, :width] for side in self.scores(scoring))
            apart |= same & (old != new) & ~(np.isnan(old) & np.isnan(new))
        characters = int(self.before.characters[:, :width][both].sum())
        return EqualTexts(self.task, int(same.sum()), int(apart.sum()), int(both.sum()), characters)

    def scores(self, scoring: str) -> tuple[Floats, Floats]:
        """Both sides' scores under one scoring, (items, repeats) each."""
        return self.before.scored(scoring), self.after.scored(scoring)


def paired_tasks(
    before: SolutionColumns, after: SolutionColumns, deciding: Mapping[str, Deciding] = MappingProxyType({})
) -> Iterator[PairedTask]:
    """The tasks that both have, by name; `deciding` are the declared metric and filter of tasks, an empty one for any.

    Raises UnlikeItem where the two saw different things.
    """
    for name in sorted(before.tasks.keys() & after.tasks.keys()):
        old, new = before.tasks[name].distinct, after.tasks[name].distinct
        left_out = 0
        if not np.array_equal(old.items, new.items):  # two models of one benchmark have the same, in order
            items, rows, others = np.intersect1d(old.items, new.items, return_indices=True)
            left_out = len(old.items) + len(new.items) - 2 * len(items)
            old, new = old.taken(rows), new.taken(others)
        scorings = [each for each in old.scorings if each in new.scorings]
        guards = named_scorings(scorings, deciding.get(name, ("", "")))
        order = tuple(sorted(scorings, key=lambda each: each not in guards))
        pair = PairedTask(*_beside(old, new), order, left_out, guards)
        for what in ("documents", "prompts"):
            _refuse_unlike(pair, what)
        yield pair


def _beside(old: SolvedTask, new: SolvedTask) -> tuple[SolvedTask, SolvedTask]:
    """Both with the same repeat in the same column; one that a side alone has is an empty column of the other's."""
    width = min(len(old.numbers), len(new.numbers))
    if old.numbers[:width] == new.numbers[:width] or len({*map(len, (old.numbers, new.numbers)), 1}) == 1:
        return old, new
    numbers = tuple(sorted({*old.numbers, *new.numbers}))
    return _widened(old, numbers), _widened(new, numbers)


def _widened(side: SolvedTask, numbers: tuple[int, ...]) -> SolvedTask:
    """The same with a column for each of these repeats; NaN, NOT_TOLD and 0 where it has none."""
    places = [numbers.index(each) for each in side.numbers]

    def spread(values: PerRepeat) -> PerRepeat:
        empty = np.nan if values.dtype.kind == "f" else 0
        wide = np.full((*values.shape[:-1], len(numbers)), empty, dtype=values.dtype)
        wide[..., places] = values
        return wide

    return side.with_repeats(numbers, spread)


def named_scorings(scorings: Iterable[str], declared: Deciding) -> tuple[str, ...]:
    """Those that a metric and a filter name, an empty one for any."""
    metric, chosen = declared
    parts = ((each, *each.partition(",")[::2]) for each in scorings)
    return tuple(each for each, name, by in parts if metric in ("", name) and chosen in ("", by or NO_FILTER))


def _refuse_unlike(pair: PairedTask, what: str) -> None:
    """Another document, or the same one shown in another prompt, cannot be compared; some logs hash no prompt."""
    first, second = getattr(pair.before, what), getattr(pair.after, what)
    for row in np.flatnonzero((first != second) & (first != 0) & (second != 0))[:1]:
        told = (f"{first[row]:016x}", f"{second[row]:016x}")
        raise UnlikeItem(what[:-1], pair.task, pair.before.items[row], pair.after.model, *told)
