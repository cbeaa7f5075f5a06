"""Choices made under conditions whose rounding differs are not compared, unless the config allows it by name."""

import pytest

from analysis.rendering.sentences.clauses import clause
from ledger.config import config_from
from ledger.manifests import open_manifest, write_manifest
from ledger.records import Choice
from ledger.runs import RunFolder
from ledger.store import Writer
from tests.run_folder import build_report


def made(run, model, engine="vllm", **facts):
    folder = run.generation(model)
    with Writer(folder.choices) as writer:
        for number in range(30):
            logprobs = (-1.0, -2.0 - number / 10)
            values = {"item_digest": str(number), "logprobs": logprobs, "characters": (1, 1), "tokens": (1, 1)}
            picks = {"gold": number % 2, "picked": 0, "picked_norm": 0}
            writer.append(Choice(model=model, task="t", item=str(number), subject="s", **values, **picks))
    manifest = open_manifest(folder.path, "generation", model, {"engine": engine}, {}, 0)
    write_manifest(folder.path, manifest.model_copy(update={"facts": facts}))


def compared(tmp_path, allowed=(), baseline=None, candidate=None):
    run = RunFolder(tmp_path)
    made(run, "base", **(baseline or {}))
    made(run, "cand", **(candidate or {}))
    asked = {
        "name": "r",
        "baseline": {"model": "a", "label": "base", "control": False},
        "candidate": [{"model": "b", "label": "cand"}],
        "task": [{"name": "t"}],
        "decision": {"allow_different": allowed},
    }
    report = build_report(config_from(asked, "test"), run, "now")
    fault = report.choices[0].fault
    return fault and clause(fault), report.word


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("engine", "vllm", "transformers"),
        ("dtype", "torch.bfloat16", "torch.float32"),
        ("threads", 1, 2),
        ("processor", "X 6-1: avx2", "X 6-2: amx_int8 avx2"),
    ],
)
def test_conditions_that_differ_are_named_and_can_be_allowed(tmp_path, name, first, second):
    fault, word = compared(tmp_path / "a", baseline={name: first}, candidate={name: second})
    assert fault.startswith(f"{name} {second} against the baseline's {first}")
    assert word == "UNFIT"
    assert compared(tmp_path / "b", [name], {name: first}, {name: second})[0] is None


def test_equal_and_unknown_conditions_are_no_difference(tmp_path):
    same = {"dtype": "torch.bfloat16", "threads": 2}
    assert compared(tmp_path / "a", baseline=same, candidate=same)[0] is None
    assert compared(tmp_path / "b", baseline=same)[0] is None


def test_shards_are_held_against_their_like(tmp_path):
    mixed = {"processor": "A", "shards": {"1-of-2": {"sessions": 1}, "2-of-2": {"sessions": 1, "processor": "B"}}}
    assert compared(tmp_path / "a", baseline=mixed, candidate=mixed)[0] is None
    fault, word = compared(tmp_path / "b", baseline={"processor": "A"}, candidate=mixed)
    assert fault.startswith("processor B against the baseline's A")
    assert word == "UNFIT"
    other = {"processor": "A", "shards": {"1-of-2": {"processor": "B"}}}
    assert compared(tmp_path / "c", baseline=mixed, candidate=other)[0].startswith(
        "processor B against the baseline's A"
    )
    assert compared(tmp_path / "d", ["processor"], mixed, other)[0] is None


@pytest.mark.parametrize("fact", ["processor", "dtype"])
def test_tokens_read_under_other_conditions_are_not_compared(tmp_path, fact):
    run = RunFolder(tmp_path)
    made(run, "base", **{fact: "one"})
    made(run, "cand", **{fact: "two"})
    asked = {
        "name": "r",
        "baseline": {"model": "a", "label": "base", "control": False},
        "candidate": [{"model": "b", "label": "cand"}],
        "questions": {"traces": True},
        "task": [{"name": "t", "vocabulary": True}],
    }
    report = build_report(config_from(asked, "test"), run, "now")
    faults = [clause(each.fault) for each in (*report.traces, *report.vocabulary)]
    assert len(faults) == 2
    assert all(fault.startswith(f"{fact} two against the baseline's one") for fault in faults)
