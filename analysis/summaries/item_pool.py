"""All items that decide, picked and solved together: the accuracy that is gated by default.

In: a candidate's paired choices and paired tasks. Out: one ItemRow over all of them, and each item's scores. A task of
several scorings counts by the first, the deciding one; guards look at every one (decision/gates.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.benchmarks.disagreement import excess, excess_mean
from analysis.benchmarks.paired_tasks import PairedTask, paired_tasks
from analysis.benchmarks.solutions import repeat_means
from analysis.benchmarks.solved_rows import right_or_wrong
from analysis.evidence.model_evidence import ModelEvidence
from analysis.multiple_choice.choices import PairedChoices, Scoring, paired_choices
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, not_measured
from analysis.statistics.intervals import item_mean, share
from analysis.statistics.item_rows import ItemRow, counted_row, mean_row
from analysis.statistics.item_scopes import ALL_ITEMS
from analysis.statistics.resampling import Bools, Floats, Resamplings
from analysis.statistics.transitions import Transitions, outcomes, transitions
from ledger.decision_config import DecisionConfig

ACC: Scoring = "acc"
MIXED = "score"


@dataclass(frozen=True, eq=False)
class ItemScores:
    """Both models' mean scores of the items that decide, row by row; `once` are those that are right or wrong once.

    before, after, once: (items,).
    """

    items: pd.MultiIndex
    before: Floats
    after: Floats
    once: Bools

    @property
    def change(self) -> Floats:
        """What each item's score changed by; (items,)."""
        return self.after - self.before

    @property
    def flipped(self) -> Bools:
        """The items of `once` that changed between right and wrong; (items,)."""
        return np.asarray(self.once & (self.before != self.after))


def compared_scores(
    before: ModelEvidence, after: ModelEvidence, decision: DecisionConfig
) -> tuple[PairedChoices, ItemScores]:
    """Two models' choices, and the scores of all items that decide. Raises UnlikeItem as paired_tasks does."""
    pairs = paired_choices(before.choices, after.choices).without(decision.shown)
    tasks = paired_tasks(before.solutions, after.solutions, decision.deciding)
    return pairs, item_scores(pairs, [task for task in tasks if task.task not in decision.shown])


def item_scores(pairs: PairedChoices, tasks: Sequence[PairedTask]) -> ItemScores:
    """Choices by acc, then each solved task by its deciding scoring."""
    parts = [*_picked(pairs), *(_solved(task) for task in tasks if task.scorings)]
    if not parts:
        empty = np.zeros(0)
        return ItemScores(pairs.before.items, empty, empty, empty.astype(bool))
    items = [each.items for each in parts]
    return ItemScores(
        items=items[0].append(items[1:]) if len(items) > 1 else items[0],
        before=np.concatenate([each.before for each in parts]),
        after=np.concatenate([each.after for each in parts]),
        once=np.concatenate([each.once for each in parts]),
    )


def _picked(pairs: PairedChoices) -> Iterator[ItemScores]:
    if len(pairs.before):
        before, after = (side.right(ACC).astype(np.float64) for side in (pairs.before, pairs.after))
        yield ItemScores(pairs.before.items, before, after, np.ones(len(before), dtype=bool))


def _solved(pair: PairedTask) -> ItemScores:
    before, after = pair.scores(pair.scorings[0])
    once = right_or_wrong(before, after)
    both = ~np.isnan(before).all(axis=1) & ~np.isnan(after).all(axis=1)
    items = pd.MultiIndex.from_product([[pair.task], pair.before.items[both]], names=["task", "item"])
    return ItemScores(items, repeat_means(before[both]), repeat_means(after[both]), np.full(int(both.sum()), once))


@dataclass(frozen=True, kw_only=True)
class PooledRow(ItemRow):
    """The row of all items that decide; `excess_flips` are of those that both models answered several times.

    `failed_answers` is the change of failures among the written ones alone.
    """

    excess_flips: Estimate
    failed_answers: Estimate


def pooled_row(
    pairs: PairedChoices, tasks: Sequence[PairedTask], draws: Resamplings, comparisons: int, *, control: bool
) -> PooledRow:
    """The row of all items; `control` is whether one shows the noise of sampling."""
    row = _row(pairs, tasks, draws, comparisons, control=control)
    found = [excess(*task.scores(task.scorings[0])) for task in tasks if task.scorings]
    values = np.concatenate([np.zeros(0), *found])
    lost = -item_scores(pairs, tasks).change[len(pairs.before) :]
    return PooledRow(
        **vars(row),
        excess_flips=excess_mean(values[~np.isnan(values)], draws, comparisons),
        failed_answers=item_mean("failed_answers", lost, (-1.0, 1.0), draws, comparisons),
    )


def _row(
    pairs: PairedChoices, tasks: Sequence[PairedTask], draws: Resamplings, comparisons: int, *, control: bool
) -> ItemRow:
    found = item_scores(pairs, tasks)
    names = {task.scorings[0] for task in tasks if task.scorings}
    scoring = ACC if len(pairs.before) else names.pop() if len(names) == 1 else MIXED
    left_out = pairs.left_out + sum(task.left_out for task in tasks)
    quiet = found.once & (control | ~_sampled(found, tasks))
    flips = _flips(found, quiet, comparisons, left_out)
    if found.once.all():
        row = counted_row(
            ALL_ITEMS,
            scoring,
            _transitions(found, pairs),
            main=True,
            chance=None,
            comparisons=comparisons,
            left_out=left_out,
        )
        lacking = not_measured("all_flips", "items", Cause(Kind.SAMPLED_ONCE), len(quiet), left_out)
        return row if quiet.all() else replace(row, flips=flips, all_flips=lacking)
    return mean_row(
        ALL_ITEMS,
        scoring,
        found.before,
        found.after,
        draws,
        main=True,
        flips=flips,
        chance=None,
        comparisons=comparisons,
        left_out=left_out,
    )


def _sampled(found: ItemScores, tasks: Sequence[PairedTask]) -> Bools:
    """The items of tasks that were drawn at a temperature; (items,)."""
    drawn = [task.task for task in tasks if task.sampled]
    return np.asarray(found.items.get_level_values("task").isin(drawn))


def _flips(found: ItemScores, quiet: Bools, comparisons: int, left_out: int) -> Estimate:
    """Of the items whose flips are no noise of sampling: answered once, greedily or beside a control."""
    if not quiet.any():
        kind = Kind.SAMPLED_ONCE if found.once.any() else Kind.NOT_ONE_OUTCOME
        return not_measured("flips", "items", Cause(kind), len(quiet), left_out)
    flipped = int((found.flipped & quiet).sum())
    return share("flips", "items", flipped, int(quiet.sum()), comparisons, left_out + int((~quiet).sum()))


def _transitions(found: ItemScores, pairs: PairedChoices) -> Transitions:
    """Those of all items; which wrong option was picked is told of choices alone."""
    picked = transitions(pairs.before.gold, pairs.before.picks(ACC), pairs.after.picks(ACC))
    return outcomes(found.before == 1, found.after == 1, picked.wrong_to_other)
