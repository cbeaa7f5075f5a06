"""Lengths, bounds and strengths: each against a definition worked another way, and its odd ends."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from analysis.judged.bounds import change_bounds, rating_bounds, win_bounds
from analysis.judged.games import TurnClass
from analysis.judged.lengths import length_changes, length_controlled, length_panel
from analysis.judged.strengths import strengths
from analysis.rendering.sentences.clauses import clause
from analysis.statistics.cells import Cell
from ledger.judgments import Order, Winner

B, C, T = Winner.BASELINE, Winner.CANDIDATE, Winner.TIE
FIRST, SECOND = Order.BASELINE_FIRST, Order.CANDIDATE_FIRST


def cell(question, turn=1):
    return Cell("s", f"{question:03}", 0, turn, 0)


def test_the_longer_answers_share_of_consistent_wins():
    kinds = [TurnClass.WIN, TurnClass.LOSS, TurnClass.LOSS, TurnClass.WIN, TurnClass.TIE, TurnClass.INCONSISTENT]
    gaps = [5, -5, 5, 0, 9, 9]
    panel = length_panel({cell(i): kind for i, kind in enumerate(kinds)}, {cell(i): gap for i, gap in enumerate(gaps)})
    assert (panel.longer, panel.decided, panel.mean_change) == (2, 3, pytest.approx(23 / 6))
    assert panel.p == pytest.approx(stats.binomtest(2, 3).pvalue)
    assert length_panel({}, {}).p is None


def test_changes_of_length_stand_in_the_cells_order():
    one, other = ({cell(q): size for q in order} for order, size in ((range(40), 3), (range(45, 5, -1), 10)))
    found = length_changes(one, other)
    assert list(found) == [cell(q) for q in range(6, 40)]
    assert set(found.values()) == {7}


def test_the_length_controlled_change_is_the_lines_height_at_zero():
    generator = np.random.default_rng(1)
    lengths = {cell(q, t): int(generator.normal(200, 300)) for q in range(40) for t in (1, 2)}
    x = np.tanh(np.array(list(lengths.values())) / np.std(list(lengths.values())))
    values = 0.4 + 1.5 * x + generator.normal(0, 0.3, len(x))
    changes = dict(zip(lengths, values, strict=True))
    found = length_controlled("rating_change", changes, lengths)
    theirs = sm.OLS(values, sm.add_constant(x)).fit()
    assert found.value == pytest.approx(theirs.params[0])
    groups = np.repeat(np.arange(40), 2)
    clustered = theirs.get_robustcov_results("cluster", groups=groups)
    assert found.sd / np.sqrt(40) == pytest.approx(clustered.bse[0], rel=0.1)  # the jackknife is the wider
    assert found.value < np.mean(values)  # the candidate was longer, and length was rewarded


def test_the_length_controlled_interval_holds_the_true_change():
    generator, held = np.random.default_rng(2), 0
    for _ in range(400):
        lengths = {cell(q, t): int(generator.normal(100, 200)) for q in range(20) for t in (1, 2)}
        x = np.tanh(np.array(list(lengths.values())) / np.std(list(lengths.values())))
        noise = np.repeat(generator.normal(0, 1, 20), 2) + generator.normal(0, 0.5, 40)
        found = length_controlled("rating_change", dict(zip(lengths, x + noise, strict=True)), lengths)
        held += found.interval[0] <= 0 <= found.interval[1]
    assert 0.92 <= held / 400 <= 0.985


@pytest.mark.parametrize(
    ("lengths", "why"), [([3] * 6, "do not differ"), ([0] * 5 + [9], "one question"), ([1, 2], "too few data")]
)
def test_lengths_that_tell_nothing_are_named(lengths, why):
    gaps = {cell(i): gap for i, gap in enumerate(lengths)}
    changes = {cell(i): float(i % 3) for i in range(len(lengths))}
    found = length_controlled("rating_change", changes, gaps)
    assert found.value is None
    assert why in clause(found.missing)


def test_equal_changes_have_no_zero_width():
    gaps = {cell(i): i for i in range(6)}
    assert "no variation" in clause(length_controlled("rating_change", dict.fromkeys(gaps, 0.0), gaps).missing)


def test_bounds_suppose_nothing_about_what_is_missing():
    planned = [cell(i) for i in range(4)]
    assert rating_bounds(planned, dict.fromkeys(planned, 5.0)) is None
    assert rating_bounds(planned, {cell(0): 5.0, cell(1): 5.0}) == ((5 + 5 + 1 + 1) / 4, (5 + 5 + 10 + 10) / 4)
    before, after = {cell(0): 5.0, cell(1): 5.0}, {cell(0): 6.0, cell(2): 6.0}
    low, high = change_bounds(planned, before, after)
    assert low == pytest.approx((1 + (1 - 5) + (6 - 10) + (1 - 10)) / 4)
    assert high == pytest.approx((1 + (10 - 5) + (6 - 1) + (10 - 1)) / 4)


def test_one_game_of_two_narrows_the_bounds():
    planned = [cell(i) for i in range(5)]
    found = {
        cell(0): {FIRST: C, SECOND: C},
        cell(1): {FIRST: C, SECOND: None},
        cell(2): {FIRST: B},
        cell(3): {FIRST: T, SECOND: None},
    }
    assert win_bounds(planned, found) == (
        pytest.approx((1 + 0.5 + 0 + 0.5 + 0) / 5),
        pytest.approx((1 + 1 + 0.5 + 0.5 + 1) / 5),
    )
    assert win_bounds(planned[:1], found) is None
    assert win_bounds([cell(0), cell(3)], found) == (0.75, 0.75)


def games(generator, true, questions=60):
    """Results of all pairs of models whose log-odds are `true`."""
    names = list(true)
    results = {}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            chance = 1 / (1 + np.exp(true[first] - true[second]))
            results[first, second] = {
                ("s", str(q)): (float(generator.binomial(2, chance)), 2.0) for q in range(questions)
            }
    return results


def test_strengths_equal_a_binomial_model_with_clustered_errors():
    results = games(np.random.default_rng(3), {"base": 0.0, "a": 0.5, "b": -0.7})
    found = strengths(results, "base", ["a", "b"])
    rows, wins, groups = [], [], []
    for (first, second), units in results.items():
        for (_, question), (won, count) in units.items():
            row = [(second == name) - (first == name) for name in ("a", "b")]
            rows.append(row)
            wins.append([won, count - won])
            groups.append(int(question))
    theirs = sm.GLM(wins, np.array(rows, dtype=float), family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(groups), "use_correction": False}
    )
    assert [each.strength.value for each in found] == pytest.approx([0, *theirs.params], abs=1e-8)
    errors = [each.strength.sd / np.sqrt(60) for each in found[1:]]
    assert errors == pytest.approx(theirs.bse * np.sqrt(60 / 59), rel=1e-6)
    assert found[0].chance == 0.5
    assert found[0].strength.interval is None


def test_with_games_against_the_baseline_alone_a_strength_is_the_log_odds():
    results = {
        ("base", "a"): {("s", str(q)): (1.0 if q < 15 else 0.0, 1.0) for q in range(20)},
        ("base", "b"): {("s", str(q)): (0.5, 1.0) for q in range(20)},
    }
    found = {each.model: each.strength.value for each in strengths(results, "base", ["a", "b"])}
    assert found == {"base": 0, "a": pytest.approx(np.log(3)), "b": pytest.approx(0, abs=1e-12)}


def test_strengths_of_models_that_are_all_weaker_than_the_baseline():
    units = {("s", str(q)): (1.0 if q < 2 else 0.0, 1.0) for q in range(20)}
    found = strengths({("base", "a"): units, ("base", "b"): units}, "base", ["a", "b"])
    assert [each.strength.value for each in found] == [0, *[pytest.approx(-np.log(9))] * 2]
    assert [each.chance for each in found] == [0.5, *[pytest.approx(0.1)] * 2]


def test_games_of_a_model_that_the_review_no_longer_has_count_for_nothing():
    results = games(np.random.default_rng(3), {"b": 0.0, "x": 0.4, "y": -0.4})
    gone = {("s", str(q + 50)): (1.0, 2.0) for q in range(100)}
    own, more = (strengths(each, "b", ["x", "y"]) for each in (results, {**results, ("b", "gone"): gone}))
    assert own == more
    assert strengths({("b", "x"): gone, ("b", "gone"): gone, ("x", "gone"): gone}, "b", ["x"]) == ()


def test_strengths_without_a_finite_fit_are_named():
    units = {("s", str(q)): (1.0, 1.0) for q in range(20)}
    half = {("s", str(q)): (0.5, 1.0) for q in range(20)}
    found = strengths({("base", "a"): units, ("base", "b"): half}, "base", ["a", "b"])
    assert ["won, or lost, every game" in clause(each.strength.missing) for each in found] == [True] * 3
    assert strengths({("base", "a"): units}, "base", ["a"]) == ()
    assert strengths({}, "base", ["a", "b"]) == ()
    few = strengths({("base", "a"): dict(list(half.items())[:3]), ("base", "b"): {}}, "base", ["a", "b"])
    assert few == ()


def test_a_model_that_always_ties_has_no_variation_and_is_not_called_the_baseline():
    half = {("s", str(q)): (0.5, 1.0) for q in range(20)}
    found = strengths({("base", "a"): half, ("base", "b"): half}, "base", ["a", "b"])
    assert [clause(each.strength.missing) for each in found] == [
        "the baseline is the zero",
        *["no variation between questions"] * 2,
    ]
