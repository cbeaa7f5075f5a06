"""A model behind vLLM's own OpenAI server: the same records as from an engine in the house, over real HTTP."""

import json
import subprocess
import sys

import pytest

from assay.placement.judge_server import served
from assay.sources.smollm2 import fetch_smollm2
from ledger.manifests import read_manifest
from ledger.progress import silent
from ledger.records import Finish
from ledger.runs import RunFolder

pytestmark = pytest.mark.model
pytest.importorskip("vllm", reason="vLLM is not installed (extra cpu or gpu)")

REVIEW = """
name = "served"
[baseline]
model = "small"
label = "base"
engine = "openai"
base_url = "{url}"
concurrency = 8
control = false
[[candidate]]
model = "small"
label = "again"
engine = "openai"
base_url = "{url}"
concurrency = 8
[questions]
limit = 6
max_tokens = 24
"""


def generate(folder):
    command = [sys.executable, "-m", "assay.cli", "generate", str(folder / "review.toml")]
    return subprocess.run([*command, "--runs", str(folder / "runs")], check=False, capture_output=True, text=True)


def requests_logged(log):
    return log.read_text(errors="replace").count("POST /v1/chat/completions")


def test_answers_come_over_http_and_are_not_asked_for_twice(tmp_path):
    base = str(fetch_smollm2(lambda _: None))
    log = tmp_path / "server.log"
    with served(base, "small", {"max_model_len": 2048}, log, silent) as url:
        (tmp_path / "review.toml").write_text(REVIEW.format(url=url))
        ended = generate(tmp_path)
        assert ended.returncode == 0, ended.stderr
        asked = requests_logged(log)
        assert generate(tmp_path).returncode == 0
        assert requests_logged(log) == asked
    assert asked >= 2 * 6 * 2
    for name in ("base", "again"):
        folder = RunFolder(tmp_path / "runs" / "served").generation(name)
        answers = list(folder.answers.records())
        assert len(answers) == 6
        turns = [turn for answer in answers for turn in answer.turns]
        assert {turn.finish for turn in turns} <= {Finish.STOP, Finish.LENGTH}
        assert all(turn.text and 0 < turn.completion_tokens <= 24 for turn in turns)
        assert all(turn.finish is Finish.STOP or turn.completion_tokens == 24 for turn in turns)
        manifest = read_manifest(folder.path)
        assert manifest.settings["endpoint"] == url.split("/")[2]
        assert "small" in json.dumps(manifest.facts)
