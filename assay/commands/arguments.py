"""Arguments and options that several commands share."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ledger.errors import ConfigError

Config = Annotated[Path, typer.Argument(help="The review's config, a TOML file; `assay init` writes one.")]
Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="The folder that holds run folders.")]
Amend = Annotated[
    bool,
    typer.Option(
        "--amend", help="Accept a config that changed since the run began, and keep the earlier one beside it."
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Any key of the config: questions.max_tokens=256; may be repeated."
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
JudgeFile = Annotated[
    Path | None,
    typer.Option(
        "--judge-file",
        metavar="FILE",
        help="The judge prompts to check against; every judge*_prompts*.jsonl beside the data by default.",
    ),
]
Filter = Annotated[str, typer.Option("--filter", metavar="NAME", help="The harness' filter, where a log has several.")]
Latest = Annotated[bool, typer.Option("--latest", help="Of several runs of a task, take the newest.")]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="NAME",
        help="The filter that decides, of all tasks that have it, or TASK=NAME; may be repeated.",
    ),
]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help="The metric by which solved tasks decide, or TASK=NAME; may be repeated.",
    ),
]
Columns = Annotated[
    str, typer.Option("--columns", metavar="WHAT=COLUMN,...", help="Columns of tables: item=id,score=correct.")
]
Scale = Annotated[
    float, typer.Option("--scale", metavar="NUMBER", help="What a full score of a table is, where it is not 1.")
]
Repeats = Annotated[bool, typer.Option("--repeats", help="Of several runs of a generated task, take each as a repeat.")]
Tasks = Annotated[
    list[str] | None,
    typer.Option("--task", metavar="NAME", help="Compare this task alone; may be repeated. The report names the rest."),
]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out",
        metavar="NAME",
        help="Leave out this task, file or item (TASK/ITEM), on purpose; may be repeated. The report repeats it.",
    ),
]

GIVE = "Give NAME=NUMBER, as mmlu=0.01 or flips=0.08."
ONCE = "Give it once."


def refuse_both(*, latest: bool, repeats: bool) -> None:
    """Of several runs one is taken, or every one. Raises ConfigError."""
    if latest and repeats:
        raise ConfigError("one run of each task, or every run", where="--latest, --repeats", remedy="Give one of them.")


def numbers(values: Sequence[str], option: str) -> dict[str, float]:
    """Options such as 0.02 and mmlu=0.01 by name, the empty one for a number alone. Raises ConfigError."""
    found: dict[str, float] = {}
    for value in values:
        name, sign, text = value.rpartition("=")
        if sign and not name:
            raise ConfigError(f"{value!r} has no name", where=option, remedy=GIVE)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            what = f"{text!r} is no number, in {value!r}" if sign else f"{value!r} is no number"
            raise ConfigError(what, where=option, remedy=GIVE)
        if found.setdefault(name, number) != number:
            what = f"{name} is" if name else "a number alone is"
            raise ConfigError(f"{what} given twice, as {found[name]:g} and as {number:g}", where=option, remedy=ONCE)
    return found


def named_numbers(values: Sequence[str], option: str) -> dict[str, float]:
    """Options such as mmlu=0.01 by name. Raises ConfigError."""
    found = numbers(values, option)
    if "" in found:
        raise ConfigError(f"{found['']:g} is of no task", where=option, remedy=GIVE)
    return found
