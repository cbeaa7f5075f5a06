"""kl_trace: a lower bound, exact over the whole vocabulary, zero against itself; and what the report says of it."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.decisions import sentence
from analysis.rendering.tables.tails import token_tail_table
from analysis.rendering.tables.traces import trace_table
from analysis.statistics.resampling import Resamplings
from analysis.token_distributions.position_kl import kl_lower_bound
from analysis.token_distributions.trace_measures import trace_report
from analysis.token_distributions.vocabulary_kl import vocabulary_report
from ledger.config import config_from
from ledger.errors import BadRecord
from ledger.runs import RunFolder
from ledger.traces import OPTION_TOKENS, TRACES, Trace, TraceArrays, TraceWriter, read_traces
from tests.run_folder import Folder, build_report, config

VOCABULARY = 12


def arrays(logprobs, tokens, k, kind=np.float32):
    """The K most likely tokens of full distributions; logprobs: (positions, vocabulary)."""
    top = np.argsort(-logprobs, axis=1, kind="stable")[:, :k].astype(np.int32)
    rows = np.arange(len(tokens))
    values = np.take_along_axis(logprobs, top, axis=1)
    own = logprobs[rows, tokens].astype(kind)
    return TraceArrays(tokens.astype(np.int32), own, top, values.astype(kind))


def distributions(seed, positions=30, spread=2.0):
    generator = np.random.default_rng(seed)
    old = log_softmax(generator.normal(0, spread, (positions, VOCABULARY)), axis=1)
    new = log_softmax(old + generator.normal(0, 1, old.shape), axis=1)
    return old, new, generator.integers(0, VOCABULARY, positions)


def exact(old, new):
    return (np.exp(old) * (old - new)).sum(axis=1)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), spread=st.floats(0.1, 8.0))
def test_the_bound_is_never_above_the_whole_and_grows_with_k(seed, spread):
    old, new, tokens = distributions(seed, spread=spread)
    whole = exact(old, new)
    for k in range(1, VOCABULARY + 1):
        stored_bound = kl_lower_bound(arrays(old, tokens, k), arrays(new, tokens, k))[0]
        assert (stored_bound <= whole + 2e-5 * (1 + whole)).all()
    double = (arrays(each, tokens, k, np.float64) for k in range(1, VOCABULARY + 1) for each in (old, new))
    bounds = [kl_lower_bound(one, other)[0] for one, other in zip(double, double, strict=True)]
    assert bounds[-1] == pytest.approx(whole, rel=1e-4, abs=2e-5)
    for less, more in itertools.pairwise(bounds):
        assert (less <= more + 2e-5 * (1 + whole)).all()


@given(seed=st.integers(0, 10**6))
def test_a_model_against_itself_is_at_zero(seed):
    old, _, tokens = distributions(seed)
    bound, floored, _ = kl_lower_bound(arrays(old, tokens, 5), arrays(old, tokens, 5))
    assert (bound == 0).all()
    assert floored == 0


def test_a_candidate_without_a_tail_is_floored_and_counted():
    old = np.log(np.array([[0.5, 0.3, 0.2]]))
    new = np.log(np.array([[0.5, 0.5, 1e-30]]))
    tokens = np.array([0])
    bound, floored, _ = kl_lower_bound(arrays(old, tokens, 2), arrays(new, tokens, 2))
    assert floored == 1
    assert math.isfinite(bound[0])
    assert bound[0] < exact(old, new)[0]


def traced(seed):
    old, new, tokens = distributions(seed)
    return arrays(old, tokens, 5), arrays(new, tokens, 5)


def sides(questions):
    pairs = {("s", str(number), 0, turn): traced(10 * number + turn) for number in range(questions) for turn in (1, 2)}
    return {key: pair[0] for key, pair in pairs.items()}, {key: pair[1] for key, pair in pairs.items()}


def test_all_measures_over_questions():
    before, after = sides(20)
    report = trace_report("m", "candidate", before, after, Resamplings(1, 500), 1)[0]
    everything = np.concatenate([kl_lower_bound(before[key], after[key])[0] for key in before])
    assert report.kl.value == pytest.approx(everything.mean())
    assert report.kl.n == 20
    assert report.kl.interval[0] < report.kl.value < report.kl.interval[1]
    same = np.concatenate([before[key].top_tokens[:, 0] == after[key].top_tokens[:, 0] for key in before])
    assert report.same_top.value == pytest.approx(same.mean())
    change = np.concatenate([after[key].logprobs - before[key].logprobs for key in before])
    assert report.logprob_change.value == pytest.approx(change.mean(), abs=1e-6)
    assert report.logprob_quantiles[1] == pytest.approx(np.median(change), abs=1e-6)
    assert (report.turns, report.positions, report.top_k, report.missing) == (40, 1200, 5, 0)
    firsts = [np.flatnonzero(before[key].top_tokens[:, 0] != after[key].top_tokens[:, 0]) for key in before]
    assert report.first_divergence == np.median([first[0] for first in firsts if len(first)])


def test_swapping_the_models_negates_the_log_likelihood_and_keeps_the_agreement():
    before, after = sides(12)
    one, other = (
        trace_report("m", "candidate", *pair, Resamplings(1, 200), 1)[0] for pair in ((before, after), (after, before))
    )
    assert one.logprob_change.value == pytest.approx(-other.logprob_change.value)
    assert one.same_top.value == other.same_top.value
    assert one.first_divergence == other.first_divergence


def test_other_tokens_and_missing_turns_are_told():
    before, after = sides(4)
    lost = {key: value for key, value in after.items() if key[1] != "3"}
    assert trace_report("m", "candidate", before, lost, Resamplings(1, 200), 1)[0].missing == 2
    key = ("s", "0", 0, 1)
    other = TraceArrays(
        after[key].tokens + 1, *(getattr(after[key], n) for n in ("logprobs", "top_tokens", "top_logprobs"))
    )
    report = trace_report("m", "candidate", before, {**after, key: other}, Resamplings(1, 200), 1)[0]
    assert "other tokens" in clause(report.fault)
    assert report.kl.value is None


def test_identical_traces_give_no_interval_of_zero_width():
    before, _ = sides(6)
    report = trace_report("m", "candidate", before, before, Resamplings(1, 200), 1)[0]
    assert (report.logprob_change.value, report.logprob_change.interval) == (0, None)
    assert "all values are equal" in clause(report.logprob_change.missing)
    assert report.same_top.interval[0] < report.same_top.interval[1] == 1


def test_a_model_that_gives_no_number_is_a_fault_and_no_crash():
    before, after = sides(6)
    key = ("s", "3", 0, 2)
    rows = (np.full_like(getattr(after[key], name), math.nan) for name in ("logprobs", "top_logprobs"))
    after[key] = TraceArrays(after[key].tokens, next(rows), after[key].top_tokens, next(rows))
    draws = Resamplings(1, 200)
    report, sums = trace_report("m", "candidate", before, after, draws, 1)
    assert clause(report.fault) == "the traces of s/3/0/2 hold a log-probability that is not finite"
    assert (report.kl.missing, sums) == (report.fault, {})
    options, per_item = vocabulary_report("m", "candidate", before, after, draws, 1)
    assert clause(options.fault) == "the options of s/3 hold a log-probability that is not finite"
    assert per_item == {}


def stored(folder, model, values, layout=TRACES, author="base"):
    by = (author,) if layout is TRACES else ()
    writer = TraceWriter(folder, layout, part_numbers=300)
    for key, each in values.items():
        rows = (each.tokens, each.logprobs, each.top_tokens, each.top_logprobs)
        columns = [tuple(map(tuple, row.tolist())) if row.ndim == 2 else tuple(row.tolist()) for row in rows]
        writer.append(Trace((model, *by, *key), *columns))
    writer.close()


def test_traces_come_back_from_the_disk_as_they_were(tmp_path):
    before, _ = sides(5)
    stored(tmp_path, "m", before)
    found = read_traces(tmp_path, "m")
    assert found.keys() == {("base", *key) for key in before}
    for key, each in before.items():
        for name in ("tokens", "logprobs", "top_tokens", "top_logprobs"):
            assert np.array_equal(getattr(found["base", *key], name), getattr(each, name))


def test_traces_of_another_model_are_refused(tmp_path):
    """The baseline's own, copied into a candidate's folder, would be a candidate that thinks as the baseline does."""
    stored(tmp_path, "base", sides(5)[0])
    with pytest.raises(BadRecord, match="traces of base, but the folder is w8's"):
        read_traces(tmp_path, "w8")


CONFIG = {
    "name": "r",
    "baseline": {"model": "a", "label": "base", "control": False},
    "candidate": [{"model": "b", "label": "cand"}],
    "questions": {"traces": True},
    "task": [{"name": "assay"}],
    "decision": {"limits": {"kl_trace": 0.01}},
}


def test_the_report_shows_them_and_a_limit_on_them_decides(tmp_path):
    before, after = sides(20)
    run = RunFolder(tmp_path)
    stored(run.generation("base").path, "base", before)
    stored(run.generation("cand").path, "cand", after)
    report = build_report(config_from(CONFIG, "test"), run, "now")
    table = trace_table(report)
    row = dict(zip(table.header, table.rows[0], strict=True))
    assert "nats" in row["KL (trace)"]
    assert row["K"] == "5"
    tails = token_tail_table(report)
    found = dict(zip(tails.header, tails.rows[0], strict=True))
    assert (found["measure"], found["of"], found["infinite"]) == ("KL (trace)", "tokens", "0 of 1200")
    assert "nats [" in found["the other way"]
    (decision,) = report.decisions
    assert decision.word == "HOLD"
    assert "kl_trace" in sentence(decision)


def test_where_it_was_not_run_it_is_not_measured(tmp_path):
    report = build_report(config_from(CONFIG, "test"), RunFolder(tmp_path), "now")
    assert "not traced" in json.dumps(trace_table(report).rows)
    assert [each.kl.value for each in report.traces] == [None]


@pytest.mark.model
def test_against_the_whole_vocabulary_of_the_real_model(smollm2):
    """The transformers engine's lists: with all tokens the brute-force KL, with K = 20 never above it."""
    pytest.importorskip("transformers", reason="transformers is not installed")
    import torch

    from generation.engine import Message, TraceRequest
    from generation.orders import EngineSpec
    from generation.transformers_engine import load_transformers

    base = str(smollm2)
    first = load_transformers(EngineSpec(kind="transformers", model=base, arguments={"dtype": "float32"}))
    second = load_transformers(EngineSpec(kind="transformers", model=base, arguments={"dtype": "float32"}))
    with torch.no_grad():
        for weight in second._model.parameters():
            if weight.ndim == 2:
                weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)) * weight.std() * 0.05)
    said = (Message("user", "Which colors has a rainbow?"),)

    def asked(engine, k):
        engine.submit(TraceRequest("t", said, "A rainbow has seven colors, from red to violet.", k))
        (reply,) = engine.step()
        types = (np.int32, np.float32, np.int32, np.float32)
        rows = (reply.tokens, reply.logprobs, reply.top_tokens, reply.top_logprobs)
        return TraceArrays(*(np.array(row, dtype=kind) for row, kind in zip(rows, types, strict=True)))

    size = first._model.config.vocab_size
    whole = [asked(engine, size) for engine in (first, second)]
    dense = [np.empty((len(each.tokens), size)) for each in whole]
    for each, into in zip(whole, dense, strict=True):
        np.put_along_axis(into, each.top_tokens.astype(np.int64), each.top_logprobs.astype(np.float64), axis=1)
    brute = exact(*dense)
    assert brute.mean() > 0.001
    assert kl_lower_bound(*whole)[0] == pytest.approx(brute, rel=1e-4, abs=1e-6)
    bound = kl_lower_bound(*(asked(engine, 20) for engine in (first, second)))[0]
    assert (bound <= brute * (1 + 1e-4) + 1e-6).all()
    assert bound.mean() > 0.3 * brute.mean()


def traced_review(path, baseline_has=1.0, choices=60, chosen=True):
    """A candidate equal to the baseline byte for byte, with limits on both KLs; `baseline_has`: share of its traces;
    `chosen`: whether its choices are still there.
    """
    limits = {"kl_trace": 0.01, "kl_vocabulary": 0.01}
    settings = config(("w8",), control=False, judge=False, limits=limits, identical="allowed")
    data = settings.model_dump(mode="json", exclude_none=True)
    data["questions"]["traces"] = data["task"][0]["vocabulary"] = True
    folder = Folder(path, config_from(data, "test"))
    turns = [("test", question.id, 0, turn) for question in folder.questions for turn in (1, 2)]
    options = [("test", item.id, 0) for item in folder.items]
    for name, kept in (("bf16", baseline_has), ("w8", 1.0)):
        folder.answer(name, "the same text")
        if chosen:
            folder.choose(name)
        place = folder.run.generation(name).path
        for layout, keys in ((TRACES, turns), (OPTION_TOKENS, options)):
            each = arrays(*distributions(1)[::2], 5)
            stored(place, name, dict.fromkeys(keys[: round(kept * len(keys))], each), layout, author="bf16")
        folder.manifest(place, "generation", name, facts={"planned": {"choices": choices}})
    return folder.report()


def test_records_identical_byte_for_byte_lie_within_a_limit_on_kl(tmp_path):
    """All KL are zero, and the range of KL has no upper end: equality is what can be said of them."""
    report = traced_review(tmp_path)
    assert (report.traces[0].kl.identical, report.vocabulary[0].kl.identical) == (True, True)
    assert report.decisions[0].word == "SHIP"


def test_coverage_of_kl_counts_what_was_planned_and_not_what_the_baseline_has(tmp_path):
    report = traced_review(tmp_path, baseline_has=0.5)
    assert (report.traces[0].missing, report.vocabulary[0].missing) == (12, 30)
    assert [len(limit.unfit) for limit in report.decisions[0].limits] == [1, 1]
    assert "only 12 of 24 turns" in sentence(report.decisions[0])
    assert "only 30 of 60 items" in sentence(report.decisions[0])


def test_items_that_no_model_came_to_are_missed_by_kl_vocabulary_too(tmp_path):
    vocabulary = traced_review(tmp_path, choices=120).decisions[0].limits[1]
    assert "only 60 of 120 planned choices" in clause(vocabulary.unfit[0])


def test_option_tokens_of_items_whose_choices_are_gone_are_no_crash(tmp_path):
    report = traced_review(tmp_path, chosen=False)
    assert (report.items, report.vocabulary[0].items) == (0, 60)
    assert "of 60 planned choices" in clause(report.decisions[0].limits[1].unfit[0])
