"""The command `assay judge`: ask the judges."""

from pathlib import Path

from assay import pipeline
from assay.commands.review import Amend, Config, Runs
from assay.display import Display


def judge(config: Config, runs: Runs = Path("runs"), amend: Amend = False) -> None:
    """Ask every judge for the judgments that are missing, and print the run's folder.

    Needs the answers of `assay generate`. Failed judgments are asked again; finished ones are not.

    Example:
        assay judge review.toml
    """
    with Display() as display:
        review = pipeline.begin(config, runs, display.report, amend=amend)
        pipeline.judge(review)
    print(review.run.path)
