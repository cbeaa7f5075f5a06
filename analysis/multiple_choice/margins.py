"""How sure the baseline was where an answer stayed, changed, was right, was wrong; and how far probabilities moved.

In: the rows of one scope of a pair. Out: one Margins, by acc; how much of the margins is kept.
Source: arXiv 2407.09141, figures 4 and 7; arXiv 2608.06564 for margins that shrink before benchmarks move.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, estimate_or_missing, not_measured
from analysis.statistics.intervals import cluster_mean
from analysis.statistics.item_scopes import ItemScope
from analysis.statistics.resampling import Bools, Floats, Resamplings

BINS = 20
ROUNDING = 1e-9  # of a probability: a baseline whose margins are smaller ties everywhere
EDGES = np.linspace(0, 1, BINS + 1)


@dataclass(frozen=True)
class MarginGroup:
    """The baseline's top margins of some items; `counts` are those in twenty equal bins from 0 to 1."""

    n: int
    mean: float | None
    quartiles: tuple[float, float, float] | None
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Margins:
    """Kept and changed picks, right and wrong ones of the baseline.

    `changed_right`, `changed_wrong`: which share of the baseline's right and of its wrong picks changed. `moved`: the
    mean sum of absolute probability changes of the items in each of the twenty bins of the margin, None for an empty
    one; `moved_spearman`: its rank correlation with the margin over all items.
    """

    scope: ItemScope
    kept: MarginGroup
    changed: MarginGroup
    right: MarginGroup
    wrong: MarginGroup
    changed_right: float | None
    changed_wrong: float | None
    moved: tuple[float | None, ...]
    moved_spearman: float | None


def margins(scope: ItemScope, margin: Floats, moved: Floats, changed: Bools, right: Bools) -> Margins:
    """The margins of one scope; every array is (items,)."""
    groups = (_group(margin[held]) for held in (~changed, changed, right, ~right))
    kept, altered, correct, incorrect = groups
    both_vary = len(margin) > 2 and np.ptp(margin) > 0 and np.ptp(moved) > 0
    return Margins(
        scope=scope,
        kept=kept,
        changed=altered,
        right=correct,
        wrong=incorrect,
        changed_right=_share(changed[right]),
        changed_wrong=_share(changed[~right]),
        moved=_binned_means(margin, moved),
        moved_spearman=float(stats.spearmanr(margin, moved).statistic) if both_vary else None,
    )


def margin_kept(before: Floats, after: Floats, draws: Resamplings) -> Estimate:
    """The candidate's margins over the baseline's, as a ratio of means; each (items,), probabilities.

    before: top margins; after: the candidate's in favor of the same options. 1 where nothing shrank, 0 where the
    candidate has no preference left for what the baseline preferred, below 0 where it prefers something else.
    """
    name, total = "top_margin_kept", float(before.sum())
    if len(before) and total <= ROUNDING * len(before):
        return not_measured(name, "items", Cause(Kind.BASELINE_NEAR_ZERO), len(before))
    reach = len(before) / total if len(before) else 0.0

    def compute() -> Estimate:
        return cluster_mean(name, "items", after, before, draws.of(len(before)), (-reach, reach))

    return estimate_or_missing(name, "items", compute)


def _group(margin: Floats) -> MarginGroup:
    counts = tuple(int(count) for count in np.histogram(margin, EDGES)[0])
    if not len(margin):
        return MarginGroup(0, None, None, counts)
    low, middle, high = (float(value) for value in np.quantile(margin, (0.25, 0.5, 0.75)))
    return MarginGroup(len(margin), float(margin.mean()), (low, middle, high), counts)


def _binned_means(margin: Floats, values: Floats) -> tuple[float | None, ...]:
    place = np.clip(np.digitize(margin, EDGES) - 1, 0, BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    sums = np.bincount(place, weights=values, minlength=BINS)
    return tuple(float(total / count) if count else None for total, count in zip(sums, counts, strict=True))


def _share(held: Bools) -> float | None:
    return float(held.mean()) if len(held) else None
