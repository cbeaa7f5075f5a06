"""Means over questions: every turn, sample and repeat of a question moves with it; and paired changes against zero.

In: values by cell. Out: Estimates; p by sign flips of whole questions; p of two means that lie apart.
Source: arXiv 2411.00640 (question clusters, paired differences); DESIGN section 5.
"""

import math
from dataclasses import replace

import numpy as np
from scipy import stats

from analysis.statistics.cells import Cell, Values, by_turn, question_sums, sampling
from analysis.statistics.estimates import Estimate, estimate_or_missing
from analysis.statistics.intervals import cluster_mean, cluster_spread
from analysis.statistics.mean_bounds import Range, Spread
from analysis.statistics.resampling import MOST_UNITS, Floats, Resampling, Resamplings

LEAST_P, MOST_P = 1e-12, 0.5
STEPS = 50  # halvings of the level


def question_mean(
    measure: str, values: Values, draws: Resamplings, value_range: Range, comparisons: int, left_out: int
) -> Estimate:
    """The mean over turns with an interval over questions, and what sampling adds where there are several samples."""
    sums, weights = question_sums(values)
    samples, sampling_sd = sampling(values)

    def compute() -> Estimate:
        drawn = draws.of(len(sums))
        found = cluster_mean(measure, "questions", sums, weights, drawn, value_range, comparisons)
        return replace(found, samples=samples, sampling_sd=sampling_sd)

    return estimate_or_missing(measure, "questions", compute, left_out)


def paired_changes(baseline: Values, candidate: Values) -> dict[Cell, float]:
    """Candidate minus baseline in each turn that both have; each side's repeats are averaged, however many it has."""
    before, after = by_turn(baseline), by_turn(candidate)
    return {turn: after[turn] - before[turn] for turn in before.keys() & after.keys()}


def change_p(changes: Values, draws: Resamplings) -> float | None:
    """Two-sided p of a mean change other than zero: by sign flips of whole questions; None for fewer than two.

    Over MOST_UNITS questions it is the sign flips' normal limit.
    """
    sums, _ = question_sums(changes)
    if len(sums) > MOST_UNITS:
        return normal_sign_flip_p(sums)
    drawn = draws.of(len(sums))
    return sign_flip_p(sums, drawn) if drawn else None


def sign_flip_p(sums: Floats, draws: Resampling) -> float:
    """Two-sided p of a total change if each question's change could as well have had the other sign.

    sums: (questions,). Exact where `draws` holds every sign pattern, else (1 + as extreme) / (1 + patterns), or the
    bound that holds for any sum of random signs where that is smaller: no number of patterns would show a p of 1e-9.
    Source of the bound: Hoeffding 1963.
    """
    totals = np.abs(draws.signed_totals(sums))
    observed = abs(float(sums.sum()))
    extreme = int((totals >= observed - 1e-9 * max(1.0, observed)).sum())
    if draws.exact:
        return extreme / len(totals)
    spread = float(sums @ sums)
    bound = 2 * math.exp(-(observed**2) / (2 * spread)) if spread else 1.0
    return min((1 + extreme) / (1 + len(totals)), bound)


def normal_sign_flip_p(sums: Floats) -> float:
    """What sign_flip_p comes to for many questions: with random signs the total has variance sum of squares."""
    spread = math.sqrt(float(sums @ sums))
    return float(2 * stats.norm.sf(abs(float(sums.sum())) / spread)) if spread else 1.0


def below_p(lower: Values, higher: Values, value_range: Range, draws: Resamplings) -> float | None:
    """The smallest level at which the one-sided bounds of two means lie apart, the first under the second.

    Bounds that do not touch say more than a test of the difference would ask for: the level is an upper bound of its p.
    1 where they touch even at MOST_P; None where either has fewer than two questions.
    """
    one, other = (_spread(values, value_range, draws) for values in (lower, higher))
    if one is None or other is None:
        return None

    def apart(alpha: float) -> bool:
        return one.bound(alpha, 1) < other.bound(alpha, 0)

    if not apart(MOST_P):
        return 1.0
    low, high = math.log(LEAST_P), math.log(MOST_P)
    if apart(LEAST_P):
        return LEAST_P
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if apart(math.exp(middle)) else (middle, high)
    return math.exp(high)


def _spread(values: Values, value_range: Range, draws: Resamplings) -> Spread | None:
    sums, weights = question_sums(values)
    return cluster_spread(sums, weights, draws.of(len(sums)), value_range) if len(sums) > 1 else None
