"""The command `assay judge`: ask the judges, or say what that would take."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.commands.arguments import Amend, Budget, Config, Runs, Settings
from assay.display import Display
from ledger.errors import EXIT_INFRASTRUCTURE, EXIT_SHIP, ConfigError

if TYPE_CHECKING:
    from judge.summary import JudgeSummary

SESSION = ["judge", "judgments", "calls", "tokens", "cost"]
REREAD = ["judge", "kind", "outcomes"]
BATCHED = ["judge", "what", "state"]


class BatchStep(StrEnum):
    """What to do with batches."""

    EXPORT = "export"
    SUBMIT = "submit"
    COLLECT = "collect"


def judge(
    config: Config,
    runs: Runs = Path("runs"),
    amend: Amend = False,
    settings: Settings = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Only say what the missing calls would take.")] = False,
    budget: Budget = None,
    reparse: Annotated[bool, typer.Option("--reparse", help="Only read the stored replies again; no call.")] = False,
    batch: Annotated[BatchStep | None, typer.Option("--batch", help="Judge in batches instead of calls.")] = None,
    results: Annotated[
        list[Path] | None,
        typer.Option("--results", metavar="FILE", help="For --batch collect: result files of `vllm run-batch`."),
    ] = None,
) -> int:
    """Ask the judges for the ratings and games that are missing.

    Needs the answers of `assay generate`. Failed judgments are asked again; finished ones are not. A `price` and
    `budget_usd` (or --budget) stop the calls before they cost more; the same command goes on from there. The exit code
    is 20 where judgments failed for good, in calls as in the results of a batch, or no reply has a verdict; what the
    endpoint said is told.

    Examples:
        assay judge review.toml --estimate
        assay judge review.toml --budget 20
        assay judge review.toml --batch submit       # OpenAI's Batch API; later: --batch collect
        assay judge review.toml --batch export       # files for `vllm run-batch`; later: --batch collect --results F
    """
    from analysis.rendering.formats.text import visible
    from assay import judging, pipeline
    from assay.results import console, table

    if sum((estimate, reparse, batch is not None)) > 1:
        raise ConfigError("give one of --estimate, --reparse and --batch")
    if budget is not None and (estimate or reparse or batch in (BatchStep.EXPORT, BatchStep.COLLECT)):
        raise ConfigError("--budget is for calls, and --estimate, --reparse, --batch export and collect make none")
    if results and batch is not BatchStep.COLLECT:
        raise ConfigError("--results is for --batch collect")
    done: list[JudgeSummary] = []
    with Display() as display:
        review = pipeline.within_budget(
            pipeline.begin(config, runs, display.report, amend=amend, settings=settings or ()), budget
        )
        if estimate:
            header, rows = judging.ESTIMATE, list(judging.estimates(review))
        elif reparse:
            header, rows = REREAD, judging.reread(review)
        elif batch is BatchStep.COLLECT:
            header, (rows, done) = BATCHED, judging.collect_results(review, results or [])
        elif batch:
            submit = batch is BatchStep.SUBMIT
            header, rows = BATCHED, (judging.submit_batches if submit else judging.export_requests)(review)
        else:
            done = pipeline.judge(review)
            header, rows = SESSION, [judging.summary_row(summary) for summary in done]
    console().print(table(header, rows) if rows else "Nothing is missing.")
    for line in judging.failure_lines(done):
        console().print(visible(line), markup=False)
    print(review.run.path)
    lost = judging.failed_for_good(done) or any(each.nothing_judged for each in done)
    return EXIT_INFRASTRUCTURE if lost else EXIT_SHIP
