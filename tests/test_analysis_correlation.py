"""Correlations against scipy, their exact p, their intervals, and their named missing rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.correlation import coefficient, correlations, fisher_interval, leave_one_out, permutation_p

POINTS = [(0.01, -0.1), (0.05, -0.3), (0.08, -0.2), (0.12, -0.9), (0.2, -0.7), (0.2, -1.5)]
X, Y = (np.array(side) for side in zip(*POINTS, strict=True))
SCIPY = {
    "spearman": lambda x, y: stats.spearmanr(x, y).statistic,
    "kendall": lambda x, y: stats.kendalltau(x, y).statistic,
    "pearson": lambda x, y: stats.pearsonr(x, y).statistic,
}


def found(points=POINTS, families=None):
    families = families or ["bits"] * len(points)
    rows = correlations("rating_change", "flips", points, families, np.random.default_rng(1))
    return {row.method: row for row in rows}


@pytest.mark.parametrize("method", SCIPY)
def test_coefficients_equal_scipy(method):
    assert coefficient(method, X, Y) == pytest.approx(SCIPY[method](X, Y))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=4, max_size=9))
@settings(max_examples=40, deadline=None)
def test_tied_coefficients_equal_scipy(points):
    x, y = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    if np.ptp(x) and np.ptp(y):
        for method, theirs in SCIPY.items():
            assert coefficient(method, x, y) == pytest.approx(theirs(x, y))
    else:
        assert coefficient("pearson", x, y) is None


def test_the_exact_p_equals_scipys_permutation_test():
    p, name = permutation_p("spearman", X, Y, np.random.default_rng(1))
    theirs = stats.permutation_test(
        (X,), lambda x: stats.spearmanr(x, Y).statistic, permutation_type="pairings", n_resamples=np.inf
    )
    assert p == pytest.approx(theirs.pvalue)
    assert name == "exact permutation"


def test_known_critical_values_of_the_exact_p():
    five = np.arange(5.0)
    assert permutation_p("spearman", five, five, np.random.default_rng(1))[0] == pytest.approx(2 / 120)
    four = np.arange(4.0)
    assert permutation_p("spearman", four, four, np.random.default_rng(1))[0] > 0.05


def test_more_than_eight_points_are_permuted_at_random():
    generator = np.random.default_rng(2)
    x = generator.normal(size=30)
    y = x + generator.normal(size=30)
    p, name = permutation_p("pearson", x, y, np.random.default_rng(1))
    assert name == "10000 permutations"
    assert p == pytest.approx(stats.pearsonr(x, y).pvalue, abs=2e-3)


def test_bonett_wright_intervals_by_hand():
    assert fisher_interval("spearman", 0.9, 6) == pytest.approx((0.13, 0.99), abs=0.01)
    assert fisher_interval("spearman", 0.9, 12) == pytest.approx((0.60, 0.98), abs=0.01)
    assert fisher_interval("spearman", 0.5, 3) is None
    assert fisher_interval("pearson", 0.5, 10) == pytest.approx(
        tuple(stats.pearsonr(*_with_r(0.5, 10)).confidence_interval()), abs=1e-6
    )


def test_a_perfect_rank_correlation_has_a_width():
    low, high = fisher_interval("spearman", 1.0, 6)
    assert low < high == 1
    assert fisher_interval("spearman", -1.0, 6)[0] == -1
    assert fisher_interval("pearson", 1.0, 6) is None


def test_n_interval_p_and_range_come_with_the_coefficient():
    row = found()["spearman"]
    assert row.coefficient.n == 6
    assert row.coefficient.interval[0] < row.coefficient.value < row.coefficient.interval[1]
    assert 0 < row.p < 1
    assert row.leave_one_out[0] <= row.coefficient.value <= row.leave_one_out[1]
    assert not row.descriptive
    assert found(families=["bits", "bits", "noise", "noise", "layers", "layers"])["spearman"].descriptive


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_candidates_are_a_named_missing_row(n):
    row = found(POINTS[:n])["pearson"]
    assert row.coefficient.value is None
    assert "too few data" in row.coefficient.missing
    assert row.p is None


def test_a_side_without_variation_is_named():
    assert "flips is the same" in found([(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)])["kendall"].coefficient.missing
    assert "rating_change is the same" in found([(0.1, 1.0), (0.2, 1.0), (0.3, 1.0)])["kendall"].coefficient.missing


def test_the_order_of_candidates_does_not_matter():
    assert found(POINTS) == found(POINTS[::-1])


def test_leave_one_out_needs_variation_in_every_rest():
    assert leave_one_out("pearson", np.array([0.0, 0.0, 0.0, 1.0]), np.arange(4.0)) is None
    assert leave_one_out("pearson", np.arange(3.0), np.arange(3.0)) is None


def _with_r(r, n):
    """Two columns of n values whose Pearson correlation is exactly r."""
    generator = np.random.default_rng(1)
    x, noise = stats.zscore(generator.normal(size=(2, n)), axis=1)
    noise = stats.zscore(noise - x * (x @ noise) / n)
    return x, r * x + np.sqrt(1 - r * r) * noise
