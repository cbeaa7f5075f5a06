"""Do two candidates flip the same items? Shared flips point at items that any compression tips over.

In: the choices of a baseline and its candidates. Out: one Overlap a pair of candidates, under acc.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from scipy import stats

from analysis.choices import ItemKey
from ledger.records import Choice


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


def overlaps(baseline: Iterable[Choice], candidates: Iterable[tuple[str, Iterable[Choice]]]) -> Iterator[Overlap]:
    """Every pair of candidates, in the given order; pairs without a common item are left out."""
    right = {(c.task, c.item): c.picked == c.gold for c in baseline}
    scored = {
        name: {
            (c.task, c.item): (c.picked == c.gold) != right[c.task, c.item]
            for c in choices
            if (c.task, c.item) in right
        }
        for name, choices in candidates
    }
    for (first, one), (second, other) in combinations(scored.items(), 2):
        common = one.keys() & other.keys()
        if common:
            flipped = [{key for key in common if side[key]} for side in (one, other)]
            yield _overlap(first, second, flipped[0], flipped[1], len(common))


def _overlap(first: str, second: str, one: set[ItemKey], other: set[ItemKey], n: int) -> Overlap:
    shared, either = len(one & other), len(one | other)
    return Overlap(
        first=first,
        second=second,
        n=n,
        first_flips=len(one),
        second_flips=len(other),
        shared=shared,
        jaccard=shared / either if either else None,
        expected=len(one) * len(other) / n,
        p=float(stats.hypergeom.sf(shared - 1, n, len(one), len(other))),
    )
