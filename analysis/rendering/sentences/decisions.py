"""A decision in words: its sentence, its causes one by one, and what would settle it.

In: Decisions and their tasks. Out: plain sentences, the same in every format of the report.
"""

from collections.abc import Mapping

from analysis.decision.decisions import Decision
from analysis.decision.gate_words import Word
from analysis.decision.task_states import State, TaskState
from analysis.rendering.sentences.clauses import clause, part
from analysis.statistics.causes import Kind

MOST_REASONS = 2
OPENINGS: Mapping[Word, str] = {
    Word.SHIP: "may replace the baseline",
    Word.HOLD: "must not replace the baseline yet",
    Word.INCONCLUSIVE: "cannot be decided yet",
    Word.UNFIT: "cannot be decided, because the evidence is unfit",
}


def sentence(decision: Decision) -> str:
    """The decision in one sentence; open tasks are named, because the word does not speak for them."""
    texts, unfit = cause_texts(decision), decision.word is Word.UNFIT
    more = len(texts) - MOST_REASONS if unfit else 0
    rest = [f"and {more} more {'reason' if more == 1 else 'reasons'}, listed in the report"] if more > 0 else []
    said = {cause.subject for cause in decision.causes if cause.kind is Kind.TASK_UNPROVEN}
    named = [task for task in decision.tasks if task.state is State.OPEN and task.decides and task.task not in said]
    unknown = [] if unfit else [open_task(task) for task in named]
    blind = [f"open: {', '.join(unknown)}"] if unknown else []
    parts = [*(texts[:MOST_REASONS] if rest else texts), *rest, *blind]
    return f"{decision.candidate} {OPENINGS[decision.word]}: {'; '.join(parts)}."


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
