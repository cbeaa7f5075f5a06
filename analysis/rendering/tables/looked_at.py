"""What was looked at, as words: each task's state, what was found and not compared, whose records these are.

In: a ReviewReport. Out: Tables, and the lines that every format shows beside the decision. Nothing in these lines is
cut short: a name that is missing here is a task that hides.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from analysis.decision.decisions import Decision
from analysis.decision.task_states import State, TaskState, worst
from analysis.evidence.unseen import Unseen
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.clauses import clauses
from analysis.rendering.sentences.decisions import open_task, unknown
from analysis.rendering.sentences.numbers import number, optional, probability, unsigned
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport
from analysis.statistics.causes import Kind
from analysis.statistics.estimates import Estimate

UNSHOWN = "Identity not shown: no file tells which model made the records of {names}."
UNSTATED = "The version of {what} is not stated for {names}; another one alone can change scores."


def task_line(decision: Decision) -> str:
    """A candidate's tasks by state, and the one that lost most; empty where it has none."""
    states = []
    for state in (State.HOLD, State.OPEN, State.CLEARED):
        names = [_named(task) for task in decision.tasks if task.state is state and task.decides]
        states += [f"{len(names)} {state}: {', '.join(names)}"] if names else []
    shown = [f"{_named(task)} {task.state}" for task in decision.tasks if not task.decides]
    states += [f"{len(shown)} shown alone: {', '.join(shown)}"] if shown else []
    if not states:
        return ""
    lowest = worst(decision.tasks)
    measured = f" Worst: {lowest.task}, {_change(lowest)}." if lowest and lowest.state is not State.HOLD else ""
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


def review_lines(report: ReviewReport) -> tuple[str, ...]:
    """What holds for all: what was passed over and by whose word, what is not stated, what nobody looked at."""
    subjects = ", ".join(subject for subject, _ in report.not_looked_at)
    return (
        *unseen_lines(report),
        *_allowed(report),
        *identity_lines(report),
        *_equal(report),
        f"This review did not look at: {subjects}.",
    )


def unseen_lines(report: ReviewReport) -> Iterator[str]:
    """What was found and not compared; what was declared and is not there, or left out on purpose; other files."""
    missing = [each for each in report.unseen if each.blocks and each.cause.kind is Kind.DECLARED_MISSING]
    blocking = [each for each in report.unseen if each.blocks and each not in missing]
    declared = [each for each in report.unseen if each.declared]
    others = dict.fromkeys(each.name for each in report.unseen if each.kind == "other")
    if blocking:
        yield f"Found and not compared: {'; '.join(_things(report, blocking))}."
    if missing:
        yield f"Declared and not there: {'; '.join(_things(report, missing))}."
    if declared:
        yield f"Left out on purpose: {'; '.join(_things(report, declared))}."
    if others:
        yield f"Other files, not read: {', '.join(others)}."
    scores = [each for each in report.unseen if each.kind == "score"]
    if scores:
        yield f"Scores in the logs that are not compared: {'; '.join(_things(report, scores))}."


def identity_lines(report: ReviewReport) -> Iterator[str]:
    """Models of which no file tells who they are, and versions that are not stated; only of records from elsewhere."""
    hidden = [each.model for each in report.identities if not each.shown]
    if hidden:
        everybody = len(hidden) == len(report.identities)
        yield UNSHOWN.format(names="any model" if everybody else ", ".join(hidden))
    names = Counter(each.name for each in report.identities if each.shown and each.role != "control")
    for shared in (name for name, count in names.items() if count > 1 and name):
        arguments = "; ".join(
            f"{each.model}: {each.arguments or 'none'}" for each in report.identities if each.name == shared
        )
        yield f"Told apart by their arguments alone, all named {shared}: {arguments}."
    logged = [each for each in report.identities if each.logged and each.shown]
    for what, version in (("lm-evaluation-harness", "harness"), ("the library", "library")):
        unstated = [each.model for each in logged if not getattr(each, version)]
        if unstated:
            yield UNSTATED.format(what=what, names=", ".join(unstated))


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


def unseen_table(report: ReviewReport) -> Table:
    """Every thing that is not compared."""
    rows = tuple(
        (
            each.candidate,
            each.kind,
            each.name,
            clauses(each.causes),
            each.declared or ("—" if each.kind == "other" else "nobody"),
        )
        for each in report.unseen
    )
    caption = (
        "What nobody left out on purpose keeps its candidate from SHIP; so does what was declared and is not there. "
        "Other files block nothing."
    )
    header = ("candidate", "what", "name", "why", "left out by")
    return Table("unseen", "Found and not compared", caption, header, rows)


def identity_table(report: ReviewReport) -> Table:
    """Whose records these are."""
    rows = tuple(
        (
            each.model,
            each.role,
            *(text or "not stated" for text in (each.name, each.engine, each.arguments, each.harness, each.library)),
        )
        for each in report.identities
    )
    caption = "As the results files of logs, or the manifests of Assay's own runs, tell."
    header = ("model", "role", "name or weights", "engine", "arguments", "lm-evaluation-harness", "library")
    return Table("identities", "Whose records these are", caption, header, rows)


def _named(task: TaskState) -> str:
    """A task with what its state leaves unsaid."""
    if task.state is State.OPEN:
        return open_task(task)
    return f"{task.task} {_change(task)}" if task.state is State.HOLD else task.task


def _change(task: TaskState) -> str:
    by = "" if task.scoring == "acc" else f" by {task.scoring}"
    return _cell(task.change) + by


def _cell(change: Estimate) -> str:
    return cell(replace(change, mde=None))


def _task_row(decision: Decision, task: TaskState) -> tuple[str, ...]:
    why = unknown(task) or "—"
    return (
        decision.candidate,
        task.task,
        task.role.value,
        task.state.value,
        _change(task),
        optional(task.lower_bound, lambda value: number(task.change.measure, value)),
        task_margin(task),
        cell(task.recovery, with_n=False),
        cell(task.baseline, with_n=False) + _expected(task),
        number("accuracy", task.chance),
        probability(task.loss_p),
        why,
    )


def task_margin(task: TaskState) -> str:
    """The loss that is acceptable, in points, as the recovery that is asked for, or both."""
    loss = [] if task.threshold is None else [unsigned("accuracy_change", -task.threshold)]
    kept = [] if task.recovery_threshold is None else [f"recovery {number('recovery', task.recovery_threshold)}"]
    return ", ".join([*loss, *kept])


def _expected(task: TaskState) -> str:
    return "" if task.expected is None else f" (expected {number('accuracy', task.expected)})"


def _things(report: ReviewReport, rows: Iterable[Unseen]) -> Iterator[str]:
    """Each thing once; for which candidates, where it is not all of them."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in rows:
        by = f", by {each.declared}" if each.declared else ""
        found.setdefault((each.name, f"{clauses(each.causes)}{by}"), []).append(each.candidate)
    for (name, why), candidates in found.items():
        whose = "" if len(candidates) == len(report.candidates) else f" of {', '.join(candidates)}"
        yield f"{name}{whose} ({why})"


def _equal(report: ReviewReport) -> Iterator[str]:
    """Tasks of which half the items or more are equal to the last bit: a cache that two models share looks so."""
    rows = [(each, *row) for each in report.choices for row in each.equal if each.role == "candidate"]
    counts = [
        f"{same} of {items} items of {task} ({each.model})"
        for each, task, (same, items) in rows
        if same < items and 2 * same >= items
    ]
    if counts:
        yield f"Log-probabilities equal to the last bit: {', '.join(counts)}."


def _allowed(report: ReviewReport) -> Iterator[str]:
    """What the config allows that else keeps a candidate from SHIP."""
    if report.allow_different:
        names = ", ".join(report.allow_different)
        values = "; ".join(
            f"{each.model} {', '.join(filter(None, (each.harness, each.library)))}" for each in report.identities
        )
        yield f"Allowed by the config to differ between the models: {names} ({values})."
    if report.same_name:
        yield 'Allowed by the config: two models may share a name and arguments (same_name = "allowed").'
    if report.identical:
        yield 'Allowed by the config: two models may compute the same to the last bit (identical = "allowed").'
