"""Each task by itself: cleared, HOLD or open, so that none hides in a pool of items.

In: a task's paired change of accuracy, the baseline's own accuracy, and the margin. Out: one state per task, exactly
one of three: *cleared* (the lower bound lies above minus the margin), *HOLD* (a loss beyond the margin is shown, Holm's
steps over the tasks), or *open*.
Source: DESIGN section 7; Holm 1979 over the tasks of one candidate; Tango 1998 for the loss itself.

A task on which the baseline does not beat guessing is never cleared: a ruined model keeps chance, however many items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from scipy import stats

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA, Estimate
from analysis.statistics.intervals import tango_statistic

Name = TypeVar("Name")


class State(StrEnum):
    """What is known of one task."""

    CLEARED = "cleared"
    HOLD = "HOLD"
    OPEN = "open"


@dataclass(frozen=True)
class TaskGate:
    """One task's evidence: `threshold` is minus the margin, `loss_p` the chance of such a loss if none went beyond it.

    `chance` is the accuracy of guessing, the mean of one over the number of options, or of always picking one place
    where the baseline does just that. `norm` is the change by acc_norm and its p, where those picks differ: a loss by
    either is a loss. `lost_parts` are subjects of the task that lost, `worst_part` the one that lost most, shown and no
    gate. `fit`: whether it may decide.
    """

    task: str
    change: Estimate
    threshold: float
    baseline: Estimate
    chance: float
    loss_p: float | None
    fit: bool = True
    norm: tuple[Estimate, float] | None = None
    lost_parts: tuple[tuple[str, Estimate], ...] = ()
    worst_part: tuple[str, Estimate] | None = None

    @property
    def beats_chance(self) -> bool:
        """Whether the baseline's own accuracy is shown to lie above guessing."""
        return bool(self.baseline.lower_bounds) and self.baseline.lower_bounds[0] > self.chance


@dataclass(frozen=True)
class TaskState:
    """What became of one task at a decision's level; `lower_bound` is the one that had to clear the margin.

    `scoring` is the one that shows a loss, acc where both or none do; `change` is the change by it. `why` says what is
    not known of an open task; None for the others.
    """

    task: str
    state: State
    change: Estimate
    lower_bound: float | None
    baseline: Estimate
    chance: float
    beats_chance: bool
    loss_p: float | None
    fit: bool
    scoring: str
    lost_parts: tuple[tuple[str, Estimate], ...]
    worst_part: tuple[str, Estimate] | None
    why: Cause | None


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
    """The task that lost most: of those on HOLD if there are any, else of all that were measured."""
    measured = [each for each in states if each.change.value is not None]
    held = [each for each in measured if each.state is State.HOLD]
    return min(held or measured, key=lambda each: each.change.value or 0.0, default=None)


def shown_by_holm(tested: Mapping[Name, float], alpha: float) -> set[Name]:
    """Which losses Holm's steps show: the smallest p at alpha / tests, the next at alpha / (tests - 1), and so on."""
    shown: set[Name] = set()
    for place, (name, p) in enumerate(sorted(tested.items(), key=lambda each: each[1])):
        if p > alpha / (len(tested) - place):
            break
        shown.add(name)
    return shown


def _shown_losses(gates: Sequence[TaskGate], alpha: float) -> set[tuple[str, str]]:
    """The tasks, and scorings, whose loss is shown."""
    tested = {(gate.task, "acc"): gate.loss_p for gate in gates if gate.fit and gate.loss_p is not None}
    tested |= {(gate.task, "acc_norm"): gate.norm[1] for gate in gates if gate.fit and gate.norm}
    return shown_by_holm(tested, alpha)


def _state(gate: TaskGate, lost: set[str], step: int) -> TaskState:
    bounds = gate.change.lower_bounds
    low = bounds[step - 1] if bounds else None
    above = gate.change.identical or (low is not None and low > gate.threshold)
    cleared = gate.fit and above and gate.beats_chance
    by_norm = lost == {"acc_norm"} and gate.norm is not None
    state = State.HOLD if lost else State.CLEARED if cleared else State.OPEN
    return TaskState(
        task=gate.task,
        state=state,
        change=gate.norm[0] if by_norm and gate.norm else gate.change,
        lower_bound=low,
        baseline=gate.baseline,
        chance=gate.chance,
        beats_chance=gate.beats_chance,
        loss_p=gate.loss_p,
        fit=gate.fit,
        scoring="acc_norm" if by_norm else "acc",
        lost_parts=gate.lost_parts,
        worst_part=gate.worst_part,
        why=_open(gate, low) if state is State.OPEN else None,
    )


def _open(gate: TaskGate, low: float | None) -> Cause:
    """What is not known of an open task."""
    if not gate.fit:
        return Cause(Kind.TASK_UNFIT, gate.task)
    if low is None:
        return gate.change.missing or Cause(Kind.NO_BOUNDS)
    if not gate.beats_chance:
        numbers = {"accuracy": gate.baseline.value or 0.0, "chance": gate.chance}
        return Cause(Kind.TASK_GUESSED, gate.task, numbers=numbers)
    names = {"measure": gate.change.measure}
    return Cause(Kind.TASK_LOSS_POSSIBLE, gate.task, numbers={"lower_bound": low}, names=names)
