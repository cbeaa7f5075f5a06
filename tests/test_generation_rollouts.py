"""Rollouts: a model reads its own answers, the baseline all models' in one more load; resumed, refused by name."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.statistics.resampling import Resamplings
from analysis.token_distributions.rollout_measures import rollout_report
from assay.placement.work import run_work, unfinished
from generation.orders import EngineSpec, LoadGroup, ModelJob
from generation.pending import pending_orders, pending_traces
from generation.scripted_engine import ScriptedEngine
from generation.shards import Shard, sharded
from generation.stage import run_batch
from generation.traces import trace_turns, write_traces
from generation.transformers_engine import load_transformers
from ledger.config import read_config
from ledger.errors import BadRecord
from ledger.manifests import read_manifest
from ledger.progress import silent
from ledger.records import Question
from ledger.runs import GenerationFolder, RunFolder
from ledger.traces import FILE_NAME, TRACES, TraceWriter, read_traces, trace_keys
from tests.run_folder import build_report

RIVALS = ("cand", "other", "base@control")
QUESTIONS = tuple(
    Question(source="s", id=str(i), category="math", turns=("first?", "second?"), temperature=0.0) for i in range(4)
)


def order(folder, model: str, **changes) -> ModelJob:
    names = ("base", *RIVALS) if model == "base" else ("base", model)
    values = {"folder": folder / model, "model": model, "seed": 1, "max_tokens": 8, "questions": QUESTIONS}
    values |= {"trace_top_k": 3, "baseline": folder / "base", "reads": tuple(folder / name for name in names)}
    return ModelJob(**(values | {"control": model.endswith("@control")} | changes))


def review(folder, **changes) -> list[LoadGroup]:
    """The baseline and its control share a load; two candidates have one each."""
    groups = (("base", "base@control"), ("cand",), ("other",))
    spec = EngineSpec(kind="vllm", model="none")
    return [LoadGroup(engine=spec, orders=tuple(order(folder, name, **changes) for name in names)) for names in groups]


def writes(model: str):
    return lambda request: f"{model} says {len(request.messages)}"


class Loads:
    """A runner that counts what is loaded; the engine of one load stops after so many requests."""

    def __init__(self, stop: int = -1, after: int = 0) -> None:
        self.stop, self.after = stop, after
        self.calls: list[str] = []

    def __call__(self, jobs, report) -> None:
        for job in jobs:
            self.calls.append(job.name)
            engine = Stopping(self.after) if len(self.calls) - 1 == self.stop else ScriptedEngine()
            engine.write = writes(job.name)
            run_batch(job.batch, lambda _, engine=engine: engine)


class Stopping(ScriptedEngine):
    def __init__(self, after: int) -> None:
        super().__init__(window=1)
        self.after = after

    def step(self):
        if len(self.submitted) > self.after:
            raise KeyboardInterrupt
        return super().step()


def run(folder, loads: Loads | None = None) -> list[str]:
    loads = loads or Loads()
    run_work(unfinished(review(folder), silent), loads, 1, silent)
    return loads.calls


def rows(folder, model: str) -> list[tuple]:
    columns = [*TRACES.columns, "position", "token", "logprob"]
    return sorted(tuple(row[name] for name in columns) for row in pq.read_table(folder / model / FILE_NAME).to_pylist())


def test_a_model_reads_its_own_answers_in_its_own_load_and_the_baseline_all_of_them_in_one_more(tmp_path):
    assert run(tmp_path) == ["base", "cand", "other", "base"]
    authors = {name: {key[1] for key in trace_keys(tmp_path / name)} for name in ("base", *RIVALS)}
    assert authors == {
        "base": {"base", *RIVALS},
        "cand": {"base", "cand"},
        "other": {"base", "other"},
        "base@control": {"base", "base@control"},
    }
    for author in ("base", *RIVALS):
        written = {a.key[1:]: a for a in GenerationFolder(tmp_path / author).answers.records()}
        for reader in ("base", author):
            found = {key: each for key, each in read_traces(tmp_path / reader, reader).items() if key[0] == author}
            assert len(found) == 8
            for (_, *place, turn), each in found.items():
                assert "".join(map(chr, each.tokens)) == written[tuple(place)].turns[turn - 1].text
    assert not [pending for batch in review(tmp_path) for pending in pending_orders(batch)]
    assert run(tmp_path) == []


def test_the_baseline_is_not_told_to_be_complete_while_answers_that_it_must_read_are_not_written(tmp_path):
    first, *others = review(tmp_path)
    run_work([first], Loads(), 1, silent)
    told = []
    assert unfinished([first, *others], told.append) == [first, *others]
    assert not any("all records are there" in each.work for each in told)
    run_work(others, Loads(), 1, silent)
    assert unfinished([first, *others], told.append) == [first]


@pytest.mark.parametrize(("load", "after"), [(1, 5), (1, 13), (1, 20), (3, 5), (3, 20)])
def test_rollouts_resume_after_a_kill(tmp_path, monkeypatch, load, after):
    """Killed while a candidate writes, reads the baseline's or its own, or while the baseline reads the candidates'."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(whole)
    monkeypatch.setattr(TraceWriter.__init__, "__defaults__", (TRACES, 1))  # each trace is a part at once
    with pytest.raises(KeyboardInterrupt):
        run(killed, Loads(load, after))
    assert pending_orders(review(killed)[load % 3])
    left = run(killed)
    assert left == (["cand", "other", "base"] if load == 1 else ["base"])
    for model in ("base", *RIVALS):
        assert rows(killed, model) == rows(whole, model)


def test_after_a_kill_the_baseline_is_not_loaded_for_a_part_of_the_answers(tmp_path):
    """It would be loaded once more for the rest."""
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Loads(2, 5))
    assert run(tmp_path) == ["other", "base"]


def test_a_candidate_with_another_tokenizer_is_refused_by_name_on_both_sides(tmp_path):
    spec = EngineSpec(kind="vllm", model="none")

    def ran(name: str, tokenizer: str | None, **changes) -> ScriptedEngine:
        engine = ScriptedEngine()
        engine.facts["tokenizer"] = tokenizer
        run_batch(LoadGroup(engine=spec, orders=(order(tmp_path, name, **changes),)), lambda _: engine)
        return engine

    ran("base", "characters", reads=(tmp_path / "base",))
    for name, tokenizer, sentence in (
        ("cand", "words", "the tokenizer is not the baseline's"),
        ("other", None, "this engine gives none"),
    ):
        ran(name, tokenizer, reads=(tmp_path / name,))
        facts = read_manifest(tmp_path / name).facts
        assert facts["rollouts_refused"] == sentence
        assert "traces_refused" not in facts
        assert not pending_traces(order(tmp_path, name, reads=(tmp_path / name,)))
    assert not pending_traces(order(tmp_path, "base"))
    ran("base@control", "characters")
    assert {answer.model for answer, _ in pending_traces(order(tmp_path, "base"))} == {"base@control"}


def test_a_candidates_own_answers_wait_until_the_baseline_has_begun(tmp_path):
    """Its tokenizer decides whether they can be compared."""
    spec = EngineSpec(kind="vllm", model="none")
    alone = order(tmp_path, "cand", reads=(tmp_path / "cand",))
    run_batch(LoadGroup(engine=spec, orders=(alone,)), lambda _: ScriptedEngine())
    assert not pending_traces(alone)
    assert not read_manifest(tmp_path / "cand").facts.get("rollouts_refused")
    run_batch(LoadGroup(engine=spec, orders=(order(tmp_path, "base"),)), lambda _: ScriptedEngine())
    assert len(pending_traces(alone)) == 8


def test_a_shard_reads_no_answers(tmp_path):
    for batch in review(tmp_path):
        assert not any(each.reads for each in sharded(batch, Shard(1, 2)).orders)


def test_traces_of_an_earlier_assay_which_name_no_author_are_refused_by_name(tmp_path):
    run(tmp_path)
    path = tmp_path / "cand" / FILE_NAME
    pq.write_table(pq.read_table(path).drop_columns(["author"]), path)
    for read in (trace_keys, lambda folder: read_traces(folder, "cand")):
        with pytest.raises(BadRecord, match=r"traces\.parquet: .*no column 'author'; an earlier Assay wrote it"):
            read(tmp_path / "cand")
    path.unlink()
    assert run(tmp_path) == ["cand"]
    assert pa.types.is_string(pq.read_schema(path).field("author").type)


REVIEW = """
name = "r"
[baseline]
model = {base}
label = "base"
control = false
engine_args = {{ dtype = "float32" }}
[[candidate]]
model = {candidate}
label = "noisy"
engine_args = {{ dtype = "float32" }}
[questions]
limit = 3
max_tokens = 24
rollouts = true
trace_top_k = 20
"""


@pytest.mark.model
def test_vllm_and_transformers_read_rollouts_alike(tmp_path, smollm2):
    """The real SmolLM2 and one with noise, in float32: vLLM's run, and its texts read again by transformers."""
    for package in ("vllm", "transformers"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    command = [sys.executable, "-m", "assay.cli"]
    noisy = tmp_path / "noisy"
    made = [*command, "compress", str(smollm2), str(noisy), "--scheme", "noise=0.1"]
    subprocess.run(made, check=True, capture_output=True)
    config = tmp_path / "review.toml"
    config.write_text(REVIEW.format(base=json.dumps(str(smollm2)), candidate=json.dumps(str(noisy))))
    subprocess.run([*command, "generate", str(config), "--runs", str(tmp_path)], check=True, capture_output=True)
    run = RunFolder(tmp_path / "r")
    report = build_report(read_config(config), run, "now")
    (rolled,) = report.rollouts
    assert rolled.kl.value > 0.001

    answers = {name: list(run.generation(name).answers.records()) for name in ("base", "noisy")}
    again = {}
    for name, model, authors in (("base", smollm2, ("base", "noisy")), ("noisy", noisy, ("noisy",))):
        engine = load_transformers(EngineSpec(kind="transformers", model=str(model), arguments={"dtype": "float32"}))
        turns = trace_turns([each for author in authors for each in answers[author]], name, set())
        again_here = tmp_path / "again" / name
        order = ModelJob(folder=again_here, model=name, seed=1, trace_top_k=20)
        write_traces(engine, turns, order, TraceWriter(again_here))
        again[name] = read_traces(tmp_path / "again" / name, name)
        first = read_traces(run.generation(name).path, name)
        assert first.keys() == again[name].keys()
        for key, each in first.items():
            assert np.array_equal(each.tokens, again[name][key].tokens)
            assert each.logprobs == pytest.approx(again[name][key].logprobs, abs=2e-3)
    by = [
        {key[1:]: each for key, each in again[name].items() if key[0] == author}
        for name, author in (("noisy", "noisy"), ("base", "noisy"), ("base", "base"))
    ]
    found, _ = rollout_report("noisy", "candidate", *by, Resamplings(1, 200), 1)
    assert found.kl.value == pytest.approx(rolled.kl.value, rel=1e-2)
    assert found.per_answer.value == pytest.approx(rolled.per_answer.value, rel=1e-2)
    assert found.surprise.value == pytest.approx(rolled.surprise.value, abs=2e-3)
    assert (found.positions, found.turns, found.top_k) == (rolled.positions, rolled.turns, 20)
