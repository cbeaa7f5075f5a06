"""Solved items compared: flips both ways, the change of accuracy and its tests, and what of a loss was never read.

In: two models' solutions of the same items. Out: SolvedRow, one per scope and scoring.
Source: arXiv 2407.09141 (flips of generated answers); Chen et al. 2021, arXiv 2107.03374 (pass@k without bias);
arXiv 2411.00640 (repeats shrink what sampling adds to an item, never what items differ by).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from scipy.special import comb

from analysis.benchmarks.disagreement import between, excess, excess_mean, sampling_sd, within
from analysis.benchmarks.paired_tasks import PairedTask
from analysis.benchmarks.solutions import repeat_means
from analysis.benchmarks.unread import Unread, unread
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, estimate_or_missing, not_measured
from analysis.statistics.intervals import item_mean
from analysis.statistics.item_rows import ItemRow, counted_row, mean_row
from analysis.statistics.item_scopes import ItemScope, item_scopes
from analysis.statistics.paired_means import PairedMeans
from analysis.statistics.resampling import Bools, Floats, Ints, Resamplings
from analysis.statistics.transitions import outcomes

Margins = tuple[float | None, float | None]
"""The acceptable loss of a task, and the same as a share of the baseline."""


@dataclass(frozen=True)
class PassAt:
    """The chance that one of k answers is right, averaged over items."""

    k: int
    baseline: float
    candidate: float
    change: Estimate


@dataclass(frozen=True, kw_only=True)
class SolvedRow(ItemRow):
    """One scope of a task's solutions under one scoring.

    `repeats`: the most answers to one item, of baseline and candidate. `sampled`: drawn at a temperature. `within_*`:
    how often two answers of one model to one item differ, None without repeats; `excess_flips`: what of the flips
    between the models that does not explain. `loss_p`: one-sided, of a loss beyond the task's margins. `unread_*` count
    answers that no program could check; `failures` are the candidate's where the baseline scored higher.
    """

    repeats: tuple[int, int]
    sampled: bool
    within_baseline: float | None
    within_candidate: float | None
    excess_flips: Estimate
    pass_at: tuple[PassAt, ...]
    loss_p: float | None
    unread_baseline: Unread
    unread: Unread
    failures: Unread

    def estimate(self, measure: str) -> Estimate | None:
        """One registered measure of items; flips between several answers hold noise, and no limit is held to them."""
        if measure == "flips" and max(self.repeats) > 1:
            return not_measured(measure, "items", Cause(Kind.NOT_ONE_OUTCOME, self.scope.task), self.n)
        return super().estimate(measure)


@dataclass(frozen=True)
class SolvedRules:
    """What rows are made by: Holm's steps, the task's margins, and whether a control shows the noise of sampling."""

    comparisons: int
    margins: Margins
    control: bool


def solved_rows(pair: PairedTask, draws: Resamplings, rules: SolvedRules) -> Iterator[SolvedRow]:
    """A task's row and its subjects', under each scoring that both sides have, the deciding one first."""
    subjects = pair.before.subjects
    tasks = np.full(len(subjects), pair.task, dtype=object)
    parts = [(scope, rows) for scope, rows in item_scopes(tasks, subjects) if scope.subject]
    whole = (ItemScope(pair.task), np.arange(len(subjects)))
    for place, scoring in enumerate(pair.scorings):
        for scope, rows in (whole, *parts):
            yield _Row(pair, scope, rows, scoring, draws, rules).row(main=place == 0)


def right_or_wrong(before: Floats, after: Floats) -> bool:
    """Whether every item was answered once by both and is right or wrong; before, after: (items, repeats)."""
    if before.shape[1] != 1 or after.shape[1] != 1:
        return False
    return bool(np.isin(before, (0.0, 1.0)).all() and np.isin(after, (0.0, 1.0)).all())


class _Row:
    """One row under way: the scores of its scope, of items that both sides have under this scoring."""

    def __init__(
        self, pair: PairedTask, scope: ItemScope, rows: Ints, scoring: str, draws: Resamplings, rules: SolvedRules
    ) -> None:
        sides = [side.scored(scoring)[rows] for side in (pair.before, pair.after)]
        both = ~np.isnan(sides[0]).all(axis=1) & ~np.isnan(sides[1]).all(axis=1)
        self._scope, self._scoring, self._draws, self._rules = scope, scoring, draws, rules
        self._rows = rows[both]
        self._pair = pair
        self._before, self._after = (side[both] for side in sides)
        whole = scope.of_task
        self._left_out = pair.left_out + int((~both).sum()) if whole else 0
        self._comparisons = rules.comparisons if whole else 1
        self._sampled = pair.before.sampled or pair.after.sampled
        self._repeats = (_most(self._before), _most(self._after))
        self._item_means = (repeat_means(self._before), repeat_means(self._after))
        self._paired_means = cache(lambda: PairedMeans(*self._item_means, self._draws))

    def row(self, *, main: bool) -> SolvedRow:
        """The row itself."""
        sides = (self._pair.before, self._pair.after)
        once = right_or_wrong(self._before, self._after)
        made = self._counted(main=main) if once else self._means(main=main)
        made = replace(made, guards=self._scoring in self._pair.guards)
        own = [_level(within(side)) for side in (self._before, self._after)]
        return SolvedRow(
            **vars(made),
            repeats=self._repeats,
            sampled=self._sampled,
            within_baseline=own[0],
            within_candidate=own[1],
            excess_flips=self._excess(),
            pass_at=tuple(self._pass_at()),
            loss_p=self._loss_p(made),
            unread_baseline=unread(sides[0], self._rows, self._scoring),
            unread=unread(sides[1], self._rows, self._scoring),
            failures=unread(sides[1], self._rows, self._scoring, self._fallen()),
        )

    def _counted(self, *, main: bool) -> ItemRow:
        found = outcomes(self._before[:, 0] == 1, self._after[:, 0] == 1)
        row = counted_row(
            self._scope,
            self._scoring,
            found,
            main=main,
            chance=0.0,
            comparisons=self._comparisons,
            left_out=self._left_out,
        )
        if not self._sampled or self._rules.control:
            return row
        lacking = self._no_flips(Kind.SAMPLED_ONCE)
        return replace(row, flips=lacking, all_flips=replace(lacking, measure="all_flips"))

    def _means(self, *, main: bool) -> ItemRow:
        row = mean_row(
            self._scope,
            self._scoring,
            *self._item_means,
            self._draws,
            self._paired_means,
            main=main,
            flips=self._flips(),
            chance=0.0,
            comparisons=self._comparisons,
            left_out=self._left_out,
        )
        if not len(self._rows):
            return row
        fewest, noise = min(_fewest(self._before), _fewest(self._after)), sampling_sd(self._before, self._after)
        return replace(row, accuracy_change=replace(row.accuracy_change, samples=fewest, sampling_sd=noise))

    def _flips(self) -> Estimate:
        """How often two answers of the two models differ in being right; only where their own differences stand by."""
        if not all(np.isin(side[~np.isnan(side)], (0.0, 1.0)).all() for side in (self._before, self._after)):
            return self._no_flips(Kind.NOT_ONE_OUTCOME)
        if not self._rules.control and min(self._repeats) < 2:
            return self._no_flips(Kind.SAMPLED_ONCE)
        apart = between(self._before, self._after)
        return item_mean("flips", apart, (0.0, 1.0), self._draws, self._comparisons, self._left_out)

    def _no_flips(self, kind: Kind) -> Estimate:
        return not_measured("flips", "items", Cause(kind, self._pair.task), len(self._rows), self._left_out)

    def _excess(self) -> Estimate:
        found = excess(self._before, self._after)
        return excess_mean(found[~np.isnan(found)], self._draws, self._comparisons, self._left_out)

    def _pass_at(self) -> Iterator[PassAt]:
        """For 2, 4, 8 ... answers, as far as every item of both sides has them, of right and wrong ones."""
        sides = (self._before, self._after)
        if len(self._rows) < 2 or not all(np.isin(side[~np.isnan(side)], (0.0, 1.0)).all() for side in sides):
            return
        fewest, k = min(map(_fewest, sides)), 2
        while k <= fewest:
            old, new = (pass_at(side, k) for side in sides)
            compute = partial(PairedMeans.change, PairedMeans(old, new, self._draws), self._comparisons)
            change = replace(estimate_or_missing(f"pass@{k}", "items", compute), measure=f"pass@{k}")
            yield PassAt(k, float(old.mean()), float(new.mean()), change)
            k *= 2

    def _loss_p(self, made: ItemRow) -> float | None:
        """Of a loss beyond either margin, the stricter one; where items are right or wrong once the counts tell it."""
        if made.transitions is not None or len(self._rows) < 2:
            return None
        margin, relative = self._rules.margins
        means = self._paired_means()
        found = [means.loss_p(-margin)] if margin is not None else []
        found += [means.loss_p(0.0, 1 - relative)] if relative is not None else []
        return min(found, default=None)

    def _fallen(self) -> Bools:
        """The candidate's answers that score less than the baseline's of the same repeat; (items, repeats)."""
        fallen = np.zeros(self._after.shape, dtype=bool)
        width = min(self._before.shape[1], self._after.shape[1])
        fallen[:, :width] = self._after[:, :width] < self._before[:, :width]
        return fallen


def pass_at(scores: Floats, k: int) -> Floats:
    """The chance that one of k answers to each item is right, without bias; scores: (items, repeats), NaN for none."""
    n, right = (~np.isnan(scores)).sum(axis=1), np.nansum(scores, axis=1)
    return np.asarray(1 - comb(n - right, k) / comb(n, k))


def _fewest(scores: Floats) -> int:
    """The fewest answers to one item; scores: (items, repeats), one item at least."""
    return int((~np.isnan(scores)).sum(axis=1).min())


def _most(scores: Floats) -> int:
    """The most answers to one item; scores: (items, repeats)."""
    return int((~np.isnan(scores)).sum(axis=1).max(initial=0))


def _level(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
