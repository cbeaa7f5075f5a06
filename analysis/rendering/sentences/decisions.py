"""A decision in words: its sentence, its causes one by one, and what would settle it.

In: Decisions and their tasks. Out: plain sentences, the same in every format of the report.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from analysis.decision.decisions import Decision
from analysis.decision.gate_words import Word
from analysis.decision.task_states import State, TaskState, worst_first
from analysis.rendering.sentences.clauses import clause, part
from analysis.statistics.causes import Cause, Kind

MOST_REASONS = 2
MOST_NAMES = 3  # of things that are not compared for one reason; a line of their own has them all
OPENINGS: Mapping[Word, str] = {
    Word.SHIP: "may replace the baseline",
    Word.HOLD: "must not replace the baseline yet",
    Word.INCONCLUSIVE: "cannot be decided yet",
    Word.UNFIT: "cannot be decided, because the evidence is unfit",
}


def sentence(decision: Decision, *, beside_tasks: bool = False) -> str:
    """The decision in one sentence; open tasks are named, because the word does not speak for them.

    Why they are open is said where more of them could change the word. `beside_tasks`: the numbers of tasks that lost
    stand beside it. What a reader must know beside the word follows it.
    """
    return " ".join(filter(None, [verdict(decision, beside_tasks=beside_tasks), asides(decision)]))


def asides(decision: Decision) -> str:
    """What stands beside the word and made none; not what a cause of the word says already."""
    told = "; ".join(cause_texts(decision))
    return " ".join(clause(each) for each in decision.beside if part(each) not in told)


def verdict(decision: Decision, *, beside_tasks: bool = False, most: int = 0) -> str:
    """The word and its reasons, at most so many of them where a number is given."""
    texts, unfit = list(_reasons(decision.causes, beside_tasks)), decision.word is Word.UNFIT
    most = most or (MOST_REASONS if unfit else len(texts))
    more = len(texts) - most
    rest = [f"and {more} more {'reason' if more == 1 else 'reasons'}, listed in the report"] if more > 0 else []
    said = {cause.subject for cause in decision.causes if cause.kind is Kind.TASK_UNPROVEN}
    named = [task for task in decision.tasks if task.state is State.OPEN and task.decides and task.task not in said]
    held = decision.word is Word.HOLD
    unknown = [] if unfit else [task.task if held else open_task(task) for task in worst_first(named)]
    blind = [f"open: {', '.join(unknown)}"] if unknown else []
    parts = [*texts[:most], *rest, *blind]
    return f"{decision.candidate} {OPENINGS[decision.word]}: {'; '.join(parts)}."


def _reasons(causes: Sequence[Cause], beside_tasks: bool) -> Iterator[str]:
    """Each reason once: what is not compared for the same one is named together, after it."""
    alike: dict[tuple[Cause, ...], list[str]] = {}
    for cause in causes:
        if cause.kind is Kind.NOT_COMPARED:
            alike.setdefault(cause.causes, []).append(cause.subject)
    for cause in causes:
        if cause.kind is not Kind.NOT_COMPARED:
            bare = beside_tasks and cause.kind is Kind.TASK_LOST
            yield part(replace(cause, numbers={}) if bare else cause)
        elif names := alike.pop(cause.causes, None):
            said = bool(cause.causes) and all(each in causes for each in cause.causes)
            yield part(cause) if len(names) == 1 and not said else _together(names, cause.causes, said)


def _together(names: Sequence[str], why: Sequence[Cause], said: bool) -> str:
    rest = len(names) - MOST_NAMES
    listed = ", ".join(names[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
    if said:
        return f"so {listed} {'is' if len(names) == 1 else 'are'} not compared"
    return f"{listed} were found and are not compared: {'; '.join(map(part, why))}"


def cause_texts(decision: Decision) -> list[str]:
    """Each cause as a clause of the sentence."""
    return [part(cause) for cause in decision.causes]


def advice(decision: Decision) -> str:
    """What would settle the decision; empty where it is settled."""
    return " ".join(map(clause, decision.settling))


def open_task(task: TaskState) -> str:
    """An open task's name, and what is not known of it."""
    return f"{task.task} ({unknown(task)})"


def unknown(task: TaskState) -> str:
    """What is not known of a task; empty where it is not open."""
    return clause(task.why) if task.why else ""
