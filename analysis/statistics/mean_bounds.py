"""Bounds of a mean over units that move together: by Student's t, the studentized bootstrap, and the range.

In: a mean with its standard error, and resampled totals. Out: one-sided bounds at any level. Why they have this form
stands in intervals.py.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

from analysis.statistics.resampling import Floats, Resampling

Range = tuple[float, float]


@lru_cache(maxsize=4096)
def student_quantile(alpha: float, freedom: int) -> float:
    """The upper quantile of Student's t; the same few are asked for in every interval."""
    return float(stats.t.ppf(1 - alpha, freedom))


@dataclass(frozen=True)
class Spread:
    """What bounds of one mean are made from; `pivots` are the sorted studentized resampled means.

    `ends` is the measure's range; where it has no upper end, the largest value seen stands in.
    """

    n: int
    mean: float
    error: float
    value_range: Range
    ends: Range
    pivots: Floats | None

    def bound(self, alpha: float, side: int) -> float:
        """The one-sided bound at level alpha; side 0 is the lower one."""
        unseen = abs(self._unseen(alpha, side) - self.mean)
        reach = unseen
        if self.error > 0:
            reach = student = student_quantile(alpha, self.n - 1) * self.error
            if self.pivots is not None:
                # With few varying units the pivots are huge or infinite; what t and the unseen share allow caps them.
                studentized = self._tail(self.pivots, alpha, side) * (1 if side == 0 else -1) * self.error
                reach = max(student, min(studentized, student + unseen))
        return float(np.clip(self.mean + (-reach if side == 0 else reach), *self.value_range))

    @staticmethod
    def _tail(pivots: Floats, alpha: float, side: int) -> float:
        """The lower bound comes from the upper tail of the pivots, and the other way round."""
        last = len(pivots) - 1
        return float(pivots[math.ceil(last * (1 - alpha)) if side == 0 else math.floor(last * alpha)])

    def _unseen(self, alpha: float, side: int) -> float:
        """The mean if a share that n draws would have missed with probability alpha lay at the end of the range."""
        share = 1 - alpha ** (1 / self.n)
        return float(self.mean + share * (self.ends[side] - self.mean))


def moments(sums: Floats, weights: Floats, draws: Resampling) -> Floats:
    """The totals of every resample that pivots are made from: sums, weights, their squares and product; (5, resamples).

    sums, weights: (units,).
    """
    return draws.totals(np.column_stack([sums, weights, sums**2, sums * weights, weights**2])).T


def pivots(totals: Floats, n: int, mean: float, error: float) -> Floats:
    """The resampled means less the mean, in their own standard errors, sorted; `totals` as `moments` gives them."""
    total, weight, squares, cross, weight_squares = totals
    held = weight > 0
    weight = np.where(held, weight, 1)
    means = np.where(held, total / weight, mean)
    # The squared residuals from each resample's own mean, by the binomial formula.
    residual = np.maximum(squares - 2 * means * cross + means**2 * weight_squares, 0)
    errors = np.sqrt(residual * n / (n - 1)) / weight
    shifts = means - mean
    shifts[np.abs(shifts) < 1e-9 * error] = 0
    flat = errors < 1e-6 * error
    found = np.where(flat, 0.0, shifts / np.where(flat, 1, errors))
    found[flat & (shifts > 0)] = np.inf
    found[flat & (shifts < 0)] = -np.inf
    return np.sort(found)


def standard_error(sums: Floats, weights: Floats, mean: float, reach: float) -> float:
    """The linearized standard error of a ratio of sums; 0 where only rounding remains of values that reach so far."""
    n, residuals = len(sums), sums - mean * weights
    error = math.sqrt(float(residuals @ residuals) * n / (n - 1)) / float(weights.sum())
    return error if error > 1e-12 * reach else 0.0
