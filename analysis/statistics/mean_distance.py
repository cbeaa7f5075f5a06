"""The mean of a divergence over items, within the measure's own range (KL has no upper end).

In: one value per item, infinite where the candidate gives zero to what the baseline does not. Out: an Estimate.
"""

import numpy as np

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, estimate_or_missing, not_measured
from analysis.statistics.intervals import cluster_mean
from analysis.statistics.resampling import Floats, Resamplings
from ledger.measures import measure_of


def mean_distance(
    measure: str, per_item: Floats, draws: Resamplings, comparisons: int = 1, left_out: int = 0
) -> Estimate:
    """Mean over items with a bootstrap interval; none without variation where the measure has no maximum, as KL.

    Not measured where it is infinite: the candidate gives no probability to an option that the baseline gives some.
    """
    if lost := int(np.isinf(per_item).sum()):
        infinite = Cause(Kind.INFINITE, measure, numbers={"infinite": lost, "items": len(per_item)})
        return not_measured(measure, "items", infinite, len(per_item), left_out)

    def compute() -> Estimate:
        drawn, known = draws.of(len(per_item)), measure_of(measure)
        ends = (known.low, known.high)
        return cluster_mean(measure, "items", per_item, np.ones(len(per_item)), drawn, ends, comparisons)

    return estimate_or_missing(measure, "items", compute, left_out)
