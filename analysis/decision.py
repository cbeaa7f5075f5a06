"""The decision: SHIP, HOLD, INCONCLUSIVE or UNFIT for each candidate, why, and what would settle it.

In: bounds of the primary measure and of the limits, and reasons why evidence is unfit. Out: Decisions and an exit code.
Pure: nothing is read, nothing is measured here.
Source: DESIGN section 7; non-inferiority at a margin declared before the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from analysis.estimates import ALPHA, Estimate
from analysis.numbers import apart, number
from analysis.plan import needed
from ledger.errors import EXIT_HOLD, EXIT_INCONCLUSIVE, EXIT_SHIP, EXIT_UNFIT


class Word(StrEnum):
    """What the evidence allows."""

    SHIP = "SHIP"
    HOLD = "HOLD"
    INCONCLUSIVE = "INCONCLUSIVE"
    UNFIT = "UNFIT"


EXIT_CODES = {
    Word.SHIP: EXIT_SHIP,
    Word.HOLD: EXIT_HOLD,
    Word.INCONCLUSIVE: EXIT_INCONCLUSIVE,
    Word.UNFIT: EXIT_UNFIT,
}
MOST_REASONS = 2
PRECEDENCE = (Word.HOLD, Word.UNFIT, Word.INCONCLUSIVE, Word.SHIP)


@dataclass(frozen=True)
class Gate:
    """A measure that decides: the estimate, the threshold, and every reason why its evidence is unfit.

    For the primary measure `threshold` is -margin and more is better; for a limit it is the limit and less is better.
    """

    estimate: Estimate
    threshold: float
    unfit: tuple[str, ...] = ()

    @property
    def fit(self) -> bool:
        """Whether its bounds may decide."""
        return not self.unfit and bool(self.estimate.lower_bounds or self.estimate.identical)


@dataclass(frozen=True)
class Evidence:
    """What one candidate is decided by."""

    candidate: str
    primary: Gate
    limits: tuple[Gate, ...] = ()


@dataclass(frozen=True)
class Decision:
    """One candidate's decision; `alpha` is the one-sided error rate that its bounds were taken at."""

    candidate: str
    word: Word
    sentence: str
    causes: tuple[str, ...]
    settle: str
    primary: Gate
    limits: tuple[Gate, ...]
    alpha: float
    lower_bound: float | None
    upper_bound: float | None

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
    if Word.HOLD in limits:
        return Word.HOLD
    word = primary_word(evidence.primary, step)
    return Word.INCONCLUSIVE if word is Word.SHIP and limits - {Word.SHIP} else word


def primary_word(primary: Gate, step: int) -> Word:
    """What the primary measure says by itself with bounds at level 0.05 / step."""
    if not primary.fit:
        return Word.UNFIT
    if primary.estimate.identical or primary.estimate.lower_bounds[step - 1] > primary.threshold:
        return Word.SHIP
    return Word.HOLD if primary.estimate.upper_bounds[step - 1] < primary.threshold else Word.INCONCLUSIVE


def limit_word(limit: Gate, step: int) -> Word:
    """What one limit says by itself; on unfit evidence it stays open, and never makes UNFIT."""
    if not limit.fit:
        return Word.INCONCLUSIVE
    if limit.estimate.identical or limit.estimate.upper_bounds[step - 1] <= limit.threshold:
        return Word.SHIP
    return Word.HOLD if limit.estimate.lower_bounds[step - 1] > limit.threshold else Word.INCONCLUSIVE


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
    causes = _causes(evidence, word, step)
    return Decision(
        candidate=evidence.candidate,
        word=word,
        sentence=_sentence(evidence, word, causes),
        causes=causes,
        settle=_settle(evidence, step) if word in (Word.INCONCLUSIVE, Word.UNFIT) else "",
        primary=primary,
        limits=evidence.limits,
        alpha=ALPHA / step,
        lower_bound=bounds[0][step - 1] if bounds[0] else None,
        upper_bound=bounds[1][step - 1] if bounds[1] else None,
    )


def _causes(evidence: Evidence, word: Word, step: int) -> tuple[str, ...]:
    """The rows that made the word, each as a clause."""
    primary = evidence.primary
    if word is Word.UNFIT:
        return _unfit_causes(primary)
    words = [(limit, limit_word(limit, step)) for limit in evidence.limits]
    if word is Word.HOLD:
        below = [_bound_clause(primary, step, 1, "below")] if primary_word(primary, step) is Word.HOLD else []
        return (*below, *(_over(limit, step) for limit, own in words if own is Word.HOLD))
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


def _sentence(evidence: Evidence, word: Word, causes: tuple[str, ...]) -> str:
    more = len(causes) - MOST_REASONS if word is Word.UNFIT else 0
    rest = [f"and {more} more {'reason' if more == 1 else 'reasons'}, listed in the report"] if more > 0 else []
    told = [*(causes[:MOST_REASONS] if rest else causes), *rest]
    return f"{evidence.candidate} {OPENINGS[word]}: {'; '.join(told)}."


def _settle(evidence: Evidence, step: int) -> str:
    """What more evidence is needed, gate by gate."""
    words = [(evidence.primary, primary_word(evidence.primary, step))]
    words += [(limit, limit_word(limit, step)) for limit in evidence.limits]
    return " ".join(_advice(gate, step) for gate, word in words if word is not Word.SHIP)


def _advice(gate: Gate, step: int) -> str:
    estimate = gate.estimate
    if not gate.fit:
        return f"Mend the evidence of {estimate.measure} first; more of the same {estimate.unit} do not help."
    return needed(estimate, gate.threshold, ALPHA / step)
