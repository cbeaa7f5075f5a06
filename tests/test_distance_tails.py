"""What a mean KL hides: its tail, the other direction, infinite items; and how much of the top margins is kept."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from analysis.decision.decisions import decisions
from analysis.decision.gate_words import Evidence, Gate, Word
from analysis.multiple_choice.distances import kl_options, margin_of_best, top_margin
from analysis.multiple_choice.margins import margin_kept
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.decisions import advice, sentence
from analysis.rendering.tables.tails import option_tail_table
from analysis.statistics.intervals import paired_proportion
from analysis.statistics.mean_distance import capped, mean_distance, tail
from analysis.statistics.resampling import Resamplings
from analysis.token_distributions.trace_measures import trace_report
from tests.review_factory import Factory
from tests.run_folder import build_report
from tests.test_analysis_traces import sides

DRAWS = Resamplings(1, 500)
INF = math.inf


def test_quantiles_are_values_that_were_seen_and_infinite_ones_are_the_largest():
    values = np.arange(1, 101) / 100
    found = tail(np.random.default_rng(1).permutation(values))
    assert (found.median, found.p95, found.p99, found.maximum) == (0.5, 0.95, 0.99, 1.0)
    assert (found.n, found.infinite, found.finite_mean) == (100, 0, pytest.approx(0.505))
    values[-2:] = INF
    found = tail(values)
    assert (found.p95, found.p99, found.maximum) == (0.95, None, None)
    assert (found.infinite, found.finite_mean) == (2, pytest.approx(values[:98].mean()))
    nothing = tail(np.zeros(0))
    assert dataclasses.astuple(nothing) == (0, 0, *[None] * 6)


@given(st.lists(st.floats(0, 9), min_size=2, max_size=30), st.integers(1, 5))
def test_an_infinite_value_leaves_a_lower_bound_alone_that_counts_it_as_the_largest(finite, endless):
    values = np.array([*finite, *[INF] * endless])
    found, as_largest = (mean_distance("kl_options", each, DRAWS) for each in (values, capped(values)))
    assert (found.value, found.interval, found.upper_bounds) == (None, None, ())
    if as_largest.lower_bounds:
        assert found.lower_bounds == as_largest.lower_bounds
    assert capped(values).max() == max(finite)
    assert cell(found).startswith(f"infinite on {endless} of {len(values)} items, mean of the others ")


def test_where_all_are_infinite_no_limit_is_high_enough():
    found = mean_distance("kl_options", np.full(50, INF), DRAWS)
    assert (found.value, found.upper_bounds) == (None, ())
    assert cell(found) == "infinite on 50 of 50 items"
    ended = decided([INF] * 50, 9.0)
    assert ended.word is Word.HOLD
    assert "kl_options cannot keep its limit of 9.00 nats: infinite on 50 of 50 items" in sentence(ended)


def test_where_all_finite_ones_are_equal_a_lower_bound_is_left():
    found = mean_distance("kl_options", np.array([0.3, *[INF] * 49]), DRAWS)
    assert found.lower_bounds == (pytest.approx(0.3 * 0.05 ** (1 / 50)),)
    assert decided([0.3, *[INF] * 49], 0.1).word is Word.HOLD


def decided(values, limit):
    pooled = paired_proportion("accuracy_change", "items", 0, 0, 100_000)
    held = Gate(mean_distance("kl_options", np.array(values), DRAWS), limit)
    return decisions([Evidence("c", Gate(pooled, -0.02), (held,))], "each")[0]


def test_a_limit_can_be_broken_by_infinite_items_and_never_kept():
    finite = [0.4 + 0.001 * (n % 7) for n in range(200)]
    assert decided(finite, 9.0).word is Word.SHIP
    kept = decided([*finite, INF], 9.0)
    assert kept.word is Word.INCONCLUSIVE
    why = "kl_options cannot keep its limit of 9.00 nats: infinite on 1 of 201 items, mean of the others 0.4"
    assert why in sentence(kept)
    assert advice(kept) == "Mend the evidence of kl_options first; more of the same items do not help."
    broken = decided([*finite, INF], 0.2)
    assert broken.word is Word.HOLD
    assert ", over the limit of 0.2" in sentence(broken)


def test_the_margin_is_that_of_the_baseline_s_option():
    before = np.log([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    after = np.log([[0.5, 0.4, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    assert margin_of_best(before, after) == pytest.approx([0.1, -0.7, 0.1])
    assert margin_of_best(before, before) == pytest.approx(top_margin(before))
    assert margin_of_best(np.zeros((0, 0)), np.zeros((0, 0))).size == 0
    kept = margin_kept(top_margin(before), margin_of_best(before, after), DRAWS)
    assert kept.value == pytest.approx((0.1 - 0.7 + 0.1) / (0.3 + 0.3 + 0.4))


def test_margins_kept_of_one_model_of_a_flat_one_and_of_a_baseline_without_margins():
    generator = np.random.default_rng(2)
    before = log_softmax(generator.normal(0, 2, (400, 4)), axis=1)
    margin = top_margin(before)
    assert margin_kept(margin, margin, DRAWS).value == 1
    assert margin_kept(margin, np.zeros(400), DRAWS).value == 0
    other = margin_kept(margin, margin_of_best(before, generator.permuted(before, axis=0)), DRAWS)
    assert other.upper_bounds[0] < 0.1
    flat = margin_kept(np.zeros(9), np.zeros(9), DRAWS)
    assert (flat.value, flat.n) == (None, 9)
    assert margin_kept(np.zeros(0), np.zeros(0), DRAWS).needs == 2
    ties = np.array([0.0] * 7 + [0.5])
    assert margin_kept(ties, ties, DRAWS).value == 1


def test_the_interval_of_margins_kept_covers():
    generator, held, trials = np.random.default_rng(3), np.zeros(2), 400
    for _ in range(trials):
        margin = generator.beta(1, 2, 120)
        after = 0.8 * margin + generator.normal(0, 0.15, 120)
        low, high = margin_kept(margin, after, Resamplings(int(generator.integers(1 << 30)), 400)).interval
        held += (low <= 0.8, high >= 0.8)
    # each side misses 2.5 %; four standard errors below
    assert (held / trials > 0.975 - 4 * math.sqrt(0.025 * 0.975 / trials)).all()


def test_the_report_has_tails_of_items_tasks_and_tokens(tmp_path):
    made = Factory(tmp_path / "r", questions=12, items=60)
    run = made.write()
    report = build_report(made.config, run, "now")
    (candidate,) = (each for each in report.choices if each.model == report.candidates[0])
    row = candidate.results[0]
    baseline, other = (
        np.array([choice.logprobs for choice in sorted(run.generation(name).choices.records(), key=lambda c: c.item)])
        for name in (report.baseline, candidate.model)
    )
    each, back = kl_options(baseline, other), kl_options(other, baseline)
    found = dict(row.tails)["kl_options"]
    assert found.finite_mean == pytest.approx(row.distance("kl_options").value) == pytest.approx(each.mean())
    assert found.maximum == pytest.approx(each.max())
    assert found.reverse.value == pytest.approx(back.mean())
    assert dict(row.tails)["js_options"].reverse is None
    words = option_tail_table(report)
    assert {len(line) for line in words.rows} == {len(words.header)}
    assert len(words.rows) == sum(len(line.tails) for each in report.choices for line in each.results)


def test_traces_both_ways_and_an_infinite_token_counts_as_the_largest():
    before, after = sides(20)
    report, sums = trace_report("m", "candidate", before, after, DRAWS, 1)
    back = trace_report("m", "candidate", after, before, DRAWS, 1)[0]
    assert report.tail.reverse.value == pytest.approx(back.kl.value, rel=1e-6)
    assert (report.tail.n, report.tail.infinite, len(sums)) == (1200, 0, 20)
    key = ("s", "3", 0, 2)
    side = after[key]
    lost, listed = side.logprobs.copy(), side.top_logprobs.copy()
    lost[4], listed[4, side.top_tokens[4] == side.tokens[4]] = -INF, -INF
    after[key] = dataclasses.replace(side, logprobs=lost, top_logprobs=listed)
    report, sums = trace_report("m", "candidate", before, after, DRAWS, 1)
    assert (report.fault, report.kl.value, sums) == (None, None, {})
    assert (report.tail.infinite, report.tail.maximum) == (1, None)
    assert report.kl.lower_bounds[0] > 0 == len(report.kl.upper_bounds)
    assert cell(report.kl).startswith("infinite on 1 of 1200 tokens, mean of the others ")
    assert (report.logprob_change.value, report.logprob_quantiles) == (None, ())
    assert report.same_top.value is not None
    assert sum(report.logprob_counts) == 1200
