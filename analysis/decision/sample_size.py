"""How many questions or items a review needs: before anything is run, and to settle what one left open.

In: a measure, its margin, the wanted power; or an estimate and its threshold. Out: sizes, one per supposed spread;
or Causes that say what would settle it.
Source: arXiv 2605.28873: the spread of a paired change of accuracy is the root of the flip rate. The spreads of judged
changes are those seen in reviews by GPT-4: 1.9 to 2.6 rating points and 0.37 of a win per question.

A size is the number of units with which a candidate that has lost nothing is shown to lie above -margin.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.decision.published_churn import PublishedChurn
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA, Estimate
from analysis.statistics.intervals import cleared_margin, minimum_detectable_effect, needed_samples, needed_units
from ledger.measures import measure_of

FLIP_RATES = (0.02, 0.05, 0.10, 0.20)


@dataclass(frozen=True)
class Size:
    """The units needed under one spread; None above a million. `mde`: the change that `units` find with 80 % power.

    `flips` is the share of items that flip, for accuracy; else `sd` is the spread of a question's change.
    """

    flips: float | None
    sd: float
    units: int | None
    mde: float | None


def sizes(measure: str, margin: float, power: float, comparisons: int = 1) -> Iterator[Size]:
    """One Size per spread; Holm over `comparisons` candidates begins at 5 % over their number."""
    spreads = (
        [(rate, math.sqrt(rate)) for rate in FLIP_RATES]
        if not measure_of(measure).spreads
        else [(None, sd) for sd in measure_of(measure).spreads]
    )
    for flips, sd in spreads:
        units = needed_units(sd, margin, ALPHA / comparisons, power)
        yield Size(flips, sd, units, minimum_detectable_effect(sd, units) if units else None)


def published_size(task: PublishedChurn, margin: float, power: float, comparisons: int = 1) -> tuple[Size, float]:
    """The Size at a benchmark's published churn, its MDE that of all its items; and the margin that these clear."""
    sd, alpha = math.sqrt(task.churn), ALPHA / comparisons
    size = Size(task.churn, sd, needed_units(sd, margin, alpha, power), minimum_detectable_effect(sd, task.items))
    return size, cleared_margin(sd, task.items, alpha, power)


def needed(estimate: Estimate, threshold: float, alpha: float) -> Iterator[Cause]:
    """The units, or samples of them, that settle an open estimate with 80 % power if its value is the true one."""
    measure, names = estimate.measure, {"unit": estimate.unit}
    if estimate.value is None or estimate.sd is None:
        kind = Kind.NO_SPREAD_YET if estimate.value else Kind.NO_DIFFERENCE_YET
        yield Cause(kind, measure, numbers={"n": estimate.n}, names=names)
        return
    distance = abs(estimate.value - threshold)
    units = needed_units(estimate.sd, distance, alpha)
    numbers = {"threshold": threshold, "value": estimate.value, "n": estimate.n}
    if units is None:
        yield Cause(Kind.TOO_NEAR, measure, numbers=numbers, names=names)
        return
    # The bounds can ask for a little more than the normal formula when they were taken from few units.
    yield Cause(Kind.MORE_UNITS, measure, numbers=numbers | {"units": max(units, estimate.n + 1)}, names=names)
    yield from _samples(estimate, distance, alpha)


def _samples(estimate: Estimate, distance: float, alpha: float) -> Iterator[Cause]:
    """What more samples of the same units would do; nothing where one sample each does not tell."""
    if estimate.sampling_sd is None:
        return
    samples = needed_samples(estimate, distance, alpha)
    names = {"unit": estimate.unit}
    if samples is None:
        yield Cause(Kind.SAMPLES_DO_NOT_HELP, estimate.measure, names=names)
        return
    numbers = {"samples": max(samples, estimate.samples + 1), "now": estimate.samples}
    yield Cause(Kind.MORE_SAMPLES, estimate.measure, numbers=numbers, names=names)
