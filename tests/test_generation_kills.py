"""The real engine killed at random moments: in the end the same keys as an uninterrupted run, each once, nothing torn.

Run by `make test-long` (some 15 minutes on two cores): each of the kills pays for a model load. `ASSAY_KILLS` sets how
many; the share of texts that equal those of an uninterrupted run is printed, because greedy text depends on which
conversations share a batch, and a resumed run batches differently.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.sources.smollm2 import fetch_smollm2
from ledger.manifests import read_manifest
from ledger.runs import RunFolder

pytestmark = [pytest.mark.model, pytest.mark.long]
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
max_tokens = 96
[[task]]
limit = 200
"""


def command(folder: Path, name: str, base: Path) -> list[str]:
    config = folder / f"{name}.toml"
    config.write_text(REVIEW.format(name=name, base=json.dumps(str(base))))
    head = [sys.executable, "-m", "assay.cli", "generate", str(config), "--model", "base"]
    return [*head, "--runs", str(folder / "runs")]


def texts(run: RunFolder) -> dict[tuple, list[str]]:
    answers = list(run.generation("base").answers.records())
    found = {answer.key: [turn.text for turn in answer.turns] for answer in answers}
    assert len(found) == len(answers)
    return found


def test_killed_at_random_moments_it_ends_complete(tmp_path):
    base = fetch_smollm2(lambda _: None)
    started = time.monotonic()
    subprocess.run(command(tmp_path, "whole", base), check=True, capture_output=True)
    duration = time.monotonic() - started
    generator = random.Random(7)
    for _ in range(KILLS):
        child = subprocess.Popen(
            command(tmp_path, "killed", base), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(generator.uniform(0.2, 1.0) * duration)
        child.kill()
        child.wait()
        time.sleep(1)
    subprocess.run(command(tmp_path, "killed", base), check=True, capture_output=True)
    whole, killed = (RunFolder(tmp_path / "runs" / name) for name in ("whole", "killed"))
    expected, found = texts(whole), texts(killed)
    assert found.keys() == expected.keys()
    assert len({c.key for c in killed.generation("base").choices.records()}) == 200
    for name in ("answers.jsonl", "choices.jsonl"):
        path = killed.generation("base").path / name
        assert path.read_bytes().endswith(b"\n")
        assert all(json.loads(line) for line in path.read_text().splitlines())
    equal = sum(found[key] == expected[key] for key in expected)
    print(f"{KILLS} kills; texts equal to the uninterrupted run's: {equal} of {len(expected)}")  # noqa: T201 - the figure asked for
    assert len(read_manifest(killed.generation("base").path).sessions) >= 1
