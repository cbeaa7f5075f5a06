"""Flips: which items a candidate answers differently, and whether that cost accuracy.

In: two models' choices of the same items. Out: transitions, flips, accuracy_change and its tests.
Source: arXiv 2407.09141 (flips); the tests are those of losses.py.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.multiple_choice.choices import ALL_ITEMS, SCORINGS, Ints, ItemScope, PairedChoices, Scoring, scopes
from analysis.multiple_choice.distances import Distances, distances
from analysis.multiple_choice.margins import Margins, margin_kept, margins
from analysis.multiple_choice.ties import Ties, logit_step, ties, within_a_step
from analysis.multiple_choice.transitions import Transitions, transitions
from analysis.statistics.estimates import Estimate, estimate_or_missing
from analysis.statistics.intervals import paired_proportion, share
from analysis.statistics.losses import LossTests, loss_tests, mcnemar
from analysis.statistics.mean_distance import Tail, mean_distance, tail
from analysis.statistics.paired_ratio import recovery
from analysis.statistics.resampling import Bools, Floats, Resamplings

Parts = Sequence[tuple[ItemScope, Ints]]
ONE_PLACE = 0.98
"""A model that picks one place so often answers by the place."""


@dataclass(frozen=True)
class FlipResult:
    """One scope of one candidate under one scoring.

    `chance` is what guessing scores, the mean of one over the number of options; None without items. `exact_p` and
    `mid_p` are one-sided McNemar tests of a loss. `distances` are the means of ITEM_DISTANCES, of all items and of each
    task, `tails` what these hide; `means` the bare ones of every scope, None where one is infinite. `top_margin_kept`:
    the candidate's margins over the baseline's, of all items and of each task. All that depends on no scoring, ties and
    margins too, stands in the acc rows only.
    """

    scope: ItemScope
    scoring: Scoring
    transitions: Transitions
    accuracy_baseline: Estimate
    accuracy: Estimate
    accuracy_change: Estimate
    recovery: Estimate
    flips: Estimate
    all_flips: Estimate
    chance: float | None
    exact_p: float | None
    mid_p: float | None
    distances: tuple[tuple[str, Estimate], ...]
    tails: tuple[tuple[str, Tail], ...]
    means: tuple[tuple[str, float | None], ...]
    top_margin_kept: Estimate | None
    ties: Ties | None
    margins: Margins | None

    def distance(self, measure: str) -> Estimate:
        """The mean of one registered distance. Raises KeyError."""
        return dict(self.distances)[measure]


@dataclass(frozen=True)
class ChoiceComparison:
    """All scopes of one candidate, and its tests over benchmarks, one per scoring."""

    results: tuple[FlipResult, ...]
    losses: tuple[LossTests, ...]


def choice_comparison(
    pairs: PairedChoices, draws: Resamplings, comparisons: int, margin: float, alone: Collection[str] = ()
) -> ChoiceComparison:
    """All items pooled, then each task, then each subject, by acc and acc_norm; `margin` is that of accuracy_change.

    Tasks that stand `alone` have rows of their own, and are in no pool and in no test over benchmarks.
    """
    rows = tuple(_Rows(pairs, draws, comparisons, alone).results())
    pooled = [row for row in rows if row.scope.task not in alone]
    n = next(row.transitions.n for row in rows)
    losses = (loss_tests(scoring, _benchmarks(pooled, scoring), n, margin) for scoring in SCORINGS)
    return ChoiceComparison(rows, tuple(each for each in losses if each))


class _Rows:
    """The rows of one pair; what all scopes share is computed once."""

    def __init__(self, pairs: PairedChoices, draws: Resamplings, comparisons: int, alone: Collection[str]) -> None:
        self._pairs, self._draws, self._comparisons = pairs, draws, comparisons
        self._parts = tuple(scopes(pairs.before, alone))
        self._distances = distances(pairs)
        self._steps = _steps(pairs, self._parts)
        self._close = _close(self._distances, self._parts, self._steps)

    def results(self) -> Iterator[FlipResult]:
        """Every scope, by acc and then by acc_norm."""
        for scoring in SCORINGS:
            for scope, rows in self._parts:
                yield self._result(scope, rows, scoring)

    def _result(self, scope: ItemScope, rows: Ints, scoring: Scoring) -> FlipResult:
        pairs, whole = self._pairs, scope == ALL_ITEMS
        gold, before, after = (
            column[rows] for column in (pairs.before.gold, pairs.before.picks(scoring), pairs.after.picks(scoring))
        )
        found = transitions(gold, before, after)
        gated, of_both = scope.shown, scoring == "acc"
        n, steps, left_out = found.n, self._comparisons if gated else 1, pairs.left_out if whole else 0
        options = pairs.before.frame["options"].to_numpy()[rows]
        gains, lost = found.wrong_to_right, found.right_to_wrong
        exact_mid = mcnemar(lost, gains)

        def counted(measure: str, count: int, steps: int = 1) -> Estimate:
            return share(measure, "items", count, n, steps, left_out)

        name = "accuracy_change"
        return FlipResult(
            scope=scope,
            scoring=scoring,
            transitions=found,
            accuracy_baseline=counted("accuracy", found.right_before),
            accuracy=counted("accuracy", found.right_after),
            accuracy_change=estimate_or_missing(
                name, "items", lambda: paired_proportion(name, "items", gains, lost, n, steps), left_out
            ),
            recovery=estimate_or_missing("recovery", "items", lambda: recovery(found.pairs, steps), left_out),
            flips=counted("flips", found.flips, steps),
            all_flips=counted("all_flips", found.all_flips, steps),
            chance=_guessing(options, gold, before) if n else None,
            exact_p=exact_mid[0] if n else None,
            mid_p=exact_mid[1] if n else None,
            distances=tuple(self._means(scope, rows)) if of_both and gated else (),
            tails=tuple(self._tails(scope, rows)) if of_both and gated else (),
            means=tuple((name, _finite_mean(each[rows])) for name, each in self._distances.by_measure.items()),
            top_margin_kept=self._margin_kept(rows) if of_both and gated else None,
            ties=self._ties(scope, rows, before == gold, after == gold) if of_both else None,
            margins=self._margins(scope, rows, before != after, before == gold) if of_both else None,
        )

    def _means(self, scope: ItemScope, rows: Ints) -> Iterator[tuple[str, Estimate]]:
        """The mean of each distance, of all items and of each task."""
        for name, values in self._distances.by_measure.items():
            yield name, self._mean(name, values[rows], scope)

    def _tails(self, scope: ItemScope, rows: Ints) -> Iterator[tuple[str, Tail]]:
        """What each mean hides, with the mean the other way where that is another."""
        for name, values in self._distances.by_measure.items():
            back = self._distances.reverse.get(name)
            yield name, tail(values[rows], None if back is None else self._mean(name, back[rows], scope))

    def _mean(self, name: str, values: Floats, scope: ItemScope) -> Estimate:
        whole = scope == ALL_ITEMS
        steps, left_out = (self._comparisons, self._pairs.left_out) if whole else (1, 0)
        return mean_distance(name, values, self._draws, steps, left_out)

    def _margin_kept(self, rows: Ints) -> Estimate:
        return margin_kept(self._distances.margin[rows], self._distances.margin_after[rows], self._draws)

    def _ties(self, scope: ItemScope, rows: Ints, was: Bools, now: Bools) -> Ties:
        each = self._distances
        return ties(each.gap[rows], each.gap_after[rows], self._close[rows], was != now, self._steps.get(scope))

    def _margins(self, scope: ItemScope, rows: Ints, changed: Bools, right: Bools) -> Margins:
        return margins(scope, self._distances.margin[rows], self._distances.moved[rows], changed, right)


def _guessing(options: Ints, gold: Ints, picks: Ints) -> float:
    """What guessing scores: by chance, or, of a baseline that nearly always picks one place, by that place.

    A task whose right option always stands in one place (BLiMP's) tells nothing by it.
    """
    chance, favorite = float((1 / options).mean()), np.bincount(picks).argmax()
    by_place = float((gold == favorite).mean())
    constant = (picks == favorite).mean() >= ONE_PLACE and by_place < ONE_PLACE
    return max(chance, by_place) if constant else chance


def _finite_mean(values: Floats) -> float | None:
    """The mean; None of nothing, or where one is infinite."""
    return float(values.mean()) if len(values) and np.isfinite(values).all() else None


def _steps(pairs: PairedChoices, parts: Parts) -> dict[ItemScope, float | None]:
    """The step of each scope's logits; where there are tasks, all items together have one only if the tasks agree."""
    found = {scope: logit_step(pairs.before.logprobs[rows]) for scope, rows in parts}
    by_task = {step for scope, step in found.items() if scope.of_task}
    if by_task:
        found[ALL_ITEMS] = by_task.pop() if len(by_task) == 1 else None
    return found


def _close(measured: Distances, parts: Parts, steps: dict[ItemScope, float | None]) -> Bools:
    """Whether each item's two best lie within one step of its task's logits."""
    close = within_a_step(measured.gap, steps[ALL_ITEMS])
    for scope, rows in parts:
        if scope.of_task:
            close[rows] = within_a_step(measured.gap[rows], steps[scope])
    return close


def _benchmarks(rows: Sequence[FlipResult], scoring: Scoring) -> list[tuple[str, int, int]]:
    """Name, losses and gains of each task; of each subject where there is one task; of all items where there is one."""
    mine = [row for row in rows if row.scoring == scoring]
    tasks = [row for row in mine if row.scope.of_task]
    subjects = [row for row in mine if row.scope.subject]
    return [
        (
            str(row.scope) if row.scope.subject else row.scope.task or str(row.scope),
            row.transitions.right_to_wrong,
            row.transitions.wrong_to_right,
        )
        for row in tasks or subjects or mine
    ]
