"""Intervals against statsmodels and scipy, their edges, and a small simulation of their coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_confint

from analysis.rendering.sentences.clauses import clause
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, levels, not_measured, shifted
from analysis.statistics.intervals import (
    cluster_mean,
    minimum_detectable_effect,
    needed_units,
    paired_proportion,
    tango_bound,
    wilson,
)
from analysis.statistics.resampling import MOST_UNITS, Resamplings, resampling

RANGE = (-9.0, 9.0)


def ones(n):
    return np.ones(n)


def test_wilson_equals_statsmodels_and_its_bounds_are_one_sided():
    found = wilson("flips", "items", 7, 50, comparisons=2)
    assert found.interval == pytest.approx(proportion_confint(7, 50, 0.05, "wilson"))
    assert found.lower_bounds[0] == pytest.approx(proportion_confint(7, 50, 0.10, "wilson")[0])
    assert found.upper_bounds[1] == pytest.approx(proportion_confint(7, 50, 0.05, "wilson")[1])


@pytest.mark.parametrize("n", [7, 12, 20])
def test_wilson_has_width_where_all_are_equal_and_ends_there(n):
    none, every = (wilson("flips", "items", successes, n).interval for successes in (0, n))
    assert none[0] == 0 < none[1] < 1
    assert 0 < every[0] < 1 == every[1]


def test_tango_without_discordant_pairs_is_the_closed_form():
    z = stats.norm.ppf(0.95)
    assert tango_bound(0, 0, 80, 0.05, 1) == pytest.approx(z**2 / (80 + z**2), rel=1e-6)
    assert tango_bound(0, 0, 80, 0.05, 0) == pytest.approx(-(z**2) / (80 + z**2), rel=1e-6)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 60))
@settings(max_examples=60)
def test_tango_contains_the_change_and_mirrors(gains, losses, same):
    n = gains + losses + same
    if n < 2:
        return
    found = paired_proportion("accuracy_change", "items", gains, losses, n)
    mirror = paired_proportion("accuracy_change", "items", losses, gains, n)
    low, high = found.interval
    assert -1 <= low <= found.value <= high <= 1
    assert low < high
    assert (low, high) == pytest.approx((-mirror.interval[1], -mirror.interval[0]), abs=1e-6)


def test_tango_by_a_published_example():
    """Fagerland, Lydersen and Laake 2014: of 21 children 1 and 7 changed; 95 % from -0.517 to -0.026."""
    found = paired_proportion("accuracy_change", "items", 1, 7, 21)
    assert found.value == pytest.approx(-0.286, abs=5e-4)
    assert found.interval == pytest.approx((-0.517, -0.026), abs=5e-4)


def test_tango_approaches_the_wald_interval_for_many_items():
    found = paired_proportion("accuracy_change", "items", 642, 853, 14042)
    error = math.sqrt((642 + 853) / 14042 - ((642 - 853) / 14042) ** 2) / math.sqrt(14042)
    assert found.interval == pytest.approx((found.value - 1.96 * error, found.value + 1.96 * error), abs=2e-4)
    assert found.mde == pytest.approx(2.8016 * error, rel=1e-3)


def test_the_bootstrap_stays_near_t_for_ordinary_questions():
    values = np.random.default_rng(1).normal(0.2, 1.5, 80)
    found = cluster_mean("rating_change", "questions", values, ones(80), Resamplings(1).of(80), RANGE)
    student = stats.t.interval(0.95, 79, values.mean(), stats.sem(values))
    assert found.interval[0] <= student[0] + 1e-12
    assert found.interval[1] >= student[1] - 1e-12
    assert found.interval[1] - found.interval[0] < 1.15 * (student[1] - student[0])
    assert found.sd == pytest.approx(values.std(ddof=1))


def test_a_ratio_weighs_questions_by_their_turns():
    sums, weights = np.array([2.0, 1.0, 0.0]), np.array([2.0, 1.0, 1.0])
    found = cluster_mean("rating_change", "questions", sums, weights, Resamplings(1).of(3), RANGE)
    assert found.value == pytest.approx(0.75)


def test_zero_variance_gives_a_bound_from_the_range_and_n():
    found = cluster_mean("rating_change", "questions", np.zeros(80), ones(80), Resamplings(1).of(80), RANGE)
    assert stats.binom.pmf(0, 80, found.upper_bounds[0] / 9) == pytest.approx(
        0.05
    )  # such a share stays unseen so often
    assert found.lower_bounds[0] == -found.upper_bounds[0]
    assert found.mde is None


@pytest.mark.parametrize(("n", "ships"), [(80, False), (88, False), (89, True)])
def test_equal_ratings_ship_at_a_margin_of_0_3_from_89_questions_on(n, ships):
    found = cluster_mean("rating_change", "questions", np.zeros(n), ones(n), Resamplings(1).of(n), RANGE)
    assert (found.lower_bounds[0] > -0.3) is ships


def test_zero_variance_without_an_upper_end_gives_no_interval_but_a_reason():
    found = cluster_mean("kl_options", "items", np.zeros(80), ones(80), Resamplings(1).of(80), (0, math.inf))
    assert found.value == 0
    assert found.interval is None
    assert "all values are equal" in clause(found.missing)


def test_small_kl_vary_as_large_ones_do():
    """What float32 leaves of two models that differ by rounding alone is some 1e-14 nats, and no equality."""
    values = np.random.default_rng(3).exponential(size=60)
    large, small = (
        cluster_mean("kl_options", "items", values * size, ones(60), Resamplings(1).of(60), (0, math.inf))
        for size in (1, 1e-14)
    )
    assert small.upper_bounds[0] * 1e14 == pytest.approx(large.upper_bounds[0])  # approx knows nothing under 1e-12
    equal = cluster_mean("kl_options", "items", np.full(60, 0.1), ones(60), Resamplings(1).of(60), (0, math.inf))
    assert "all values are equal" in clause(equal.missing)


def test_few_varying_questions_do_not_explode():
    values = np.zeros(80)
    values[:2] = -3
    found = cluster_mean("rating_change", "questions", values, ones(80), Resamplings(1).of(80), RANGE)
    flat = cluster_mean("rating_change", "questions", np.zeros(80), ones(80), Resamplings(1).of(80), RANGE)
    assert flat.lower_bounds[0] - 0.5 < found.lower_bounds[0] < found.value
    heavy = np.full(60, 0.01)
    heavy[:2] = 1.4
    kl = cluster_mean("kl_options", "items", heavy, ones(60), Resamplings(1).of(60), (0, math.inf))
    assert 0.1 < kl.upper_bounds[0] < 0.3


def test_two_units_are_the_fewest():
    found = cluster_mean("rating_change", "questions", np.array([0.0, 1.0]), ones(2), Resamplings(1).of(2), RANGE)
    assert found.interval[0] < 0 < 1 < found.interval[1]


def test_thousands_of_units_need_no_resampling():
    n = MOST_UNITS + 1
    assert Resamplings(1).of(n) is None
    values = np.random.default_rng(2).normal(size=n)
    found = cluster_mean("kl_options", "items", values, ones(n), None, RANGE)
    assert found.interval == pytest.approx(stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values)))


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=20))
@settings(max_examples=40)
def test_swapping_the_sides_negates_the_interval(values):
    draws = resampling(len(values), np.random.default_rng(1), 500)
    numbers = np.array(values, dtype=float)
    one = cluster_mean("rating_change", "questions", numbers, ones(len(values)), draws, RANGE)
    other = cluster_mean("rating_change", "questions", -numbers, ones(len(values)), draws, RANGE)
    assert one.value == pytest.approx(-other.value)
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))
    assert one.interval[0] < one.interval[1]


def test_the_minimum_detectable_effect_agrees_with_statsmodels():
    effect = NormalIndPower(ddof=0).solve_power(effect_size=None, nobs1=80, alpha=0.05, power=0.8, ratio=0)
    assert minimum_detectable_effect(1.5, 80) == pytest.approx(1.5 * effect, rel=1e-3)
    assert minimum_detectable_effect(math.sqrt(0.05), 500) == pytest.approx(0.028, abs=5e-4)


def test_needed_units_agree_with_statsmodels():
    size = NormalIndPower(ddof=0).solve_power(0.3 / 1.5, alpha=0.05, power=0.8, ratio=0, alternative="larger")
    assert needed_units(1.5, 0.3) == math.ceil(size) == 155
    strict = NormalIndPower(ddof=0).solve_power(0.3 / 1.5, alpha=0.01, power=0.9, ratio=0, alternative="larger")
    assert needed_units(1.5, 0.3, 0.01, 0.9) == math.ceil(strict)
    assert needed_units(1.5, 0) is None
    assert needed_units(1.5, 1e-6) is None


def test_the_seed_and_n_alone_decide_the_draws():
    one, other = Resamplings(5), Resamplings(5)
    one.of(10)
    assert np.array_equal(one.of(20).counts, other.of(20).counts)
    assert not np.array_equal(Resamplings(6).of(20).counts, other.of(20).counts)
    assert one.of(1) is None


def test_resampled_totals_are_sums_over_picked_units():
    draws = resampling(7, np.random.default_rng(3), 1500)
    values = np.arange(7.0)
    assert draws.totals(values[:, np.newaxis])[:, 0] == pytest.approx(draws.counts @ values)
    assert (draws.counts.sum(axis=1) == 7).all()


def test_estimates_refuse_what_is_not_a_number():
    with pytest.raises(ValueError, match="not finite"):
        Estimate("x", "items", 1, math.nan)
    with pytest.raises(ValueError, match="no reason"):
        Estimate("x", "items", 1)
    assert shifted(not_measured("win_score", "questions", Cause(Kind.NO_JUDGE)), "win_change", -0.5).value is None
    assert levels(3) == (0.05, 0.025, pytest.approx(0.05 / 3))


@pytest.mark.parametrize("n", [10, 80])
@pytest.mark.parametrize("kind", ["rounded", "sparse", "three values"])
def test_one_sided_bounds_cover(n, kind):
    """Coverage of 400 trials lies within three standard errors of 95 %, or above: see statistics/intervals.py."""
    generator = np.random.default_rng(11)
    draws = resampling(n, np.random.default_rng(12), 1000)
    held = np.zeros(2)
    for _ in range(400):
        if kind == "rounded":
            sums = np.round(generator.normal(-0.2, 1.3, (n, 2)) + generator.normal(0, 1, (n, 1))).sum(axis=1)
            mean, value_range = -0.2, RANGE
        elif kind == "sparse":
            sums = np.where(generator.random(n) < 0.05, -2.0 * generator.integers(1, 9, n), 0)
            mean, value_range = -0.225, RANGE
        else:
            sums = generator.choice([-0.5, 0, 0.5], p=[0.3, 0.5, 0.2], size=(n, 2)).sum(axis=1)
            mean, value_range = -0.05, (-0.5, 0.5)
        found = cluster_mean("rating_change", "questions", sums, 2 * ones(n), draws, value_range)
        held += [found.lower_bounds[0] <= mean, found.upper_bounds[0] >= mean]
    assert (held / 400 > 0.95 - 3 * math.sqrt(0.05 * 0.95 / 400)).all(), held
