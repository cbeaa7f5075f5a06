"""Writes every face of a report into its folder, each whole or not at all.

In: a ReviewReport and a folder. Out: report.html, report.md, report.json; an SVG and a CSV of each figure in figures/.
"""

import csv
import io
from pathlib import Path

from analysis.faces.data import report_json
from analysis.faces.markdown import report_markdown
from analysis.faces.page import Shown, report_html
from analysis.faces.rendering import figure_svg
from analysis.faces.text import visible
from analysis.figures.catalog import Figure, figures
from analysis.review_report import ReviewReport
from ledger.runs import folder_name
from ledger.store import write_atomically

FIGURES = "figures"
FORMULAS = ("=", "+", "-", "@")


def write_reports(report: ReviewReport, folder: Path, shown: Shown | None = None) -> list[Path]:
    """Write the faces, the page first; their paths. The figures of an earlier report are replaced."""
    texts = {
        folder / "report.html": report_html(report, shown),
        folder / "report.md": report_markdown(report),
        folder / "report.json": report_json(report),
    }
    drawn: dict[Path, str] = {}
    for plot in figures(report):
        name = folder_name(plot.id)
        drawn[folder / FIGURES / f"{name}.svg"] = figure_svg(plot, alone=True)
        drawn[folder / FIGURES / f"{name}.csv"] = plot_csv(plot)
    for path, text in (texts | drawn).items():
        write_atomically(path, text)
    for path in (folder / FIGURES).glob("*.*"):
        if path not in drawn and path.suffix in (".svg", ".csv"):
            path.unlink()
    return list(texts)


def plot_csv(plot: Figure) -> str:
    """The numbers of a figure, unrounded; a name that a spreadsheet would run as a formula gets an apostrophe."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(plot.header)
    for row in plot.numbers():
        writer.writerow(tuple(_harmless(value) if isinstance(value, str) else value for value in row))
    return stream.getvalue()


def _harmless(text: str) -> str:
    shown = visible(text)
    return f"'{shown}" if shown.startswith(FORMULAS) else shown
