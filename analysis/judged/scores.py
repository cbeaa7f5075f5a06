"""Ratings: the mean score of a model, and how a candidate's differs from the baseline's on the same questions.

In: scores by cell. Out: Estimates by scope, a sign-flip permutation p and its Holm adjustment.
Source: arXiv 2411.00640 (question clusters, paired differences); DESIGN sections 4 and 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.statistics.cells import Scope, Values, turn_of
from analysis.statistics.estimates import Estimate
from analysis.statistics.question_means import change_p, paired_changes, question_mean
from analysis.statistics.resampling import Resamplings
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


def rating_change_p(baseline: Values, candidate: Values, draws: Resamplings) -> float | None:
    """The sign-flip p of rating_change; None for fewer than two questions."""
    return change_p(paired_changes(baseline, candidate), draws)
