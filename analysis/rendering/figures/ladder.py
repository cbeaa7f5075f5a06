"""A judge's ladder, drawn: the share of texts whose damage it saw, rung by rung, from coarse to fine.

In: a ReviewReport. Out: figures; a judge without a ladder has none.
"""

from collections.abc import Iterator

from analysis.rendering.figures.forests import share_row
from analysis.rendering.figures.row_charts import Line, RowChart
from analysis.rendering.sentences.ladder import rung_words
from analysis.review.review_report import ReviewReport
from ledger.ladder import LEAST_SEEN

NOTE = (
    "Dot and 95 % Wilson interval, a row a rung; rungs after the first that is not passed were not asked. Passed: the "
    "interval lies right of the line; failed: left of it."
)


def ladder_figures(report: ReviewReport) -> Iterator[RowChart]:
    """One chart for each judge that was asked any rung."""
    for judge in report.judges:
        rows = tuple(
            share_row(rung_words(each.damage, rung.size), rung.seen, part=False)
            for each in judge.resolution
            for rung in each.rungs
            if rung.seen.value is not None
        )
        if rows:
            line = (Line(100 * LEAST_SEEN, f"{100 * LEAST_SEEN:g} %"),)
            title = f"How small a damage {judge.name} sees"
            yield RowChart(f"resolution_{judge.name}", title, NOTE, "% of texts seen", rows, line, (0.0, 100.0))
