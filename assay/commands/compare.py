"""`assay compare`: flips and KL from logs or tables that people already have, and the decision.

In: logs of lm-evaluation-harness or of Inspect AI, or tables, and the decision's rules. Out: a config, records, the
report and the decision's exit code. No model is loaded and no judge is asked.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.commands.arguments import (
    Amend,
    Columns,
    Filters,
    Latest,
    LeaveOut,
    Metrics,
    Repeats,
    Runs,
    Scale,
    Tasks,
    named_numbers,
    numbers,
    refuse_both,
)
from assay.declarations import refuse_other
from assay.display import Display
from assay.sources.imports import refuse_one_model
from assay.sources.lm_eval_folders import Chosen
from ledger.errors import ConfigError
from ledger.measures import measure_of
from ledger.runs import RunFolder


def compare(
    logs: Annotated[list[Path], typer.Argument(help="The baseline's logs or table, then those of each candidate.")],
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="LABEL", help="A name for each, in the same order.")
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The review's name.")] = "compare",
    margin: Annotated[
        list[str] | None,
        typer.Option(
            "--margin",
            metavar="NUMBER",
            help="The accuracy loss that is still acceptable (0.02); TASK=NUMBER for one task.",
        ),
    ] = None,
    margin_relative: Annotated[
        list[str] | None,
        typer.Option(
            "--margin-relative", metavar="TASK=NUMBER", help="The same as a share of the baseline's own accuracy."
        ),
    ] = None,
    proves: Annotated[
        list[str] | None,
        typer.Option("--proves", metavar="TASK", help="This task must be cleared, or nothing ships; may be repeated."),
    ] = None,
    shown: Annotated[
        list[str] | None,
        typer.Option("--shown", metavar="TASK", help="This task is shown, and decides nothing; may be repeated."),
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option("--expect", metavar="TASK=NUMBER", help="The accuracy that the baseline is known to have."),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="MEASURE=NUMBER", help="At most this: flips=0.08, mmlu.flips=0.1."),
    ] = None,
    runs: Runs = Path("runs"),
    metric: Metrics = None,
    filter: Filters = None,
    latest: Latest = False,
    repeats: Repeats = False,
    columns: Columns = "",
    scale: Scale = 1.0,
    task: Tasks = None,
    leave_out: LeaveOut = None,
    same_name: Annotated[
        bool,
        typer.Option("--same-name", help="Two models share name and arguments: a rebuilt folder, a server."),
    ] = False,
    identical: Annotated[
        bool, typer.Option("--identical", help="Two models may compute the same log-probabilities to the last bit.")
    ] = False,
    allow_different: Annotated[
        list[str] | None,
        typer.Option("--allow-different", metavar="NAME", help="What may differ between the models: harness, library."),
    ] = None,
    amend: Amend = False,
) -> int:
    """Compare logs or tables: flips, KL, decision.

    Both sides are logs of lm-evaluation-harness, logs of Inspect AI, or tables (item, score); which, is seen from the
    files. No model and no judge is needed; accuracy_change decides, and the exit code is the decision. Every task is
    cleared, HOLD or open, and named; what lies in the folders and is not compared keeps the decision from SHIP, unless
    it is left out on purpose. Two models whose documents or prompts differ are not compared, and the report says in
    which field they differ.

    Examples:
        assay compare logs/bf16 logs/int4 logs/int8 --margin 0.01
        assay compare logs/bf16 logs/int4 --leave-out gsm8k
        assay compare logs/bf16 logs/int4 --proves mmlu --margin mmlu=0.01 --expect mmlu=0.66
        assay compare logs/bf16 logs/int4 --repeats --metric exact_match --filter gsm8k=flexible-extract
        assay compare bf16.csv int4.csv --columns item=id,score=correct,repeat=seed --scale 100
    """
    from assay import pipeline
    from assay.comparing import declared_for, offers
    from assay.results import show
    from assay.sources.deciding_scores import deciding
    from assay.sources.sides import import_sides
    from assay.sources.table_columns import said_columns
    from assay.sources.table_offers import TableReading

    refuse_both(latest=latest, repeats=repeats)
    chosen = Chosen(latest, tuple(task or ()), tuple(leave_out or ()), repeats)
    if len(logs) < 2:
        raise ConfigError("give the baseline's logs and those of at least one candidate", remedy="See --help.")
    _refuse_others(logs)
    paths = dict(zip(_labels(logs, label or []), logs, strict=True))
    sides = offers(paths, chosen, TableReading(said_columns(columns, "--columns"), scale))
    refuse_one_model({each: side.origins for each, side in sides.items()}, same_name=same_name, identical=identical)
    if len({path.resolve() for path in logs}) < len(logs):
        raise ConfigError("two sides are the same folder or file", remedy="Give each model its own logs.")
    rules = _rules(margin or [], margin_relative or [], proves or [], shown or [], expect or [], limit or [])
    by = deciding(sides, metric or (), filter or ())
    allowed = {"same_name": same_name, "identical": identical}
    rules |= {"metrics": by.metrics, "filters": by.filters}
    rules |= {"leave_out": chosen.leave_out, "allow_different": allow_different or ()}
    rules |= {name: "allowed" for name, said in allowed.items() if said}
    declared = declared_for(name, sides, rules)
    run = RunFolder(runs / name)
    refuse_other(
        declared.config.digest, run, amend=amend, config=declared.config
    )  # another review of this name is left as it is
    with Display() as display:
        import_sides(run, sides, by.picked, display.report)
        review = pipeline.begin_declared(declared, runs, display.report, amend=amend)
        report, written = pipeline.analyze(review)
    show(report, written)
    return report.exit_code


def _rules(
    margin: list[str],
    margin_relative: list[str],
    proves: list[str],
    shown: list[str],
    expect: list[str],
    limit: list[str],
) -> dict[str, Any]:
    """The rules of the decision as the config has them. Raises ConfigError."""
    margins = numbers(margin, "--margin")
    return {
        "primary": "accuracy_change",
        "margin": margins.pop("", measure_of("accuracy_change").margin),
        "margins": margins,
        "margins_relative": named_numbers(margin_relative, "--margin-relative"),
        "proves": proves,
        "shown": shown,
        "expect": named_numbers(expect, "--expect"),
        "limits": named_numbers(limit, "--limit"),
    }


def _refuse_others(logs: Sequence[Path]) -> None:
    """Name the command that is meant where these are models or runs, or not there. Raises ConfigError."""
    for path in logs:
        if (path / "config.json").is_file():
            raise ConfigError(f"{path} is a model, and no logs", remedy=f"For models: assay check {_shown(logs)}")
        if (path / "review.toml").is_file():
            raise ConfigError(f"{path} is a run, and no logs", remedy=f"For two runs: assay diff {_shown(logs[:2])}")
        if not path.exists():
            remedy = f"Give logs or tables; for models of the hub: assay check {_shown(logs)}"
            raise ConfigError(f"no such file or folder: {path}", remedy=remedy)


def _shown(paths: Sequence[Path]) -> str:
    return " ".join(map(str, paths))


def _labels(logs: list[Path], given: list[str]) -> list[str]:
    """The names that were given, or those of the folders, or else of the files."""
    if given and len(given) != len(logs):
        raise ConfigError(f"{len(given)} labels for {len(logs)} logs", where="--label")
    labels = given or [path.resolve().name if path.is_dir() else path.resolve().parent.name for path in logs]
    if not given and len(set(labels)) < len(labels) and all(map(Path.is_file, logs)):
        labels = [Path(path.name.removesuffix(".gz")).stem for path in logs]
    if len(set(labels)) < len(labels):
        raise ConfigError(f"two of {', '.join(labels)} are the same", where="--label", remedy="Give each a --label.")
    return labels
