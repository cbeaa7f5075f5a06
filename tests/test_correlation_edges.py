"""Edges of correlations: perfect ones, constant sides, all orders, one point that decides; by hand and by scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.correlation import (
    coefficient,
    fisher_interval,
    leave_one_out,
    orders,
    partial,
    permutation_ps,
    rank_correlation,
    row_coefficients,
    unit_rows,
    williams_p,
)


def test_the_interval_of_a_perfect_rank_correlation_by_hand():
    """Six points: half a step off is 1 - 6/210, atanh(0.971429) = ln(69) / 2; error sqrt(1.5 / 3); tanh(0.731149)."""
    assert fisher_interval("spearman", 1.0, 6) == (pytest.approx(0.623768, abs=1e-5), 1.0)
    assert fisher_interval("spearman", -1.0, 6) == (-1.0, pytest.approx(-0.623768, abs=1e-5))
    # Kendall, five points: 1 - 2/20, ln(19) / 2 - 1.959964 sqrt(0.437) = 0.176558.
    assert fisher_interval("kendall", 1.0, 5) == (pytest.approx(math.tanh(0.176558), abs=1e-5), 1.0)
    assert fisher_interval("kendall", 0.5, 4) is None
    assert fisher_interval("spearman", 0.5, 4) is not None
    assert fisher_interval("pearson", 0.5, 3) is None
    low, high = fisher_interval("pearson", 0.999, 12)
    assert low < 0.999 < high < 1


def test_a_rank_correlation_without_data_says_why():
    assert rank_correlation([1, 2], [1, 2]).needs == 3
    assert rank_correlation([1, 2, 3], [1, 1, 1]).missing == Cause(Kind.SIDE_IS_CONSTANT)
    three = rank_correlation([1, 2, 3], [1, 3, 2])
    assert (three.value, three.interval, three.missing) == (pytest.approx(0.5), None, Cause(Kind.TOO_FEW))
    four = rank_correlation([1, 2, 3, 4], [1, 3, 2, 4])
    assert (four.value, four.missing) == (pytest.approx(0.8), None)


def test_rows_without_variation_have_no_coefficient():
    flat = np.array([[1e6 + 1e-9, 1e6, 1e6], [1.0, 2.0, 4.0]])
    for method in ("spearman", "kendall", "pearson"):
        assert not np.isnan(unit_rows(method, flat)[1]).any()
    assert np.isnan(unit_rows("pearson", np.array([[0.1] * 3, [-0.1] * 3]))).all()
    assert not np.isnan(unit_rows("pearson", np.array([[-5.0, -5.0, -4.9999]]))).any()
    holes = np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]])
    assert [np.isnan(row).any() for row in unit_rows("kendall", holes)] == [True, False]
    assert coefficient("kendall", np.array([1.0, 2.0]), np.array([2.0, 1.0])) == pytest.approx(-1)
    assert coefficient("pearson", np.array([1.0]), np.array([2.0])) is None


def test_orders_are_all_of_them_up_to_eight_and_a_p_counts_its_own():
    every, exact = orders(["a"] * 8, np.random.default_rng(1))
    assert (len(every), len({tuple(row) for row in every}), exact) == (40_320, 40_320, True)
    some, exact = orders(["a"] * 9, np.random.default_rng(1))
    assert (some.shape, exact) == ((10_000, 9), False)
    line = np.arange(30.0)
    for method in ("spearman", "kendall"):
        (p,), how = permutation_ps(method, line[np.newaxis], line, orders([""] * 30, np.random.default_rng(1)))
        assert (p, how) == (1 / 10_001, "10000 permutations")


def test_what_one_point_decides():
    x, y = np.array([1.0, 2, 3, 9]), np.array([1.0, 2, 1.5, 9])
    found = [stats.pearsonr(np.delete(x, place), np.delete(y, place)).statistic for place in range(4)]
    assert leave_one_out("pearson", x, y) == pytest.approx((min(found), max(found)))
    assert leave_one_out("pearson", x[:3], y[:3]) is None


def test_partial_correlations_of_a_textbook_kind():
    assert partial(0.5, 0.5, 0.5) == pytest.approx(1 / 3)
    assert partial(0.5, -0.5, 0.5) == pytest.approx(1.0)
    assert partial(0.0, 0.6, 0.6) == pytest.approx(-0.36 / 0.64)
    assert partial(0.3, 0.2, 1.0) is None


def test_williams_needs_four_points_and_no_perfect_correlation():
    assert williams_p(0.5, 0.4, 0.2, 4) is not None
    assert williams_p(-1.0, 0.5, 0.2, 20) is None
    assert williams_p(0.5, 0.4, -1.0, 20) is None
    assert williams_p(0.5, -0.5, 0.5, 20) is None  # the three make a singular matrix, and the mean is zero
    assert williams_p(0.3, 0.4, 0.5, 100) == williams_p(0.4, 0.3, 0.5, 100)


def test_one_point_has_no_coefficient_in_any_row():
    assert np.isnan(row_coefficients("pearson", [np.ones((3, 1))], [np.ones((3, 1))])[0, 0]).tolist() == [True] * 3


def test_many_rows_are_taken_in_chunks():
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(2, 300, 160))  # 12,720 pairs of points: 78 rows at once
    wanted = [stats.kendalltau(a, b).statistic for a, b in zip(x, y, strict=True)]
    assert row_coefficients("kendall", [x], [y])[0, 0] == pytest.approx(wanted)
