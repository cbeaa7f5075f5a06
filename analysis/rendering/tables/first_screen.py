"""The page's first screen: what was asked, each candidate's word, and five places that say what stands behind it.

In: a ReviewReport. Out: Panels of plain text: the tasks, what candidates write, what the judge may say, what was not
looked at; the evidence strip is the fifth (strip.py). Two minutes for a reader who does not know this tool. A number
stands once: what the rows of the decision say is not said again here.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.decision.decisions import PRECEDENCE, Decision
from analysis.decision.task_states import State, TaskState
from analysis.rendering.sentences.cells import cell, interval, value_cell
from analysis.rendering.sentences.clauses import clause, clauses, part
from analysis.rendering.sentences.decisions import sentence, unknown
from analysis.rendering.sentences.numbers import NOT_MEASURED, limit_number, number, unsigned
from analysis.rendering.tables.evidence import exam_mark
from analysis.rendering.tables.looked_at import review_lines
from analysis.rendering.tables.positive_control import judged_lines, missing_lines, written_lines
from analysis.rendering.tables.review import EXAM_WARNINGS, SHAPES, choice_warnings, foremost, judge_warnings, ranked
from analysis.rendering.tables.rollouts import rollout_line
from analysis.rendering.tables.tasks import lost_parts, lowest_parts, task_change, task_margin, task_notes
from analysis.rendering.tables.writing import TITLE, writing_lines
from analysis.review.not_looked_at import FREE_TEXT
from analysis.review.review_report import ReviewReport
from analysis.summaries.judge_reports import JudgeReport
from analysis.summaries.panel import PANEL

STATE_SIGNS = {State.HOLD: "■", State.OPEN: "◆", State.CLEARED: "●"}
UNREAD = "The texts themselves are not measured; only a judge, or token probabilities, speak of them."
UNRATED = "Whether an answer is right or good is not in its looks: only a judge, or checked answers, say that."
JUDGELESS = "No judge: nobody says which answers are better."


@dataclass(frozen=True)
class StateCell:
    """What became of a task of one candidate; `more` is for a reader who points at it."""

    text: str
    more: str = ""


@dataclass(frozen=True)
class StateRow:
    """A task, what is asked of it where that is not the usual, and a cell per candidate."""

    task: str
    notes: str
    cells: tuple[StateCell, ...]


@dataclass(frozen=True)
class States:
    """The tasks that not every candidate has cleared, in the candidates' order."""

    candidates: tuple[str, ...]
    rows: tuple[StateRow, ...]


@dataclass(frozen=True)
class Panel:
    """One place of the first screen; `target` is the section that has the rest."""

    id: str
    title: str
    target: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    states: States | None = None


def headline(report: ReviewReport) -> str:
    """The word; where candidates have different ones, how many have which, because no word is true of all."""
    if len({decision.word for decision in report.decisions}) <= 1:
        return f"{SHAPES[report.word]} {report.word}"
    return counted(report.decisions)


def counted(decided: Sequence[Decision]) -> str:
    """How many of these candidates have which word."""
    counts = Counter(decision.word for decision in decided)
    return ", ".join(f"{counts[word]} {word}" for word in PRECEDENCE if counts[word])


def asked(report: ReviewReport) -> str:
    """What was asked of whom, in one line; the rest of the settings stands at the foot."""
    several = f"{len(report.decisions)} candidates" if len(report.decisions) > 1 else "1 candidate"
    counts = (f"{report.questions} questions", f"{report.items} items")
    limits = ", ".join(f"{name} ≤ {limit_number(name, most)}" for name, most in report.limits)
    return "; ".join(
        (
            f"{several} against {report.baseline}",
            ", ".join(count for count in counts if not count.startswith("0 ")) or "no question and no item",
            f"primary measure {report.primary}, margin {unsigned(report.primary, report.margin)}",
            *([f"limits {limits}"] if limits else []),
        )
    )


def panels(report: ReviewReport, notes: tuple[str, ...] = ()) -> tuple[Panel, ...]:
    """The four places; `notes` are the page's own, for the last one."""
    return (
        _tasks(report),
        Panel("writes", TITLE, "writing" if report.writing else "traces", (*_written(report), *written_lines(report))),
        Panel(
            "judge",
            "What the judge may say",
            "exam",
            (*_judged(report), *judged_lines(report)),
            judge_warnings(report),
        ),
        Panel(
            "unlooked",
            "What was not looked at",
            "methods",
            (
                *missing_lines(report),
                *review_lines(report),
                *(f"Note: {clause(note)}" for note in report.notes),
                *notes,
            ),
        ),
    )


def beside(decision: Decision, description: str) -> str:
    """The words beside a candidate's drawing; why nothing was measured is not said again where its sentence says it."""
    lacking = decision.primary.estimate.missing
    if decision.primary.estimate.value is None and lacking and part(lacking) in sentence(decision):
        return NOT_MEASURED
    return description


def _tasks(report: ReviewReport) -> Panel:
    """Each task's state for each candidate; one that all have cleared is a name in a line."""
    decided = ranked(report.decisions)
    by_name: dict[str, list[TaskState | None]] = {}
    for place, decision in enumerate(decided):
        for task in decision.tasks:
            by_name.setdefault(task.task, [None] * len(decided))[place] = task
    notes = {name: next(task_notes(task, report.task_margin) for task in row if task) for name, row in by_name.items()}
    clear = [name for name, row in by_name.items() if all(task and task.state is State.CLEARED for task in row)]
    rows = tuple(
        StateRow(name, notes[name], tuple(map(_state_cell, row, decided)))
        for name, row in by_name.items()
        if name not in clear
    )
    states = States(tuple(decision.candidate for decision in decided), rows) if rows else None
    named = ", ".join(f"{name} ({notes[name]})" if notes[name] else name for name in clear)
    lines = [f"Cleared{'' if len(decided) == 1 else ' by every candidate'}: {named}."] if clear else []
    lines += [] if by_name else [_why_no_task(report)]
    lines += [f"Parts of tasks that lost: {lost} ({each.candidate})." for each in decided if (lost := lost_parts(each))]
    lows = [f"{low} ({each.candidate})" for each in foremost(decided) if (low := lowest_parts(each))]
    lines += [f"Lowest parts: {'; '.join(lows)}."] if lows else []
    return Panel("tasks", "Tasks", "decision", tuple(lines), choice_warnings(report), states)


def _state_cell(task: TaskState | None, decision: Decision) -> StateCell:
    """State and change, a loss with its interval; not the change that stands in the candidate's own row."""
    if task is None:
        return StateCell("—")
    guesses = task.state is State.OPEN and not task.beats_chance and task.unfit is None
    why = ", baseline guesses" if guesses else ", unfit" if task.unfit else ""
    drawn, change = decision.primary.estimate, task.change
    known = (change.measure, cell(change)) == (drawn.measure, cell(drawn))
    ends = f" {interval(change)}" if task.state is State.HOLD and change.interval else ""
    numbers = "" if known else f" {value_cell(change)}{ends}"
    bound = [] if task.lower_bound is None else [f"lower bound {number(change.measure, task.lower_bound)}"]
    more = [task_change(task), *bound, f"margin {task_margin(task)}", *filter(None, [unknown(task)])]
    return StateCell(f"{STATE_SIGNS[task.state]} {task.state}{why}{numbers}", "; ".join(more))


def _why_no_task(report: ReviewReport) -> str:
    areas = dict(report.not_looked_at)
    why = areas.get("multiple choice")
    return f"No task: {part(why)}." if why else "No task could be compared."


def _written(report: ReviewReport) -> Iterator[str]:
    """What is known of the texts apart from any judge."""
    if why := dict(report.not_looked_at).get(FREE_TEXT):
        text = part(why)
        yield f"{text[:1].upper()}{text[1:]}."
    if report.identical_answers:
        yield f"Word for word the baseline's answers: {', '.join(report.identical_answers)}."
    traced = [each for each in report.traces if each.role == "candidate" and not each.fault]
    if traced:
        tokens = ", ".join(f"{each.model} {cell(each.kl, with_n=False)}" for each in traced)
        yield f"KL along the baseline's own answers: {tokens}."
    yield from filter(None, [rollout_line(report)])
    yield from writing_lines(report.writing)
    if report.questions:
        yield UNRATED if any(each.role == "candidate" for each in report.writing) else UNREAD


def _judged(report: ReviewReport) -> Iterator[str]:
    """Whether each judge's word counts; a warning says it of one whose exam does not let it."""
    if not report.judges:
        yield JUDGELESS
    for judge in report.judges:
        if judge.exam.state in EXAM_WARNINGS:
            continue
        yield f"{judge.name}{_exam(judge)}: {'decides nothing' if judge.unfit else 'its word counts'}{_why(judge)}."


def _exam(judge: JudgeReport) -> str:
    return "" if judge.name == PANEL else f", exam {exam_mark(judge)}"


def _why(judge: JudgeReport) -> str:
    """Faults beside the exam, whose mark says it all."""
    return f" ({clauses(judge.faults)})" if judge.faults else ""
