"""Transitions: how many items went from right to wrong, from wrong to right, and from one wrong option to another.

In: the right option of each item and what two models picked, or who was right. Out: counts.
Source: arXiv 2407.09141 (flips).
"""

from dataclasses import dataclass

from analysis.statistics.paired_ratio import Pairs
from analysis.statistics.resampling import Bools, Ints


@dataclass(frozen=True)
class Transitions:
    """How many items went from which state to which; `n` all of them."""

    n: int
    right_to_wrong: int
    wrong_to_right: int
    wrong_to_other: int
    right_before: int
    right_after: int

    @property
    def pairs(self) -> Pairs:
        """The items by who is right."""
        return Pairs(self.right_before - self.right_to_wrong, self.wrong_to_right, self.right_to_wrong, self.n)

    @property
    def flips(self) -> int:
        """Items that changed between right and wrong."""
        return self.right_to_wrong + self.wrong_to_right

    @property
    def all_flips(self) -> int:
        """Flips, and items that changed from one wrong option to another."""
        return self.flips + self.wrong_to_other


def transitions(gold: Ints, before: Ints, after: Ints) -> Transitions:
    """Count the transitions; gold, before, after: (items,) option indices."""
    was, now = before == gold, after == gold
    return outcomes(was, now, int((~was & ~now & (before != after)).sum()))


def outcomes(was: Bools, now: Bools, wrong_to_other: int = 0) -> Transitions:
    """Count the transitions by who is right; was, now: (items,). Which wrong answer was given they do not tell."""
    return Transitions(
        n=len(was),
        right_to_wrong=int((was & ~now).sum()),
        wrong_to_right=int((~was & now).sum()),
        wrong_to_other=wrong_to_other,
        right_before=int(was.sum()),
        right_after=int(now.sum()),
    )
