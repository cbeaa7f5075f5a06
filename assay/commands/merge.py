"""The command `assay merge`: put shards together."""

from pathlib import Path

from assay.commands.arguments import Amend, Config, Runs
from assay.display import Display


def merge(config: Config, runs: Runs = Path("runs"), amend: Amend = False) -> None:
    """Put the shards of `assay generate --shard` together.

    Once all of them have ended: their records go into the models' own files, each key once. Merged shards are removed;
    the command can be stopped and run again at any moment. Where something is still missing, `assay generate` makes it.

    Example:
        assay merge review.toml
    """
    from assay import pipeline

    with Display() as display:
        review = pipeline.begin(config, runs, display.report, amend=amend)
        pipeline.merge(review)
    print(review.run.path)
