"""Correlations against scipy, their exact p, their intervals, and their named missing rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.correlations.across_candidates import Candidates, Chance, correlations, grid_adjusted
from analysis.correlations.beyond_accuracy import partials, stronger
from analysis.rendering.sentences.clauses import clause
from analysis.statistics.correlation import (
    coefficient,
    fisher_interval,
    leave_one_out,
    orders,
    partial,
    permutation_ps,
    row_coefficients,
    williams_p,
)

POINTS = [(0.01, -0.1), (0.05, -0.3), (0.08, -0.2), (0.12, -0.9), (0.2, -0.7), (0.2, -1.5)]
X, Y = (np.array(side) for side in zip(*POINTS, strict=True))
SCIPY = {
    "spearman": lambda x, y: stats.spearmanr(x, y).statistic,
    "kendall": lambda x, y: stats.kendalltau(x, y).statistic,
    "pearson": lambda x, y: stats.pearsonr(x, y).statistic,
}


def candidates(points=POINTS, families=None, **more):
    values = {"flips": [x for x, _ in points], "rating_change": [y for _, y in points], **more}
    columns = {name: np.array(column, dtype=float) for name, column in values.items()}
    return Candidates(tuple(families or ["bits"] * len(points)), columns, {})


def found(points=POINTS, families=None, scope="all"):
    permutations = Chance(lambda: np.random.default_rng(1), ("rating_change",))
    rows = correlations(candidates(points, families), "rating_change", ["flips"], permutations)
    return {row.method: row for row in rows if row.scope == scope}


def permutation_p(method, x, y, generator):
    (p,), name = permutation_ps(method, x[np.newaxis], y, orders([""] * len(y), generator))
    return p, name


@pytest.mark.parametrize("method", SCIPY)
def test_coefficients_equal_scipy(method):
    assert coefficient(method, X, Y) == pytest.approx(SCIPY[method](X, Y))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=4, max_size=9))
@settings(max_examples=40)
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
    assert "too few data" in clause(row.coefficient.missing)
    assert row.p is None


def test_a_side_without_variation_is_named():
    assert "flips is the same" in clause(found([(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)])["kendall"].coefficient.missing)
    assert "rating_change is the same" in clause(
        found([(0.1, 1.0), (0.2, 1.0), (0.3, 1.0)])["kendall"].coefficient.missing
    )


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


def test_orders_within_families_keep_each_in_its_family():
    families = ["a", "b", "a", "b", "b"]
    every, exact = orders(families, np.random.default_rng(1))
    assert exact
    assert len({tuple(row) for row in every}) == len(every) == 2 * 6
    assert all(families[to] == families[at] for row in every for at, to in enumerate(row))
    some, exact = orders(["a"] * 9 + ["b"] * 9, np.random.default_rng(1))
    assert not exact
    assert (some[:, :9] < 9).all()
    assert (some[:, 9:] >= 9).all()


def test_families_apart_explain_a_pooled_correlation():
    points = [(0.01, -0.1), (0.02, -0.3), (0.03, -0.2), (0.31, -2.0), (0.32, -1.8), (0.33, -2.1)]
    families = ["8-bit"] * 3 + ["4-bit"] * 3
    pooled = found(points, families)["spearman"]
    assert pooled.p < 0.1 < pooled.within_p
    assert found(points, families, "4-bit")["spearman"].coefficient.n == 3
    assert found(points, ["8-bit"] * 6)["spearman"].within_p is None


def test_rows_of_resampled_values_have_scipys_coefficients():
    generator = np.random.default_rng(3)
    x, y = generator.integers(0, 5, (7, 6)).astype(float), generator.normal(size=(7, 6))
    for method, theirs in SCIPY.items():
        wanted = [theirs(a, b) for a, b in zip(x, y, strict=True)]
        assert row_coefficients(method, [x], [y])[0, 0] == pytest.approx(wanted)
    x[2] = 1.0
    assert np.isnan(row_coefficients("pearson", [x], [y])[0, 0, 2])


def test_the_bootstrap_interval_needs_resamples_that_vary():
    generator = np.random.default_rng(4)
    base = candidates()
    noisy = {name: base.values[name] + 0.02 * generator.normal(size=(500, 6)) for name in base.values}
    whole = Candidates(base.families, base.values, noisy)
    permutations = Chance(lambda: np.random.default_rng(1), ("rating_change",))
    row = next(correlations(whole, "rating_change", ["flips"], permutations))
    assert -1 <= row.bootstrap[0] < row.coefficient.value <= row.bootstrap[1] <= 1
    flat = Candidates(base.families, base.values, {**noisy, "flips": np.zeros((500, 6))})
    permutations = Chance(lambda: np.random.default_rng(1), ("rating_change",))
    assert next(correlations(flat, "rating_change", ["flips"], permutations)).bootstrap is None


def test_a_partial_correlation_is_that_of_the_residuals():
    generator = np.random.default_rng(5)
    x, y, z = generator.normal(size=(3, 40))
    x, y = x + z, y + z
    ranks = [stats.rankdata(each) for each in (x, y, z)]
    lines = [np.polynomial.Polynomial.fit(ranks[2], side, 1)(ranks[2]) for side in ranks[:2]]
    residuals = [side - line for side, line in zip(ranks[:2], lines, strict=True)]
    made = candidates(list(zip(x, y, strict=True)), accuracy_change=z)
    (row,) = partials(made, "rating_change", ["flips"])
    assert row.coefficient.value == pytest.approx(stats.pearsonr(*residuals).statistic)
    assert partial(0.5, 1.0, 0.2) is None


def test_williams_test_by_published_examples():
    """Silver, Hittner and May 2006 (t = -1.0767, p = 0.2843); R's cocor on 70 genes; R's psych on Steiger's case A."""
    assert williams_p(0.3, 0.4, 0.5, 100) == pytest.approx(0.2843, abs=5e-5)
    assert williams_p(0.5447, 0.8, 0.0729, 70) == pytest.approx(0.0065, abs=5e-5)
    assert williams_p(0.5, 0.4, 0.1, 103) == pytest.approx(0.37, abs=5e-3)
    assert williams_p(0.5, 0.5, 0.2, 20) == pytest.approx(1)
    assert williams_p(1.0, 0.5, 0.2, 20) is None
    assert williams_p(0.5, 0.4, 0.2, 3) is None


def test_williams_test_keeps_its_level_on_equal_predictors():
    generator = np.random.default_rng(6)
    rejected = 0
    for _ in range(400):
        y = generator.normal(size=30)
        x, z = y + generator.normal(size=(2, 30))
        r = np.corrcoef([x, y, z])
        rejected += williams_p(r[0, 1], r[1, 2], r[0, 2], 30) < 0.05
    assert 0.02 <= rejected / 400 <= 0.085


def test_flips_can_be_shown_to_say_more_than_accuracy():
    generator = np.random.default_rng(7)
    x = generator.normal(size=40)
    y = -x + 0.1 * generator.normal(size=40)
    made = candidates(list(zip(x, y, strict=True)), accuracy_change=generator.normal(size=40))
    (row,) = stronger(made, "rating_change", ["flips"], Chance(np.random.default_rng, ()))
    assert row.difference > 0.5
    assert row.p < 0.001
    (few,) = stronger(
        candidates(POINTS[:3], accuracy_change=[1, 2, 3]), "rating_change", ["flips"], Chance(np.random.default_rng, ())
    )
    assert clause(few.missing) == "3 candidates, needs 4"


@pytest.mark.parametrize("n", [2, 60])
def test_two_candidates_and_sixty_both_give_rows(n):
    generator = np.random.default_rng(8)
    rows = found([(float(x), float(y)) for x, y in generator.normal(size=(n, 2))])
    assert len(rows) == 3
    assert all((row.coefficient.value is None) == (n == 2) for row in rows.values())


def test_a_grid_has_benjamini_and_hochbergs_p_beside_its_own():
    """Scipy's, over every coefficient of a scope; rows that were not measured are not counted."""
    generator = np.random.default_rng(7)
    names = [f"p{n}" for n in range(5)]
    values = {name: np.arange(8) + generator.normal(0, 4, 8) for name in names}
    values |= {"y": np.arange(8.0), "flat": np.ones(8)}
    chance = Chance(lambda: np.random.default_rng(1), ("y",))
    rows = grid_adjusted(list(correlations(Candidates(("",) * 8, values, {}), "y", [*names, "flat"], chance)))
    known = [row for row in rows if row.p is not None]
    assert (len(rows), len(known)) == (18, 15)
    assert [row.adjusted_p for row in known] == pytest.approx(stats.false_discovery_control([row.p for row in known]))
    assert all(row.adjusted_p is None for row in rows if row.p is None)
