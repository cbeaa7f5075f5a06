"""The command `assay review`: everything, from config to decision."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from analysis.faces.terminal import summary
from analysis.review_report import ReviewReport
from analysis.tables.review import Table
from assay import pipeline
from assay.display import Display, table
from assay.preflight import preflight

Config = Annotated[Path, typer.Argument(help="The review's config, a TOML file; `assay init` writes one.")]
Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="The folder that holds run folders.")]
Amend = Annotated[
    bool,
    typer.Option(
        "--amend", help="Accept a config that changed since the run began, and keep the earlier one beside it."
    ),
]
Redact = Annotated[
    bool, typer.Option("--redact", help="Leave the texts of questions, answers, items and replies out of the page.")
]
Ray = Annotated[
    str | None,
    typer.Option("--ray", metavar="ADDRESS", help="Run the models on a Ray cluster: host:port, auto or local."),
]

PIPE_COLUMNS = 120


def review(
    config: Config, runs: Runs = Path("runs"), amend: Amend = False, ray: Ray = None, redact: Redact = False
) -> int:
    """Run a whole review: generate, judge, analyze, decide.

    The exit code is the decision: 0 SHIP, 10 HOLD, 11 INCONCLUSIVE, 12 UNFIT. What is there already is not made or paid
    for again, so the same command resumes a run that was stopped.

    Examples:
        assay review review.toml
        assay review review.toml --runs /data/runs
        assay review review.toml --ray auto
        assay review review.toml --redact
    """
    report, written = run_review(config, runs, amend=amend, ray=ray, redact=redact)
    show(report, written)
    return report.exit_code


def run_review(
    config: Path, runs: Path, *, amend: bool = False, ray: str | None = None, redact: bool = False
) -> tuple[ReviewReport, list[Path]]:
    """All stages, with progress on standard error."""
    with Display() as display:
        under_way = pipeline.begin(config, runs, display.report, amend=amend)
        preflight(under_way, here=not (under_way.config.placement.ray if ray is None else ray))
        pipeline.generate(under_way, ray=ray)
        pipeline.judge(under_way)
        return pipeline.analyze(under_way, redact=redact)


def console() -> Console:
    """Standard output; a file or a pipe gets lines of PIPE_COLUMNS."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS)


def show(report: ReviewReport, written: list[Path]) -> None:
    """Print the report's summary and where its files are."""
    show_parts(summary(report), written)


def show_parts(parts: Iterable[Table | str], written: list[Path]) -> None:
    """Print tables and lines, those that belong together without a gap, and the paths of files."""
    shown = console()
    before: Table | str = ""
    for part in parts:
        if not (isinstance(before, str) and isinstance(part, str)):
            shown.print()
        drawn = Text(part) if isinstance(part, str) else table(list(part.header), [list(row) for row in part.rows])
        shown.print(drawn)
        before = part
    for path in written:
        shown.print(str(path), markup=False, soft_wrap=True)
