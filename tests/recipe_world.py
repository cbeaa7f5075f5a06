"""The machine of a reader who follows the recipes: a folder, a cache, a command line, other programs, a judge.

In: a folder. Out: what a page takes for granted there (fetched files, old FastChat files, votes), stand-ins for
programs that are not Assay's, an environment, and a shell that runs a block as a reader would.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.assay_server import client, serving
from tests.fake_judge_server import FakeJudgeServer, Served, completion
from tests.fastchat_rows import PROMPT_NAMES, answer, game, question, rating, template, write
from tests.harness_logs import sample, written
from tests.house import HOUSE, model_folder
from tests.log_folders import generated

ASKED = "Who? What? Where? When? Why? How so? Say it."  # the scripted engine repeats it: five sentences and more
CATEGORIES = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")
OLD = {"a": "llama-3-8b", "b": "llama-3-8b-w4"}
DECISIONS = "10|11|12"
SHELL = f"""\
set -o pipefail
trap 'code=$?; case $code in {DECISIONS}) ;; *) exit $code ;; esac' ERR
trap 'env -0 >"$RECIPE_EXPORTED"' EXIT
"""
"""A decision is no failure of a recipe; everything else ends its block. What a block exports is there for the next."""

STAND_INS = {
    "sbatch": """\
script="${!#}"
read -r first last < <(sed -n 's/^#SBATCH --array=\\([0-9]*\\)-\\([0-9]*\\).*/\\1 \\2/p' "$script")
for task in $(seq "${first:-1}" "${last:-1}"); do
  SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=${last:-1} bash "$script" || exit
done
echo 1""",
    "lm_eval": """\
while [ "$1" != --output_path ]; do shift; done
mkdir -p "$2" && cp "$RECIPE_LOGS/${2##*/}"/* "$2" """,
    "inspect": f"""\
while [ "$1" != --log-dir ]; do shift; done
mkdir -p "$2" && cp {HOUSE}/tests/fixtures/inspect/"${{2##*/}}"/* "$2" """,
    "gh": """\
while [ "$1" != --body-file ]; do shift; done
test -s "$2" && cp "$2" commented.md""",
    "curl": """\
for each; do case $each in body@*) test -s "${each#body@}" && cp "${each#body@}" commented.md ;; esac; done""",
}
"""Programs of others: they do what the recipe needs of them and no more."""


def judged(body: dict) -> Served:
    """A judge's word by the official prompts' rules: the first position wins, and long prompts rate higher."""
    messages = body["messages"]
    if "[[A]]" in messages[0]["content"]:
        return completion("The first is better. [[A]]")
    return completion(f"Fine. Rating: [[{1 + len(messages[-1]['content']) % 10}]]")


def prompts() -> list[dict]:
    """Judge prompts in FastChat's layout, all eight."""
    found = map(template, PROMPT_NAMES)
    return [row | {"system_prompt": "Say [[A]], [[B]] or [[C]]." if "pair" in row["name"] else "s"} for row in found]


def fill_cache(cache: Path) -> None:
    """What `assay fetch` would have brought."""
    cache = cache / "mt-bench"
    asked = [
        {"question_id": 81 + number, "category": name, "turns": [ASKED, "And " + ASKED]}
        for number, name in enumerate(CATEGORIES)
    ]
    write(cache / "question.jsonl", asked)
    write(cache / "judge_prompts.jsonl", prompts())
    known = [{"question_id": each, "choices": [{"turns": ["Right.", "Right again."]}]} for each in (83, 84, 85)]
    for name in ("gpt-4", "gpt-4-0125-preview"):
        write(cache / "reference_answer" / f"{name}.jsonl", known)
    model_folder(cache.parent / "smollm2")


def fill_desk(desk: Path) -> None:
    """What the reader has already: two models, a folder of FastChat's, and people's votes on the questions."""
    for name in ("llama", "llama-w4a16"):
        model_folder(desk / name)
    old = desk / "data" / "mt_bench"
    numbers, turns = range(1, 13), (1, 2)
    write(old / "question.jsonl", [question(id) for id in numbers])
    for model, name in OLD.items():
        write(old / "model_answer" / f"{name}.jsonl", [renamed(answer(model, id)) for id in numbers])
    scored = [rating(model, id, turn, 1 + (id + turn) % 9) for model in OLD for id in numbers for turn in turns]
    write(old / "model_judgment" / "gpt-4_single.jsonl", list(map(renamed, scored)))
    played = [game(id, turn) for id in numbers for turn in turns]
    write(old / "model_judgment" / "gpt-4_pair.jsonl", list(map(renamed, played)))
    vote = {"baseline": "bf16", "candidate": "w4a16", "winner": "baseline", "rater": "ann", "turn": 1}
    write(desk / "votes.jsonl", [{"question": str(81 + number)} | vote for number in range(8)])


def renamed(row: dict) -> dict:
    names = ("model", "model_id", "model_1", "model_2")
    return row | {name: OLD[row[name]] for name in names if name in row}


def fill_logs(folder: Path) -> None:
    """Logs that lm-evaluation-harness would write: the second model flips an item, the third two; and sums in words."""
    for worse, name in enumerate(("bf16", "int4", "int8", "bf16-again")):
        flipped = 0 if name == "bf16-again" else worse
        lines = [sample(number, *((-3.0, -1.0) if number < flipped else ())) for number in range(40)]
        written(folder / name, lines, task="mmlu")
        written(folder / name, [generated(number, number > worse) for number in range(20)], task="gsm8k")


class Reader:
    """Somebody at a desk; `tell` runs a block there."""

    def __init__(self, desk: Path, environment: dict[str, str]) -> None:
        self.desk = desk
        self.exported = desk.with_suffix(".exported")
        self.environment = environment | {"RECIPE_EXPORTED": str(self.exported)}

    def tell(self, block: str, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", "-c", SHELL + block],
            cwd=self.desk,
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.environment = dict(line.split("=", 1) for line in self.exported.read_text().split("\0") if line)
        return done


@contextmanager
def readers(folder: Path) -> Iterator["type[Reader]"]:
    """A machine; each reader that is made on it has a desk of its own."""
    fill_cache(folder / "cache")
    fill_logs(folder / "logs")
    programs = folder / "bin"
    programs.mkdir()
    for name, text in {**STAND_INS, "assay": client(folder / "assay.socket")}.items():
        (programs / name).write_text(text if text.startswith("#!") else f"#!/usr/bin/env bash\n{text}\n")
        (programs / name).chmod(0o755)
    environment = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{HOUSE}{os.pathsep}{HOUSE / 'tests' / 'stand_ins'}",
        "HOME": str(folder / "home"),
        "ASSAY_HOME": str(folder / "cache"),
        "ASSAY_SCRIPTED_ENGINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "RECIPE_LOGS": str(folder / "logs"),
        "LANG": "C.UTF-8",
    }

    class ReaderHere(Reader):
        def __init__(self, name: str) -> None:
            super().__init__(folder / name, environment)
            fill_desk(self.desk)

    with FakeJudgeServer(judged) as judge, serving(folder / "assay.socket", judge.base_url, environment):
        yield ReaderHere
