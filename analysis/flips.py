"""Flips: which items a candidate answers differently, and whether that cost accuracy.

In: two models' choices of the same items. Out: transitions, flips, accuracy_change and its tests.
Source: arXiv 2407.09141 (flips); arXiv 2602.10144 (exact one-sided McNemar); Fagerland 2013 (mid-p).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from analysis.choices import Ints, PairedChoices, padded_logprobs
from analysis.distances import kl_options, mean_kl, top_gap_nats, top_margin
from analysis.estimates import Estimate, estimate_or_missing, not_measured
from analysis.intervals import paired_proportion, wilson
from analysis.resampling import Resamplings
from ledger.records import Choice

Scoring = Literal["acc", "acc_norm"]
SCORINGS: tuple[Scoring, ...] = ("acc", "acc_norm")
CLOSE_NATS = 1 / 8


@dataclass(frozen=True)
class Transitions:
    """How many items went from which state to which; `n` all of them."""

    n: int
    right_to_wrong: int
    wrong_to_right: int
    wrong_to_other: int
    right_before: int
    right_after: int

    @property
    def flips(self) -> int:
        """Items that changed between right and wrong."""
        return self.right_to_wrong + self.wrong_to_right

    @property
    def all_flips(self) -> int:
        """Flips, and items that changed from one wrong option to another."""
        return self.flips + self.wrong_to_other


@dataclass(frozen=True)
class FlipResult:
    """One scope of one candidate under one scoring.

    `exact_p` and `mid_p` are one-sided McNemar tests of a loss. `ties_*` count items whose best option is shared to
    the last bit (as bf16 often makes it), `close` those whose baseline has at most 1/8 nat between its two best, and
    `close_flips` how many of the flips fall on those. `kl` stands in the acc rows only (it has no scoring).
    """

    scope: str
    scoring: Scoring
    transitions: Transitions
    accuracy_baseline: Estimate
    accuracy: Estimate
    accuracy_change: Estimate
    flips: Estimate
    all_flips: Estimate
    exact_p: float | None
    mid_p: float | None
    ties_baseline: int
    ties: int
    close: int
    close_flips: int
    top_margin_baseline: float | None
    kl: Estimate


def transitions(gold: Ints, before: Ints, after: Ints) -> Transitions:
    """Count the transitions; gold, before, after: (items,) option indices."""
    was, now = before == gold, after == gold
    return Transitions(
        n=len(gold),
        right_to_wrong=int((was & ~now).sum()),
        wrong_to_right=int((~was & now).sum()),
        wrong_to_other=int((~was & ~now & (before != after)).sum()),
        right_before=int(was.sum()),
        right_after=int(now.sum()),
    )


def mcnemar(right_to_wrong: int, wrong_to_right: int) -> tuple[float, float]:
    """Exact and mid-p one-sided McNemar: the chance of so many losses among the flips if gains were as likely.

    Without any flip the exact p is 1 and the mid-p 0.5.
    """
    flips = right_to_wrong + wrong_to_right
    exact = float(stats.binom.sf(right_to_wrong - 1, flips, 0.5))
    return exact, exact - float(stats.binom.pmf(right_to_wrong, flips, 0.5)) / 2


def flip_result(
    pairs: PairedChoices, scope: str, scoring: Scoring, draws: Resamplings | None, comparisons: int = 1
) -> FlipResult:
    """Everything about one scope; KL only with `draws` (subjects are shown without it)."""
    gold = np.array([choice.gold for choice in pairs.before], dtype=np.int64)
    before, after = (_picks(pairs, scoring, side) for side in ("before", "after"))
    found = transitions(gold, before, after)
    old, new = padded_logprobs(pairs.before), padded_logprobs(pairs.after)
    gaps = top_gap_nats(old)
    close = gaps <= CLOSE_NATS
    flipped = (before == gold) != (after == gold)
    n, left_out, exact_mid = found.n, pairs.left_out, mcnemar(found.right_to_wrong, found.wrong_to_right)

    def share(measure: str, count: int, steps: int = 1) -> Estimate:
        return estimate_or_missing(measure, "items", lambda: wilson(measure, "items", count, n, steps), left_out)

    gains, losses = found.wrong_to_right, found.right_to_wrong
    return FlipResult(
        scope=scope,
        scoring=scoring,
        transitions=found,
        accuracy_baseline=share("accuracy", found.right_before),
        accuracy=share("accuracy", found.right_after),
        accuracy_change=estimate_or_missing(
            "accuracy_change",
            "items",
            lambda: paired_proportion("accuracy_change", "items", gains, losses, n, comparisons),
            left_out,
        ),
        flips=share("flips", found.flips, comparisons),
        all_flips=share("all_flips", found.all_flips, comparisons),
        exact_p=exact_mid[0] if n else None,
        mid_p=exact_mid[1] if n else None,
        ties_baseline=int((gaps == 0).sum()),
        ties=int((top_gap_nats(new) == 0).sum()),
        close=int(close.sum()),
        close_flips=int((close & flipped).sum()),
        top_margin_baseline=float(top_margin(old).mean()) if n else None,
        kl=mean_kl(kl_options(old, new), draws, comparisons, left_out)
        if draws and scoring == "acc"
        else not_measured("kl_options", "items", "shown for all items and each task, in the acc rows"),
    )


def flip_results(pairs: PairedChoices, draws: Resamplings, comparisons: int) -> Iterator[FlipResult]:
    """All items pooled, then each task (if several), then each subject (if a task has several); acc and acc_norm."""
    tasks = sorted({choice.task for choice in pairs.before})
    subjects = sorted({(choice.task, choice.subject) for choice in pairs.before})
    by_task = {task: pairs.part(_task_is(task)) for task in tasks if len(tasks) > 1}
    by_subject = {key: pairs.part(_subject_is(key)) for key in subjects if len(subjects) > len(tasks)}
    for scoring in SCORINGS:
        yield flip_result(pairs, "all", scoring, draws, comparisons)
        for task, part in by_task.items():
            yield flip_result(part, f"task {task}", scoring, draws)
        for (task, subject), part in by_subject.items():
            yield flip_result(part, f"{task}: {subject}", scoring, None)


def _task_is(task: str) -> Callable[[Choice], bool]:
    return lambda choice: choice.task == task


def _subject_is(key: tuple[str, str]) -> Callable[[Choice], bool]:
    return lambda choice: (choice.task, choice.subject) == key


def _picks(pairs: PairedChoices, scoring: Scoring, side: str) -> Ints:
    choices = pairs.before if side == "before" else pairs.after
    return np.array([c.picked if scoring == "acc" else c.picked_norm for c in choices], dtype=np.int64)
