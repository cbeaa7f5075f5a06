"""Tests of a loss over several benchmarks, and of equivalence: against enumeration, simulation and scipy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics.intervals import paired_proportion, tango_statistic
from analysis.statistics.losses import equivalence, fisher, loss_tests, max_drop, mcnemar

counts = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=3)


def enumerated(losses, gains):
    """The chance of a drop as large as the worst one, over every way in which the flips can fall."""
    flips = [lost + won for lost, won in zip(losses, gains, strict=True)]

    def drop(lost, n):
        return (2 * lost - n) / np.sqrt(n) if n else 0.0

    worst = max(drop(lost, n) for lost, n in zip(losses, flips, strict=True))
    total = 0.0
    for ways in product(*(range(n + 1) for n in flips)):
        if max(drop(lost, n) for lost, n in zip(ways, flips, strict=True)) >= worst - 1e-9:
            total += np.prod([stats.binom.pmf(lost, n, 0.5) for lost, n in zip(ways, flips, strict=True)])
    return total


@given(counts)
@settings(max_examples=150)
def test_the_largest_drop_is_exact(pairs):
    losses, gains = zip(*pairs, strict=True)
    assert max_drop(losses, gains)[0] == pytest.approx(enumerated(losses, gains), abs=1e-9)


def test_one_damaged_benchmark_among_many_is_found_by_the_largest_drop():
    rows = [("damaged", 30, 5), *((f"b{i}", 20, 25) for i in range(9))]
    found = loss_tests("acc", rows, 10_000, 0.02)
    assert found.pooled_p > 0.05
    assert found.max_drop_p < 0.001
    assert (found.worst, found.loss) == ("damaged", True)


def test_a_loss_spread_evenly_is_found_by_pooling():
    found = loss_tests("acc", [(f"b{i}", 14, 8) for i in range(12)], 10_000, 0.02)
    assert found.pooled_p < 0.001
    assert found.max_drop_p > 0.05
    assert found.loss


def test_fisher_is_scipys_and_needs_several_benchmarks():
    values = [mcnemar(9, 3)[0], mcnemar(4, 4)[0]]
    assert fisher(values) == pytest.approx(stats.chi2.sf(-2 * np.log(values).sum(), 4))
    wrecked = loss_tests("acc", [("t", 5_000, 10), ("u", 3, 3)], 20_000, 0.02)  # pytest makes a warning an error
    assert (wrecked.pooled_p, str(wrecked.max_drop_p), wrecked.loss) == (0, "0.0", True)
    assert wrecked.fisher_p < 1e-300
    one = loss_tests("acc", [("t", 9, 3)], 100, 0.02)
    assert (one.max_drop_p, one.fisher_p, one.pooled_p) == (None, None, mcnemar(9, 3)[0])


def test_no_flips_show_neither_a_loss_nor_without_items_anything():
    found = loss_tests("acc", [("a", 0, 0), ("b", 0, 0)], 1000, 0.02)
    assert (found.pooled_p, found.max_drop_p, found.fisher_p, found.loss) == (1.0, 1.0, 1.0, False)
    assert loss_tests("acc", [], 0, 0.02) is None


def test_any_of_three_at_a_third_keeps_the_level():
    """Under no loss fewer than 5 % of reviews of six benchmarks find one; at alpha each, more would."""
    generator = np.random.default_rng(5)
    found, lax = 0, 0
    for _ in range(1500):
        flips = generator.integers(5, 60, size=6)
        lost = generator.binomial(flips, 0.5)
        tests = loss_tests(
            "acc", [(str(i), int(a), int(n - a)) for i, (a, n) in enumerate(zip(lost, flips, strict=True))], 5000, 0.02
        )
        found += tests.loss
        lax += min(tests.pooled_p, tests.max_drop_p, tests.fisher_p) <= 0.05
    assert found / 1500 < 0.05
    assert lax / 1500 > 0.05


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 2000))
@settings(max_examples=200)
def test_equivalence_agrees_with_the_bounds_and_does_not_know_left_from_right(gains, losses, calm):
    n, margin = gains + losses + calm + 2, 0.02
    p = equivalence(gains, losses, n, margin)
    assert p == pytest.approx(equivalence(losses, gains, n, margin))
    bounds = paired_proportion("accuracy_change", "items", gains, losses, n)
    within = -margin < bounds.lower_bounds[0] and bounds.upper_bounds[0] < margin
    if abs(p - 0.05) > 1e-6:
        assert (p < 0.05) == within


def test_tangos_statistic_at_zero_is_mcnemars():
    assert tango_statistic(3, 9, 500, 0.0) == pytest.approx((3 - 9) / np.sqrt(12))
