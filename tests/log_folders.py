"""Folders of harness logs with a known truth: tasks of many items, right and wrong as told, and a results file.

In: for each item whether the model is right. Out: files as version 0.4.13 writes them. What a compare says of two such
folders is read back from its five files.
"""

import hashlib
import html
import json
import math
import random
from pathlib import Path

from assay.cli import run

STAMP = "2026-11-23T22-44-26.754601"
LATER = "2026-11-24T22-44-26.754601"
FORMATS = ("report.md", "report.json", "junit.xml", "report.html")


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def choice(task, number, right, noise=0.0, options=4, **changes):
    """A sample whose best option is the gold one or not; `noise` moves log-probabilities and no pick."""
    gold = number % options
    picked = gold if right else (gold + 1) % options
    values = [-3.0 - 0.01 * place - noise for place in range(options)]
    values[picked] = -1.0 + noise
    pairs = {
        f"gen_args_{i}": {"arg_0": f"{task} {number}?", "arg_1": f" {'abcdefgh'[i]}{number:05}"} for i in range(options)
    }
    hashes = {name: digest(f"{name} {task} {number}") for name in ("doc_hash", "prompt_hash", "target_hash")}
    return {
        "doc_id": number,
        "doc": {"question": number},
        "target": str(gold),
        "arguments": pairs,
        "filtered_resps": [[str(value), "False"] for value in values],
        "filter": "none",
        "acc": float(picked == gold),
        **hashes,
    } | changes


def generated(number, right):
    """A sample of a task whose generated answer a program checked."""
    return {
        "doc_id": number,
        "doc": {},
        "target": "4",
        "arguments": {"gen_args_0": {"arg_0": "2+2=", "arg_1": {"until": ["\n"]}}},
        "resps": [["4" if right else "5"]],
        "filtered_resps": ["4" if right else "5"],
        "filter": "none",
        "exact_match": float(right),
    }


def rolling(number, right):
    """A sample of a task that is read by nobody: the perplexity of a text."""
    return {
        "doc_id": number,
        "doc": {},
        "target": "",
        "arguments": {"gen_args_0": {"arg_0": "A text."}},
        "resps": [[["-12.5"]]],
        "filtered_resps": ["-12.5"],
        "filter": "none",
        "word_perplexity": 10.0 if right else 40.0,
    }


def pattern(task, items, share=0.7):
    """Which items a model has right: the same for every model, but for what a test changes."""
    drawn = random.Random(task)
    return [drawn.random() < share for _ in range(items)]


def damaged(rights, share):
    """The same with so large a share of all items lost, from the first right ones on."""
    left = math.ceil(share * len(rights))
    lost = []
    for right in rights:
        lost.append(right and left <= 0)
        left -= right
    return lost


def flipped(rights, every):
    """The same with one item in so many changed, in turn lost and won: changes without a loss."""
    return [not right if place % every == 0 else right for place, right in enumerate(rights)]


def model_logs(folder, model, tasks, stamp=STAMP, results_name="", arguments="", **more):
    """Files of one run: `tasks` maps names to lines; the results file names model, arguments and every task."""
    folder.mkdir(parents=True, exist_ok=True)
    for task, lines in tasks.items():
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"samples_{task}_{stamp}.jsonl").write_text(text)
    results = {
        "configs": {task: {"task": task} for task in tasks},
        "n-samples": {
            task: dict.fromkeys(("original", "effective"), _documents(lines)) for task, lines in tasks.items()
        },
        "config": {"model": "vllm", "model_args": arguments or f"pretrained={model}"},
        "model_name": model,
        "lm_eval_version": "0.4.13",
    } | more
    (folder / (results_name or f"results_{stamp}.json")).write_text(json.dumps(results))
    return folder


def _documents(lines):
    """How many documents a log is about: each stands once per filter."""
    return len({line["doc_id"] for line in lines})


def lines(task, rights, noise=0.0, **changes):
    return [choice(task, number, right, noise, **changes) for number, right in enumerate(rights)]


def pair(folder, before, after):
    """Two models' folders, with logs of `before` and `after`: task names to lines."""
    return model_logs(folder / "bf16", "bf16", before), model_logs(folder / "int4", "int4", after)


class Compared:
    """What `assay compare` did: its exit code, what it printed, and its files by name."""

    def __init__(self, folder: Path, capsys, *arguments, name="review"):
        runs = folder / "runs"
        capsys.readouterr()
        self.code = run(["compare", *map(str, arguments), "--runs", str(runs), "--name", name])
        printed = capsys.readouterr()
        self.error = printed.err
        place = runs / name / "analysis"
        texts = {file: (place / file).read_text(encoding="utf-8") for file in FORMATS if (place / file).exists()}
        self.files = texts | {"terminal": printed.out}

    @property
    def report(self):
        return json.loads(self.files["report.json"])

    @property
    def decision(self):
        return self.report["decisions"][0]

    @property
    def states(self):
        return {task["task"]: task["state"] for task in self.decision["tasks"]}

    def unnamed(self, *names):
        """The files in which one of these names does not stand; words wrap in the terminal, names do not."""
        return [file for file in self.files for name in names if name not in self.read(file)]

    def read(self, file):
        """A file as a person reads it: without Markdown's and XML's escapes, and without the terminal's line ends."""
        text = self.files[file]
        text = text.replace("\\", "").replace("`", "") if file == "report.md" else text
        return (
            " ".join(html.unescape(text).split()) if file != "report.json" else text.encode().decode("unicode_escape")
        )
