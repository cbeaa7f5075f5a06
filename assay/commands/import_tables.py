"""`assay import table` and `assay import inspect`: what other evaluators measured comes into a run folder.

In: a plain table, or Inspect AI's logs. Out: choices and solutions. No model is loaded and no judge is asked.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from assay.commands.arguments import Amend, Columns, Latest, LeaveOut, ReviewName, Runs, Scale, Tasks
from assay.commands.import_logs import imports
from assay.display import Display
from ledger.errors import ConfigError
from ledger.runs import RunFolder

ModelLabel = Annotated[
    str, typer.Option("--model", metavar="LABEL", help="The label that the model has in the review.")
]


def column(what: str, help: str) -> Any:  # noqa: ANN401 - what Typer makes of it
    """An option that names a column."""
    return typer.Option(f"--{what}", metavar="COLUMN", help=help)


@imports.command("table")
def import_table(
    path: Annotated[Path, typer.Argument(help="A .csv, .tsv or .jsonl file, also .gz, or .parquet.")],
    model: ModelLabel,
    review: ReviewName,
    runs: Runs = Path("runs"),
    item: Annotated[str, column("item", "The item's name (item, id, ...).")] = "",
    score: Annotated[
        list[str] | None, column("score", "A score (score, correct, ...); may be repeated: several metrics.")
    ] = None,
    options: Annotated[
        list[str] | None,
        column("options", "The options' log-probabilities: one column of lists, or repeated, one column per option."),
    ] = None,
    gold: Annotated[str, column("gold", "The right option, as a place from 0 or a letter, or the right answer.")] = "",
    pick: Annotated[str, column("pick", "The picked option, or the answer that was extracted.")] = "",
    task: Annotated[str, column("task", "The task's name.")] = "",
    subject: Annotated[str, column("subject", "A part of the task.")] = "",
    repeat: Annotated[str, column("repeat", "Which of several answers to an item: 0, 1, 2.")] = "",
    prompt: Annotated[str, column("prompt", "What the model was shown.")] = "",
    text: Annotated[str, column("text", "What the model wrote.")] = "",
    finish: Annotated[str, column("finish", "How the text ended: stop, length.")] = "",
    tokens: Annotated[str, column("tokens", "How many tokens the model wrote.")] = "",
    seed: Annotated[str, column("seed", "The seed of the answer.")] = "",
    temperature: Annotated[str, column("temperature", "The temperature of the answer; 0 is greedy.")] = "",
    task_name: Annotated[
        str, typer.Option("--task-name", metavar="NAME", help="The task, where no column names it (table).")
    ] = "",
    columns: Columns = "",
    scale: Scale = 1.0,
) -> None:
    """Read a table of scores, or of option log-probabilities, as a model's solutions and choices.

    One row is one answer to one item. Columns are found by their usual names, and it is said which were; COLUMN "none"
    reads none; --columns says several at once. Scores are 0 to 1, true, false, correct, incorrect, C or I; one that is
    missing is named in the report and never invented. The same table again changes nothing, another one under the same
    label is refused.

    Examples:
        assay import table int4.csv --model int4 --review release
        assay import table int4.parquet --model int4 --review release --item qid --score exact_match --score f1
        assay import table int4.jsonl.gz --model int4 --review release --repeat seed --scale 100 --task-name gsm8k
    """
    from assay.sources.imported_records import import_records
    from assay.sources.imports import refuse_taken
    from assay.sources.table_columns import said_columns
    from assay.sources.table_offers import TableReading, table_offer
    from assay.sources.table_records import TableRecords

    one = {"item": item, "gold": gold, "pick": pick, "task": task, "subject": subject, "repeat": repeat}
    one |= {"prompt": prompt, "text": text, "finish": finish}
    one |= {"tokens": tokens, "seed": seed, "temperature": temperature}
    several = {"score": tuple(score or ()), "options": tuple(options or ())}
    said = {what: (name,) for what, name in one.items() if name} | {what: all for what, all in several.items() if all}
    if doubled := sorted({*said} & {*(by_pairs := said_columns(columns, "--columns"))}):
        raise ConfigError(f"{doubled[0]} is given twice", where=f"--columns, --{doubled[0]}", remedy="Name it once.")
    offer = table_offer(path, TableReading(said | by_pairs, scale, task_name))
    run = RunFolder(runs / review)
    refuse_taken(run, model, offer.origins)
    with Display() as display:
        done = import_records(run, model, TableRecords(model, offer, display.report), display.report)
    print(f"{runs / review}: {model} from {path.name}, {done}")
    print("Columns: " + ", ".join(f"{what} = {name}" for what, name in offer.columns.told.items()))
    if unread := offer.columns.unread:
        print(f"Not read, though their names promise evidence: {', '.join(unread)}")


@imports.command("inspect")
def import_inspect(
    paths: Annotated[list[Path], typer.Argument(help="Files .eval or .json, or folders of them.")],
    model: ModelLabel,
    review: ReviewName,
    runs: Runs = Path("runs"),
    latest: Latest = False,
    task: Tasks = None,
    leave_out: LeaveOut = None,
    amend: Amend = False,
) -> None:
    """Read logs of Inspect AI as a model's solutions.

    Every scorer is a metric, every epoch a repeat. C, I, P and N are read as Inspect does, numbers from 0 to 1 as they
    are; samples that ended in an error or were not scored are named in the report. Logs .eval need the extra "inspect".

    Examples:
        assay import inspect logs/int4 --model int4 --review release
        assay import inspect logs/int4 --model int4 --review release --latest --leave-out humaneval
    """
    from assay.sources.imported_records import import_records
    from assay.sources.imports import refuse_taken
    from assay.sources.inspect_logs import inspect_offer
    from assay.sources.inspect_records import InspectRecords
    from assay.sources.lm_eval_folders import Chosen, refuse_unknown

    chosen = Chosen(latest, tuple(task or ()), tuple(leave_out or ()))
    offer = inspect_offer(paths, chosen)
    refuse_unknown(chosen.tasks, [offer], "--task")
    refuse_unknown(chosen.leave_out, [offer], "--leave-out")
    run = RunFolder(runs / review)
    refuse_taken(run, model, offer.origins)
    with Display() as display:
        bringer = InspectRecords(model, offer, display.report)
        done = import_records(run, model, bringer, display.report, amend=amend)
    print(f"{runs / review}: {model}, {done}")
