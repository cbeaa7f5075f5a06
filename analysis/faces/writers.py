"""Writes every face of a report into its folder, each whole or not at all.

In: a ReviewReport and a folder. Out: report.html, report.md, report.json; an SVG and a CSV of each figure in figures/.
"""

import csv
import io
from pathlib import Path

from analysis.faces.data import report_json
from analysis.faces.markdown import report_markdown
from analysis.faces.page import report_html
from analysis.faces.rendering import plot_svg
from analysis.faces.text import visible
from analysis.figures.paper import figures
from analysis.figures.plots import Plot
from analysis.review_report import ReviewReport
from ledger.runs import folder_name
from ledger.store import write_atomically

FACES = {"report.html": report_html, "report.md": report_markdown, "report.json": report_json}
FIGURES = "figures"
FORMULAS = ("=", "+", "-", "@")


def write_reports(report: ReviewReport, folder: Path) -> list[Path]:
    """Write the faces, the page first; their paths. The figures of an earlier report are replaced."""
    texts = {folder / name: face(report) for name, face in FACES.items()}
    drawn: dict[Path, str] = {}
    for plot in figures(report):
        name = folder_name(plot.id)
        drawn[folder / FIGURES / f"{name}.svg"] = plot_svg(plot, alone=True)
        drawn[folder / FIGURES / f"{name}.csv"] = plot_csv(plot)
    for path, text in (texts | drawn).items():
        write_atomically(path, text)
    for path in (folder / FIGURES).glob("*.*"):
        if path not in drawn and path.suffix in (".svg", ".csv"):
            path.unlink()
    return list(texts)


def plot_csv(plot: Plot) -> str:
    """The points of a plot, unrounded; a name that a spreadsheet would run as a formula gets an apostrophe."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("series", "label", plot.x_label, plot.y_label))
    for row in plot.rows():
        writer.writerow(tuple(_harmless(value) if isinstance(value, str) else repr(value) for value in row))
    return stream.getvalue()


def _harmless(text: str) -> str:
    shown = visible(text)
    return f"'{shown}" if shown.startswith(FORMULAS) else shown
