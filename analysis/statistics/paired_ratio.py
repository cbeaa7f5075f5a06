"""Recovery: a candidate's accuracy over its baseline's on the same items, and whether it lies above a share of it.

In: counts of paired yes/no outcomes. Out: a score statistic, its p, a ratio with interval and bounds.
Source: Nam and Blackwelder, Statistics in Medicine 21 (2002) 689-699: the score test of a ratio of paired proportions.
The most likely probabilities under the hypothesis are found as Owen's (2001, empirical likelihood) are.

At a ratio of 1 the statistic is McNemar's, as Tango's is at a change of 0: a ratio's interval holds 100 % exactly where
the change's holds zero.
"""

import math
from dataclasses import dataclass

from scipy import optimize, stats

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA, Estimate, levels, not_measured
from ledger.errors import TooFewData

MOST = 100.0
"""A ratio that may be larger than this says only that the baseline is near zero."""


@dataclass(frozen=True)
class Pairs:
    """Items by who is right: both, the candidate alone (`gains`), the baseline alone (`losses`); `n` all of them."""

    both: int
    gains: int
    losses: int
    n: int

    @property
    def ratio(self) -> float | None:
        """The candidate's accuracy over the baseline's; None where the baseline is never right."""
        before = self.both + self.losses
        return (self.both + self.gains) / before if before else None


def ratio_statistic(pairs: Pairs, ratio: float) -> float:
    """How many standard errors the candidate's accuracy lies above `ratio` times the baseline's.

    An item scores 1 - ratio, 1, -ratio or 0; under the hypothesis the mean is 0, and the spread follows from the most
    likely probabilities that make it so.
    """
    cells = ((1 - ratio, pairs.both), (1.0, pairs.gains), (-ratio, pairs.losses))
    excess = sum(score * count for score, count in cells)
    variance = pairs.n * _variance(cells, pairs.n, ratio)
    return excess / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, excess) if excess else 0.0


def ratio_loss_p(pairs: Pairs, ratio: float) -> float | None:
    """One-sided p of so low a candidate if its accuracy were `ratio` times the baseline's. None without items."""
    return float(stats.norm.cdf(ratio_statistic(pairs, ratio))) if pairs.n else None


def ratio_bound(pairs: Pairs, alpha: float, side: int) -> float | None:
    """The ratio at which the statistic equals the normal quantile, side 0 the lower one; None where there is none."""
    target = float(stats.norm.ppf(1 - alpha)) * (1 if side == 0 else -1)

    def excess(ratio: float) -> float:
        return ratio_statistic(pairs, ratio) - target

    if side == 0 and excess(0.0) <= 0:
        return 0.0
    return float(optimize.brentq(excess, 0.0, MOST, xtol=1e-10)) if excess(0.0) * excess(MOST) < 0 else None


def recovery(pairs: Pairs, comparisons: int = 1) -> Estimate:
    """The ratio with its interval and one-sided bounds; missing where the baseline is not shown to lie above zero.

    Raises TooFewData for n < 2.
    """
    if pairs.n < 2:
        raise TooFewData("recovery (items)", pairs.n, 2)
    alphas = levels(comparisons)
    lower, upper = ([ratio_bound(pairs, alpha, side) for alpha in (ALPHA / 2, *alphas)] for side in (0, 1))
    low = [each for each in lower if each is not None]
    high = [each for each in upper if each is not None]
    if pairs.ratio is None or len(low) < len(lower) or len(high) < len(upper):
        return not_measured("recovery", "items", Cause(Kind.BASELINE_NEAR_ZERO), n=pairs.n)
    return Estimate(
        measure="recovery",
        unit="items",
        n=pairs.n,
        value=pairs.ratio,
        interval=(low[0], high[0]),
        lower_bounds=tuple(low[1:]),
        upper_bounds=tuple(high[1:]),
        settings="score test of a ratio, paired",
    )


def _variance(cells: tuple[tuple[float, int], ...], n: int, ratio: float) -> float:
    """The spread of one item's score under the most likely probabilities whose mean score is 0.

    They are count / (n (1 + tilt * score)), the tilt such that the mean is 0. Where no tilt does it, an outcome that
    was never seen takes what is missing: the candidate's gain at one end, the baseline's loss at the other.
    """

    def mean(tilt: float) -> float:
        return sum(score * count / (n * (1 + tilt * score)) for score, count in cells if count)

    ends = (-1.0 + 1e-12, 1 / ratio - 1e-12 if ratio else 1e12)
    low, high = mean(ends[0]), mean(ends[1])
    if low < 0:
        tilt, unseen, score = ends[0], -low, 1.0
    elif high > 0:
        tilt, unseen, score = ends[1], high / ratio if ratio else 0.0, -ratio
    else:
        inside = [each for each in _level_tilts(cells) if ends[0] <= each <= ends[1]]
        tilt, unseen, score = min(inside, key=lambda each: abs(mean(each)), default=0.0), 0.0, 0.0
    seen = sum(value**2 * count / (n * (1 + tilt * value)) for value, count in cells if count)
    return seen + unseen * score**2


def _level_tilts(cells: tuple[tuple[float, int], ...]) -> tuple[float, ...]:
    """The tilts at which the mean score is 0: the roots of a quadratic, the smaller one without cancellation."""
    (a, both), (b, gains), (c, losses) = cells
    square = a * b * c * (both + gains + losses)
    linear = a * both * (b + c) + b * gains * (a + c) + c * losses * (a + b)
    constant = a * both + b * gains + c * losses
    half = -(linear + math.copysign(math.sqrt(max(0.0, linear**2 - 4 * square * constant)), linear)) / 2
    return (*((half / square,) if square else ()), *((constant / half,) if half else ()))
