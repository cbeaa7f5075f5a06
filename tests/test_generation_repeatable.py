"""One config, one machine, the real engine: two runs write the same bytes (same admission order, same threads)."""

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from generation.tokenizers import stored_tokenizer_digest
from ledger.manifests import read_manifest
from ledger.runs import RunFolder
from ledger.traces import FILE_NAME

pytestmark = pytest.mark.model
pytest.importorskip("vllm", reason="vLLM is not installed (extra cpu or gpu)")

REVIEW = """
name = "same"
[baseline]
model = {base}
label = "base"
control = false
[[candidate]]
model = {base}
label = "unused"
[questions]
limit = 6
samples = 2
max_tokens = 40
traces = true
trace_top_k = 4
[[task]]
limit = 24
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory, smollm2):
    folder = tmp_path_factory.mktemp("repeatable")
    (folder / "review.toml").write_text(REVIEW.format(base=json.dumps(str(smollm2))))
    found = []
    for name in ("first", "second"):
        head = [sys.executable, "-m", "assay.cli", "generate", str(folder / "review.toml"), "--model", "base"]
        subprocess.run([*head, "--runs", str(folder / name)], check=True, capture_output=True)
        found.append(RunFolder(folder / name / "same").generation("base"))
    return found


def test_answers_and_choices_are_equal_byte_for_byte(runs):
    for name in ("answers.jsonl", "choices.jsonl"):
        first, second = ((folder.path / name).read_bytes() for folder in runs)
        assert first
        assert first == second


def test_sampled_answers_are_among_them_and_differ_from_each_other(runs):
    warm = [answer for answer in runs[0].answers.records() if answer.question.temperature > 0.5]
    by_question = {}
    for answer in warm:
        by_question.setdefault(answer.question.id, set()).add(answer.turns[0].text)
    assert by_question
    assert any(len(texts) == 2 for texts in by_question.values())


def test_traces_are_equal(runs):
    first, second = (pq.read_table(folder.path / FILE_NAME) for folder in runs)
    assert first.num_rows > 0
    assert first.equals(second)


def test_the_tokenizer_is_known_before_the_engine_starts(runs, smollm2):
    facts = read_manifest(runs[0].path).facts
    assert facts["tokenizer"] == stored_tokenizer_digest(str(smollm2))
    assert facts["batch_invariant"] is False
