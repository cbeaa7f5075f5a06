"""The commands `assay import lm-eval` and `assay compare`: flips and KL from logs that people already have.

In: files or folders of lm-evaluation-harness' samples. Out: choices in a run folder; for `compare`, also a config, the
report and the decision's exit code. No model is loaded and no judge is asked.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from assay import pipeline
from assay.commands.review import Runs, show
from assay.display import Display
from assay.sources.imports import Import, import_logs
from ledger.errors import ConfigError
from ledger.runs import RunFolder
from ledger.store import write_atomically

Filter = Annotated[str, typer.Option("--filter", help="The harness' filter, where a log has several.")]

REVIEW = """\
# Written by `assay compare`: choices from logs of lm-evaluation-harness.
name = {name}

[baseline]
model = {baseline}
label = {label}
engine = "imported"
control = false
{candidates}{tasks}
[decision]
primary = "accuracy_change"
margin = {margin}
"""
CANDIDATE = """
[[candidate]]
model = {model}
label = {label}
engine = "imported"
"""
TASK = """
[[task]]
name = {name}
"""

imports = typer.Typer(help="Bring in what was measured elsewhere.", no_args_is_help=True, rich_markup_mode=None)


@imports.callback()
def group() -> None:
    """Bring in what was measured elsewhere."""


@imports.command("lm-eval")
def import_lm_eval(
    paths: Annotated[list[Path], typer.Argument(help="Files samples_*.jsonl, or folders of them.")],
    model: Annotated[str, typer.Option("--model", help="The label that the model has in the review.")],
    review: Annotated[str, typer.Option("--review", help="The review's name: the folder under --runs.")],
    runs: Runs = Path("runs"),
    filter: Filter = "",
) -> None:
    """Read logs of lm-evaluation-harness (--log_samples, 0.4.0 and later) into a review's choices.

    The review's config names the model with engine = "imported"; `assay analyze` then compares. The newest run of each
    task in a folder is taken. The same logs again change nothing.

    Example:
        assay import lm-eval logs/bf16 --model bf16 --review int4
    """
    with Display() as display:
        done = import_logs(RunFolder(runs / review), model, paths, display.report, filter)
    print(f"{runs / review}: {done.choices} choices of {model} in {', '.join(done.tasks)}")


def compare(
    logs: Annotated[list[Path], typer.Argument(help="The baseline's logs, then those of each candidate.")],
    label: Annotated[list[str] | None, typer.Option("--label", help="A name for each, in the same order.")] = None,
    name: Annotated[str, typer.Option("--name", help="The review's name.")] = "compare",
    margin: Annotated[float, typer.Option("--margin", help="The accuracy loss that is still acceptable.")] = 0.02,
    runs: Runs = Path("runs"),
    filter: Filter = "",
) -> int:
    """Flips and KL between folders of lm-evaluation-harness' logs, in one command; the exit code is the decision.

    Two models whose documents or prompts differ are not compared, and the report says in which field they differ.

    Example:
        assay compare logs/bf16 logs/int4 logs/int8 --margin 0.01
    """
    if len(logs) < 2:
        raise ConfigError("give the baseline's logs and those of at least one candidate", remedy="See --help.")
    labels = _labels(logs, label or [])
    run = RunFolder(runs / name)
    with Display() as display:
        done = [import_logs(run, each, [path], display.report, filter) for each, path in zip(labels, logs, strict=True)]
        write_atomically(run.config, _config(name, margin, logs, labels, done))
        report, written = pipeline.analyze(pipeline.begin(run.config, runs, display.report))
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


def _config(name: str, margin: float, logs: list[Path], labels: list[str], done: list[Import]) -> str:
    """The review's declaration; JSON's strings are TOML's."""
    models = [
        {"model": json.dumps(str(path)), "label": json.dumps(each)} for path, each in zip(logs, labels, strict=True)
    ]
    tasks = sorted({task for each in done for task in each.tasks})
    return REVIEW.format(
        name=json.dumps(name),
        baseline=models[0]["model"],
        label=models[0]["label"],
        candidates="".join(CANDIDATE.format(**model) for model in models[1:]),
        tasks="".join(TASK.format(name=json.dumps(task)) for task in tasks),
        margin=margin,
    )
