"""Do two candidates flip the same items? Shared flips point at items that any compression tips over.

In: the choices of a baseline and its candidates. Out: one Overlap a pair of candidates, under acc.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import pandas as pd
from scipy import stats

from analysis.choices import Bools, ChoiceColumns


@dataclass(frozen=True)
class Overlap:
    """The flipped items of two candidates among the `n` items that both and the baseline scored.

    `jaccard` is shared / (either); None where neither flips any. `expected` is how many independent flips would share,
    `p` the chance of sharing as many or more (hypergeometric, one-sided).
    """

    first: str
    second: str
    n: int
    first_flips: int
    second_flips: int
    shared: int
    jaccard: float | None
    expected: float
    p: float


def overlaps(baseline: ChoiceColumns, candidates: Iterable[tuple[str, ChoiceColumns]]) -> Iterator[Overlap]:
    """Every pair of candidates, in the given order; pairs without a common item are left out."""
    right = pd.Series(baseline.right("acc"), index=baseline.items)
    flipped = {name: _flipped(right, choices) for name, choices in candidates}
    for (first, one), (second, other) in combinations(flipped.items(), 2):
        if not one.index.equals(other.index):
            common = one.index.intersection(other.index)
            one, other = one[common], other[common]
        if len(one):
            yield _overlap(first, second, one.to_numpy(), other.to_numpy())


def _flipped(right: "pd.Series[bool]", choices: ChoiceColumns) -> "pd.Series[bool]":
    """Whether each item that the baseline scored, too, changed between right and wrong."""
    mine = pd.Series(choices.right("acc"), index=choices.items)
    if mine.index.equals(right.index):
        return mine != right
    common = right.index.intersection(mine.index)
    return mine[common] != right[common]


def _overlap(first: str, second: str, one: Bools, other: Bools) -> Overlap:
    n, flips, more, shared = len(one), int(one.sum()), int(other.sum()), int((one & other).sum())
    either = flips + more - shared
    return Overlap(
        first=first,
        second=second,
        n=n,
        first_flips=flips,
        second_flips=more,
        shared=shared,
        jaccard=shared / either if either else None,
        expected=flips * more / n,
        p=float(stats.hypergeom.sf(shared - 1, n, flips, more)),
    )
