"""The command `assay review`: everything, from config to decision."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from analysis.review_report import ReviewReport
from analysis.summary import summary_tables
from assay import pipeline
from assay.display import Display, table

Config = Annotated[Path, typer.Argument(help="The review's config, a TOML file; `assay init` writes one.")]
Runs = Annotated[Path, typer.Option("--runs", help="The folder that holds run folders.")]
Amend = Annotated[bool, typer.Option("--amend", help="Accept a config that changed since the run began.")]


def review(config: Config, runs: Runs = Path("runs"), amend: Amend = False) -> int:
    """Generate, judge and analyze; print the decision and leave with its exit code.

    What is there already is not made again, so the same command resumes a run that was stopped.

    Examples:
        assay review review.toml
        assay review review.toml --runs /data/runs
    """
    report, written = run_review(config, runs, amend=amend)
    show(report, written)
    return report.exit_code


def run_review(config: Path, runs: Path, *, amend: bool = False) -> tuple[ReviewReport, list[Path]]:
    """All stages, with progress on standard error."""
    with Display() as display:
        under_way = pipeline.begin(config, runs, display.report, amend=amend)
        pipeline.preflight(under_way)
        pipeline.generate(under_way)
        pipeline.judge(under_way)
        return pipeline.analyze(under_way)


def show(report: ReviewReport, written: list[Path]) -> None:
    """Print the report's summary and where its files are."""
    console = Console(highlight=False)
    for summary in summary_tables(report):
        console.print(table(summary.title, list(summary.header), [list(row) for row in summary.rows]))
    for path in written:
        console.print(str(path), markup=False, soft_wrap=True)
