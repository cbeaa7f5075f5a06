"""What a command found, on standard output: tables, sentences and the paths of files.

In: a report, or tables and lines. Out: lines as wide as the terminal; a file or a pipe gets lines of PIPE_COLUMNS.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.rendering.formats.brief import brief
from analysis.rendering.formats.terminal import summary
from analysis.rendering.formats.text import visible
from analysis.rendering.tables.review import Table as Rows
from analysis.review.review_report import ReviewReport
from assay.display import say

PIPE_COLUMNS = 120
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


def console() -> Console:
    """Standard output; a file or a pipe gets lines of PIPE_COLUMNS."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)


def show(report: ReviewReport, written: list[Path]) -> None:
    """Print the report's summary and where its files are."""
    show_parts(summary(report), written)
    tell_github(written)


def show_brief(report: ReviewReport, written: list[Path], config: Path | None = None) -> None:
    """Print a few lines that need no knowledge of this tool, and where the page is; the config's place if given."""
    shown = console()
    for line in brief(report):
        shown.print(Text(line))
    tell_github(written)
    page = next((path for path in written if path.suffix == ".html"), None)
    for what, path in (("The report", page), ("Its config, to change and run again", config)):
        if path:
            shown.print(f"{what}: {path}", markup=False, soft_wrap=True)


def tell_github(written: list[Path]) -> None:
    """Add the Markdown to the summary of a job of GitHub Actions, where the job says where that is."""
    place = os.environ.get(STEP_SUMMARY, "")
    texts = [path.read_text(encoding="utf-8") for path in written if path.name == "report.md"]
    if place and texts:
        try:
            with Path(place).open("a", encoding="utf-8") as job:
                job.write("\n".join(texts) + "\n")
        except OSError as error:  # the decision is made, and its exit code stands
            say(f"assay: {STEP_SUMMARY} cannot be written: {error}")


def show_parts(parts: Iterable[Rows | str], written: list[Path]) -> None:
    """Print tables and lines, those that belong together without a gap, and the paths of files."""
    shown = console()
    before: Rows | str = ""
    for part in parts:
        if not (isinstance(before, str) and isinstance(part, str)):
            shown.print()
        drawn = Text(part) if isinstance(part, str) else table(part.header, part.rows)
        shown.print(drawn)
        before = part
    for path in written:
        shown.print(str(path), markup=False, soft_wrap=True)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table for the terminal, counts to the right; texts are shown as text: no markup, nothing that is invisible."""
    drawn = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for index, name in enumerate(header):
        counts = bool(rows) and all(row[index].isdigit() for row in rows)
        drawn.add_column(Text(visible(name)), justify="right" if counts else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(visible(cell)) for cell in row))
    return drawn
