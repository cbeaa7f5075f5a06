"""The decision: SHIP, HOLD, INCONCLUSIVE or UNFIT for each candidate, why, and what would settle it.

In: bounds of the primary measure, of the limits and of each task, what was not looked at, and reasons why evidence is
unfit. Out: Decisions and an exit code. Pure: nothing is read, nothing is measured here.
Source: DESIGN section 7; non-inferiority at a margin declared before the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.decision.gate_causes import contradictions, decision_causes, settling
from analysis.decision.gate_words import Evidence, Gate, Word, blocks_open, limit_word, primary_word
from analysis.decision.task_states import State, TaskState, task_states
from analysis.statistics.causes import Cause
from analysis.statistics.estimates import ALPHA
from ledger.errors import EXIT_HOLD, EXIT_INCONCLUSIVE, EXIT_SHIP, EXIT_UNFIT

EXIT_CODES = {
    Word.SHIP: EXIT_SHIP,
    Word.HOLD: EXIT_HOLD,
    Word.INCONCLUSIVE: EXIT_INCONCLUSIVE,
    Word.UNFIT: EXIT_UNFIT,
}
PRECEDENCE = (Word.HOLD, Word.UNFIT, Word.INCONCLUSIVE, Word.SHIP)


@dataclass(frozen=True)
class Decision:
    """One candidate's decision; `alpha` is the one-sided error rate that its bounds were taken at.

    `causes` made the word, `settling` is what would settle one that is open or unfit. `blockers` say what was found and
    not compared, or looks like one model twice: with one of them nothing ships. `beside` is what a reader must know
    beside the word, and what made none: judges and judged measures that contradict the primary one, and settings that
    the baseline did not have.
    """

    candidate: str
    word: Word
    causes: tuple[Cause, ...]
    settling: tuple[Cause, ...]
    primary: Gate
    limits: tuple[Gate, ...]
    tasks: tuple[TaskState, ...]
    blockers: tuple[Cause, ...]
    alpha: float
    lower_bound: float | None
    upper_bound: float | None
    beside: tuple[Cause, ...] = ()

    @property
    def step(self) -> int:
        """Which of the bounds decided: those at level 0.05 / step."""
        return round(ALPHA / self.alpha)


def decisions(evidence: Sequence[Evidence], family_wise: Literal["each", "holm"]) -> tuple[Decision, ...]:
    """A decision for each candidate, in the given order.

    `each` takes every bound at 5 %. `holm` starts at 5 % over the number of candidates; whenever that settles (SHIP or
    HOLD) k of them, the rest are tried at 5 % over what remains, until a step settles none.
    """
    steps = _holm_steps(evidence) if family_wise == "holm" else {}
    return tuple(_decision(each, steps.get(each.candidate, 1)) for each in evidence)


def overall(found: Sequence[Decision]) -> Word:
    """HOLD if any candidate holds, else UNFIT if any is unfit, else INCONCLUSIVE if any is, else SHIP."""
    words = {decision.word for decision in found} or {Word.UNFIT}
    return next(word for word in PRECEDENCE if word in words)


def word_at(evidence: Evidence, step: int) -> Word:
    """The word with one-sided bounds at level 0.05 / step."""
    limits = {limit_word(limit, step) for limit in evidence.limits}
    tasks = task_states(evidence.tasks, step)
    word = primary_word(evidence.primary, step)
    held = any(task.state is State.HOLD and task.decides for task in tasks)
    if Word.HOLD in limits or held or word is Word.HOLD:
        return Word.HOLD
    if evidence.blockers:
        return Word.UNFIT
    open_task = any(blocks_open(evidence, task) for task in tasks)
    return Word.INCONCLUSIVE if word is Word.SHIP and (open_task or limits - {Word.SHIP}) else word


def _holm_steps(evidence: Sequence[Evidence]) -> dict[str, int]:
    steps: dict[str, int] = {}
    rest = list(evidence)
    while rest:
        step = len(rest)
        settled = [each for each in rest if word_at(each, step) in (Word.SHIP, Word.HOLD)]
        steps.update({each.candidate: step for each in (settled or rest)})
        rest = [each for each in rest if each.candidate not in steps]
    return steps


def _decision(evidence: Evidence, step: int) -> Decision:
    word, primary = word_at(evidence, step), evidence.primary
    bounds = primary.estimate.lower_bounds, primary.estimate.upper_bounds
    tasks = task_states(evidence.tasks, step)
    return Decision(
        candidate=evidence.candidate,
        word=word,
        causes=decision_causes(evidence, tasks, word, step),
        settling=tuple(settling(evidence, tasks, step)) if word in (Word.INCONCLUSIVE, Word.UNFIT) else (),
        primary=primary,
        limits=evidence.limits,
        tasks=tasks,
        blockers=evidence.blockers,
        alpha=ALPHA / step,
        lower_bound=bounds[0][step - 1] if bounds[0] else None,
        upper_bound=bounds[1][step - 1] if bounds[1] else None,
        beside=(*contradictions(evidence, step), *evidence.beside),
    )
