"""Edges of the intervals and draws that decide: brute force, enumeration and scipy beside the code."""

import itertools
import math

import numpy as np
import pytest
from scipy import optimize, stats

from analysis.rendering.sentences.clauses import clause
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, estimate_or_missing, not_measured, shifted
from analysis.statistics.intervals import (
    MOST_NEEDED,
    cluster_mean,
    needed_samples,
    needed_units,
    paired_proportion,
    tango_bound,
    tango_statistic,
    wilson,
)
from analysis.statistics.losses import loss_tests, max_drop
from analysis.statistics.mean_distance import mean_distance
from analysis.statistics.resampling import MOST_UNITS, Resamplings, resampling
from analysis.statistics.unit_values import resampled, unit_table
from ledger.errors import TooFewData

RANGE = (-9.0, 9.0)


def likely(gains, losses, n, change):
    """The score statistic of a change, its other probability found by maximizing the likelihood numerically."""
    calm = n - gains - losses

    def unlikelihood(lost):
        shares = (lost + change, lost, 1 - 2 * lost - change)
        return -sum(
            count * math.log(max(share, 1e-300)) for count, share in zip((gains, losses, calm), shares, strict=True)
        )

    ends = (max(0.0, -change), (1 - change) / 2)
    lost = optimize.minimize_scalar(unlikelihood, bounds=ends, method="bounded", options={"xatol": 1e-12}).x
    return (gains - losses - n * change) / math.sqrt(n * (2 * lost + change - change**2))


@pytest.mark.parametrize("counts", [(3, 9, 40), (1, 7, 21), (12, 2, 30), (5, 5, 200)])
@pytest.mark.parametrize("change", [-0.3, -0.05, 0.02, 0.4])
def test_tangos_statistic_is_that_of_the_largest_likelihood(counts, change):
    assert tango_statistic(*counts, change) == pytest.approx(likely(*counts, change), rel=1e-4)


def test_tangos_bounds_end_at_one():
    assert tango_bound(10, 0, 10, 0.05, 1) == 1
    assert tango_bound(0, 10, 10, 0.05, 0) == -1
    assert likely(10, 0, 10, tango_bound(10, 0, 10, 0.05, 0)) == pytest.approx(1.644854, abs=1e-3)


def test_proportions_by_hand():
    assert paired_proportion("accuracy_change", "items", 3, 1, 10).sd == pytest.approx(0.6)  # 0.4 - 0.2²
    assert paired_proportion("accuracy_change", "items", 0, 0, 10).mde is None
    assert paired_proportion("accuracy_change", "items", 1, 0, 2).n == 2
    assert wilson("flips", "items", 1, 1).value == 1
    assert wilson("flips", "items", 2, 8).sd == pytest.approx(math.sqrt(3) / 4)
    assert (wilson("flips", "items", 0, 8).sd, wilson("flips", "items", 0, 8).mde) == (None, None)
    for call, needs in ((lambda: wilson("x", "items", 0, 0), 1), (lambda: paired_proportion("x", "items", 0, 0, 1), 2)):
        with pytest.raises(TooFewData) as error:
            call()
        assert error.value.need == needs
    few = estimate_or_missing("x", "items", lambda: paired_proportion("x", "items", 0, 0, 1), 4)
    assert (few.n, few.needs, few.left_out, few.value) == (1, 2, 4, None)


def studentized(values, draws, mean, error):
    """Every resample written out: its mean's distance in its own standard errors."""
    found = []
    for counts in draws.counts:
        picked = np.repeat(values, counts)
        own = stats.sem(picked)
        gap = picked.mean() - mean
        found.append(gap / own if own > 1e-6 * error else math.copysign(math.inf, gap) if abs(gap) > 1e-9 else 0.0)
    return np.array(found)


def unseen(n, alpha):
    """The share that n draws miss with probability alpha, by the binomial distribution."""
    return optimize.brentq(lambda share: stats.binom.pmf(0, n, share) - alpha, 1e-9, 1 - 1e-9)


SAMPLES = {
    "skewed": -np.random.default_rng(8).exponential(1.0, 25),
    "few": np.array([0.0] * 22 + [-3.0, -2.0, 1.0]),
    "calm": np.array([0.1] * 23 + [0.0, 0.2]),  # resamples of equal values whose mean is that of all
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_bound_is_the_wider_of_bootstrap_and_t_and_no_wider_than_t_and_the_unseen(kind):
    values, draws = SAMPLES[kind], resampling(25, np.random.default_rng(8), 400)
    found = cluster_mean("rating_change", "questions", values, np.ones(25), draws, RANGE, 2)
    mean, error = values.mean(), stats.sem(values)
    pivots = studentized(values, draws, mean, error)
    caps = 0
    for alpha, place in ((0.05, 0), (0.025, 1)):
        student = stats.t.isf(alpha, 24) * error
        for ends, side, far in ((found.lower_bounds, -1, -9), (found.upper_bounds, 1, 9)):
            tail = np.quantile(-side * pivots, 1 - alpha, method="higher") * error
            most = student + unseen(25, alpha) * abs(far - mean)
            caps += tail > most
            assert ends[place] == pytest.approx(mean + side * max(student, min(tail, most)), abs=1e-6)
    assert found.interval == (found.lower_bounds[1], found.upper_bounds[1])
    assert (caps > 0) == (kind == "few")


def test_without_an_upper_end_the_largest_value_stands_in():
    values = np.array([0.1] * 38 + [0.5, 0.7])
    draws = resampling(40, np.random.default_rng(1), 300)
    found = cluster_mean("kl_options", "items", 2 * values, np.full(40, 2.0), draws, (0, math.inf))
    most = values.mean() + stats.t.isf(0.05, 39) * stats.sem(values) + unseen(40, 0.05) * (0.7 - values.mean())
    assert found.upper_bounds[0] == pytest.approx(most)
    assert found.lower_bounds[0] >= 0
    assert found.sd == pytest.approx(values.std(ddof=1))
    assert found.settings == "studentized cluster bootstrap, 300 resamples"


def test_a_ratios_error_is_the_linearized_one():
    """Against the jackknife of the ratio, which tends to it: 200 questions with one to three values each."""
    generator = np.random.default_rng(2)
    weights = generator.integers(1, 4, 200).astype(float)
    sums = weights * 0.3 + generator.normal(0, 1, 200) * weights
    rest = (sums.sum() - sums) / (weights.sum() - weights)
    jackknife = math.sqrt(199 / 200 * ((rest - rest.mean()) ** 2).sum())
    found = cluster_mean("rating_change", "questions", sums, weights, None, RANGE)
    assert found.sd / math.sqrt(200) == pytest.approx(jackknife, rel=0.01)
    assert found.interval == pytest.approx(stats.t.interval(0.95, 199, found.value, found.sd / math.sqrt(200)))


def test_sizes_end_at_a_million_and_without_a_distance():
    spread = 0.3 / 2.486475  # one unit per squared distance of 0.3
    assert needed_units(spread * math.sqrt(MOST_NEEDED - 1), 0.3) == MOST_NEEDED - 1
    assert needed_units(spread * math.sqrt(MOST_NEEDED + 1), 0.3) is None
    for distance in (0.0, -0.1):
        assert needed_units(1.0, distance) is None
    made = Estimate("rating_change", "questions", 80, -0.2, sd=0.8, samples=2, sampling_sd=0.9)
    assert needed_samples(made, -0.15) is None
    assert needed_samples(made, 0.0) is None
    # The questions differ by nothing beyond sampling: 2 · 0.81 samples per 80 (d / 2.4865)².
    assert needed_samples(made, 0.15) == math.ceil(1.62 / (80 * (0.15 / 2.486475) ** 2)) == 6


def test_every_sign_pattern_stands_there_once_where_they_are_few():
    exact, drawn = (resampling(8, np.random.default_rng(1), count) for count in (256, 255))
    assert (exact.exact, drawn.exact) == (True, False)
    assert set(map(tuple, exact.signs.tolist())) == set(itertools.product((-1, 1), repeat=8))
    for each in (exact, drawn):
        assert set(np.unique(each.signs)) == {-1, 1}
        assert (each.counts.sum(axis=1) == 8).all()
    assert drawn.signs.shape == (255, 8)
    picks = resampling(5, np.random.default_rng(2), 20_000).counts.mean(axis=0)
    assert picks == pytest.approx([1] * 5, abs=0.03)  # each unit once on average, the first and last as well


def test_draws_have_their_ends():
    draws = Resamplings(1, 5)
    assert [draws.of(n) is None for n in (1, 2, MOST_UNITS, MOST_UNITS + 1)] == [True, False, False, True]
    numbers = [Resamplings(seed).generator(3).integers(0, 2**40) for seed in (1, -1, 2)]
    assert len(set(numbers)) == 3


def sums(generator, units, shift=0.0):
    return {unit: (float(generator.normal(shift) * 2), 2.0) for unit in units}


def test_resampled_values_are_those_of_each_resample_written_out():
    generator, units = np.random.default_rng(3), tuple("abcdef")
    found = [sums(generator, units), sums(generator, (*units[:5], "beyond"))]
    table = unit_table("m", units, [*found, {}])
    draws = Resamplings(1, 50)
    values = resampled([table], draws)["m"]
    for row, counts in zip(values, draws.of(6).counts, strict=True):
        for column, each in enumerate(found):
            picked = [
                each[unit] for unit, times in zip(units, counts, strict=True) if unit in each for _ in range(times)
            ]
            wanted = np.mean([total / 2 for total, _ in picked]) if picked else np.nan
            assert row[column] == pytest.approx(wanted, nan_ok=True)
        assert np.isnan(row[2])
    assert table.values[:2] == pytest.approx(
        [np.mean([t / 2 for u, (t, _) in each.items() if u in units]) for each in found]
    )
    assert np.isnan(table.values[2])
    assert resampled([], draws) == {} == resampled([unit_table("m", units[:1], found)], draws)


def test_beyond_two_thousand_units_the_normal_limit_has_the_bootstraps_spread():
    generator, units = np.random.default_rng(4), range(MOST_UNITS + 500)
    base = generator.normal(1.0, 2.0, len(units))
    other = 0.5 * base + generator.normal(0, 1, len(units))
    half = {unit: (float(base[unit]), 1.0) for unit in units if unit % 2}
    tables = [
        unit_table("a", units, [{unit: (float(base[unit]), 1.0) for unit in units}, half]),
        unit_table("b", units, [{unit: (float(2 * other[unit]), 2.0) for unit in units}, {}]),
    ]
    found = resampled(tables, Resamplings(1, 20_000))
    assert found["a"].shape == (20_000, 2)
    assert found["a"].mean(axis=0) == pytest.approx([base.mean(), base[1::2].mean()], abs=0.005)
    assert found["a"].std(axis=0) == pytest.approx([stats.sem(base), stats.sem(base[1::2])], rel=0.03)
    assert found["b"][:, 0].std() == pytest.approx(stats.sem(other), rel=0.03)
    assert np.corrcoef(found["a"][:, 0], found["b"][:, 0])[0, 1] == pytest.approx(
        np.corrcoef(base, other)[0, 1], abs=0.02
    )
    assert np.isnan(found["b"][:, 1]).all()


def test_a_change_that_touches_zero_is_not_significant():
    for ends, wanted in (((-0.1, 0.0), False), ((0.0, 0.1), False), ((0.01, 0.2), True), ((-0.2, -0.01), True)):
        assert Estimate("x", "items", 9, 0.0, ends).significant is wanted
    moved = shifted(Estimate("x", "items", 9, 0.7, (0.6, 0.8), None, 0, (0.61,), (0.79,)), "y", -0.5)
    assert (moved.value, *moved.interval) == pytest.approx((0.2, 0.1, 0.3))
    assert (*moved.lower_bounds, *moved.upper_bounds) == pytest.approx((0.11, 0.29))
    none = not_measured("x", "items", Cause(Kind.NO_RECORDS))
    assert (none.n, none.left_out) == (0, 0)


def test_infinite_distances_are_counted_and_not_averaged():
    found = mean_distance("kl_options", np.array([0.1, np.inf, 0.2, np.inf]), Resamplings(1, 50), left_out=3)
    assert (clause(found.missing), found.n, found.left_out) == (
        "infinite on 2 of 4 items, mean of the others 0.150 nats",
        4,
        3,
    )
    assert mean_distance("js_options", np.zeros(40), Resamplings(1, 50)).upper_bounds[0] == pytest.approx(
        math.log(2) * unseen(40, 0.05)
    )


def test_drops_of_benchmarks_without_flips():
    """One lost of one: the chance of a drop of 1 in either of two benchmarks, of which one has no flip, is 1/2."""
    assert max_drop([1, 0], [0, 0]) == (pytest.approx(0.5), 0)
    assert max_drop([0, 0], [0, 0]) == (1.0, 0)
    # No drop is the worst: three of four ways to lose one of two or more reach it in each, 1 - (1/4)².
    assert max_drop([0, 1], [2, 1]) == (pytest.approx(0.9375), 1)
    assert max_drop([1, 0], [2, 0]) == (1.0, 1)  # where all gain, one that stays drops most
    assert loss_tests("acc", [("a", 0, 0)], 0, 0.02) is None
    assert loss_tests("acc", [], 10, 0.02) is None
    two = loss_tests("acc", [("a", 6, 0), ("b", 0, 0)], 100, 0.02)
    assert (two.pooled_p, two.max_drop_p, two.worst, two.loss) == (1 / 64, pytest.approx(1 / 64), "a", True)
    five = loss_tests("acc", [("a", 5, 0), ("b", 0, 0)], 100, 0.02)
    assert (five.pooled_p, five.loss) == (1 / 32, False)  # over 0.05 / 3
    assert loss_tests("acc", [("a", 5, 0)], 100, 0.02).loss
