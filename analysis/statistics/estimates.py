"""What every statistic returns: a value, how sure it is, from how much, and how it was made.

In: numbers. Out: frozen Estimates; one that could not be computed has its cause instead of standing in with a number.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from analysis.statistics.causes import Cause, Kind
from ledger.errors import TooFewData

ALPHA = 0.05


@dataclass(frozen=True)
class Estimate:
    """One measured number.

    `interval` is two-sided 95 %, for reading. `lower_bounds` and `upper_bounds` are one-sided, for deciding: entry j-1
    holds at level 0.05 / j, so that Holm's steps over j comparisons need no second computation. `sd` is the spread a
    unit, with which `n` units give the standard error sd / sqrt(n). `missing` says why `value` (or only the interval)
    is None, `needs` how many units it asks for where there are too few. `identical` states that the records behind both
    sides are equal byte for byte. `samples` are those of each question (the fewest), `sampling_sd` what sampling alone
    adds to a question's mean, where there are two or more.
    """

    measure: str
    unit: str
    n: int
    value: float | None = None
    interval: tuple[float, float] | None = None
    missing: Cause | None = None
    left_out: int = 0
    lower_bounds: tuple[float, ...] = ()
    upper_bounds: tuple[float, ...] = ()
    sd: float | None = None
    mde: float | None = None
    settings: str = ""
    identical: bool = False
    needs: int | None = None
    samples: int = 1
    sampling_sd: float | None = None

    def __post_init__(self) -> None:
        numbers = [self.value, self.sd, self.mde, *(self.interval or ()), *self.lower_bounds, *self.upper_bounds]
        if any(x is not None and not math.isfinite(x) for x in numbers):
            raise ValueError(f"{self.measure}: a number is not finite: {self}")
        if self.value is None and not self.missing:
            raise ValueError(f"{self.measure}: no value and no reason")

    @property
    def significant(self) -> bool:
        """Whether the interval of a change leaves out zero."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def levels(comparisons: int) -> tuple[float, ...]:
    """The one-sided error rates of Holm's steps: 0.05, 0.05/2, ... 0.05/comparisons."""
    return tuple(ALPHA / step for step in range(1, max(1, comparisons) + 1))


def estimate_or_missing(measure: str, unit: str, compute: Callable[[], Estimate], left_out: int = 0) -> Estimate:
    """The computed estimate, or a named missing one where there are too few data."""
    try:
        return replace(compute(), left_out=left_out)
    except TooFewData as error:
        few = Cause(Kind.TOO_FEW_DATA, error.measure, numbers={"have": error.have, "need": error.need})
        missing = not_measured(measure, unit, few, n=error.have, left_out=left_out)
        return replace(missing, needs=error.need)


def not_measured(measure: str, unit: str, cause: Cause, n: int = 0, left_out: int = 0) -> Estimate:
    """An estimate without a value, and why."""
    return Estimate(measure=measure, unit=unit, n=n, missing=cause, left_out=left_out)


def shifted(estimate: Estimate, measure: str, by: float) -> Estimate:
    """The same estimate moved by a constant, as win_change is win_score moved by -0.5."""
    if estimate.value is None:
        return replace(estimate, measure=measure)
    ends = estimate.interval
    return replace(
        estimate,
        measure=measure,
        value=estimate.value + by,
        interval=(ends[0] + by, ends[1] + by) if ends else None,
        lower_bounds=tuple(x + by for x in estimate.lower_bounds),
        upper_bounds=tuple(x + by for x in estimate.upper_bounds),
    )
