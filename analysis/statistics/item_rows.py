"""What became of items: how many are right on both sides, what changed, and whether that cost accuracy.

In: two models' scores of the same items. Out: ItemRow, the part of a row that all tasks have, picked or solved.
Source: arXiv 2407.09141 (flips); Tango 1998, Wilson 1927, McNemar (losses.py); paired_means.py where an item is more
than right or wrong once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, estimate_or_missing, not_measured
from analysis.statistics.intervals import item_mean, paired_proportion, share
from analysis.statistics.item_scopes import ItemScope
from analysis.statistics.losses import LossTests, loss_tests, mcnemar
from analysis.statistics.paired_means import PairedMeans
from analysis.statistics.paired_ratio import recovery
from analysis.statistics.resampling import Floats, Resamplings
from analysis.statistics.transitions import Transitions

CHANGE, RECOVERY = "accuracy_change", "recovery"


@dataclass(frozen=True, kw_only=True)
class ItemRow:
    """One scope of one candidate under one scoring, of `n` items that both models have.

    `main` is whether the scoring is the one that decides; a loss under any that `guards` holds. `transitions` and the
    exact and mid p of a loss (one-sided McNemar) are of items that are right or wrong once; None where they have
    several repeats or graded scores, of which accuracy is the mean. `chance` is what guessing scores; None without.
    """

    scope: ItemScope
    scoring: str
    main: bool
    guards: bool = True
    n: int
    transitions: Transitions | None
    accuracy_baseline: Estimate
    accuracy: Estimate
    accuracy_change: Estimate
    recovery: Estimate
    flips: Estimate
    all_flips: Estimate
    chance: float | None
    exact_p: float | None
    mid_p: float | None

    def estimate(self, measure: str) -> Estimate | None:
        """One registered measure of items; None where a row of this kind has none."""
        found = getattr(self, measure, None)
        return found if isinstance(found, Estimate) else None


def counted_row(
    scope: ItemScope,
    scoring: str,
    found: Transitions,
    *,
    main: bool,
    chance: float | None,
    comparisons: int = 1,
    left_out: int = 0,
) -> ItemRow:
    """The row of items that are right or wrong once; `comparisons` are Holm's steps over the candidates."""
    n, gains, lost = found.n, found.wrong_to_right, found.right_to_wrong
    exact_mid = mcnemar(lost, gains)

    def counted(measure: str, count: int, steps: int = 1) -> Estimate:
        return share(measure, "items", count, n, steps, left_out)

    return ItemRow(
        scope=scope,
        scoring=scoring,
        main=main,
        n=n,
        transitions=found,
        accuracy_baseline=counted("accuracy", found.right_before),
        accuracy=counted("accuracy", found.right_after),
        accuracy_change=estimate_or_missing(
            CHANGE, "items", lambda: paired_proportion(CHANGE, "items", gains, lost, n, comparisons), left_out
        ),
        recovery=estimate_or_missing(RECOVERY, "items", lambda: recovery(found.pairs, comparisons), left_out),
        flips=counted("flips", found.flips, comparisons),
        all_flips=counted("all_flips", found.all_flips, comparisons),
        chance=chance if n else None,
        exact_p=exact_mid[0] if n else None,
        mid_p=exact_mid[1] if n else None,
    )


def mean_row(
    scope: ItemScope,
    scoring: str,
    before: Floats,
    after: Floats,
    draws: Resamplings,
    means: Callable[[], PairedMeans] | None = None,
    *,
    main: bool,
    flips: Estimate,
    chance: float | None,
    comparisons: int = 1,
    left_out: int = 0,
) -> ItemRow:
    """The row of items with several repeats or graded scores; before, after: (items,) means, 0 to 1.

    `means` are those of the two where the caller needs them as well.
    """
    n = len(before)
    means = means or cache(lambda: PairedMeans(before, after, draws))

    def level(values: Floats) -> Estimate:
        return item_mean("accuracy", values, (0.0, 1.0), draws, left_out=left_out)

    return ItemRow(
        scope=scope,
        scoring=scoring,
        main=main,
        n=n,
        transitions=None,
        accuracy_baseline=level(before),
        accuracy=level(after),
        accuracy_change=estimate_or_missing(CHANGE, "items", lambda: means().change(comparisons), left_out),
        recovery=estimate_or_missing(RECOVERY, "items", lambda: means().recovery(comparisons), left_out),
        flips=flips,
        all_flips=not_measured("all_flips", "items", Cause(Kind.NOT_ONE_OUTCOME), n, left_out),
        chance=chance if n else None,
        exact_p=None,
        mid_p=None,
    )


def benchmark_losses(scoring: str, rows: Sequence[ItemRow], margin: float) -> LossTests | None:
    """The tests of a loss over benchmarks: of each task; of one task's subjects; of all items if it has none.

    rows: those of one scoring; only items that are right or wrong once count. None where there are none.
    """
    counted = [(row.scope, row.transitions) for row in rows if row.transitions and row.n]
    tasks = [each for each in counted if each[0].of_task]
    subjects = [each for each in counted if each[0].subject]
    found = [
        (str(scope) if scope.subject or not scope.task else scope.task, moved.right_to_wrong, moved.wrong_to_right)
        for scope, moved in tasks or subjects or counted
    ]
    items = sum(moved.n for _, moved in tasks or subjects or counted)
    return loss_tests(scoring, found, items, margin)
