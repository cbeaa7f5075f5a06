"""Gates: what decides about a candidate, and the word that each gate says by itself.

In: an estimate, its threshold, and what stands against its evidence. Out: one of four words.
"""

from dataclasses import dataclass
from enum import StrEnum

from analysis.decision.task_states import State, TaskGate, TaskState
from analysis.statistics.causes import Cause
from analysis.statistics.estimates import Estimate
from ledger.decision_config import TaskRole


class Word(StrEnum):
    """What the evidence allows."""

    SHIP = "SHIP"
    HOLD = "HOLD"
    INCONCLUSIVE = "INCONCLUSIVE"
    UNFIT = "UNFIT"


@dataclass(frozen=True)
class Gate:
    """A measure that decides: the estimate, the threshold, and every reason why its evidence is unfit.

    For the primary measure `threshold` is -margin and more is better; for a limit it is the limit and less is better.
    """

    estimate: Estimate
    threshold: float
    unfit: tuple[Cause, ...] = ()
    task: str = ""

    @property
    def name(self) -> str:
        """The measure; of one task, TASK.MEASURE as the config has it."""
        return f"{self.task}.{self.estimate.measure}" if self.task else self.estimate.measure

    @property
    def fit(self) -> bool:
        """Whether its bounds may decide."""
        return not self.unfit and bool(self.estimate.lower_bounds or self.estimate.identical)


@dataclass(frozen=True)
class Evidence:
    """What one candidate is decided by.

    `blockers`: what keeps it from SHIP and INCONCLUSIVE, whatever the numbers say. A proving task that is open keeps it
    from SHIP, as INCONCLUSIVE; with `open_tasks_block` a guarding one does so as well. `limited`: what was cut short
    with --limit, so that more items are at hand. `judge` is behind the primary measure; `others` have what further
    judges say of it, by name, `other_measures` what is said by the other judged measure, at its own default margin,
    and `beside` how the candidate was run otherwise: none of these decides.
    """

    candidate: str
    primary: Gate
    limits: tuple[Gate, ...] = ()
    tasks: tuple[TaskGate, ...] = ()
    blockers: tuple[Cause, ...] = ()
    open_tasks_block: bool = False
    limited: Cause | None = None
    judge: str = ""
    others: tuple[tuple[str, Gate], ...] = ()
    other_measures: tuple[tuple[str, Gate], ...] = ()
    beside: tuple[Cause, ...] = ()


def blocks_open(evidence: Evidence, task: TaskState) -> bool:
    """Whether an open task keeps a candidate from SHIP."""
    must = task.role is TaskRole.PROVES or (task.role is TaskRole.GUARDS and evidence.open_tasks_block)
    return must and task.state is State.OPEN


def primary_word(primary: Gate, step: int) -> Word:
    """What the primary measure says by itself with bounds at level 0.05 / step."""
    if not primary.fit:
        return Word.UNFIT
    if primary.estimate.identical or primary.estimate.lower_bounds[step - 1] > primary.threshold:
        return Word.SHIP
    return Word.HOLD if primary.estimate.upper_bounds[step - 1] < primary.threshold else Word.INCONCLUSIVE


def limit_word(limit: Gate, step: int) -> Word:
    """What one limit says by itself; on unfit evidence it stays open, and never makes UNFIT.

    An infinite distance has a lower bound alone: it may break a limit and never keeps one.
    """
    if not limit.fit:
        return Word.INCONCLUSIVE
    estimate, threshold = limit.estimate, limit.threshold
    if estimate.identical or (estimate.upper_bounds and estimate.upper_bounds[step - 1] <= threshold):
        return Word.SHIP
    return Word.HOLD if estimate.lower_bounds and estimate.lower_bounds[step - 1] > threshold else Word.INCONCLUSIVE
