"""Within a candidate: the AUC against its definition, its interval's coverage, and rank correlations of questions."""

import math

import numpy as np
import pytest
from scipy import stats

from analysis.correlations.within_candidate import auc, paired_spearman, spearman_p
from analysis.rendering.sentences.clauses import clause
from analysis.statistics.resampling import Resamplings
from analysis.statistics.unit_values import resampled, unit_table


def test_the_auc_is_the_share_of_pairs_in_order_with_ties_half():
    score, event = np.array([1.0, 2.0, 2.0, 3.0, 0.0]), np.array([False, True, False, True, False])
    pairs = [(a > b) + 0.5 * (a == b) for a in score[event] for b in score[~event]]
    assert auc(score, event).value == pytest.approx(np.mean(pairs))
    theirs = stats.mannwhitneyu(score[event], score[~event]).statistic / 6
    assert auc(score, event).value == pytest.approx(theirs)


def test_the_aucs_interval_holds_the_true_value_as_often_as_it_says():
    generator, held = np.random.default_rng(1), 0
    true = stats.norm.cdf(1 / np.sqrt(2))
    for _ in range(500):
        score = np.concatenate([generator.normal(1, 1, 30), generator.normal(0, 1, 270)])
        low, high = auc(score, np.arange(300) < 30).interval
        held += low <= true <= high
    assert 0.92 <= held / 500 <= 0.98


@pytest.mark.parametrize("events", [1, 3])
def test_a_perfect_auc_has_a_width(events):
    found = auc(np.arange(10.0), np.arange(10) >= 10 - events)
    assert found.value == 1
    assert found.interval[0] < 1


def test_without_flips_there_is_no_auc():
    assert "too few data" in clause(auc(np.arange(5.0), np.zeros(5, dtype=bool)).missing)
    assert auc(np.zeros(0), np.zeros(0, dtype=bool)).value is None


def test_questions_are_paired_by_what_both_have():
    first = {("s", str(i)): float(i) for i in range(10)}
    second = {("s", str(i)): -float(i) for i in range(5, 12)}
    found = paired_spearman(first, second)
    assert (found.value, found.n) == (pytest.approx(-1), 5)
    assert spearman_p(first, second) == pytest.approx(2 / math.factorial(5))
    assert paired_spearman(first, {}).value is None
    assert "same for all" in clause(paired_spearman(first, dict.fromkeys(first, 1.0)).missing)
    assert spearman_p(first, {}) is spearman_p(first, dict.fromkeys(first, 1.0)) is None


@pytest.mark.parametrize("n", [3, 8, 9, 12])
def test_a_perfect_order_of_few_questions_is_no_less_likely_than_chance_makes_it(n):
    """The t approximation alone gives exactly 0 there."""
    order = {number: float(number) for number in range(n)}
    assert spearman_p(order, order) == pytest.approx(2 / math.factorial(n))


def test_the_p_of_questions_is_exact_for_few_and_scipys_for_many():
    few, many = (np.random.default_rng(6).normal(size=(2, n)) for n in (6, 80))
    exact = stats.permutation_test(
        (few[0],), lambda x: stats.spearmanr(x, few[1]).statistic, permutation_type="pairings", n_resamples=np.inf
    )
    assert spearman_p(*(dict(enumerate(side)) for side in few)) == pytest.approx(exact.pvalue)
    assert spearman_p(*(dict(enumerate(side)) for side in many)) == pytest.approx(stats.spearmanr(*many).pvalue)


def test_many_items_take_the_normal_limit_of_the_same_bootstrap():
    generator = np.random.default_rng(2)
    shared = generator.normal(size=3000)
    columns = [
        {i: (x + y, 1.0) for i, (x, y) in enumerate(zip(shared, generator.normal(size=3000), strict=True))}
        for _ in "ab"
    ]
    table = unit_table("flips", range(3000), columns)
    rows = resampled([table], Resamplings(1, 20_000))["flips"]
    assert rows.mean(axis=0) == pytest.approx(table.values, abs=2e-3)
    assert rows.std(axis=0) == pytest.approx(table.sums.std(axis=0) / np.sqrt(3000), rel=0.03)
    assert np.corrcoef(rows.T)[0, 1] == pytest.approx(0.5, abs=0.03)
    few = unit_table("flips", range(1500), columns)
    drawn = resampled([few], Resamplings(1, 4000))["flips"]
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(0.5, abs=0.06)
    assert drawn.std(axis=0) == pytest.approx(few.sums.std(axis=0) / np.sqrt(1500), rel=0.05)


def test_a_candidate_without_units_is_nan_and_disturbs_nobody():
    table = unit_table("flips", range(50), [{i: (float(i % 2), 1.0) for i in range(50)}, {}])
    assert np.isnan(table.values[1])
    rows = resampled([table], Resamplings(1, 200))["flips"]
    assert np.isfinite(rows[:, 0]).all()
    assert np.isnan(rows[:, 1]).all()
