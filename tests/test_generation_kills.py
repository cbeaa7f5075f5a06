"""The real engine killed at random moments: in the end the same keys as an uninterrupted run, each once, nothing torn.

Twenty kills, some 15 minutes on two cores, for each pays for a model load (`ASSAY_KILLS` sets how many). `make test`
has one kill of the real engine (test_end_to_end.py) and more of a scripted one (test_placement.py). The share of texts
that equal those of an uninterrupted run is printed, because greedy text depends on which conversations share a batch,
and a resumed run batches differently.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ledger.manifests import read_manifest
from ledger.runs import RunFolder

pytestmark = [pytest.mark.model, pytest.mark.soak]
pytest.importorskip("vllm", reason="vLLM is not installed (extra cpu or gpu)")

KILLS = int(os.environ.get("ASSAY_KILLS", "20"))
REVIEW = """
name = "{name}"
[baseline]
model = {base}
label = "base"
control = false
[[candidate]]
model = {base}
label = "unused"
[questions]
limit = {questions}
max_tokens = {tokens}
[[task]]
limit = {items}
"""
SIZES = {"questions": 32, "tokens": 96, "items": 200}


def command(folder: Path, model: Path, name: str, sizes: dict[str, int]) -> list[str]:
    config = folder / f"{name}.toml"
    base = json.dumps(str(model))
    config.write_text(REVIEW.format(name=name, base=base, **sizes))
    head = [sys.executable, "-m", "assay.cli", "generate", str(config), "--model", "base"]
    return [*head, "--runs", str(folder / "runs")]


def texts(run: RunFolder) -> dict[tuple, list[str]]:
    answers = list(run.generation("base").answers.records())
    found = {answer.key: [turn.text for turn in answer.turns] for answer in answers}
    assert len(found) == len(answers)
    return found


def records(run: RunFolder) -> int:
    files = (run.generation("base").path / name for name in ("answers.jsonl", "choices.jsonl"))
    return sum(path.read_bytes().count(b"\n") for path in files if path.exists())


def await_moment(child: subprocess.Popen, killed: RunFolder, duration: float, generator: random.Random) -> None:
    """A random moment: now and then while the model is loaded, mostly shortly after new records came in."""
    if generator.random() < 0.25:
        time.sleep(generator.uniform(0.2, 0.6) * duration)
        return
    before = records(killed)
    while child.poll() is None and records(killed) <= before:
        time.sleep(0.02)
    time.sleep(generator.uniform(0.0, 1.5))


def kill_often(folder: Path, model: Path, sizes: dict[str, int], kills: int) -> None:
    """An uninterrupted run, and one that is killed again and again; then both are compared."""
    whole, killed = (RunFolder(folder / "runs" / name) for name in ("whole", "killed"))
    started = time.monotonic()
    subprocess.run(command(folder, model, "whole", sizes), check=True, capture_output=True)
    duration = time.monotonic() - started
    generator = random.Random(11)
    there = []
    for _ in range(kills):
        child = subprocess.Popen(
            command(folder, model, "killed", sizes), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        await_moment(child, killed, duration, generator)
        child.kill()
        child.wait()
        time.sleep(1)
        there.append(records(killed))
    subprocess.run(command(folder, model, "killed", sizes), check=True, capture_output=True)
    compare(whole, killed, sizes, there)


def compare(whole: RunFolder, killed: RunFolder, sizes: dict[str, int], there: list[int]) -> None:
    """The same keys, each once, no torn line; the manifest tells of the resumed sessions."""
    expected, found = texts(whole), texts(killed)
    assert found.keys() == expected.keys()
    assert len(found) == sizes["questions"]
    choices = list(killed.generation("base").choices.records())
    assert len({choice.key for choice in choices}) == len(choices) == sizes["items"]
    for name in ("answers.jsonl", "choices.jsonl"):
        path = killed.generation("base").path / name
        assert path.read_bytes().endswith(b"\n")
        assert all(json.loads(line) for line in path.read_text().splitlines())
    equal = sum(found[key] == expected[key] for key in expected)
    print(f"records after each kill {there}; texts equal to the uninterrupted run's: {equal} of {len(expected)}")
    partly = [count for count in there if 0 < count < len(found) + len(choices)]
    assert partly, "no kill hit a run with records"
    sessions = read_manifest(killed.generation("base").path).sessions
    assert {session.records_found for session in sessions} & set(partly)
    assert len(sessions) > 1


def test_killed_at_twenty_random_moments_it_ends_complete(tmp_path, smollm2):
    kill_often(tmp_path, smollm2, SIZES, KILLS)
