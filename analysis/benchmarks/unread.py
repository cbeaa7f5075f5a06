"""Answers that no program could check: cut at the limit, thoughts alone, empty, or with nothing to extract.

In: one model's solutions of a task. Out: Unread. A wrong answer that was never read is no sign of what a model knows.
"""

from dataclasses import dataclass

from analysis.benchmarks.solutions import SolvedTask, TextState
from analysis.statistics.resampling import Bools, Ints


@dataclass(frozen=True)
class Unread:
    """Of `answers`: cut at the limit, thoughts alone, empty, and those from which nothing could be extracted."""

    answers: int
    cut: int
    thoughts: int
    empty: int
    unparsed: int

    @property
    def any(self) -> int:
        """The largest of them: they overlap."""
        return max(self.cut, self.thoughts, self.empty, self.unparsed)


def unread(side: SolvedTask, rows: Ints, scoring: str, wanted: Bools | None = None) -> Unread:
    """The unread answers to some items under one scoring; `wanted` are those that count, (items, repeats)."""
    readings, there = side.readings[rows], side.held[rows]
    unparsed = side.unparsed[side.scorings.index(scoring)][rows]
    there = there if wanted is None else there & wanted

    def count(held: Bools) -> int:
        return int((held & there).sum())

    return Unread(
        answers=int(there.sum()),
        cut=count(readings == TextState.CUT),
        thoughts=count(readings == TextState.THOUGHTS_ONLY),
        empty=count(readings == TextState.EMPTY),
        unparsed=count(unparsed),
    )
