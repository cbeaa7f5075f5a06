"""Within one candidate: does an item's KL predict its flip, does a question's kl_trace predict its change of rating?

In: per item KL and whether it flipped; per question kl_trace and change. Out: an AUC and a rank correlation each.
Source: the AUC as a share of pairs (Mann and Whitney 1947) with DeLong's variance (1988) on the logit scale; where it
is 0 or 1, Wilson's interval over the rarer kind.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.correlation import (
    FEWEST_POINTS,
    MOST_ORDERS,
    Z_95,
    coefficient,
    fisher_interval,
    permutation_ps,
)
from analysis.statistics.estimates import Estimate, estimate_or_missing
from analysis.statistics.intervals import wilson
from analysis.statistics.resampling import Bools, Floats
from ledger.errors import TooFewData


@dataclass(frozen=True)
class Within:
    """What one candidate's own items and questions say.

    `trace_and_change` is over questions (`p` as spearman_p gives it), `by_category` the same over categories' means;
    `by_subject` ranks the subjects' flips against their mean kl_options.
    """

    model: str
    role: str
    kl_finds_flips: Estimate
    flips: int
    trace_and_change: Estimate
    p: float | None
    by_category: Estimate
    by_subject: Estimate


def auc(score: Floats, event: Bools) -> Estimate:
    """The chance that an item with the event has the higher score than one without, ties half; (items,) each."""
    events, others = int(event.sum()), int((~event).sum())

    def compute() -> Estimate:
        rarer = min(events, others)
        if rarer < 1:
            raise TooFewData("AUC (flipped and unflipped items)", rarer, 1)
        above = (stats.rankdata(score) - _own_ranks(score, event)) / np.where(event, others, events)
        placed = np.where(event, above, 1 - above)
        value = float(placed[event].mean())
        spread = sum(float(placed[kind].var(ddof=1)) / kind.sum() for kind in (event, ~event) if kind.sum() > 1)
        settings = "Mann-Whitney, DeLong's variance on the logit scale"
        if not 0 < value < 1 or spread <= 0 or rarer < 2:
            bound = wilson("auc", "items", round(value * rarer), rarer)
            return Estimate("auc", "items", len(score), value, bound.interval, settings="Wilson, over the rarer kind")
        middle, reach = math.log(value / (1 - value)), Z_95 * math.sqrt(spread) / (value * (1 - value))
        ends = tuple(1 / (1 + math.exp(-(middle + side * reach))) for side in (-1, 1))
        return Estimate("auc", "items", len(score), value, (ends[0], ends[1]), settings=settings)

    return estimate_or_missing("auc", "items", compute)


def paired_spearman(first: Mapping[Any, float], second: Mapping[Any, float], unit: str = "questions") -> Estimate:
    """Spearman over the questions (categories, subjects) that both have."""
    x, y = _paired(first, second)

    def compute() -> Estimate:
        if len(x) < FEWEST_POINTS:
            raise TooFewData(f"rank correlation ({unit})", len(x), FEWEST_POINTS)
        value = coefficient("spearman", x, y)
        if value is None:
            return Estimate("spearman", unit, len(x), missing=Cause(Kind.SIDE_IS_CONSTANT, names={"unit": unit}))
        interval = fisher_interval("spearman", value, len(x))
        why = None if interval else Cause(Kind.TOO_FEW_OR_PERFECT, names={"unit": unit})
        return Estimate("spearman", unit, len(x), value, interval, why)

    return estimate_or_missing("spearman", unit, compute)


def spearman_p(first: Mapping[Any, float], second: Mapping[Any, float]) -> float | None:
    """Two-sided p of paired_spearman: exact over all orders of up to eight units, else by its t approximation.

    That is 0 for a perfect order; chance gives one in 2 / n!, so p is never less. None where there is no coefficient.
    """
    x, y = _paired(first, second)
    n = len(x)
    if n < FEWEST_POINTS or coefficient("spearman", x, y) is None:
        return None
    ways = math.factorial(n)
    if ways <= MOST_ORDERS:
        every = np.array(list(itertools.permutations(range(n))))
        return permutation_ps("spearman", x[np.newaxis], y, (every, True))[0][0]
    return max(float(stats.spearmanr(x, y).pvalue), 2 / ways)


def _paired(first: Mapping[Any, float], second: Mapping[Any, float]) -> tuple[Floats, Floats]:
    shared = sorted(first.keys() & second.keys(), key=str)
    x, y = (np.array([side[unit] for unit in shared], dtype=np.float64) for side in (first, second))
    return x, y


def _own_ranks(score: Floats, event: Bools) -> Floats:
    """Each item's rank among those of its own kind."""
    own = np.empty(len(score))
    for kind in (event, ~event):
        own[kind] = stats.rankdata(score[kind])
    return own
