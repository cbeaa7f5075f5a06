"""Forests: a change and its interval in every part of a review, with the lines that matter, zero and the margin.

In: Estimates of a ReviewReport. Out: RowCharts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from analysis.rendering.figures.row_charts import ChartRow, Line, RowChart
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.numbers import unsigned
from analysis.rendering.tables.review import NOISE_FLOOR
from analysis.review.review_report import ReviewReport
from analysis.statistics.estimates import Estimate
from ledger.forms import Form
from ledger.measures import measure_of

Named = tuple[str, Estimate | None]


def primary_forest(report: ReviewReport) -> Iterator[RowChart]:
    """The primary measure of every candidate against zero and the margin, the noise floor below: the first figure."""
    rows = [(each.candidate, each.primary.estimate) for each in report.decisions]
    if not any(estimate.value is not None for _, estimate in rows):
        return
    scale, words, ends = _axis(report.primary)
    lines = (Line(0.0, "0"), Line(-report.margin * scale, "margin"))
    drawn = [change_row(name, estimate, report.primary, part=False) for name, estimate in rows]
    drawn += [change_row(name, x, report.primary, part=True) for name, x in floor_row(report.control_primary)]
    margin = unsigned(report.primary, report.margin)
    note = f"Dot and two-sided 95 % interval; one-sided bounds decide. The margin is {margin}."
    title = f"{report.primary} of every candidate"
    yield RowChart("primary", title, note, words, tuple(drawn), lines, ends)


def forest(report: ReviewReport, measure: str, name: str, by: str, rows: Iterable[Named]) -> RowChart:
    """A change in every part of a review, with the lines that matter: zero and the margin where one is declared."""
    scale, words, ends = _axis(measure)
    drawn = tuple(change_row(label, estimate, measure, part=label != "all") for label, estimate in rows)
    margin = (Line(-report.margin * scale, "margin"),) if measure == report.primary else ()
    return RowChart(
        id=f"forest_{measure}_{name}",
        title=f"{measure} of {name} {by}".strip(),
        note="Dot and 95 % interval, candidate minus baseline; left of zero is worse. Parts are shown, never gated.",
        x_label=words,
        rows=drawn,
        lines=(Line(0.0, "0"), *margin),
        ends=ends,
    )


def _axis(measure: str) -> tuple[float, str, tuple[float, float]]:
    """What a measure's axis multiplies by (shares are drawn in percent), how it is called, and its ends."""
    known = measure_of(measure)
    scale = 100.0 if known.form is Form.POINTS else 1.0
    return scale, known.words, (scale * known.low, scale * known.high)


def change_row(label: str, estimate: Estimate | None, measure: str, *, part: bool) -> ChartRow:
    """A row of a forest."""
    return estimate_row(label, estimate, _axis(measure)[0], part=part)


def share_row(label: str, estimate: Estimate | None, *, part: bool) -> ChartRow:
    """A row of a chart in percent."""
    return estimate_row(label, estimate, 100.0, part=part)


def estimate_row(label: str, estimate: Estimate | None, scale: float, *, part: bool) -> ChartRow:
    """Value and interval, times `scale`; the words are the estimate's own cell."""
    value, ends = (estimate.value, estimate.interval) if estimate else (None, None)
    return ChartRow(
        label=label,
        description=cell(estimate),
        value=None if value is None else value * scale,
        interval=(ends[0] * scale, ends[1] * scale) if ends else None,
        part=part,
    )


def floor_row(floor: Estimate | None) -> list[Named]:
    """The control's own change, under the candidate's."""
    return [(NOISE_FLOOR, floor)] if floor else []


def by_judge(report: ReviewReport, measure: str) -> Iterator[RowChart]:
    """Every rival by every judge in one forest."""
    several = sum(bool(judge.scores if measure == "rating_change" else judge.games) for judge in report.judges) > 1
    rows: list[ChartRow] = []
    for judge in report.judges:
        found = (
            [(each, each.scopes[0].change) for each in judge.scores if each.role != "baseline"]
            if measure == "rating_change"
            else [(each, each.scopes[0].win_change) for each in judge.games]
        )
        label = f", {judge.name}" if several else ""
        rows += [change_row(f"{e.model}{label}", x, measure, part=e.role == "control") for e, x in found]
    if any(row.value is not None for row in rows):
        yield replace(forest(report, measure, "all", "", []), title=f"{measure} of every model", rows=tuple(rows))
