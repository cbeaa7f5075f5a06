"""kl_vocabulary: which tokens are read, how they are stored, resumed and refused, and that the numbers are right."""

import json
import subprocess
import sys

import numpy as np
import pytest

from analysis.rendering.tables.traces import vocabulary_table
from analysis.statistics.resampling import Resamplings
from analysis.token_distributions.vocabulary_kl import vocabulary_report
from assay.placement.work import run_work
from generation.engine import Traced
from generation.option_tokens import option_texts
from generation.orders import EngineSpec, LoadGroup, ModelJob, TaskItems
from generation.pending import pending_option_tokens, pending_orders
from generation.scripted_engine import ScriptedEngine
from generation.stage import run_batch
from ledger.config import config_from, read_config
from ledger.manifests import read_manifest
from ledger.progress import silent
from ledger.records import Item
from ledger.runs import RunFolder
from ledger.traces import OPTION_TOKENS, TraceArrays, read_traces
from tests.run_folder import build_report

ITEMS = tuple(
    Item(task="t", id=str(i), subject="s", question=f"{i}?", options=("red", "deep blue"), gold=0) for i in range(6)
)


def test_letters_share_their_one_position():
    letters = list(option_texts(ITEMS[:2], "letters", 5))
    assert [text.key for text in letters] == [("t", "0", 0), ("t", "1", 0)]
    assert letters[0].continuation == " A"
    texts = list(option_texts(ITEMS[:1], "continuation", 5))
    assert [(text.key[2], text.continuation) for text in texts] == [(0, " red"), (1, " deep blue")]


def order(folder, model="m", top_k=3, **changes):
    tasks = (TaskItems(name="t", style="continuation", items=ITEMS, top_k=top_k),)
    return ModelJob(folder=folder / model, model=model, seed=1, tasks=tasks, baseline=folder / "base", **changes)


def run(work, facts=None):
    loads = []

    def load(spec):
        engine = ScriptedEngine()
        engine.facts |= facts or {}
        loads.append(engine)
        return engine

    run_batch(LoadGroup(engine=EngineSpec(kind="vllm", model="none"), orders=(work,)), load)
    return loads


def test_each_option_is_kept_once_and_a_resumed_run_has_nothing_to_do(tmp_path):
    run(order(tmp_path, "base"))
    found = read_traces(tmp_path / "base", "base", OPTION_TOKENS)
    assert sorted(found) == sorted((i.task, i.id, option) for i in ITEMS for option in (0, 1))
    assert found["t", "0", 1].top_tokens.shape[1] == 3
    assert pending_option_tokens(order(tmp_path, "base")) == []
    assert run(order(tmp_path, "base")) == []


def test_an_option_without_room_in_the_context_is_named_and_not_tried_again(tmp_path):
    class Narrow(ScriptedEngine):
        def _reply(self, request):
            return Traced(request.id, (), (), (), ()) if request.id == "t/2/1" else super()._reply(request)

    work = LoadGroup(engine=EngineSpec(kind="vllm", model="none"), orders=(order(tmp_path, "base"),))
    run_batch(work, lambda _: Narrow())
    assert read_manifest(tmp_path / "base").facts["options_too_long"] == ["t/2/1"]
    assert len(read_traces(tmp_path / "base", "base", OPTION_TOKENS)) == 11
    assert pending_orders(work) == []


def test_another_tokenizer_and_a_bounded_list_are_refused_by_name(tmp_path):
    run(order(tmp_path, "base"))
    run(order(tmp_path, "other"), {"tokenizer": "words"})
    assert "not the baseline's" in read_manifest(tmp_path / "other").facts["vocabulary_refused"]
    run(order(tmp_path, "whole", top_k=0), {"top_k_bounded": True})
    assert 'engine = "transformers"' in read_manifest(tmp_path / "whole").facts["vocabulary_refused"]
    assert pending_option_tokens(order(tmp_path, "other")) == []


def test_a_candidate_that_ran_before_the_baseline_is_compared_with_it_later(tmp_path):
    run(order(tmp_path, "cand"))
    assert "vocabulary_refused" not in read_manifest(tmp_path / "cand").facts
    assert not read_traces(tmp_path / "cand", "cand", OPTION_TOKENS)
    run(order(tmp_path, "base"))
    run(order(tmp_path, "cand"))
    assert len(read_traces(tmp_path / "cand", "cand", OPTION_TOKENS)) == 12


def test_candidates_wait_for_the_baseline_whose_tokenizer_is_theirs_or_not(tmp_path):
    batches = [
        LoadGroup(engine=EngineSpec(kind="vllm", model="none"), orders=(order(tmp_path, n),)) for n in ("c", "base")
    ]
    phases = []

    def runner(jobs, report):
        phases.append([job.name for job in jobs])
        for job in jobs:
            run_batch(job.batch, lambda spec: ScriptedEngine())

    run_work(batches, runner, 1, silent)
    assert phases == [["base"], ["c"]]
    assert not any(map(pending_orders, batches))


def arrays(probabilities):
    """All tokens listed, most likely first; probabilities: (positions, vocabulary)."""
    values = np.log(np.array(probabilities))
    top = np.argsort(-values, axis=1).astype(np.int32)
    ranked = np.take_along_axis(values, top, axis=1).astype(np.float32)
    return TraceArrays(top[:, 0], ranked[:, 0], top, ranked)


def test_an_item_is_the_mean_over_its_tokens_and_all_items_count_alike():
    before = {("t", "0", 0): arrays([[0.5, 0.3, 0.2]]), ("t", "0", 1): arrays([[0.6, 0.2, 0.2], [0.5, 0.25, 0.25]])}
    before |= {("t", "1", 0): arrays([[0.4, 0.4, 0.2]])}
    after = {key: arrays([[0.34, 0.33, 0.33]] * len(each.tokens)) for key, each in before.items()}
    report = vocabulary_report("m", "candidate", before, after, Resamplings(1, 100), 1)[0]

    def kl(p, q=(0.34, 0.33, 0.33)):
        return sum(a * np.log(a / b) for a, b in zip(p, q, strict=True))

    first = np.mean([kl((0.5, 0.3, 0.2)), kl((0.6, 0.2, 0.2)), kl((0.5, 0.25, 0.25))])
    # The candidate's first token is the same in all: the lists differ in order only.
    assert report.exact
    assert report.kl.value == pytest.approx(np.mean([first, kl((0.4, 0.4, 0.2))]), rel=1e-4)
    assert vocabulary_report("m", "candidate", before, before, Resamplings(1, 100), 1)[0].kl.value == 0


def test_where_it_was_not_run_the_report_says_not_measured(tmp_path):
    config = {
        "name": "r",
        "baseline": {"model": "a", "label": "base", "control": False},
        "candidate": [{"model": "b", "label": "cand"}],
        "task": [{"vocabulary": True}],
        "decision": {"limits": {"kl_vocabulary": 0.1}},
    }
    report = build_report(config_from(config, "test"), RunFolder(tmp_path), "now")
    assert "not measured" in json.dumps(vocabulary_table(report).rows)
    assert report.decisions[0].word == "UNFIT"
    assert report.vocabulary[0].kl.value is None


REVIEW = """
name = "v"
[baseline]
model = {base}
label = "base"
control = false
engine = "{engine}"
[[candidate]]
model = {candidate}
label = "noisy"
engine = "{engine}"
[[task]]
limit = 5
vocabulary = true
vocabulary_top_k = {top_k}
"""


@pytest.mark.model
def test_the_bound_of_vllm_lies_under_the_exact_value_of_transformers(tmp_path, smollm2):
    """The real SmolLM2 with noise: K = 20 by vLLM against the whole vocabulary, in bfloat16 both."""
    pytest.importorskip("vllm", reason="vLLM is not installed (extra cpu or gpu)")
    base, noisy = smollm2, tmp_path / "noisy"
    command = [sys.executable, "-m", "assay.cli"]
    subprocess.run(
        [*command, "compress", str(base), str(noisy), "--scheme", "noise=0.1"], check=True, capture_output=True
    )
    found = {}
    for engine, top_k in (("vllm", 20), ("transformers", 0)):
        config = tmp_path / f"{engine}.toml"
        names = {"base": json.dumps(str(base)), "candidate": json.dumps(str(noisy))}
        config.write_text(REVIEW.format(engine=engine, top_k=top_k, **names))
        runs = str(tmp_path / engine)
        subprocess.run([*command, "generate", str(config), "--runs", runs], check=True, capture_output=True)
        report = build_report(read_config(config), RunFolder(tmp_path / engine / "v"), "now")
        found[engine] = report.vocabulary[0]
    bound, exact = found["vllm"], found["transformers"]
    assert (bound.exact, bound.top_k, exact.exact) == (False, 20, True)
    assert bound.items == exact.items == 5
    assert 0.3 * exact.kl.value < bound.kl.value < 1.05 * exact.kl.value


def test_what_is_shown_alone_fills_no_gap_among_the_items_that_decide():
    """Nine of ten items that decide have no tokens; a thousand shown ones that have them do not lift the coverage."""
    shown = {("shown", str(n), 0): arrays([[0.5, 0.3, 0.2]]) for n in range(100)}
    guard = {("guard", "0", 0): arrays([[0.5, 0.3, 0.2]]), ("guard", "1", 0): arrays([[0.4, 0.4, 0.2]])}
    planned = [key[:2] for key in shown] + [("guard", str(n)) for n in range(20)]
    sides = ({**shown, **guard}, {**shown, **guard})
    report = vocabulary_report("m", "candidate", *sides, Resamplings(1, 100), 1, None, planned, ("shown",))[0]
    assert (report.items, report.missing, report.kl.n) == (2, 18, 2)
