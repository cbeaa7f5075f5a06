"""Do two candidates flip the same items? Shared flips point at items that any compression tips over.

In: which items each candidate flipped. Out: one Overlap per pair of candidates, by the scoring that decides.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from analysis.statistics.multiple_testing import benjamini_hochberg
from analysis.statistics.resampling import Bools


@dataclass(frozen=True)
class Overlap:
    """The flipped items of two candidates among the `n` items that both and the baseline scored.

    `jaccard` is shared / (either); None where neither flips any. `expected` is how many independent flips would share,
    `p` the chance of sharing as many or more (hypergeometric, one-sided), `adjusted_p` Benjamini and Hochberg's over
    all pairs.
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
    adjusted_p: float


def overlaps(items: pd.MultiIndex, candidates: Iterable[tuple[str, pd.MultiIndex, Bools]]) -> Iterator[Overlap]:
    """Every pair of candidates, in the given order, over the items that both and the baseline scored.

    candidates: a name, the items that are right or wrong once on both sides, and whether each flipped. Pairs without a
    common item are left out.
    """
    found = list(candidates)
    held, flipped = (np.zeros((len(items), len(found)), dtype=np.float32) for _ in range(2))
    for column, (_, theirs, changed) in enumerate(found):
        rows = items.get_indexer(theirs)
        held[rows, column], flipped[rows, column] = 1, changed
    # Whole numbers under 2**24 are exact in single precision.
    common, shared, own = held.T @ held, flipped.T @ flipped, flipped.T @ held
    first, second = np.triu_indices(len(found), k=1)
    counts = [each.astype(np.int64) for each in (common[first, second], own[first, second], own[second, first])]
    both = shared[first, second].astype(np.int64)
    chances = stats.hypergeom.sf(both - 1, *counts)
    adjusted = benjamini_hochberg([float(p) if n else None for p, n in zip(chances, counts[0], strict=True)])
    for row, (one, other) in enumerate(zip(first, second, strict=True)):
        if (corrected := adjusted[row]) is not None:
            names, (n, flips, more) = (found[one][0], found[other][0]), (int(each[row]) for each in counts)
            yield _overlap(names, n, flips, more, int(both[row]), (float(chances[row]), corrected))


def _overlap(
    names: tuple[str, str], n: int, flips: int, more: int, shared: int, chances: tuple[float, float]
) -> Overlap:
    either = flips + more - shared
    return Overlap(
        first=names[0],
        second=names[1],
        n=n,
        first_flips=flips,
        second_flips=more,
        shared=shared,
        jaccard=shared / either if either else None,
        expected=flips * more / n,
        p=chances[0],
        adjusted_p=chances[1],
    )
