"""The command `assay merge`: put shards together."""

from pathlib import Path

from assay import pipeline
from assay.commands.review import Amend, Config, Runs
from assay.display import Display


def merge(config: Config, runs: Runs = Path("runs"), amend: Amend = False) -> None:
    """Take the records of all shards into the models' own files, each key once, and print the run's folder.

    For shards that `assay generate --shard` wrote, once all of them have ended. Merged shards are removed; the command
    can be stopped and run again at any moment. Where something is still missing, `assay generate` makes it.

    Example:
        assay merge review.toml
    """
    with Display() as display:
        review = pipeline.begin(config, runs, display.report, amend=amend)
        pipeline.merge(review)
    print(review.run.path)
