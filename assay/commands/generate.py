"""The command `assay generate`: let the models write and pick."""

from pathlib import Path

from assay import pipeline
from assay.commands.review import Amend, Config, Runs
from assay.display import Display


def generate(config: Config, runs: Runs = Path("runs"), amend: Amend = False) -> None:
    """Write the answers and choices that are missing, and print the run's folder.

    Example:
        assay generate review.toml
    """
    with Display() as display:
        review = pipeline.begin(config, runs, display.report, amend=amend)
        pipeline.preflight(review)
        pipeline.generate(review)
    print(review.run.path)
