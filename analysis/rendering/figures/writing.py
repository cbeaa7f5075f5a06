"""What models write, drawn: each sign of degradation, the candidates side by side over the control's floor.

In: a ReviewReport. Out: one RowChart in percentage points, candidate minus baseline; without texts there is none.
"""

from collections.abc import Iterator

from analysis.rendering.figures.forests import change_row
from analysis.rendering.figures.row_charts import ChartRow, Line, RowChart
from analysis.rendering.sentences.writing import counts
from analysis.review.review_report import ReviewReport
from ledger.measures import MEASURES


def writing_figure(report: ReviewReport) -> Iterator[RowChart]:
    """A row per sign and model, the control last of each; of a sign that no model shows there is none."""
    rows: list[ChartRow] = []
    for known in MEASURES:
        if known.section not in ("writing", "thoughts") or known.kind != "degradation":
            continue
        found = [(each, row) for each in report.writing if (row := each.find(known.name))]
        if any(row.model or row.baseline for _, row in found):
            rows += [
                ChartRow(
                    label=f"{'control' if each.role == 'control' else each.model}, {known.label}",
                    description=f"{drawn.description} ({counts(row)})",
                    value=drawn.value,
                    interval=drawn.interval,
                    part=each.role == "control",
                )
                for each, row in found
                if (drawn := change_row("", row.estimate, known.name, part=False)).value is not None
            ]
    if rows:
        note = "Dot and 95 % interval over questions; right of zero the candidate shows more of it than the baseline."
        title, words = "Signs in the texts, against the baseline", "change (percentage points)"
        yield RowChart("writing", title, note, words, tuple(rows), (Line(0.0, "0"),), (-100.0, 100.0))
