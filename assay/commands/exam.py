"""The command `assay exam`: may this judge's word count?"""

from pathlib import Path

from analysis.rendering.formats.text import visible
from assay.commands.arguments import Amend, Budget, Config, Runs, Settings
from assay.display import Display
from ledger.errors import EXIT_INFRASTRUCTURE, EXIT_SHIP, EXIT_UNFIT, ConfigError


def exam(
    config: Config,
    runs: Runs = Path("runs"),
    amend: Amend = False,
    settings: Settings = None,
    budget: Budget = None,
) -> int:
    """Examine the judges: may their word count?

    Each must tell a full answer of the baseline from a damaged one, and identical answers as a tie. Its marks are
    printed, with the reasons where one did not pass. The exit code is 0 if all judges passed, else 12, and 20 where
    calls failed for good, with the endpoint's words. What it will take is told first. Only the baseline's answers are
    needed (`assay generate CONFIG --model BASELINE`); marks that are there are not asked for again. With exam_ladder =
    true each also climbs a ladder of graded damage, which says how small a damage it sees.

    Example:
        assay exam review.toml --budget 2
    """
    from analysis.rendering.sentences.clauses import clauses
    from analysis.rendering.tables.evidence import exam_mark, exam_table
    from analysis.rendering.tables.ladder import resolution_table
    from assay import judging, pipeline
    from assay.results import console, table

    shown = console()
    with Display() as display:
        review = pipeline.begin(config, runs, display.report, amend=amend, settings=settings or ())
        if not review.config.judge:
            raise ConfigError("there is no [[judge]] to examine.", where=str(config))
        rows = list(judging.estimates(review, exam_only=True))
        if rows:
            shown.print(table(judging.ESTIMATE, rows))
        done = pipeline.judge(pipeline.within_budget(review, budget), exam_only=True)
    reports = judging.examined(review)
    for report in reports:
        for marks in (exam_table(report), *([resolution_table(report)] if report.resolution else [])):
            shown.print(table(marks.header, marks.rows))
        why = f" ({clauses(report.exam.reasons)})" if report.exam.reasons else ""
        shown.print(visible(f"Exam of {report.name}: {exam_mark(report)}{why}."), markup=False)
    for line in judging.failure_lines(done):
        shown.print(visible(line), markup=False)
    if judging.failed_for_good(done):
        return EXIT_INFRASTRUCTURE
    return EXIT_SHIP if all(report.exam.state == "passed" for report in reports) else EXIT_UNFIT
