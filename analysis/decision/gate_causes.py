"""Why a decision is the word that it is, and what would settle it: the gates that spoke, with their numbers.

In: the evidence that one candidate is decided by, and its word. Out: Causes; rendering/sentences/ writes them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from scipy import stats

from analysis.decision.gate_words import Evidence, Gate, Word, blocks_open, limit_word, primary_word
from analysis.decision.sample_size import needed
from analysis.decision.task_states import State, TaskState
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA
from analysis.statistics.mean_distance import ENDLESS

FOR_WANT_OF_UNITS = {Kind.UNDER_COVERAGE, Kind.BASELINE_GUESSES}


def decision_causes(evidence: Evidence, tasks: Sequence[TaskState], word: Word, step: int) -> tuple[Cause, ...]:
    """The rows that made the word, with bounds at level 0.05 / step."""
    primary = evidence.primary
    if word is Word.UNFIT:
        own = () if primary.fit else _unfit(primary)
        return (*own, *(each for each in evidence.blockers if each not in own))
    words = [(limit, limit_word(limit, step)) for limit in evidence.limits]
    if word is Word.HOLD:
        below = [_primary(primary, step)] if primary_word(primary, step) is Word.HOLD else []
        lost = [_lost(task) for task in tasks if task.state is State.HOLD and task.decides]
        return (*below, *lost, *(_limit(limit, own, step) for limit, own in words if own is Word.HOLD))
    unproven = (_unproven(task) for task in tasks if blocks_open(evidence, task))
    return (_primary(primary, step), *unproven, *(_limit(limit, own, step) for limit, own in words))


def settling(evidence: Evidence, tasks: Sequence[TaskState], step: int) -> Iterator[Cause]:
    """What more evidence is needed, gate by gate, then task by task where an open one blocks."""
    yield from _blocked(evidence.blockers)
    words = [(evidence.primary, primary_word(evidence.primary, step))]
    words += [(limit, limit_word(limit, step)) for limit in evidence.limits]
    unsettled = [gate for gate, word in words if word is not Word.SHIP]
    blocking = [task for task in tasks if blocks_open(evidence, task)]
    limited = evidence.limited
    if limited and (blocking or any(gate.estimate.unit == "items" for gate in unsettled)):
        yield limited
    for gate in unsettled:
        if gate.fit and not _infinite(gate):
            yield from needed(gate.estimate, gate.threshold, ALPHA / step)
        elif not (limited and gate.estimate.unit == "items" and _lacks_units(gate)):
            yield _mending(gate)
    for task in blocking:
        if not task.unfit and task.lower_bound is not None and (task.beats_chance or not limited):
            yield Cause(Kind.OF_TASK, task.task, causes=tuple(_clearing(task, step)))


def contradictions(evidence: Evidence, step: int) -> Iterator[Cause]:
    """Judges whose own bounds lie wholly on the other side of the margin than the primary measure's, and a loss by the
    other judged measure, games beside ratings or the reverse; words, no gate.
    """
    said = primary_word(evidence.primary, step)
    for name, other in evidence.others:
        if {said, primary_word(other, step)} == {Word.SHIP, Word.HOLD}:
            names = {"primary": evidence.judge}
            yield Cause(Kind.JUDGE_CONTRADICTS, name, names=names, causes=(_primary(other, step),))
    for name, other in evidence.other_measures:
        if said is not Word.HOLD and primary_word(other, step) is Word.HOLD:
            names = {"primary": evidence.primary.name}
            yield Cause(Kind.MEASURE_CONTRADICTS, name, names=names, causes=(_primary(other, step),))


def _blocked(blockers: Sequence[Cause]) -> Iterator[Cause]:
    """What to do about what keeps a candidate from SHIP, whatever the numbers say."""
    unexpected = [each for each in blockers if each.kind is Kind.BASELINE_UNEXPECTED]
    absent = tuple(each.subject for each in blockers if each.kind is Kind.DECLARED_MISSING)
    yield from (Cause(Kind.CHECK_BASELINE, each.subject) for each in unexpected)
    if absent:
        yield Cause(Kind.MEND_DECLARATION, rows=absent)
    if len(unexpected) + len(absent) < len(blockers):
        yield Cause(Kind.COMPARE_UNSEEN)


def _mending(gate: Gate) -> Cause:
    """What an unfit gate asks for: more units where there are too few to say anything, else other evidence."""
    estimate = gate.estimate
    if estimate.needs is not None and estimate.n and _lacks_units(gate):
        return Cause(Kind.MORE_THAN_A_FEW, gate.name, numbers={"n": estimate.n}, names={"unit": estimate.unit})
    return Cause(Kind.MEND_EVIDENCE, gate.name, names={"unit": estimate.unit})


def _lacks_units(gate: Gate) -> bool:
    """Whether more units might mend an unfit gate: nothing else stands against it."""
    return not _infinite(gate) and {cause.kind for cause in gate.unfit} <= FOR_WANT_OF_UNITS


def _clearing(task: TaskState, step: int) -> Iterator[Cause]:
    """What would clear an open task: more items, against the margin that is not cleared yet."""
    if not task.beats_chance:
        yield Cause(Kind.NEVER_CLEARED)
        return
    if task.why and task.why.kind is Kind.RUIN_WITHIN_MARGIN:
        yield Cause(Kind.TIGHTER_MARGIN)
        return
    if task.threshold is not None and task.lower_bound is not None and task.lower_bound <= task.threshold:
        yield from needed(task.change, task.threshold, ALPHA / step)
    kept, least = task.recovery, task.recovery_threshold
    if least is not None and kept and kept.value is not None and kept.lower_bounds[step - 1] <= least:
        error = (kept.value - kept.lower_bounds[step - 1]) / stats.norm.ppf(1 - ALPHA / step)
        yield from needed(replace(kept, sd=float(error) * math.sqrt(kept.n) or None), least, ALPHA / step)


def _primary(gate: Gate, step: int) -> Cause:
    if gate.estimate.identical:
        return _identical(gate)
    kinds = {Word.SHIP: Kind.PRIMARY_ABOVE, Word.HOLD: Kind.PRIMARY_BELOW, Word.INCONCLUSIVE: Kind.PRIMARY_OPEN}
    return Cause(kinds[primary_word(gate, step)], gate.estimate.measure, numbers=_numbers(gate, step))


def _limit(gate: Gate, word: Word, step: int) -> Cause:
    measure, names = gate.estimate.measure, {"task": gate.task} if gate.task else {}
    if not gate.fit:
        unfit = {"threshold": gate.threshold}
        return Cause(Kind.LIMIT_UNFIT, measure, numbers=unfit, names=names, causes=_unfit(gate))
    if gate.estimate.identical:
        return _identical(gate)
    kinds = {Word.SHIP: Kind.LIMIT_WITHIN, Word.HOLD: Kind.LIMIT_OVER, Word.INCONCLUSIVE: Kind.LIMIT_OPEN}
    endless = gate.estimate.lower_bounds[:1] == (ENDLESS,)
    if (endless or word is Word.INCONCLUSIVE) and (infinite := _infinite(gate)):
        numbers = {"threshold": gate.threshold}
        return Cause(Kind.LIMIT_INFINITE, measure, numbers=numbers, names=names, causes=(infinite,))
    return Cause(kinds[word], measure, numbers=_numbers(gate, step), names=names)


def _numbers(gate: Gate, step: int) -> dict[str, float]:
    """The bounds that decide, and what they are held against."""
    sides = {"lower_bound": gate.estimate.lower_bounds, "upper_bound": gate.estimate.upper_bounds}
    return {**{side: bounds[step - 1] for side, bounds in sides.items() if bounds}, "threshold": gate.threshold}


def _infinite(gate: Gate) -> Cause | None:
    """Why an estimate has no upper bound and never will: more units do not make it finite."""
    lacking = gate.estimate.missing
    return lacking if lacking and lacking.kind is Kind.INFINITE else None


def _identical(gate: Gate) -> Cause:
    estimate = gate.estimate
    return Cause(Kind.IDENTICAL, estimate.measure, numbers={} if estimate.value is None else {"value": estimate.value})


def _unfit(gate: Gate) -> tuple[Cause, ...]:
    lacking = gate.estimate.missing or Cause(Kind.NO_BOUNDS)
    return gate.unfit or (Cause(Kind.UNMEASURED, gate.estimate.measure, causes=(lacking,)),)


def _unproven(task: TaskState) -> Cause:
    return Cause(Kind.TASK_UNPROVEN, task.task, causes=(task.why,) if task.why else ())


def _lost(task: TaskState) -> Cause:
    """A task whose loss is shown, with its change and interval; of one item there is none, and the loss may be."""
    change = task.change
    numbers: dict[str, float] = {"n": change.n}
    if change.needs is not None:
        numbers["needs"] = change.needs
    if change.value is not None and change.interval:
        numbers |= {"value": change.value, "low": change.interval[0], "high": change.interval[1]}
    names = {"measure": change.measure, "scoring": task.scoring}
    return Cause(Kind.TASK_LOST, task.task, numbers=numbers, names=names, causes=task.unread)
