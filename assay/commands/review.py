"""The command `assay review`: everything, from config to decision."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.commands.arguments import Amend, Config, Ray, Redact, Runs, Settings
from assay.display import Display

if TYPE_CHECKING:
    from analysis.review.review_report import ReviewReport
    from assay.pipeline import Review


def review(
    config: Config,
    runs: Runs = Path("runs"),
    amend: Amend = False,
    settings: Settings = None,
    ray: Ray = None,
    redact: Redact = False,
    exam_first: Annotated[
        bool, typer.Option("--exam-first", help="Ask a judge that fails its exam for no verdicts.")
    ] = False,
) -> int:
    """Run a whole review: generate, judge, analyze, decide.

    The exit code is the decision: 0 SHIP, 10 HOLD, 11 INCONCLUSIVE, 12 UNFIT. What is there already is not made or paid
    for again, so the same command resumes a run that was stopped.

    Examples:
        assay review review.toml
        assay review review.toml --runs /data/runs
        assay review review.toml --ray auto
        assay review review.toml --set questions.max_tokens=256 --set decision.margin=0.01
        assay review review.toml --exam-first
        assay review review.toml --redact
    """
    from assay import pipeline
    from assay.results import show

    with Display() as display:
        under_way = pipeline.begin(config, runs, display.report, amend=amend, settings=settings or ())
        report, written = run_review(under_way, ray=ray, redact=redact, exam_first=exam_first)
    show(report, written)
    return report.exit_code


def run_review(
    under_way: "Review", *, ray: str | None = None, redact: bool = False, exam_first: bool = False
) -> "tuple[ReviewReport, list[Path]]":
    """All stages of a review that was begun; `exam_first` asks a judge that fails its exam for no verdicts."""
    from assay import judging, pipeline
    from assay.preflight import preflight

    preflight(under_way, here=not (under_way.config.placement.ray if ray is None else ray))
    pipeline.generate(under_way, ray=ray)
    if exam_first:
        judging.judge_trusted(under_way)
    else:
        pipeline.judge(under_way)
    return pipeline.analyze(under_way, redact=redact)
