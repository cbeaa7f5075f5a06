"""A mean of KL divergences, which have no upper end.

In: one KL per item, nats, infinite where the candidate gives zero to what the baseline does not. Out: an Estimate.
"""

import math

import numpy as np

from analysis.statistics.estimates import Estimate, estimate_or_missing, not_measured
from analysis.statistics.intervals import cluster_mean
from analysis.statistics.resampling import Floats, Resamplings

KL_RANGE = (0.0, math.inf)


def mean_kl(
    per_item: Floats, draws: Resamplings, comparisons: int = 1, left_out: int = 0, measure: str = "kl_options"
) -> Estimate:
    """Mean KL over items with a bootstrap interval; none without variation, because KL has no maximum.

    Not measured where it is infinite: the candidate gives no probability to an option that the baseline gives some.
    """
    if lost := int(np.isinf(per_item).sum()):
        reason = f"infinite: the candidate gives an option probability zero on {lost} of {len(per_item)} items"
        return not_measured(measure, "items", reason, len(per_item), left_out)

    def compute() -> Estimate:
        drawn = draws.of(len(per_item))
        return cluster_mean(measure, "items", per_item, np.ones(len(per_item)), drawn, KL_RANGE, comparisons)

    return estimate_or_missing(measure, "items", compute, left_out)
