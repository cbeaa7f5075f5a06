"""Flips: which items a candidate answers differently, and whether that cost accuracy.

In: two models' choices of the same items. Out: transitions, flips, accuracy_change and its tests.
Source: arXiv 2407.09141 (flips); the tests are those of losses.py.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.multiple_choice.choices import SCORINGS, PairedChoices, Scoring
from analysis.multiple_choice.distances import Distances, distances
from analysis.multiple_choice.margins import Margins, margin_kept, margins
from analysis.multiple_choice.ties import Ties, logit_step, ties, within_a_step
from analysis.statistics.estimates import Estimate
from analysis.statistics.item_rows import ItemRow, benchmark_losses, counted_row
from analysis.statistics.item_scopes import ALL_ITEMS, ItemScope, item_scopes
from analysis.statistics.losses import LossTests
from analysis.statistics.mean_distance import Tail, mean_distance, tail
from analysis.statistics.resampling import Bools, Floats, Ints, Resamplings
from analysis.statistics.transitions import Transitions, transitions

Parts = Sequence[tuple[ItemScope, Ints]]
ONE_PLACE = 0.98
"""A model that picks one place so often answers by the place."""


@dataclass(frozen=True, kw_only=True)
class FlipResult(ItemRow):
    """One scope of one candidate's choices under one scoring; acc is the main one.

    `chance` is the mean of one over the number of options, or what a constant place scores. `distances` are the means
    of ITEM_DISTANCES, of all items and of each task, `tails` what these hide; `means` the bare ones of every scope,
    None where one is infinite. `top_margin_kept`: the candidate's margins over the baseline's, of all items and of each
    task. All that depends on no scoring, ties and margins too, stands in the acc rows only.
    """

    transitions: Transitions
    distances: tuple[tuple[str, Estimate], ...]
    tails: tuple[tuple[str, Tail], ...]
    means: tuple[tuple[str, float | None], ...]
    top_margin_kept: Estimate | None
    ties: Ties | None
    margins: Margins | None

    def distance(self, measure: str) -> Estimate:
        """The mean of one registered distance. Raises KeyError."""
        return dict(self.distances)[measure]

    def estimate(self, measure: str) -> Estimate | None:
        """One registered measure of items, distances among them."""
        return dict(self.distances).get(measure) or super().estimate(measure)


@dataclass(frozen=True)
class ChoiceComparison:
    """All scopes of one candidate, and its tests over benchmarks, one per scoring."""

    results: tuple[FlipResult, ...]
    losses: tuple[LossTests, ...]


def choice_comparison(
    pairs: PairedChoices,
    draws: Resamplings,
    comparisons: int,
    margin: float,
    alone: Collection[str] = (),
    *,
    several: bool = False,
) -> ChoiceComparison:
    """All items pooled, then each task, then each subject, by acc and acc_norm; `margin` is that of accuracy_change.

    Tasks that stand `alone` have rows of their own, and are in no pool and in no test over benchmarks. A single task
    has a row beside that of all items where there are `several`, others being solved.
    """
    rows = tuple(_Rows(pairs, draws, comparisons, alone, several=several).results())
    pooled = [row for row in rows if row.scope.task not in alone]
    losses = (benchmark_losses(s, [row for row in pooled if row.scoring == s], margin) for s in SCORINGS)
    return ChoiceComparison(rows, tuple(each for each in losses if each))


class _Rows:
    """The rows of one pair; what all scopes share is computed once."""

    def __init__(
        self, pairs: PairedChoices, draws: Resamplings, comparisons: int, alone: Collection[str], *, several: bool
    ) -> None:
        self._pairs, self._draws, self._comparisons = pairs, draws, comparisons
        tasks, subjects = pairs.before.items.get_level_values("task"), pairs.before.frame["subject"]
        self._parts = tuple(item_scopes(tasks.to_numpy(), subjects.to_numpy(), alone, several=several))
        self._distances = distances(pairs)
        self._steps = _steps(pairs, self._parts)
        self._close = _close(self._distances, self._parts, self._steps)

    def results(self) -> Iterator[FlipResult]:
        """Every scope, by acc and then by acc_norm."""
        for scoring in SCORINGS:
            for scope, rows in self._parts:
                yield self._result(scope, rows, scoring)

    def _result(self, scope: ItemScope, rows: Ints, scoring: Scoring) -> FlipResult:
        pairs, gated, main = self._pairs, scope.shown, scoring == "acc"
        gold, before, after = (
            column[rows] for column in (pairs.before.gold, pairs.before.picks(scoring), pairs.after.picks(scoring))
        )
        options = pairs.before.frame["options"].to_numpy()[rows]
        row = counted_row(
            scope,
            scoring,
            transitions(gold, before, after),
            main=main,
            chance=_guessing(options, gold, before) if len(rows) else None,
            comparisons=self._comparisons if gated else 1,
            left_out=pairs.left_out if scope == ALL_ITEMS else 0,
        )
        return FlipResult(
            **vars(row),
            distances=tuple(self._means(scope, rows)) if main and gated else (),
            tails=tuple(self._tails(scope, rows)) if main and gated else (),
            means=tuple((name, _finite_mean(each[rows])) for name, each in self._distances.by_measure.items()),
            top_margin_kept=self._margin_kept(rows) if main and gated else None,
            ties=self._ties(scope, rows, before == gold, after == gold) if main else None,
            margins=self._margins(scope, rows, before != after, before == gold) if main else None,
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
