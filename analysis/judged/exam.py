"""The judge's exam: may this judge's word count?

In: exam marks. Out: shares of right marks with Wilson intervals, whole and by mode and part, and pass or fail.
The unit is a question within a part: a pair mark counts only if both orders are right. A verdict that cannot be read,
contradicts itself or is refused is not right; a call that never reached the judge (failed, skipped) is left out.
The parts reuse questions, so the whole exam's interval is a little too narrow; the floor of each part stands beside it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate
from analysis.statistics.intervals import share
from ledger.judgments import ExamMark, Mode, Outcome

ExamUnit = tuple[Mode, str, str, str]
"""A mode, a part, and the source and id of a question."""
NOT_ASKED = frozenset({Outcome.FAILED, Outcome.SKIPPED})
FEW_QUESTIONS = 20
NO_CATEGORIES: Mapping[tuple[str, str], str] = MappingProxyType({})


@dataclass(frozen=True)
class ExamPart:
    """One mode's part: the share of questions marked right, and its floor."""

    mode: Mode
    part: str
    right: Estimate
    floor: float
    passed: bool


@dataclass(frozen=True)
class Exam:
    """All of a judge's marks. `state` is passed, failed, missing, or not examined (the config says exam = false).

    `categories` are the marks of each mode by the questions' category: shown, never gated.
    """

    state: str
    whole: Estimate
    floor: float
    parts: tuple[ExamPart, ...]
    categories: tuple[ExamPart, ...]
    reasons: tuple[Cause, ...]
    outcomes: dict[str, int]

    @property
    def small(self) -> Cause | None:
        """Whether a part has fewer questions than a real review needs."""
        fewest = min((part.right.n for part in self.parts), default=FEW_QUESTIONS)
        numbers = {"questions": fewest, "usual": FEW_QUESTIONS}
        return Cause(Kind.SMALL_EXAM, numbers=numbers) if fewest < FEW_QUESTIONS else None


def exam_result(
    marks: Iterable[ExamMark],
    modes: Iterable[Mode],
    floor: float,
    part_floor: float,
    reached: float,
    *,
    configured: bool,
    categories: Mapping[tuple[str, str], str] = NO_CATEGORIES,
    unresolved: Iterable[Cause] = (),
) -> Exam:
    """The exam's result; the whole passes if the one-sided 95 % Wilson lower bound reaches `floor`.

    `reached` is the least share of the questions whose calls must have reached the judge, `unresolved` what a ladder
    was to show and does not.
    """
    every = list(marks)
    units = question_marks(every)
    parts = tuple(_part(mode, part, units, part_floor) for mode, part in sorted({key[:2] for key in units}))
    left_out = len({_unit(mark) for mark in every}) - len(units)
    whole = _share("exam", list(units.values()), left_out)
    sat = {mode for mode, *_ in units}
    reasons = [Cause(Kind.NO_EXAM, names={"mode": mode.value}) for mode in sorted(set(modes) - sat)]
    if left_out and len(units) < reached * (len(units) + left_out):
        numbers = {"reached": len(units), "planned": len(units) + left_out}
        reasons.append(Cause(Kind.EXAM_UNREACHED, numbers=numbers))
    reasons += [*_under_floor(whole, floor), *_weak_parts(parts, part_floor), *unresolved]
    outcomes: dict[str, int] = {}
    for mark in sorted(every, key=lambda m: m.outcome):
        outcomes[mark.outcome.value] = outcomes.get(mark.outcome.value, 0) + 1
    state = _state(configured=configured, sat=bool(units), failed=bool(reasons))
    told = tuple(reasons) if configured else ()
    return Exam(state, whole, floor, parts, tuple(_by_category(units, categories)), told, outcomes)


def question_marks(marks: Iterable[ExamMark]) -> dict[ExamUnit, bool]:
    """Whether each (mode, part, source, question) is right in all its orders; pairs asked in one order only are not.

    Questions of which any call never reached the judge are left out.
    """
    grouped: dict[ExamUnit, list[ExamMark]] = {}
    for mark in marks:
        grouped.setdefault(_unit(mark), []).append(mark)
    return {
        unit: all(mark.mark == "right" for mark in group) and _complete(group)
        for unit, group in sorted(grouped.items())
        if not any(mark.outcome in NOT_ASKED for mark in group)
    }


def _by_category(units: Mapping[ExamUnit, bool], categories: Mapping[tuple[str, str], str]) -> Iterator[ExamPart]:
    found: dict[tuple[Mode, str], list[bool]] = {}
    for (mode, _, *question), right in units.items():
        if category := categories.get((question[0], question[1])):
            found.setdefault((mode, category), []).append(right)
    for (mode, category), marks in sorted(found.items()):
        yield ExamPart(mode, category, _share(f"exam {mode} {category}", marks, 0), 0.0, passed=True)


def _under_floor(whole: Estimate, floor: float) -> Iterator[Cause]:
    if whole.value is not None and whole.lower_bounds and whole.lower_bounds[0] < floor:
        low = whole.lower_bounds[0]
        numbers = {"n": whole.n, "right": whole.value, "lower_bound": low, "floor": floor}
        yield Cause(Kind.EXAM_UNDER_FLOOR, numbers=numbers)


def _weak_parts(parts: Sequence[ExamPart], floor: float) -> Iterator[Cause]:
    """How many parts lie under their floor; a single one by name, several in the exam's table."""
    weak = [part for part in parts if not part.passed]
    numbers = {"parts": len(parts), "weak": len(weak), "floor": floor}
    if len(weak) == 1 and weak[0].right.value is not None:
        names = {"mode": weak[0].mode.value, "part": weak[0].part}
        yield Cause(Kind.EXAM_WEAK_PART, numbers=numbers | {"right": weak[0].right.value}, names=names)
    elif weak:
        yield Cause(Kind.EXAM_WEAK_PARTS, numbers=numbers)


def _unit(mark: ExamMark) -> ExamUnit:
    return (mark.mode, mark.part, mark.source, mark.question)


def _complete(group: list[ExamMark]) -> bool:
    orders = {mark.order for mark in group}
    return None in orders or len(orders) == 2


def _part(mode: Mode, part: str, units: dict[ExamUnit, bool], floor: float) -> ExamPart:
    right = _share(f"{mode} {part}", [ok for unit, ok in units.items() if unit[:2] == (mode, part)], 0)
    return ExamPart(mode, part, right, floor, right.value is not None and right.value >= floor)


def _share(measure: str, right: list[bool], left_out: int) -> Estimate:
    return share(measure, "questions", sum(right), len(right), left_out=left_out)


def _state(*, configured: bool, sat: bool, failed: bool) -> str:
    if not configured:
        return "not examined"
    if not sat:
        return "missing"
    return "failed" if failed else "passed"
