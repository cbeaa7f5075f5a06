"""The mean of a divergence within the measure's own range (KL has no upper end), and what a mean hides.

In: one value per item or token, infinite where the candidate gives zero to what the baseline does not. Out: an
Estimate; a Tail.

An infinite value makes the true mean infinite, so that no upper bound holds and a limit cannot be kept. A lower bound
does, with the infinite values counted as the largest finite one: a limit can be broken by them, never kept.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, estimate_or_missing, levels, not_measured
from analysis.statistics.intervals import cluster_mean
from analysis.statistics.resampling import Floats, Resamplings
from ledger.measures import measure_of

ENDLESS = sys.float_info.max  # the lower bound of what is infinite on every item


@dataclass(frozen=True)
class Tail:
    """The values behind a mean: a few that are far off hide in it.

    `n` values of which `infinite` are so. `median`, `p95`, `p99` (percentiles) and `maximum` are values that were
    seen, None where infinite or of nothing; `finite_mean` is that of the others. `reverse` is the mean the other way,
    KL(candidate ‖ baseline); None for a measure that is the same both ways, or where the other way is not at hand.
    """

    n: int
    infinite: int
    finite_mean: float | None
    median: float | None
    p95: float | None
    p99: float | None
    maximum: float | None
    reverse: Estimate | None


def tail(values: Floats, reverse: Estimate | None = None) -> Tail:
    """The quantiles of values (n,), nats; infinite ones are the largest."""
    finite = values[np.isfinite(values)]
    ends = np.quantile(values, (0.5, 0.95, 0.99, 1), method="inverted_cdf") if len(values) else [np.inf] * 4
    median, p95, p99, maximum = (float(end) if np.isfinite(end) else None for end in ends)
    mean = float(finite.mean()) if len(finite) else None
    return Tail(len(values), len(values) - len(finite), mean, median, p95, p99, maximum, reverse)


def mean_distance(
    measure: str, per_item: Floats, draws: Resamplings, comparisons: int = 1, left_out: int = 0
) -> Estimate:
    """Mean over items with a bootstrap interval; none without variation where the measure has no maximum, as KL."""

    def compute() -> Estimate:
        drawn, known = draws.of(len(per_item)), measure_of(measure)
        ends = (known.low, known.high)
        return cluster_mean(measure, "items", capped(per_item), np.ones(len(per_item)), drawn, ends, comparisons)

    return without_infinite(estimate_or_missing(measure, "items", compute, left_out), per_item, "items")


def capped(values: Floats) -> Floats:
    """The values with the largest finite one in place of those that are infinite; zeros if all are."""
    finite = np.isfinite(values)
    return values if finite.all() else np.where(finite, values, values[finite].max(initial=0.0))


def without_infinite(of_capped: Estimate, values: Floats, unit: str) -> Estimate:
    """The estimate of capped values as it stands for the values themselves: if any is infinite, a lower bound alone."""
    finite = values[np.isfinite(values)]
    if len(finite) == len(values):
        return of_capped
    numbers: dict[str, float] = {"infinite": len(values) - len(finite), "n": len(values)}
    if len(finite):
        numbers["mean"] = float(finite.mean())
    cause = Cause(Kind.INFINITE, of_capped.measure, numbers=numbers, names={"unit": unit})
    found = not_measured(of_capped.measure, of_capped.unit, cause, of_capped.n, of_capped.left_out)
    return replace(found, lower_bounds=tuple(_lowest(of_capped, finite)))


def _lowest(of_capped: Estimate, finite: Floats) -> Iterator[float]:
    """The lower bounds of capped values; where these are all equal, what so many draws rule out of a lower mean.

    Without a finite value no limit is high enough.
    """
    if of_capped.lower_bounds or of_capped.value is None:
        yield from of_capped.lower_bounds
    elif not len(finite):
        yield ENDLESS
    else:
        yield from (of_capped.value * alpha ** (1 / of_capped.n) for alpha in levels(1))
