"""How much two models disagree on items that they answered several times, beyond how much each disagrees with itself.

In: scores, (items, repeats), NaN where one is missing. Out: a disagreement per item, (items,).
Source: the mean absolute difference of two scores; for right and wrong it is the chance that two answers differ, and
what is left after each side's own is half the energy distance (Szekely and Rizzo 2013): zero exactly where both score
alike, (p - q)^2 where they are right with chances p and q. arXiv 2407.09141 counts sampled flips without it: 24 % of
them, where the same model twice gave 23.5 %.
"""

import math
from collections.abc import Iterable

import numpy as np

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, not_measured
from analysis.statistics.intervals import item_mean
from analysis.statistics.resampling import Floats, Resamplings

EXCESS = "excess_flips"


def between(before: Floats, after: Floats) -> Floats:
    """The mean difference between two models' answers to each item; NaN where one side has none.

    Answers of the same repeat may share a seed, and then agree more than two answers do: where both sides have several,
    only those of different repeats are held together.
    """
    apart = before.shape[1] > 1 and after.shape[1] > 1
    pairs = ((r, s) for r in range(before.shape[1]) for s in range(after.shape[1]) if not (apart and r == s))
    return _mean(((before[:, r], after[:, s]) for r, s in pairs), len(before))


def within(scores: Floats) -> Floats:
    """The mean difference between two answers of one model to each item; NaN where there are not two."""
    repeats = scores.shape[1]
    return _mean(((scores[:, r], scores[:, s]) for r in range(repeats) for s in range(r)), len(scores))


def excess(before: Floats, after: Floats) -> Floats:
    """What repeats alone do not explain: `between` less the mean of both sides' `within`; unbiased, (items,)."""
    return between(before, after) - (within(before) + within(after)) / 2


def excess_mean(values: Floats, draws: Resamplings, comparisons: int = 1, left_out: int = 0) -> Estimate:
    """The mean over items of what `excess` gives, as far as it is known; (items,)."""
    if not len(values):
        return not_measured(EXCESS, "items", Cause(Kind.NO_REPEATS), left_out=left_out)
    return item_mean(EXCESS, values, (-1.0, 1.0), draws, comparisons, left_out)


def sampling_sd(before: Floats, after: Floats) -> float | None:
    """What sampling alone adds to the change of an item's mean score; None where no item has two answers of each side.

    Answers of one repeat may share a seed: where both sides have as many, their differences are what varies.
    """
    paired = before.shape == after.shape
    found = [_mean_variance(side) for side in ((after - before,) if paired else (before, after))]
    known = [each for each in found if each is not None]
    return math.sqrt(sum(known)) if len(known) == len(found) else None


def _mean_variance(values: Floats) -> float | None:
    """The mean over items of their own mean's variance; items with one value tell nothing."""
    count = (~np.isnan(values)).sum(axis=1)
    several = count > 1
    if not several.any():
        return None
    return float((np.nanvar(values[several], axis=1, ddof=1) / count[several]).mean())


def _mean(pairs: Iterable[tuple[Floats, Floats]], items: int) -> Floats:
    total, count = np.zeros(items), np.zeros(items)
    for one, other in pairs:
        apart = np.abs(one - other)
        known = ~np.isnan(apart)
        total[known] += apart[known]
        count += known
    return np.asarray(total / np.where(count > 0, count, np.nan))
