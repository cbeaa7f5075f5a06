"""The commands `assay import lm-eval` and `assay compare`: flips and KL from logs that people already have.

In: files or folders of lm-evaluation-harness' samples. Out: choices in a run folder; for `compare`, also a config, the
report and the decision's exit code. No model is loaded and no judge is asked.
"""

from pathlib import Path
from typing import Annotated

import typer

from assay import pipeline
from assay.commands.arguments import Amend, ReviewName, Runs
from assay.declarations import imported_review, refuse_other, section
from assay.display import Display
from assay.results import show
from assay.sources.imports import import_logs, refuse_one_model, refuse_taken
from assay.sources.labels import add_labels
from assay.sources.lm_eval_folders import Chosen, offered, refuse_unknown
from ledger.config import read_config
from ledger.errors import ConfigError
from ledger.runs import RunFolder

Filter = Annotated[str, typer.Option("--filter", metavar="NAME", help="The harness' filter, where a log has several.")]
Latest = Annotated[bool, typer.Option("--latest", help="Of several runs of a task, take the newest.")]
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

imports = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@imports.callback()
def about_imports() -> None:
    """Bring in what was measured elsewhere.

    Examples:
        assay import lm-eval logs/bf16 --model bf16 --review int4
        assay import fastchat data/mt_bench --review llama --baseline llama-3-8b
        assay import labels votes.jsonl --config review.toml
    """


@imports.command("lm-eval")
def import_lm_eval(
    paths: Annotated[list[Path], typer.Argument(help="Files samples_*.jsonl, or folders of them.")],
    model: Annotated[str, typer.Option("--model", metavar="LABEL", help="The label that the model has in the review.")],
    review: ReviewName,
    runs: Runs = Path("runs"),
    filter: Filter = "",
    latest: Latest = False,
    task: Tasks = None,
    leave_out: LeaveOut = None,
    amend: Amend = False,
) -> None:
    """Read logs of lm-evaluation-harness as a model's choices.

    The logs are those of --log_samples, versions 0.4.0 and later. The review's config names the model with engine =
    "imported"; `assay analyze` then compares. Tasks without one right option (generation, fractional scores), and files
    that are named like evidence and not read, are named in the report and keep it from SHIP, unless they are left out
    on purpose. The same logs again change nothing. A second run of the baseline is the control: import it as
    LABEL@control.

    Examples:
        assay import lm-eval logs/bf16 --model bf16 --review int4
        assay import lm-eval logs/bf16 --model bf16 --review int4 --leave-out gsm8k
    """
    chosen = Chosen(latest, tuple(task or ()), tuple(leave_out or ()))
    found = offered(paths, chosen)
    refuse_unknown((*chosen.tasks, *chosen.leave_out), [found], "--task, --leave-out")
    run = RunFolder(runs / review)
    refuse_taken(run, model, [log.origin for log in found.logs])
    with Display() as display:
        done = import_logs(run, model, found, display.report, filter, amend=amend)
    print(f"{runs / review}: {done.choices} choices of {model} in {', '.join(done.tasks)}")


@imports.command("labels")
def import_labels(
    path: Annotated[Path, typer.Argument(help="A .jsonl or .csv file: question, turn, two models, winner, rater.")],
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The review's config.")],
    runs: Runs = Path("runs"),
) -> None:
    """Bring people's verdicts on pairs of answers into a review.

    How far to trust its judges is measured on them. FastChat's human votes (question_id, model_a, model_b, winner,
    judge, turn) and our own words (question, baseline, candidate, winner, rater, turn) are both read; models are named
    by their labels in the review. Labels of earlier files stay; one that says otherwise than another is refused.

    Example:
        assay import labels votes.jsonl --config review.toml
    """
    declared = read_config(config)
    run = RunFolder(runs / declared.name)
    added = add_labels(path, run, declared)
    passed_over = f"{added.passed_over} lines of other models or said before"
    print(f"{run.labels.path}: {added.labels} labels, {added.new} of them new; {passed_over}")


def compare(
    logs: Annotated[list[Path], typer.Argument(help="The baseline's logs, then those of each candidate.")],
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="LABEL", help="A name for each, in the same order.")
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The review's name.")] = "compare",
    margin: Annotated[
        float, typer.Option("--margin", metavar="NUMBER", help="The accuracy loss that is still acceptable.")
    ] = 0.02,
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
    """
    if len(logs) < 2:
        raise ConfigError("give the baseline's logs and those of at least one candidate", remedy="See --help.")
    labels = _labels(logs, label or [])
    chosen = Chosen(latest, tuple(task or ()), tuple(leave_out or ()))
    offers = {each: offered([path], chosen) for each, path in zip(labels, logs, strict=True)}
    refuse_unknown((*chosen.tasks, *chosen.leave_out), list(offers.values()), "--task, --leave-out")
    origins = {name: [log.origin for log in offer.logs] for name, offer in offers.items()}
    refuse_one_model(origins, same_name=same_name, identical=identical)
    if len({path.resolve() for path in logs}) < len(logs):
        raise ConfigError("two sides are the same folder or file", remedy="Give each model its own logs.")
    tasks = sorted(set[str]().union(*(offer.tasks for offer in offers.values())))
    if not tasks:
        raise ConfigError("every task is left out, and nothing remains to compare", where="--task, --leave-out")
    allowed = {"same_name": same_name, "identical": identical}
    decision = {
        "primary": "accuracy_change",
        "margin": margin,
        "leave_out": chosen.leave_out,
        "allow_different": allow_different or (),
        **{name: "allowed" for name, said in allowed.items() if said},
    }
    sections = [
        *(section("[[task]]", name=name) for name in tasks),
        section("[decision]", **{name: value for name, value in decision.items() if value}),
    ]
    declared = imported_review("assay compare", name, labels, sections)
    run = RunFolder(runs / name)
    refuse_other(declared, run, amend=amend)  # another review of this name is left as it is
    with Display() as display:
        for each, offer in offers.items():
            import_logs(run, each, offer, display.report, filter, amend=True)  # the config has been held against it
        review = pipeline.begin_declared(declared, runs, display.report, amend=amend)
        report, written = pipeline.analyze(review)
    show(report, written)
    return report.exit_code


def _labels(logs: list[Path], given: list[str]) -> list[str]:
    """The names that were given, or those of the folders."""
    if given and len(given) != len(logs):
        raise ConfigError(f"{len(given)} labels for {len(logs)} logs", where="--label")
    labels = given or [path.resolve().name if path.is_dir() else path.resolve().parent.name for path in logs]
    if len(set(labels)) < len(labels):
        raise ConfigError(f"two of {', '.join(labels)} are the same", where="--label", remedy="Give each a --label.")
    return labels
