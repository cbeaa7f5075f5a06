"""The command `assay demo`: a whole review of real compressed models, on any machine.

In: nothing, or a judge's endpoint. Out: a run folder with a report; the exit code is 0 once the report stands, whatever
it decides. The review is data: `demo.toml` beside this file.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from assay.commands.arguments import Runs
from assay.commands.review import run_review
from assay.display import Display, say
from ledger.progress import silent

SELF = "smollm2-judge"
NO_JUDGE = """\
SmolLM2 failed the exam of a judge, so it was asked for no verdict. A judge that passes would add ratings and games:
assay demo --judge-url URL --judge-model NAME"""
SELF_JUDGE = f"""
[[judge]]
serve = "smollm2"
label = "{SELF}"
modes = ["single", "pair"]
concurrency = 16
max_tokens = 64
exam_tasks = 4

[decision]
primary = "accuracy_change"
margin = 0.02
limits = {{ flips = 0.10, loops = 0.05 }}
judge_may_compete = true
"""
"""SmolLM2 judges itself: it sits the exam, and is asked for verdicts only if it passes."""
JUDGED_DECISION = """
[decision]
primary = "rating_change"
margin = 0.3
limits = { flips = 0.10, loops = 0.05 }
"""


def demo(
    judge_url: Annotated[
        str, typer.Option(metavar="URL", help="An OpenAI-compatible endpoint to judge instead of SmolLM2.")
    ] = "",
    judge_model: Annotated[str, typer.Option(metavar="NAME", help="The judge's model at that endpoint.")] = "",
    runs: Runs = Path("runs"),
) -> None:
    """Review five compressed SmolLM2 models: a first report.

    SmolLM2 is fetched and compressed here; it takes about 15 minutes on 2 cores, and may be stopped at any moment: the
    same command goes on from there. The exit code is 0 once the report stands, whatever it decides. Without a judge of
    your own, SmolLM2 sits a judge's exam, and is asked for no verdict if it fails. With OPENAI_API_KEY set, or with
    --judge-url and --judge-model, that judge is used. OPENAI_API_KEY is sent to OpenAI alone; the key of another
    endpoint, if it takes one, is read from JUDGE_API_KEY.

    Examples:
        assay demo
        assay demo --judge-url http://127.0.0.1:8000/v1 --judge-model my-judge
    """
    from assay.ready_reviews import begin_ready, prepare_models, ready_review
    from assay.results import show

    ready = ready_review("demo", more=judge_of(judge_url, judge_model))
    review = begin_ready(ready, runs, silent)
    prepare_models(ready, say)
    with Display() as display:
        report, written = run_review(replace(review, report=display.report), exam_first=True)
    show(report, written)
    if any(judge.name == SELF and judge.exam.state == "failed" for judge in report.judges):
        print(NO_JUDGE)
    print(f"The report is at {(review.run.analysis / 'report.html').resolve()}")


def judge_of(url: str, model: str) -> str:
    """The judge's section, and a decision by its ratings; SmolLM2's own where no other judge is named."""
    from assay.one_line import OPENAI_KEY, judge_section

    if not (url or model or os.environ.get(OPENAI_KEY)):
        return SELF_JUDGE
    return f"\n{judge_section(url, model)}{JUDGED_DECISION}"
