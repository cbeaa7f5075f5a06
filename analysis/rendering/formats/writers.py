"""Writes every format of a report into its folder, each whole or not at all.

In: a ReviewReport and a folder. Out: report.html, report.md, report.json, junit.xml; an SVG and a CSV of each figure in
figures/, the tables as CSV in tables/, metadata for the hub in model-cards/ and eval_results/. What was written there
is listed in .written, so that the next report removes what it no longer makes, and nothing of somebody else's.
"""

from collections.abc import Iterator
from pathlib import Path

from analysis.rendering.figures.catalog import figures
from analysis.rendering.formats.csv_tables import csv_tables, figure_csv
from analysis.rendering.formats.data import report_json
from analysis.rendering.formats.eval_results import eval_results
from analysis.rendering.formats.junit import report_junit
from analysis.rendering.formats.labels import report_ends
from analysis.rendering.formats.markdown import PAGE, report_markdown
from analysis.rendering.formats.model_card import model_cards
from analysis.rendering.formats.page import Shown, report_html
from analysis.rendering.formats.rendering import figure_svg
from analysis.review.review_report import ReviewReport
from ledger.runs import folder_name
from ledger.store import write_atomically

FORMATS = {
    "report.md": report_markdown,
    "report.json": report_json,
    "junit.xml": report_junit,
}
FIGURES, TABLES, CARDS, RESULTS = "figures", "tables", "model-cards", "eval_results"
WRITTEN = ".written"


def write_reports(report: ReviewReport, folder: Path, shown: Shown | None = None) -> list[Path]:
    """Write the formats, the page first; their paths. The figures, tables and cards of an earlier one are replaced."""
    formats = {PAGE: report_html(report, shown), **{name: written(report) for name, written in FORMATS.items()}}
    parts = dict(_parts(report))
    earlier = _earlier(folder)
    _list_written(folder, earlier | parts.keys())
    for name, text in (formats | parts).items():
        write_atomically(folder / name, text)
    for name in earlier - parts.keys():
        (folder / name).unlink(missing_ok=True)
    _list_written(folder, set(parts))
    return [folder / name for name in formats]


def _parts(report: ReviewReport) -> Iterator[tuple[str, str]]:
    """The files of the folders below: path within the report's folder, and text."""
    for plot in figures(report):
        name = folder_name(plot.id)
        yield f"{FIGURES}/{name}.svg", figure_svg(plot, alone=True, ends=report_ends(report))
        yield f"{FIGURES}/{name}.csv", figure_csv(plot)
    yield from ((f"{TABLES}/{name}", text) for name, text in csv_tables(report).items())
    yield from ((f"{CARDS}/{folder_name(name)}.yaml", text) for name, text in model_cards(report).items())
    yield from ((f"{RESULTS}/{folder_name(name)}.yaml", text) for name, text in eval_results(report).items())


def _earlier(folder: Path) -> set[str]:
    """Of the files in the folders below those that are listed as an earlier report's; no other place is looked at."""
    path = folder / WRITTEN
    listed = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    found = (each for name in (FIGURES, TABLES, CARDS, RESULTS) for each in (folder / name).glob("*") if each.is_file())
    return {each.relative_to(folder).as_posix() for each in found} & set(listed)


def _list_written(folder: Path, names: set[str]) -> None:
    write_atomically(folder / WRITTEN, "".join(f"{name}\n" for name in sorted(names)))
