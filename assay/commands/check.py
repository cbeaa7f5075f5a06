"""The command `assay check`: a whole review of models, without a config file.

In: a baseline and its candidates, as model folders or hub names, and a few options. Out: the `review.toml` that was
run, the report, and a few lines; the exit code is the decision.
"""

from pathlib import Path
from typing import Annotated

import typer

from assay.commands.arguments import Amend, Redact, Runs, Settings, named_numbers
from assay.commands.review import run_review
from assay.display import Display


def check(
    models: Annotated[list[str], typer.Argument(help="The baseline, then each candidate: a folder or a hub name.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look: few questions and items, short answers.")
    ] = False,
    margin: Annotated[
        float | None, typer.Option("--margin", metavar="NUMBER", help="The loss that is still acceptable (0.02).")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit", metavar="MEASURE=NUMBER", help="At most this; for each: flips=0.08, loops=0.05, unfinished=0.1."
        ),
    ] = None,
    task: Annotated[
        str, typer.Option("--task", metavar="NAME,...", help="Tasks in place of Assay's own: mmlu,gsm8k, a .jsonl.")
    ] = "",
    engine: Annotated[str, typer.Option("--engine", metavar="NAME", help="vllm or transformers.")] = "vllm",
    engine_arg: Annotated[
        list[str] | None,
        typer.Option("--engine-arg", metavar="KEY=VALUE", help="max_model_len=4096; may be repeated."),
    ] = None,
    judge_model: Annotated[str, typer.Option("--judge-model", metavar="NAME", help="A judge at --judge-url.")] = "",
    judge_url: Annotated[
        str, typer.Option("--judge-url", metavar="URL", help="Its OpenAI-compatible endpoint; OpenAI's by default.")
    ] = "",
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The review's name; made from the models'.")] = "",
    settings: Settings = None,
    runs: Runs = Path("runs"),
    redact: Redact = False,
    amend: Amend = False,
) -> int:
    """Review compressed models in one line, without a config.

    The models write answers (MT-Bench's questions if they were fetched, else Assay's), pick options and solve problems
    (Assay's items, or those of --task); their texts are measured and compared. Three limits are declared unless --limit
    says otherwise: flips, loops and unfinished. A judge is asked only with --judge-model or --judge-url. The
    review.toml that was run stands in the run's folder, to be changed and run again. The same command goes on where it
    was stopped. The exit code is the decision: 0 SHIP, 10 HOLD, 11 INCONCLUSIVE, 12 UNFIT.

    Examples:
        assay check ./llama ./llama-w4a16
        assay check ./llama ./llama-w4a16 --quick
        assay check org/base org/base-awq --task mmlu,gsm8k --limit flips=0.05 --engine-arg max_model_len=4096
        assay check ./base ./small --judge-model gpt-4o-2024-08-06 --set questions.max_tokens=256
    """
    from assay import pipeline
    from assay.one_line import Wishes, one_line_review
    from assay.results import show_brief
    from assay.settings import valued

    wishes = Wishes(
        models=tuple(models),
        name=name,
        quick=quick,
        margin=margin,
        limits=named_numbers(limit or [], "--limit"),
        tasks=tuple(filter(None, (each.strip() for each in task.split(",")))),
        engine=engine,
        engine_args=valued(engine_arg or (), "--engine-arg"),
        judge_model=judge_model,
        judge_url=judge_url,
    )
    declared = one_line_review(wishes, settings or ())
    with Display() as display:
        review = pipeline.begin_declared(declared, runs, display.report, amend=amend)
        report, written = run_review(review, redact=redact, exam_first=True)
    show_brief(report, written, review.run.config)
    return report.exit_code
