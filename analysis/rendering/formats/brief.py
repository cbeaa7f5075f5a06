"""The report in a few lines, for somebody who has not read about this tool.

In: a ReviewReport. Out: the decision of each candidate, and a line on what they pick and solve, what they write, what a
judge said, and what nobody looked at.
"""

from collections.abc import Iterator

from analysis.decision.gate_estimates import pooled
from analysis.rendering.formats.text import visible
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.decisions import sentence
from analysis.rendering.tables.first_screen import Panel, panels
from analysis.rendering.tables.looked_at import review_lines
from analysis.rendering.tables.review import SHAPES, foremost
from analysis.review.review_report import ReviewReport

NOTHING_PICKED = "no multiple choice and no solved problem was compared."


def brief(report: ReviewReport) -> tuple[str, ...]:
    """A line for each decision, and four more."""
    by_name = {panel.id: panel for panel in panels(report)}
    lines = [f"{SHAPES[each.word]} {each.word}: {sentence(each)}" for each in foremost(report.decisions)]
    lines.append(f"Picked and solved: {'; '.join(_flips(report)) or NOTHING_PICKED}")
    lines += [f"{by_name[name].title}: {said}" for name in ("writes", "judge") if (said := _said(by_name[name]))]
    lines += [" ".join(review_lines(report))]
    return tuple(map(visible, filter(None, lines)))


def _flips(report: ReviewReport) -> Iterator[str]:
    for each in report.choices:
        row = pooled(each)
        if row and each.role == "candidate":
            flips, change = (cell(estimate, with_n=False) for estimate in (row.flips, row.accuracy_change))
            yield f"{each.model} changed {flips} of its answers between right and wrong, accuracy {change}"


def _said(panel: Panel) -> str:
    return " ".join([*panel.warnings, *panel.lines])
