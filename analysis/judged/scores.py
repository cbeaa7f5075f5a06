"""Ratings: the mean score of a model, and how a candidate's differs from the baseline's on the same questions.

In: scores by cell. Out: Estimates by scope, a sign-flip permutation p and its Holm adjustment.
Source: arXiv 2411.00640 (question clusters, paired differences); DESIGN sections 4 and 5.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from analysis.statistics.cells import Cell, Scope, Values, by_turn, question_sums, sampling, turn_of
from analysis.statistics.estimates import Estimate, estimate_or_missing
from analysis.statistics.intervals import cluster_mean
from analysis.statistics.resampling import MOST_UNITS, Floats, Resampling, Resamplings
from ledger.measures import measure_of

RATING_RANGE = (1.0, 10.0)


@dataclass(frozen=True)
class ScoredScope:
    """One scope of one model: its rating, and its change from the baseline (None for the baseline itself)."""

    scope: str
    rating: Estimate
    change: Estimate | None


def rating(values: Values, draws: Resamplings) -> Estimate:
    """Mean of the scored turn ratings, 1-10, with an interval over questions; missing for fewer than two questions."""
    return question_mean("rating", values, draws, RATING_RANGE, 1, 0)


def rating_change(baseline: Values, candidate: Values, draws: Resamplings, comparisons: int = 1) -> Estimate:
    """Candidate minus baseline over the turns scored in both; `left_out` counts turns scored in only one."""
    changes = paired_changes(baseline, candidate)
    left_out = len({turn_of(cell) for cell in (*baseline, *candidate)}) - len(changes)
    known = measure_of("rating_change")
    return question_mean(known.name, changes, draws, (known.low, known.high), comparisons, left_out)


def paired_changes(baseline: Values, candidate: Values) -> dict[Cell, float]:
    """Candidate minus baseline in each turn that both have; each side's repeats are averaged, however many it has."""
    before, after = by_turn(baseline), by_turn(candidate)
    return {turn: after[turn] - before[turn] for turn in before.keys() & after.keys()}


def scored_scopes(
    baseline: Values, model: Values, scopes: Sequence[Scope], draws: Resamplings, comparisons: int, *, is_baseline: bool
) -> tuple[ScoredScope, ...]:
    """A model's rating and change in each scope; only the first scope (all) is prepared for several comparisons."""
    rows = []
    for index, scope in enumerate(scopes):
        mine, theirs = scope.part(model), scope.part(baseline)
        steps = comparisons if index == 0 else 1
        change = None if is_baseline else rating_change(theirs, mine, draws, steps)
        rows.append(ScoredScope(scope.name, rating(mine, draws), change))
    return tuple(rows)


def fastchat_average(values: Values) -> float | None:
    """The mean over sample 0 and repeat 0, the only ones that FastChat knows: what its show_result would print."""
    known = [value for cell, value in sorted(values.items()) if not (cell.sample or cell.repeat)]
    return sum(known) / len(known) if known else None


def question_mean(
    measure: str,
    values: Values,
    draws: Resamplings,
    value_range: tuple[float, float],
    comparisons: int,
    left_out: int,
) -> Estimate:
    """The mean over turns with an interval over questions, and what sampling adds where there are several samples."""
    sums, weights = question_sums(values)
    samples, sampling_sd = sampling(values)

    def compute() -> Estimate:
        drawn = draws.of(len(sums))
        found = cluster_mean(measure, "questions", sums, weights, drawn, value_range, comparisons)
        return replace(found, samples=samples, sampling_sd=sampling_sd)

    return estimate_or_missing(measure, "questions", compute, left_out)


def sign_flip_p(sums: Floats, draws: Resampling) -> float:
    """Two-sided p of a total change if each question's change could as well have had the other sign.

    sums: (questions,). Exact where `draws` holds every sign pattern, else (1 + as extreme) / (1 + patterns).
    """
    totals = np.abs(draws.signed_totals(sums))
    observed = abs(float(sums.sum()))
    extreme = int((totals >= observed - 1e-9 * max(1.0, observed)).sum())
    return extreme / len(totals) if draws.exact else (1 + extreme) / (1 + len(totals))


def normal_sign_flip_p(sums: Floats) -> float:
    """What sign_flip_p comes to for many questions: with random signs the total has variance sum of squares."""
    spread = math.sqrt(float(sums @ sums))
    return float(2 * stats.norm.sf(abs(float(sums.sum())) / spread)) if spread else 1.0


def rating_change_p(baseline: Values, candidate: Values, draws: Resamplings) -> float | None:
    """The sign-flip p of rating_change, or its normal limit over MOST_UNITS questions; None for fewer than two."""
    sums, _ = question_sums(paired_changes(baseline, candidate))
    if len(sums) > MOST_UNITS:
        return normal_sign_flip_p(sums)
    drawn = draws.of(len(sums))
    return sign_flip_p(sums, drawn) if drawn else None
