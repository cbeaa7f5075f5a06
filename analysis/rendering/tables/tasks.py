"""The tasks of a review, as words: each one's state, role and margin, and which parts of it lost.

In: a ReviewReport, or its decisions. Out: a Table, and the lines that every format shows beside the decision. No
name is cut short: one that is missing here is a task that hides.
"""

from dataclasses import replace

from analysis.decision.decisions import Decision
from analysis.decision.task_states import State, TaskState, worst, worst_first
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.decisions import open_task, unknown
from analysis.rendering.sentences.numbers import number, optional, probability, unsigned
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport
from analysis.statistics.estimates import Estimate
from ledger.decision_config import TaskRole

ROLES = {TaskRole.PROVES: "must be cleared", TaskRole.SHOWN: "shown alone"}


def task_line(decision: Decision, usual: float) -> str:
    """A candidate's tasks by state, and the one that lost most; empty without tasks. `usual` is their shared margin."""
    states = []
    for state in (State.HOLD, State.OPEN, State.CLEARED):
        found = worst_first(task for task in decision.tasks if task.state is state and task.decides)
        names = [_named(task, usual) for task in found]
        states += [f"{len(names)} {state}: {', '.join(names)}"] if names else []
    shown = [f"{_named(task, usual)} {task.state}" for task in decision.tasks if not task.decides]
    states += [f"{len(shown)} shown alone: {', '.join(shown)}"] if shown else []
    if not states:
        return ""
    lowest = worst(decision.tasks)
    measured = f" Worst: {lowest.task}, {task_change(lowest)}." if lowest and lowest.state is not State.HOLD else ""
    parts = lost_parts(decision)
    within = f" Parts of tasks that lost: {parts}." if parts else ""
    lows = lowest_parts(decision)
    within += f" Lowest parts: {lows}." if lows else ""
    return f"Tasks of {decision.candidate}: {'; '.join(states)}.{measured}{within}"


def lost_parts(decision: Decision) -> str:
    """The parts of a candidate's tasks whose loss is shown, each with its change; empty without one."""
    return ", ".join(f"{part} {_cell(change)}" for task in decision.tasks for part, change in task.lost_parts)


def lowest_parts(decision: Decision) -> str:
    """The part that lost most of each task without a loss that is shown, with its change; empty without one."""
    lows = [each.worst_part for each in decision.tasks if each.worst_part and not each.lost_parts]
    return ", ".join(f"{name} {_cell(change)}" for name, change in lows)


def task_table(report: ReviewReport) -> Table:
    """Every task of every candidate: its state and the numbers behind it."""
    rows = tuple(_task_row(decision, task) for decision in report.decisions for task in decision.tasks)
    caption = (
        "Cleared: the lower bound clears the margin. HOLD: a loss beyond it is shown (Holm over those that decide). "
        "Open: neither, or the baseline itself does not beat guessing, so that a ruined model would look the same. One "
        "that proves must be cleared, one that guards may hold, one that is shown decides nothing."
    )
    header = (
        "candidate",
        "task",
        "role",
        "state",
        "accuracy_change",
        "lower bound",
        "margin",
        "recovery",
        "baseline",
        "guessing",
        "p",
        "why",
    )
    return Table("tasks", "Tasks", caption, header, rows)


def task_notes(task: TaskState, usual: float) -> str:
    """What is asked of a task where it is not what is asked of every one; `usual` is the margin that they share."""
    margin = task_margin(task)
    notes = [ROLES[task.role]] if task.role in ROLES else []
    notes += [f"margin {margin}"] if margin != unsigned("accuracy_change", usual) else []
    notes += [] if task.expected is None else [f"expected {number('accuracy', task.expected)}"]
    return ", ".join(notes)


def task_margin(task: TaskState) -> str:
    """The loss that is acceptable, in points, as the recovery that is asked for, or both."""
    loss = [] if task.threshold is None else [unsigned("accuracy_change", -task.threshold)]
    kept = [] if task.recovery_threshold is None else [f"recovery {number('recovery', task.recovery_threshold)}"]
    return ", ".join([*loss, *kept])


def task_change(task: TaskState) -> str:
    """A task's change by the scoring that shows a loss."""
    by = "" if task.scoring == "acc" else f" by {task.scoring}"
    return _cell(task.change) + by


def _named(task: TaskState, usual: float) -> str:
    """A task with what its state leaves unsaid."""
    if task.state is State.OPEN:
        return open_task(task)
    if task.state is State.HOLD:
        return f"{task.task} {task_change(task)}"
    notes = task_notes(task, usual) if task.decides else ""
    return f"{task.task} ({notes})" if notes else task.task


def _cell(change: Estimate) -> str:
    return cell(replace(change, mde=None))


def _task_row(decision: Decision, task: TaskState) -> tuple[str, ...]:
    why = unknown(task) or "—"
    return (
        decision.candidate,
        task.task,
        task.role.value,
        task.state.value,
        task_change(task),
        optional(task.lower_bound, lambda value: number(task.change.measure, value)),
        task_margin(task),
        cell(task.recovery, with_n=False),
        cell(task.baseline, with_n=False) + _expected(task),
        number("accuracy", task.chance),
        probability(task.loss_p),
        why,
    )


def _expected(task: TaskState) -> str:
    return "" if task.expected is None else f" (expected {number('accuracy', task.expected)})"
