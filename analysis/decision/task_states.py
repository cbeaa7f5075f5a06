"""Each task by itself: cleared, HOLD or open, so that none hides in a pool of items.

In: a task's paired change of accuracy, its recovery, the baseline's own accuracy, its role and margins. Out: one state
per task, exactly one of three: *cleared* (lower bounds clear every margin), *HOLD* (a loss beyond a margin is shown,
Holm's steps over the tasks that decide), or *open*.
Source: DESIGN section 7; Holm 1979 over the tasks of one candidate; Tango 1998 for the loss itself, Nam and Blackwelder
2002 for one relative to the baseline.

A task on which the baseline does not beat guessing is never cleared: a ruined model keeps chance, however many items.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from scipy import stats

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA, Estimate
from analysis.statistics.intervals import tango_statistic
from ledger.decision_config import TaskRole

Name = TypeVar("Name")


class State(StrEnum):
    """What is known of one task."""

    CLEARED = "cleared"
    HOLD = "HOLD"
    OPEN = "open"


@dataclass(frozen=True)
class OtherScore:
    """A task's evidence by a further scoring than the deciding one: acc_norm, another metric or filter."""

    scoring: str
    change: Estimate
    recovery: Estimate | None
    loss_p: float


@dataclass(frozen=True)
class TaskGate:
    """One task's evidence: `loss_p` is the chance of such a loss if none went beyond its margin, the stricter of two.

    `threshold` is minus the margin of the change, `recovery_threshold` what the recovery must clear; one may be None.
    `chance` is the accuracy of guessing, the mean of one over the number of options, or of always picking one place
    where the baseline does just that. `scoring` is the one that decides, `others` are further ones whose outcomes
    differ: a loss by any is a loss, and cleared is what is cleared by all. `lost_parts` are
    subjects of the task that lost, `worst_part` the one that lost most, shown and no gate. `unread` tells of new
    failures that no program could check. `unfit` says why it may not decide, `expected` what was declared.
    """

    task: str
    change: Estimate
    threshold: float | None
    baseline: Estimate
    chance: float
    loss_p: float | None
    unfit: Cause | None = None
    scoring: str = "acc"
    others: tuple[OtherScore, ...] = ()
    unread: tuple[Cause, ...] = ()
    lost_parts: tuple[tuple[str, Estimate], ...] = ()
    worst_part: tuple[str, Estimate] | None = None
    role: TaskRole = TaskRole.GUARDS
    recovery: Estimate | None = None
    recovery_threshold: float | None = None
    expected: float | None = None

    @property
    def beats_chance(self) -> bool:
        """Whether the baseline's own accuracy is shown to lie above guessing."""
        return bool(self.baseline.lower_bounds) and self.baseline.lower_bounds[0] > self.chance

    @property
    def shows_ruin(self) -> bool:
        """Whether a candidate that only guesses would lose more than a margin allows, so that it would be seen."""
        if not self.beats_chance:
            return False
        least = self.baseline.lower_bounds[0]
        in_points = self.threshold is not None and least - self.chance > -self.threshold
        in_shares = self.recovery_threshold is not None and self.chance < self.recovery_threshold * least
        return in_points or in_shares


@dataclass(frozen=True)
class TaskState:
    """What became of one task at a decision's level; `lower_bound` is the change's that had to clear the margin.

    `scoring` is the one that shows a loss, or rules none out, the deciding one first; `change` is the change by it.
    `why` says what is not known of an open one. The rest is the gate's own.
    """

    task: str
    role: TaskRole
    state: State
    change: Estimate
    lower_bound: float | None
    threshold: float | None
    recovery: Estimate | None
    recovery_threshold: float | None
    baseline: Estimate
    expected: float | None
    chance: float
    beats_chance: bool
    loss_p: float | None
    unfit: Cause | None
    scoring: str
    unread: tuple[Cause, ...]
    why: Cause | None
    lost_parts: tuple[tuple[str, Estimate], ...]
    worst_part: tuple[str, Estimate] | None

    @property
    def decides(self) -> bool:
        """Whether its state may change the word."""
        return self.role is not TaskRole.SHOWN


def loss_p(gains: int, losses: int, n: int, threshold: float) -> float | None:
    """One-sided p of a loss beyond the margin: of so low a change if the true one were `threshold`. None without items.

    It lies at or under alpha exactly where Tango's upper bound at alpha lies at or under the threshold.
    """
    return float(stats.norm.cdf(tango_statistic(gains, losses, n, threshold))) if n else None


def task_states(gates: Sequence[TaskGate], step: int) -> tuple[TaskState, ...]:
    """The state of each task, in the given order, with one-sided bounds at level 0.05 / step."""
    held = _shown_losses(gates, ALPHA / step)
    return tuple(_state(gate, {scoring for task, scoring in held if task == gate.task}, step) for gate in gates)


def worst(states: Sequence[TaskState]) -> TaskState | None:
    """The task that lost most of those that decide: of the ones on HOLD if there are any, else of all measured."""
    measured = [each for each in states if each.decides and each.change.value is not None]
    held = [each for each in measured if each.state is State.HOLD]
    return min(held or measured, key=lambda each: each.change.value or 0.0, default=None)


def worst_first(states: Iterable[TaskState]) -> list[TaskState]:
    """The tasks by their change, the largest loss first; what was not measured last."""
    return sorted(states, key=lambda each: 1.0 if each.change.value is None else each.change.value)


def shown_by_holm(tested: Mapping[Name, float], alpha: float) -> set[Name]:
    """Which losses Holm's steps show: the smallest p at alpha / tests, the next at alpha / (tests - 1), and so on."""
    shown: set[Name] = set()
    for place, (name, p) in enumerate(sorted(tested.items(), key=lambda each: each[1])):
        if p > alpha / (len(tested) - place):
            break
        shown.add(name)
    return shown


def _shown_losses(gates: Sequence[TaskGate], alpha: float) -> set[tuple[str, str]]:
    """The tasks, and scorings, whose loss is shown: Holm over those that decide, each shown one by itself."""
    shown = set[tuple[str, str]]()
    deciding = [gate for gate in gates if gate.role is not TaskRole.SHOWN]
    for family in (deciding, *([gate] for gate in gates if gate.role is TaskRole.SHOWN)):
        fit = [gate for gate in family if not gate.unfit]
        tested = {(gate.task, gate.scoring): gate.loss_p for gate in fit if gate.loss_p is not None}
        tested |= {(gate.task, other.scoring): other.loss_p for gate in fit for other in gate.others}
        shown |= shown_by_holm(tested, alpha)
    return shown


def _state(gate: TaskGate, lost: set[str], step: int) -> TaskState:
    why = None if lost else _open(gate, step)
    asked = lost or ({why.names.get("by", "")} if why else set())
    scores: tuple[TaskGate | OtherScore, ...] = (gate, *gate.others)
    told = next((each for each in scores if each.scoring in asked), gate)
    return TaskState(
        task=gate.task,
        role=gate.role,
        state=State.HOLD if lost else State.OPEN if why else State.CLEARED,
        change=told.change,
        lower_bound=_bound(told.change, step),
        threshold=gate.threshold,
        recovery=told.recovery,
        recovery_threshold=gate.recovery_threshold,
        baseline=gate.baseline,
        expected=gate.expected,
        chance=gate.chance,
        beats_chance=gate.beats_chance,
        loss_p=told.loss_p,
        unfit=gate.unfit,
        scoring=told.scoring,
        unread=gate.unread,
        why=why,
        lost_parts=gate.lost_parts,
        worst_part=gate.worst_part,
    )


def _bound(estimate: Estimate | None, step: int) -> float | None:
    return estimate.lower_bounds[step - 1] if estimate and estimate.lower_bounds else None


def _open(gate: TaskGate, step: int) -> Cause | None:
    """What is not known of a task; None where it is cleared at level 0.05 / step."""
    if gate.unfit:
        return gate.unfit
    if _bound(gate.change, step) is None:
        return gate.change.missing or Cause(Kind.NO_BOUNDS)
    if not gate.beats_chance:
        numbers = {"accuracy": gate.baseline.value or 0.0, "chance": gate.chance}
        return Cause(Kind.TASK_GUESSED, gate.task, numbers=numbers)
    if gate.change.identical:
        return None
    if not gate.shows_ruin:
        ruin = {"lower_bound": gate.baseline.lower_bounds[0], "chance": gate.chance}
        return Cause(Kind.RUIN_WITHIN_MARGIN, gate.task, numbers=ruin)
    scores: tuple[TaskGate | OtherScore, ...] = (gate, *gate.others)
    return next((why for each in scores if (why := _possible(gate, each, step))), None)


def _possible(gate: TaskGate, score: TaskGate | OtherScore, step: int) -> Cause | None:
    """What a task may have lost by one scoring; None where that clears its margins."""
    low, kept, least = _bound(score.change, step), _bound(score.recovery, step), gate.recovery_threshold
    by = {"by": score.scoring} if isinstance(score, OtherScore) else {}
    if gate.threshold is not None and (low is None or low <= gate.threshold):
        if low is None:
            return score.change.missing or Cause(Kind.NO_BOUNDS)
        names = {"measure": score.change.measure, **by}
        return Cause(Kind.TASK_LOSS_POSSIBLE, gate.task, numbers={"lower_bound": low}, names=names)
    if least is None or (kept is not None and kept > least):
        return None
    if kept is None:
        return (score.recovery and score.recovery.missing) or Cause(Kind.NO_BOUNDS)
    return Cause(Kind.RECOVERY_POSSIBLE, gate.task, numbers={"lower_bound": kept, "threshold": least}, names=by)
