"""What two models wrote, side by side: each measure of degradation and of divergence with its interval over questions.

In: a baseline's and a rival's texts by cell. Out: a WritingReport, with what is seen after Holm over all measures of
all candidates.
Source: DESIGN section 5; Holm 1979.

A signed change is tested against zero by sign flips of whole questions. A likeness has no zero to be tested against:
the baseline run again is not like itself either. It is *seen* where its upper bound lies under the lower one of the
control's likeness; without a control nothing is. What is seen is said in words, and decides nothing.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, Values, whole_and_turns
from analysis.statistics.coverage import Coverage, coverage_scopes
from analysis.statistics.estimates import ALPHA, Estimate, not_measured
from analysis.statistics.mean_bounds import Range
from analysis.statistics.multiple_testing import holm
from analysis.statistics.question_means import below_p, change_p, paired_changes, question_mean
from analysis.statistics.resampling import Resamplings
from analysis.writing.degradation import DEGRADATION
from analysis.writing.likeness import LIKENESS
from analysis.writing.thoughts import THOUGHTS, any_thoughts
from ledger.measures import is_change, measure_of

PAIRED_ANSWERS, PAIRED = "paired answers", "paired"
Texts = Mapping[Cell, str]
Signs = Mapping[str, Values]
"""Values of each measure of degradation, and of those of thoughts."""


@dataclass(frozen=True)
class WritingRow:
    """One measure of one rival, over the `turns` of which both have it.

    `estimate` is the mean change, or the mean likeness; `baseline` and `model` are the means of either side, None for a
    likeness. `holm_p` is corrected over all measures and candidates.
    """

    measure: str
    turns: int
    baseline: float | None
    model: float | None
    estimate: Estimate
    p: float | None
    holm_p: float | None = None

    @property
    def seen(self) -> bool:
        """Whether the report says it aloud."""
        return self.holm_p is not None and self.holm_p <= ALPHA


@dataclass(frozen=True)
class WritingReport:
    """What one rival wrote against the baseline; `coverage` counts the planned turns that both wrote."""

    model: str
    role: str
    coverage: tuple[Coverage, ...]
    rows: tuple[WritingRow, ...]

    def row(self, measure: str) -> WritingRow:
        """One measure's row; of thoughts only where there are any. Raises KeyError."""
        return {row.measure: row for row in self.rows}[measure]

    def find(self, measure: str) -> WritingRow | None:
        """The same, or None."""
        return next((row for row in self.rows if row.measure == measure), None)


@dataclass(frozen=True)
class SideBySide:
    """One rival's values before anything is averaged: of each measure of degradation on either side, of each likeness.

    `turns` are the cells that both wrote.
    """

    model: str
    role: str
    turns: frozenset[Cell]
    before: Signs
    after: Signs
    likeness: Mapping[str, Values]

    @property
    def untold(self) -> frozenset[str]:
        """The measures that no text tells of: how turns ended, where nobody says it on one side."""
        known = [bool(side["unfinished"]) for side in (self.before, self.after)]
        return frozenset() if all(known) or not self.turns else frozenset({"unfinished"})

    @property
    def measures(self) -> tuple[str, ...]:
        """What there is to measure: of thoughts something only where either side has any."""
        thoughts = THOUGHTS if any_thoughts((self.before, self.after), self.turns) else ()
        return (*DEGRADATION, *thoughts, *LIKENESS)

    def values(self, measure: str) -> Mapping[Cell, float]:
        """What is averaged: changes, or likenesses."""
        if measure in self.likeness:
            return self.likeness[measure]
        return paired_changes(self.before[measure], self.after[measure])


def side_by_side(model: str, role: str, texts: tuple[Texts, Texts], signs: tuple[Signs, Signs]) -> SideBySide:
    """The values of a rival beside the baseline's; of both, the baseline's first, what they wrote and its signs."""
    before, after = texts
    turns = frozenset(before.keys() & after.keys())
    likeness: dict[str, dict[Cell, float]] = {name: {} for name in LIKENESS}
    for cell in turns:
        for name, of in LIKENESS.items():
            value = of(before[cell], after[cell])
            if value is not None:
                likeness[name][cell] = value
    return SideBySide(model, role, turns, *signs, likeness)


def paired_coverage(side: SideBySide, planned: Sequence[Cell]) -> tuple[Coverage, ...]:
    """How many of the planned turns both wrote, overall and in each turn."""
    parts, found = [(scope.name, scope.holds) for scope in whole_and_turns(planned)], dict.fromkeys(side.turns, PAIRED)
    return tuple(coverage_scopes(PAIRED_ANSWERS, side.model, planned, found, frozenset({PAIRED}), parts))


def writing_reports(
    sides: Sequence[SideBySide], planned: Sequence[Cell], draws: Resamplings, comparisons: int = 1
) -> tuple[WritingReport, ...]:
    """Every rival's report; Holm's steps are over all measures of all candidates."""
    control = next((each for each in sides if each.role == "control"), None)
    reports = (
        WritingReport(
            each.model, each.role, paired_coverage(each, planned), (*_rows(each, control, draws, comparisons),)
        )
        for each in sides
    )
    return _with_holm(list(reports))


def _rows(side: SideBySide, control: SideBySide | None, draws: Resamplings, comparisons: int) -> Iterator[WritingRow]:
    for measure in side.measures:
        values, signed = side.values(measure), is_change(measure)
        floor = {} if control is None or side is control else control.values(measure)
        p = change_p(values, draws) if signed else below_p(values, floor, _range(measure, values), draws)
        sides = () if measure in side.likeness else (side.before[measure], side.after[measure])
        means = [sum(each[cell] for cell in values) / len(values) if values else None for each in sides] or [None, None]
        estimate = _estimate(measure, side, values, draws, comparisons)
        yield WritingRow(measure, len(values), means[0], means[1], estimate, p)


def _estimate(measure: str, side: SideBySide, values: Values, draws: Resamplings, comparisons: int) -> Estimate:
    left_out = len(side.turns) - len(values)
    if measure in side.untold:
        return not_measured(measure, "questions", Cause(Kind.FINISH_UNTOLD), left_out=left_out)
    return question_mean(measure, values, draws, _range(measure, values), comparisons, left_out)


def _range(measure: str, values: Values) -> Range:
    """A measure's own range; where it has none, what was seen stands in for one."""
    low, high = measure_of(measure).low, measure_of(measure).high
    if math.isfinite(low) or not values or min(values.values()) == max(values.values()):
        return low, high
    return min(values.values()), max(values.values())


def _with_holm(reports: Sequence[WritingReport]) -> tuple[WritingReport, ...]:
    tested = [row.p for report in reports if report.role == "candidate" for row in report.rows]
    adjusted = iter(holm(tested))
    return tuple(
        replace(report, rows=tuple(replace(row, holm_p=next(adjusted)) for row in report.rows))
        if report.role == "candidate"
        else report
        for report in reports
    )
