"""The commands `assay import fastchat` and `assay export fastchat`: reviews from FastChat's files, and back.

In: a folder in FastChat's layout, or a review's config. Out: a run folder with its config, or FastChat's files.
"""

import json
import tempfile
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from assay import pipeline
from assay.commands.arguments import Config, Runs
from assay.commands.import_logs import imports
from assay.display import Display
from assay.sources.fastchat_exports import export_fastchat
from assay.sources.fastchat_files import fastchat_folder
from assay.sources.fastchat_imports import FastChatReview, import_fastchat
from ledger.config import config_from
from ledger.errors import ConfigError
from ledger.runs import RunFolder, control_of

REVIEW = """\
# Written by `assay import fastchat`: answers and judgments of FastChat's llm_judge.
name = {name}

[baseline]
model = {baseline}
label = {baseline}
engine = "imported"
control = false
{candidates}
[questions]
source = {source}
{judges}
[decision]
primary = "{primary}"
"""
CANDIDATE = """
[[candidate]]
model = {candidate}
label = {candidate}
engine = "imported"
"""
JUDGE = """
[[judge]]
model = {judge}
modes = {modes}
prompts = "official"
exam = false
"""

exports = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@exports.callback()
def about_exports() -> None:
    """Write a review as other tools' files.

    Example:
        assay export fastchat review.toml --out exported
    """


@imports.command("fastchat")
def import_folder(
    folder: Annotated[Path, typer.Argument(help="A folder with model_answer/ and model_judgment/.")],
    review: Annotated[
        str, typer.Option("--review", metavar="NAME", help="The review's name: the folder under --runs.")
    ],
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="MODEL", help="The model that the others would replace.")
    ] = "",
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Where question.jsonl and the rest are.")
    ] = None,
    runs: Runs = Path("runs"),
) -> None:
    """Make a review of answers and judgments that FastChat wrote.

    `assay analyze` then decides as for any other. Stale rows, rows that repeat a prompt, and rows about models without
    answers are left out and counted (see `assay audit`). The judge sat no exam, which the report says aloud. The same
    files again change nothing.

    Example:
        assay import fastchat data/mt_bench --review phi-3 --baseline phi-3
        assay analyze runs/phi-3/review.toml
    """
    run = RunFolder(runs / review)
    with Display() as display:
        found, counts = import_fastchat(fastchat_folder(folder, data), run, baseline)
        text = _config(review, found)
        config_from(tomllib.loads(text), where="assay import fastchat")
        with tempfile.TemporaryDirectory() as scratch:
            draft = Path(scratch) / "review.toml"
            draft.write_text(text, encoding="utf-8")
            pipeline.begin(draft, runs, display.report)
    print(f"{run.config}: {', '.join(f'{count} {name}' for name, count in counts.items())}")


@exports.command("fastchat")
def export_folder(
    config: Config,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write into.")],
    runs: Runs = Path("runs"),
) -> None:
    """Write answers, ratings and games as FastChat's files.

    Its show_result reads them. Sample 0 and repeat 0 only, as FastChat knows no others; in pairs the baseline is
    model_2. What has no verdict is a score of -1 or a winner `error`, which show_result leaves out.

    Example:
        assay export fastchat review.toml --out exported
    """
    with Display() as display:
        review = pipeline.begin(config, runs, display.report)
        names = [model.name for model in review.config.models]
        if review.config.baseline.control:
            names.append(control_of(review.config.baseline.name))
        written = export_fastchat(review.run, names, pipeline.briefs(review), out)
    if not written:
        raise ConfigError(
            "this review has no answers yet.", where=str(review.run.path), remedy="Run: assay generate CONFIG"
        )
    for name, rows in written.items():
        print(f"{out / name}: {rows} rows")


def _config(name: str, found: FastChatReview) -> str:
    """The review's declaration; ratings decide where there are any of the baseline and a candidate."""
    judges = "".join(
        JUDGE.format(judge=_quoted(judge), modes=json.dumps(list(modes))) for judge, modes in found.judges.items()
    )
    if not found.candidates or not judges:
        raise ConfigError(
            "a review needs two models with answers, and judgments of them.", where="assay import fastchat"
        )
    return REVIEW.format(
        name=_quoted(name),
        baseline=_quoted(found.baseline),
        candidates="".join(CANDIDATE.format(candidate=_quoted(each)) for each in found.candidates),
        source=_quoted(found.source),
        judges=judges,
        primary=found.primary,
    )


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, its surrogate pairs are not."""
    return json.dumps(text, ensure_ascii=False)
