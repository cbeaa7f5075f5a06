"""`assay compare`: flips and KL from logs that people already have, and the decision.

In: files or folders of lm-evaluation-harness' samples, the decision's rules. Out: a config, choices, the report and the
decision's exit code. No model is loaded and no judge is asked.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from assay.commands.arguments import Amend, Filter, Latest, LeaveOut, Runs, Tasks, named_numbers, numbers
from assay.declarations import imported_review, refuse_other, section
from assay.display import Display
from assay.sources.imports import import_logs, refuse_one_model
from assay.sources.lm_eval_folders import Chosen, offered, refuse_parts, refuse_unknown
from ledger.errors import ConfigError
from ledger.runs import RunFolder

USUAL_MARGIN = 0.02
RULES = "--proves, --shown, --margin, --margin-relative, --expect, --limit"


def compare(
    logs: Annotated[list[Path], typer.Argument(help="The baseline's logs, then those of each candidate.")],
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
    filter: Filter = "",
    latest: Latest = False,
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
    """Compare logs of lm-evaluation-harness: flips, KL, decision.

    No model and no judge is needed; accuracy_change decides, and the exit code is the decision. Every task is cleared,
    HOLD or open, and named; what lies in the folders and is not compared keeps the decision from SHIP, unless it is
    left out on purpose. Two models whose documents or prompts differ are not compared, and the report says in which
    field they differ.

    Examples:
        assay compare logs/bf16 logs/int4 logs/int8 --margin 0.01
        assay compare logs/bf16 logs/int4 --leave-out gsm8k
        assay compare logs/bf16 logs/int4 --proves mmlu --margin mmlu=0.01 --expect mmlu=0.66
    """
    from assay import pipeline
    from assay.results import show
    from assay.sources.lm_eval_differences import note_unlike_texts

    if len(logs) < 2:
        raise ConfigError("give the baseline's logs and those of at least one candidate", remedy="See --help.")
    labels = _labels(logs, label or [])
    chosen = Chosen(latest, tuple(task or ()), tuple(leave_out or ()))
    offers = {each: offered([path], chosen) for each, path in zip(labels, logs, strict=True)}
    refuse_unknown((*chosen.tasks, *chosen.leave_out), list(offers.values()), "--task, --leave-out")
    rules = _rules(margin or [], margin_relative or [], proves or [], shown or [], expect or [], limit or [])
    origins = {name: [log.origin for log in offer.logs] for name, offer in offers.items()}
    refuse_one_model(origins, same_name=same_name, identical=identical)
    if len({path.resolve() for path in logs}) < len(logs):
        raise ConfigError("two sides are the same folder or file", remedy="Give each model its own logs.")
    tasks = sorted(set[str]().union(*(offer.tasks for offer in offers.values())))
    if not tasks:
        raise ConfigError("every task is left out, and nothing remains to compare", where="--task, --leave-out")
    allowed = {"same_name": same_name, "identical": identical}
    rules |= {"leave_out": chosen.leave_out, "allow_different": allow_different or ()}
    rules |= {name: "allowed" for name, said in allowed.items() if said}
    given = section("[decision]", **{name: value for name, value in rules.items() if value})
    sections = [*(section("[[task]]", name=name) for name in tasks), given]
    declared = imported_review("assay compare", name, labels, sections)
    named = declared.config.decision.named_tasks
    refuse_unknown(named, list(offers.values()), RULES)
    refuse_parts(named, list(offers.values()), RULES)
    run = RunFolder(runs / name)
    refuse_other(declared.config.digest, run, amend=amend)  # another review of this name is left as it is
    with Display() as display:
        for each, offer in offers.items():
            import_logs(run, each, offer, display.report, filter, amend=True)  # the config has been held against it
        note_unlike_texts(run, offers, filter)
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
        "margin": margins.pop("", USUAL_MARGIN),
        "margins": margins,
        "margins_relative": named_numbers(margin_relative, "--margin-relative"),
        "proves": proves,
        "shown": shown,
        "expect": named_numbers(expect, "--expect"),
        "limits": named_numbers(limit, "--limit"),
    }


def _labels(logs: list[Path], given: list[str]) -> list[str]:
    """The names that were given, or those of the folders."""
    if given and len(given) != len(logs):
        raise ConfigError(f"{len(given)} labels for {len(logs)} logs", where="--label")
    labels = given or [path.resolve().name if path.is_dir() else path.resolve().parent.name for path in logs]
    if len(set(labels)) < len(labels):
        raise ConfigError(f"two of {', '.join(labels)} are the same", where="--label", remedy="Give each a --label.")
    return labels
