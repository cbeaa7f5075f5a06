"""`assay import`: what was measured elsewhere comes into a run folder.

In: files or folders of lm-evaluation-harness' samples, FastChat's answers, people's verdicts. Out: choices, answers,
labels. No model is loaded and no judge is asked.
"""

from pathlib import Path
from typing import Annotated

import typer

from assay.commands.arguments import Amend, Filter, Latest, LeaveOut, Repeats, ReviewName, Runs, Tasks, refuse_both
from assay.display import Display
from assay.sources.imports import import_logs, refuse_taken
from assay.sources.labels import add_labels
from assay.sources.lm_eval_folders import Chosen, offered, refuse_unknown
from ledger.config import read_config
from ledger.errors import ConfigError
from ledger.runs import RunFolder

MOST_TOLD = 5
imports = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@imports.callback()
def about_imports() -> None:
    """Bring in what was measured elsewhere.

    Examples:
        assay import lm-eval logs/bf16 --model bf16 --review int4
        assay import fastchat data/mt_bench --review llama --baseline llama-3-8b
        assay import answers data/mt_bench --config review.toml
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
    repeats: Repeats = False,
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
    refuse_both(latest=latest, repeats=repeats)
    chosen = Chosen(latest, tuple(task or ()), tuple(leave_out or ()), repeats)
    found = offered(paths, chosen)
    refuse_unknown(chosen.tasks, [found], "--task")
    refuse_unknown(chosen.leave_out, [found], "--leave-out")
    run = RunFolder(runs / review)
    refuse_taken(run, model, [log.origin for log in found.logs])
    with Display() as display:
        done = import_logs(run, model, found, display.report, filter, amend=amend)
    print(f"{runs / review}: {model}, {done}")


@imports.command("answers")
def import_answer_files(
    folder: Annotated[Path, typer.Argument(help="A folder with FastChat's model_answer/.")],
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The review's config.")],
    runs: Runs = Path("runs"),
    amend: Amend = False,
) -> None:
    """Let judges rate answers that FastChat wrote.

    Models with engine = "imported" get the answers in model_answer/LABEL.jsonl, to the questions that the config names;
    `assay judge` then asks its judges as for any other review. Judgments of the folder do not come in: `assay import
    fastchat` takes those. What answers none of the questions is named in the report and keeps it from SHIP.

    Examples:
        assay import answers data/mt_bench --config review.toml
        assay import answers data/mt_bench --config review.toml --amend
    """
    from assay import pipeline
    from assay.sources.answer_files import import_answers
    from assay.sources.fastchat_folders import fastchat_folder

    with Display() as display:
        review = pipeline.begin(config, runs, display.report, amend=amend)
        brought = import_answers(fastchat_folder(folder), review.run, review.config)
    for each in brought:
        print(f"{review.run.path}: {each.model}, {each.answers} answers, {each.left_out} lines left out")


@imports.command("labels")
def import_labels(
    path: Annotated[
        Path, typer.Argument(help="A .jsonl, .json or .csv file: question, turn, two models, winner, rater.")
    ],
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The review's config.")],
    runs: Runs = Path("runs"),
) -> None:
    """Bring people's verdicts on pairs of answers into a review.

    How far to trust its judges is measured on them, ratings and games alike; without a judge they are a result of their
    own. FastChat's human votes (question_id, model_a, model_b, winner, judge, turn) and our own words (question,
    baseline, candidate, winner, rater, turn) are both read; models are named by their labels in the review, and a
    winner by its label, its role, or its place (A, 1, model_1). Labels of earlier files stay; one that says otherwise
    than another is refused, and so is a file of which no line is about the review's models and questions.

    Example:
        assay import labels votes.jsonl --config review.toml
    """
    from analysis.rendering.formats.text import visible

    declared = read_config(config)
    run = RunFolder(runs / declared.name)
    added = add_labels(path, run, declared)
    print(f"{run.labels.path}: {added.labels} labels, {added.new} of them new, {added.repeated} said before")
    for about, count in list(added.passed_over.items())[:MOST_TOLD]:
        print(f"{count} lines are passed over: they are about {visible(about)}")
    if rest := list(added.passed_over.values())[MOST_TOLD:]:
        print(f"{sum(rest)} lines are passed over: they are about {len(rest)} more pairs of models")
    if not added.new + added.repeated:
        what = "nothing came in: no line is about this review." if added.passed_over else "there are no votes in it."
        raise ConfigError(what, where=str(path), remedy="Models are named by their labels in the config.")
