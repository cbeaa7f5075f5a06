"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Argument(help="The review's config, a TOML file; `assay init` writes one.")]
Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="The folder that holds run folders.")]
Amend = Annotated[
    bool,
    typer.Option(
        "--amend", help="Accept a config that changed since the run began, and keep the earlier one beside it."
    ),
]
Redact = Annotated[
    bool, typer.Option("--redact", help="Leave the texts of questions, answers, items and replies out of the page.")
]
Ray = Annotated[
    str | None,
    typer.Option("--ray", metavar="ADDRESS", help="Run the models on a Ray cluster: host:port, auto or local."),
]
Budget = Annotated[float | None, typer.Option("--budget", metavar="USD", help="The most to spend, for each judge.")]
ReviewName = Annotated[
    str, typer.Option("--review", metavar="NAME", help="The review's name: the folder under --runs.")
]
