"""What the candidates pick, drawn: flips by direction, flips against the noise floor, accuracy by task and subject.

In: a ReviewReport. Out: RowCharts, in percent of the items, by acc.
"""

from collections.abc import Iterator

from analysis.decision.gate_estimates import pooled
from analysis.rendering.figures.forests import floor_row, forest, share_row
from analysis.rendering.figures.row_charts import Bar, ChartRow, Line, RowChart
from analysis.review.review_report import ReviewReport
from analysis.statistics.item_rows import ItemRow
from analysis.statistics.transitions import Transitions
from analysis.summaries.model_reports import ItemReport


def pick_figures(report: ReviewReport) -> Iterator[RowChart]:
    """Directions, the floor, and a forest per candidate where it has tasks or subjects."""
    found = [(each, row) for each in report.choices if (row := pooled(each)) and row.n]
    if not found:
        return
    if counted := [
        (each, row.transitions) for each, row in found if row.transitions and row.all_flips.value is not None
    ]:
        yield _directions(counted)
    yield _against_floor(found)
    floor = next((row.accuracy_change for each, row in found if each.role == "control"), None)
    for each, _ in found:
        parts = [(str(row.scope), row.accuracy_change) for row in each.rows if row.main]
        if each.role == "candidate" and len(parts) > 1:
            yield forest(report, "accuracy_change", each.model, "", [*parts, *floor_row(floor)])


def _directions(found: list[tuple[ItemReport, Transitions]]) -> RowChart:
    """Losses to the left, gains to the right, and beyond them what went from one wrong option to another."""
    rows = tuple(_direction(each, moved) for each, moved in found)
    note = "Equal bars cancel in the accuracy, and still are answers that changed."
    return RowChart("flips_by_direction", "Flips by direction", note, "% of items: lost, and gained", rows)


def _direction(each: ItemReport, moved: Transitions) -> ChartRow:
    lost, gained, other = (
        100 * count / moved.n for count in (moved.right_to_wrong, moved.wrong_to_right, moved.wrong_to_other)
    )
    bars = (
        Bar("right→wrong", -lost, 0.0, str(moved.right_to_wrong)),
        Bar("wrong→right", 0.0, gained, str(moved.wrong_to_right)),
        Bar("wrong→other", gained, gained + other, str(moved.wrong_to_other)),
    )
    words = ", ".join(f"{bar.text} {bar.kind}" for bar in bars)
    return ChartRow(each.model, f"{words} of {moved.n}", bars=bars, part=each.role == "control")


def _against_floor(found: list[tuple[ItemReport, ItemRow]]) -> RowChart:
    """Flips with Wilson's interval; the line is where the control's own interval ends."""
    floors = [row.flips.interval[1] for each, row in found if each.role == "control" and row.flips.interval]
    return RowChart(
        id="flips_and_floor",
        title="Flips against the noise floor",
        note="A candidate whose interval reaches the line has not been shown to flip more than the baseline run again.",
        x_label="flips (% of items)",
        rows=tuple(share_row(each.model, row.flips, part=each.role == "control") for each, row in found),
        lines=(Line(0.0, "0"), *(Line(100 * end, "floor") for end in floors)),
        ends=(0.0, 100.0),
    )
