"""Each task by itself: cleared, HOLD or open, so that none hides in a pool of items.

In: a task's paired change of accuracy, the baseline's own accuracy, and the margin. Out: one state per task, exactly
one of three: *cleared* (the lower bound lies above minus the margin), *HOLD* (a loss beyond the margin is shown, Holm's
steps over the tasks), or *open*.
Source: DESIGN section 7; Holm 1979 over the tasks of one candidate; Tango 1998 for the loss itself.

A task on which the baseline does not beat guessing is never cleared: a ruined model keeps chance, however many items.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from scipy import stats

from analysis.statistics.estimates import ALPHA, Estimate
from analysis.statistics.intervals import tango_statistic


class State(StrEnum):
    """What is known of one task."""

    CLEARED = "cleared"
    HOLD = "HOLD"
    OPEN = "open"


@dataclass(frozen=True)
class TaskGate:
    """One task's evidence: `threshold` is minus the margin, `loss_p` the chance of such a loss if none went beyond it.

    `chance` is the accuracy of guessing, the mean of one over the number of options. `fit` is whether it may decide.
    """

    task: str
    change: Estimate
    threshold: float
    baseline: Estimate
    chance: float
    loss_p: float | None
    fit: bool = True

    @property
    def beats_chance(self) -> bool:
        """Whether the baseline's own accuracy is shown to lie above guessing."""
        return bool(self.baseline.lower_bounds) and self.baseline.lower_bounds[0] > self.chance


@dataclass(frozen=True)
class TaskState:
    """What became of one task at a decision's level; `lower_bound` is the one that had to clear the margin."""

    task: str
    state: State
    change: Estimate
    lower_bound: float | None
    baseline: Estimate
    chance: float
    beats_chance: bool
    loss_p: float | None
    fit: bool


def loss_p(gains: int, losses: int, n: int, threshold: float) -> float | None:
    """One-sided p of a loss beyond the margin: of so low a change if the true one were `threshold`. None without items.

    It lies at or under alpha exactly where Tango's upper bound at alpha lies at or under the threshold.
    """
    return float(stats.norm.cdf(tango_statistic(gains, losses, n, threshold))) if n else None


def task_states(gates: Sequence[TaskGate], step: int) -> tuple[TaskState, ...]:
    """The state of each task, in the given order, with one-sided bounds at level 0.05 / step."""
    held = _shown_losses(gates, ALPHA / step)
    return tuple(_state(gate, gate.task in held, step) for gate in gates)


def worst(states: Sequence[TaskState]) -> TaskState | None:
    """The task that lost most: of those on HOLD if there are any, else of all that were measured."""
    measured = [each for each in states if each.change.value is not None]
    held = [each for each in measured if each.state is State.HOLD]
    return min(held or measured, key=lambda each: each.change.value or 0.0, default=None)


def _shown_losses(gates: Sequence[TaskGate], alpha: float) -> set[str]:
    """The tasks whose loss Holm's steps show: the smallest p at alpha / tasks, the next at alpha / (tasks - 1)."""
    tested = sorted((gate.loss_p, gate.task) for gate in gates if gate.fit and gate.loss_p is not None)
    shown: set[str] = set()
    for place, (p, task) in enumerate(tested):
        if p > alpha / (len(tested) - place):
            break
        shown.add(task)
    return shown


def _state(gate: TaskGate, lost: bool, step: int) -> TaskState:
    bounds = gate.change.lower_bounds
    low = bounds[step - 1] if bounds else None
    above = gate.change.identical or (low is not None and low > gate.threshold)
    cleared = gate.fit and above and gate.beats_chance
    return TaskState(
        task=gate.task,
        state=State.HOLD if lost else State.CLEARED if cleared else State.OPEN,
        change=gate.change,
        lower_bound=low,
        baseline=gate.baseline,
        chance=gate.chance,
        beats_chance=gate.beats_chance,
        loss_p=gate.loss_p,
        fit=gate.fit,
    )
