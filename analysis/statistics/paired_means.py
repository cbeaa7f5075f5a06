"""Two models' mean scores of the same items, where an item is more than right or wrong once: a share of several
repeats, or a graded score.

In: one mean score per item and side. Out: the change of accuracy and the recovery with intervals, and the p of a loss.
Source: one test throughout, of the mean of candidate - ratio * baseline over items (the studentized bootstrap and t of
mean_bounds.py); the recovery's bounds are the ratios at which it turns, as Fieller's (1954) are, so that 100 % lies
inside exactly where zero lies inside the change's. The item is the unit: McNemar and Tango count single outcomes, and
do not apply to pass rates.
"""

import math
from functools import lru_cache

import numpy as np
from scipy import optimize

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA, Estimate, levels, not_measured
from analysis.statistics.intervals import bounded
from analysis.statistics.mean_bounds import Spread, moments, pivots, standard_error
from analysis.statistics.paired_ratio import MOST
from analysis.statistics.resampling import Floats, Resamplings
from ledger.errors import TooFewData

LEAST_P = 1e-12
STEPS = 60  # halvings of the level


class PairedMeans:
    """Two models' mean scores; before, after: (items,), 0 to 1. Raises TooFewData for fewer than two items."""

    def __init__(self, before: Floats, after: Floats, draws: Resamplings) -> None:
        if len(before) < 2:
            raise TooFewData("accuracy_change (items)", len(before), 2)
        self.n, self._before, self._after = len(before), before, after
        drawn = draws.of(self.n)
        self._totals = None if drawn is None else moments(after, before, drawn)
        self.spread = lru_cache(maxsize=64)(self._spread)

    def _spread(self, ratio: float) -> Spread:
        """What bounds of the mean of candidate - ratio * baseline are made from."""
        found = self._after - ratio * self._before
        mean, ends = float(found.mean()), (-ratio, 1.0)
        error, drawn = standard_error(found, np.ones(self.n), mean, 1 + ratio), None
        if self._totals is not None and error > 0:
            new, old, new_squares, cross, old_squares = self._totals
            total, whole = new - ratio * old, np.full_like(new, self.n)
            squares = new_squares - 2 * ratio * cross + ratio**2 * old_squares
            drawn = pivots(np.stack([total, whole, squares, total, whole]), self.n, mean, error)
        return Spread(self.n, mean, error, ends, ends, drawn)

    def change(self, comparisons: int = 1) -> Estimate:
        """The mean change with its interval and one-sided bounds."""
        spread = self.spread(1.0)
        sd = spread.error * math.sqrt(self.n) or None
        settings = "studentized bootstrap over items" if spread.pivots is not None else "Student's t over items"
        return bounded("accuracy_change", "items", self.n, spread.mean, spread.bound, comparisons, sd, settings)

    def loss_p(self, threshold: float, ratio: float = 1.0) -> float:
        """One-sided p of so low a mean of candidate - ratio * baseline if the true one were `threshold`.

        It lies at or under alpha exactly where the upper bound at alpha lies at or under the threshold.
        """
        bound = self.spread(ratio).bound
        low, high = math.log(LEAST_P), 0.0
        if bound(LEAST_P, 1) <= threshold:
            return LEAST_P
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if bound(math.exp(middle), 1) <= threshold else (middle, high)
        return math.exp(high)

    def recovery(self, comparisons: int = 1) -> Estimate:
        """The candidate's mean over the baseline's; missing where the baseline's is not shown to lie above zero."""
        alphas = (ALPHA / 2, *levels(comparisons))
        lower, upper = ([self._ratio(alpha, side) for alpha in alphas] for side in (0, 1))
        low, high = ([each for each in side if each is not None] for side in (lower, upper))
        if not self._before.any() or len(low) < len(lower) or len(high) < len(upper):
            return not_measured("recovery", "items", Cause(Kind.BASELINE_NEAR_ZERO), n=self.n)
        value = float(self._after.sum() / self._before.sum())
        return Estimate(
            measure="recovery",
            unit="items",
            n=self.n,
            value=value,
            interval=(low[0], high[0]),
            lower_bounds=tuple(low[1:]),
            upper_bounds=tuple(high[1:]),
            settings="ratio of means, by inversion over items",
        )

    def _ratio(self, alpha: float, side: int) -> float | None:
        """The ratio at which the bound on this side is zero; None where there is none up to MOST."""

        def excess(ratio: float) -> float:
            return self.spread(ratio).bound(alpha, side)

        if side == 0 and excess(0.0) <= 0:
            return 0.0
        return float(optimize.brentq(excess, 0.0, MOST, xtol=1e-9)) if excess(0.0) * excess(MOST) < 0 else None
