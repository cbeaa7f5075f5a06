"""The commands `assay import fastchat` and `assay export fastchat`: reviews from FastChat's files, and back.

In: a folder in FastChat's layout, or a review's config. Out: a run folder with its config, or FastChat's files.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.commands.arguments import Amend, Config, JudgeFile, LeaveOut, ReviewName, Runs
from assay.commands.import_logs import imports
from assay.declarations import Declaration, imported_review, section
from assay.display import Display
from ledger.errors import EXIT_UNFIT, ConfigError
from ledger.runs import control_of

if TYPE_CHECKING:
    from assay.sources.fastchat_reviews import FastChatReview

BROUGHT = ("answers", "ratings", "games")
"""What an import tells of even where there is none."""
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
    review: ReviewName,
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="MODEL", help="The model that the others would replace.")
    ] = "",
    candidate: Annotated[
        list[str] | None,
        typer.Option("--candidate", metavar="MODEL", help="Review this model alone; may be repeated. All by default."),
    ] = None,
    leave_out: LeaveOut = None,
    primary_judge: Annotated[
        str,
        typer.Option(
            "--primary-judge",
            metavar="JUDGE",
            help="Of several judges, the one that decides; else who said most about these models.",
        ),
    ] = "",
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Where question.jsonl and the rest are.")
    ] = None,
    judge_file: JudgeFile = None,
    runs: Runs = Path("runs"),
    amend: Amend = False,
) -> int:
    """Make a review of answers and judgments that FastChat wrote.

    `assay analyze` then decides as for any other. Of the rows on one prompt a verdict takes the place of failures, and
    further verdicts are averaged with it. Stale rows, rows about models without answers, and answers to unknown
    questions, with too few or empty turns, or that are $ERROR$, are left out and counted (see `assay audit`). A model
    or file that does not come in, stale judgments that none stands for, and judgments that could not be checked are
    named in the report and keep it from SHIP, unless --candidate or --leave-out says so. A model that nobody judged
    decides nothing. Where only one model was judged, the audit is printed, and the exit code is 12. The judge sat no
    exam, which the report says aloud. The same files again change nothing.

    Example:
        assay import fastchat data/mt_bench --review phi-3 --baseline phi-3
        assay analyze runs/phi-3/review.toml
    """
    from assay import pipeline
    from assay.sources.fastchat_folders import fastchat_folder
    from assay.sources.fastchat_imports import import_fastchat
    from assay.sources.fastchat_left_out import left_out_by_model, refuse_unknown_names
    from assay.sources.fastchat_reviews import fastchat_review

    found = fastchat_review(fastchat_folder(folder, data, judge_file), baseline, candidate or (), primary_judge)
    if not found.primary:
        return _audited(found)
    refuse_unknown_names(found, leave_out or ())
    with Display() as display:
        run = pipeline.begin_declared(
            _declaration(review, found, leave_out or ()), runs, display.report, amend=amend
        ).run
        counts = import_fastchat(found, run, left_out_by_model(found))
    told = [f"{count} {name}" for name, count in counts.items() if count or name in BROUGHT]
    print(f"{run.config}: {', '.join(told)}")
    return 0


@exports.command("fastchat")
def export_folder(
    config: Config,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write into.")],
    runs: Runs = Path("runs"),
    amend: Amend = False,
) -> None:
    """Write answers, ratings and games as FastChat's files.

    Its show_result reads them. Sample 0 and repeat 0 only, as FastChat knows no others; in pairs the baseline is
    model_2. What has no verdict is a score of -1 or a winner `error`, which show_result leaves out.

    Example:
        assay export fastchat review.toml --out exported
    """
    from assay import pipeline
    from assay.sources.fastchat_exports import export_fastchat

    with Display() as display:
        review = pipeline.begin(config, runs, display.report, amend=amend)
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


def _audited(found: "FastChatReview") -> int:
    """What there is instead of a review, where no judge compared two models."""
    from analysis.fastchat_audit.audit import audit
    from analysis.rendering.formats.audit import audit_markdown
    from analysis.rendering.tables.audit_findings import one_sided

    report = audit(found.stored)
    print(f"{audit_markdown(report)}\n{one_sided(report)}")
    return EXIT_UNFIT


def _declaration(name: str, found: "FastChatReview", leave_out: Sequence[str]) -> Declaration:
    """The review's config. Raises ConfigError."""
    modes = {judge: sorted({file.mode for file in files}, reverse=True) for judge, files in found.judges.items()}
    sections = [
        section("[questions]", source=found.source),
        *(
            section("[[judge]]", model=judge, modes=held, prompts=found.words(judge).prompts, exam=False)
            for judge, held in modes.items()
        ),
        section("[decision]", primary=found.primary, **({"leave_out": leave_out} if leave_out else {})),
    ]
    return imported_review("assay import fastchat", name, list(found.models), sections)
