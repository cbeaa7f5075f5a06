"""The command `assay generate`: let the models write and pick."""

from pathlib import Path
from typing import Annotated

import typer

from assay.commands.arguments import Amend, Config, Ray, Runs, Settings
from assay.display import Display
from ledger.errors import ConfigError


def generate(
    config: Config,
    runs: Runs = Path("runs"),
    amend: Amend = False,
    settings: Settings = None,
    model: Annotated[str, typer.Option("--model", metavar="LABEL", help="Only the model of this label.")] = "",
    shard: Annotated[str, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts.")] = "",
    ray: Ray = None,
) -> None:
    """Let the models write answers and score options.

    Only what is missing is made; the run's folder is printed. On this machine, one process per model, several at once
    over the GPUs that are there. On a Ray cluster with --ray; the run folder must then be on a file system that all its
    machines see. For Slurm, each task of an array takes one part with --shard (no judge is asked for then), and `assay
    merge` puts the parts together.

    Examples:
        assay generate review.toml
        assay generate review.toml --ray auto
        assay generate review.toml --shard $SLURM_ARRAY_TASK_ID/8
        assay generate review.toml --shard 2/8 --model w4a16
    """
    from assay import pipeline
    from assay.preflight import preflight
    from generation.shards import shard_from

    part = shard_from(shard) if shard else None
    if part and ray:
        raise ConfigError("--shard and --ray exclude each other", remedy="Ray makes its own shards.")
    with Display() as display:
        review = pipeline.begin(config, runs, display.report, amend=amend, settings=settings or ())
        if part:
            preflight(review, judges=False, model=model)
            pipeline.generate_shard(review, part, model=model)
        else:
            preflight(review, here=not (review.config.placement.ray if ray is None else ray), model=model)
            pipeline.generate(review, model=model, ray=ray)
    print(review.run.path)
