"""The report in a few lines, for somebody who has not read about this tool.

In: a ReviewReport. Out: the decision of each candidate, and a line each on what changed, what they write, what a judge
said, and what nobody looked at. The report has the rest, with every interval.
"""

from collections.abc import Iterator

from analysis.decision.gate_estimates import pooled
from analysis.rendering.formats.text import visible
from analysis.rendering.sentences.cells import value_cell
from analysis.rendering.sentences.decisions import asides, verdict
from analysis.rendering.sentences.writing import NOTHING_SHOWN, NOTHING_WRITTEN, first_damage
from analysis.rendering.tables.first_screen import panels
from analysis.rendering.tables.looked_at import review_lines
from analysis.rendering.tables.review import SHAPES, foremost
from analysis.review.review_report import ReviewReport

NOTHING_PICKED = "no multiple choice and no solved problem was compared"


def brief(report: ReviewReport) -> tuple[str, ...]:
    """A line for each decision, and four more."""
    decided = (
        f"{SHAPES[each.word]} {each.word}: {verdict(each, most=1)} {asides(each)}"
        for each in foremost(report.decisions)
    )
    changed = "; ".join(_changed(report)) or NOTHING_PICKED
    lines = (
        *decided,
        f"Answers that changed between right and wrong: {changed}.",
        f"What they write: {_written(report)}",
        _judged(report),
        " ".join(review_lines(report)),
    )
    return tuple(visible(line.rstrip()) for line in lines if line)


def _changed(report: ReviewReport) -> Iterator[str]:
    """Flips, and the accuracy that hides them."""
    for each in report.choices:
        if each.role == "candidate" and (row := pooled(each)):
            flips, change = value_cell(row.flips), value_cell(row.accuracy_change)
            yield f"{each.model} {flips} (accuracy {change})"


def _written(report: ReviewReport) -> str:
    if not any(each.role == "candidate" for each in report.writing):
        return NOTHING_WRITTEN
    return " ".join(first_damage(report.writing)) or NOTHING_SHOWN


def _judged(report: ReviewReport) -> str:
    """The first thing to know of it."""
    panel = next(panel for panel in panels(report) if panel.id == "judge")
    return next(iter((*panel.warnings, *panel.lines)), "")
