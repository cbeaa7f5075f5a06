"""The command `assay analyze`: statistics, decision and report from the records that are there."""

from pathlib import Path

from assay.commands.arguments import Amend, Config, Redact, Runs, Settings
from assay.display import Display


def analyze(
    config: Config,
    runs: Runs = Path("runs"),
    amend: Amend = False,
    settings: Settings = None,
    redact: Redact = False,
) -> int:
    """Compute the decision and write the report; no model is called.

    The exit code is the decision: 0 SHIP, 10 HOLD, 11 INCONCLUSIVE, 12 UNFIT. docs/report.md explains the files.

    Examples:
        assay analyze review.toml
        assay analyze review.toml --redact        # the page without texts, with every number
    """
    from assay import pipeline
    from assay.results import show

    with Display() as display:
        review = pipeline.begin(config, runs, display.report, amend=amend, settings=settings or ())
        report, written = pipeline.analyze(review, redact=redact)
    show(report, written)
    return report.exit_code
