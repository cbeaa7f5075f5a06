"""The decision in words: its sentence, its causes, and what would settle it.

In: the evidence that one candidate is decided by, and its word. Out: plain sentences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analysis.decision.gate_words import Evidence, Gate, Word, limit_word, primary_word
from analysis.decision.sample_size import needed
from analysis.decision.task_states import State, TaskState
from analysis.statistics.estimates import ALPHA, Estimate
from analysis.statistics.formatting import apart, cell, number

MOST_REASONS = 2
UNSEEN = "Compare what was found, or leave it out on purpose (leave_out), before this is signed."


def causes_of(evidence: Evidence, tasks: Sequence[TaskState], word: Word, step: int) -> tuple[str, ...]:
    """The rows that made the word, each as a clause."""
    primary = evidence.primary
    if word is Word.UNFIT:
        own = () if primary.fit else _unfit_causes(primary)
        return (*own, *(each for each in evidence.blockers if each not in own))
    words = [(limit, limit_word(limit, step)) for limit in evidence.limits]
    if word is Word.HOLD:
        below = [_bound_clause(primary, step, 1, "below")] if primary_word(primary, step) is Word.HOLD else []
        lost = [_lost(task) for task in tasks if task.state is State.HOLD]
        return (*below, *lost, *(_over(limit, step) for limit, own in words if own is Word.HOLD))
    held = [_kept(limit, step) if own is Word.SHIP else _open(limit, step) for limit, own in words]
    return (_primary_clause(primary, step), *held)


def _primary_clause(primary: Gate, step: int) -> str:
    estimate, measure = primary.estimate, primary.estimate.measure
    if estimate.identical:
        return _same_clause(estimate)
    if estimate.lower_bounds[step - 1] > primary.threshold:
        return _bound_clause(primary, step, 0, "above")
    ends = (estimate.lower_bounds[step - 1], estimate.upper_bounds[step - 1])
    low, high = (apart(measure, end, primary.threshold)[0] for end in ends)
    return f"{measure} may lie on either side of {number(measure, primary.threshold)} (bounds {low} and {high})"


def _same_clause(estimate: Estimate) -> str:
    """The measured value beside it, because a judge asked twice about one text may rate it twice."""
    measured = "" if estimate.value is None else f" ({estimate.measure} {number(estimate.measure, estimate.value)})"
    return f"both models' own records are identical byte for byte{measured}"


def _bound_clause(primary: Gate, step: int, side: int, where: str) -> str:
    measure = primary.estimate.measure
    bound = (primary.estimate.lower_bounds, primary.estimate.upper_bounds)[side][step - 1]
    shown, margin = apart(measure, bound, primary.threshold)
    return f"{measure} lies {where} {margin} ({('lower', 'upper')[side]} bound {shown})"


def _over(limit: Gate, step: int) -> str:
    measure = limit.estimate.measure
    shown, most = apart(measure, limit.estimate.lower_bounds[step - 1], limit.threshold)
    return f"{measure} lies over the limit of {most} (lower bound {shown})"


def _kept(limit: Gate, step: int) -> str:
    measure = limit.estimate.measure
    most = number(measure, limit.threshold)
    if limit.estimate.identical:
        return _same_clause(limit.estimate)
    shown = number(measure, limit.estimate.upper_bounds[step - 1])
    return f"{measure} lies within the limit of {most} (upper bound {shown})"


def _open(limit: Gate, step: int) -> str:
    measure = limit.estimate.measure
    most = number(measure, limit.threshold)
    if not limit.fit:
        return f"{measure} cannot be held against its limit of {most}: {'; '.join(_unfit_causes(limit))}"
    shown, most = apart(measure, limit.estimate.upper_bounds[step - 1], limit.threshold)
    return f"{measure} may lie over the limit of {most} (upper bound {shown})"


def _unfit_causes(gate: Gate) -> tuple[str, ...]:
    causes = gate.unfit or (f"{gate.estimate.measure}: {gate.estimate.missing or 'no bounds'}",)
    return tuple(cause.removesuffix(".") for cause in causes)  # clauses of one sentence


OPENINGS: Mapping[Word, str] = {
    Word.SHIP: "may replace the baseline",
    Word.HOLD: "must not replace the baseline yet",
    Word.INCONCLUSIVE: "cannot be decided yet",
    Word.UNFIT: "cannot be decided, because the evidence is unfit",
}


def sentence_of(candidate: str, word: Word, causes: tuple[str, ...], tasks: Sequence[TaskState]) -> str:
    """The decision in words; open tasks are named, because the word does not speak for them."""
    more = len(causes) - MOST_REASONS if word is Word.UNFIT else 0
    rest = [f"and {more} more {'reason' if more == 1 else 'reasons'}, listed in the report"] if more > 0 else []
    told = [*(causes[:MOST_REASONS] if rest else causes), *rest]
    unknown = [open_task(task) for task in tasks if task.state is State.OPEN] if word is not Word.UNFIT else []
    blind = [f"open: {', '.join(unknown)}"] if unknown else []
    return f"{candidate} {OPENINGS[word]}: {'; '.join([*told, *blind])}."


def open_task(task: TaskState) -> str:
    """An open task's name, and what is not known of it."""
    measure, low = task.change.measure, task.lower_bound
    if not task.fit or low is None:
        return f"{task.task} (its evidence is unfit)" if not task.fit else f"{task.task} ({task.change.missing})"
    if not task.beats_chance:
        share, chance = (number("accuracy", each) for each in (task.baseline.value or 0.0, task.chance))
        return f"{task.task} (the baseline itself, {share}, is not shown to beat guessing, {chance})"
    return f"{task.task} (losses down to {number(measure, low)} not excluded)"


def _lost(task: TaskState) -> str:
    """A task whose loss is shown, with its change and interval."""
    by = "" if task.scoring == "acc" else f" by {task.scoring}"
    return f"{task.task} lost more than the margin{by}: {cell(replace(task.change, mde=None))}"


def settling(evidence: Evidence, step: int) -> str:
    """What more evidence is needed, gate by gate."""
    words = [(evidence.primary, primary_word(evidence.primary, step))]
    words += [(limit, limit_word(limit, step)) for limit in evidence.limits]
    unseen = [UNSEEN] if evidence.blockers else []
    return " ".join([*unseen, *(_advice(gate, step) for gate, word in words if word is not Word.SHIP)])


def _advice(gate: Gate, step: int) -> str:
    estimate = gate.estimate
    if not gate.fit:
        return f"Mend the evidence of {estimate.measure} first; more of the same {estimate.unit} do not help."
    return needed(estimate, gate.threshold, ALPHA / step)
