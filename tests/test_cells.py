"""Cells, their parts and their coverage, and what a caller gets who says nothing: all by hand."""

import numpy as np
import pytest

from analysis.judged.scores import rating
from analysis.rendering.sentences.cells import cell, interval
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.numbers import apart, bounds_cell, number, probability, unsigned
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import ALL, UNKNOWN, Cell, by_question, question_sums, sampling, scopes
from analysis.statistics.coverage import Coverage, counted, coverage_scopes, shortfalls
from analysis.statistics.estimates import Estimate, estimate_or_missing, levels
from analysis.statistics.intervals import cluster_mean, paired_proportion, share, wilson
from analysis.statistics.question_means import question_mean
from analysis.statistics.resampling import Resamplings

VALUES = {
    Cell("s", question, 0, turn, 0): value for question, turn, value in (("b", 1, 3.0), ("b", 2, 5.0), ("a", 1, 1.0))
}


def test_each_part_holds_its_own_cells():
    found = {scope.name: sorted(scope.part(VALUES).values()) for scope in scopes(VALUES, {("s", "a"): "math"})}
    assert found == {ALL: [1, 3, 5], "turn 1": [1, 3], "turn 2": [5], "math": [1], UNKNOWN: [3, 5]}


def test_sums_stand_by_question_in_order():
    assert [side.tolist() for side in question_sums(VALUES)] == [[1, 8], [1, 2]]
    assert by_question(VALUES) == {("s", "a"): (1, 1), ("s", "b"): (8, 2)}


def of(question, sample=0):
    return Cell("s", str(question), sample, 1, 0)


def test_what_sampling_adds_by_hand():
    """Samples 1, 3 and 2, 6 of two questions: variances 2 and 8 by n - 1, a mean's half of each; root of their mean."""
    values = {of(1): 1.0, of(1, sample=1): 3.0, of(2): 2.0, of(2, sample=1): 6.0}
    assert sampling(values) == (2, pytest.approx(np.sqrt((1 + 4) / 2)))
    assert sampling(values | {of(3): 5.0}) == (1, None)
    assert sampling({}) == (0, None)
    found = question_mean("rating_change", values, Resamplings(1, 50), (-9.0, 9.0), 1, 0)
    assert (found.samples, found.sampling_sd) == (2, pytest.approx(np.sqrt(2.5)))


def test_shortfalls_are_told_only_under_the_floor():
    rows = [
        Coverage("games", "m", scope, planned, scored, {}, {})
        for scope, planned, scored in (("all", 10, 9), ("turn 2", 8, 7))
    ]
    assert [row.share for row in rows] == [0.9, 0.875]
    nothing = Coverage("games", "m", "turn 1", 0, 0, {}, {})
    told = [[clause(each) for each in shortfalls(*each)] for each in ((rows, 0.9), (rows[:1], 0.95), ([nothing], 0.9))]
    assert told == [
        ["games of m, turn 2: 7 of 8 (87.5 %) are usable, under the floor of 90.0 %"],
        ["games of m: 9 of 10 (90.0 %) are usable, under the floor of 95.0 %"],
        ["no games of m were planned or found (turn 1)"],
    ]
    held = counted("choices", "m", "all", np.array([True, False, True]))
    assert (held.planned, held.scored, held.outcomes, held.unusable) == (
        3,
        2,
        {"missing": 1, "scored": 2},
        {"missing": 1},
    )
    (even,) = coverage_scopes(
        "n", "m", [1, 2, 3, 4], {2: "scored", 3: "scored"}, frozenset({"scored"}), [("even", lambda n: n % 2 == 0)]
    )
    assert (even.scope, even.planned, even.scored) == ("even", 2, 1)


def test_who_asks_for_one_comparison_gets_one_bound_and_leaves_nothing_out():
    found = (
        wilson("x", "items", 1, 4),
        share("x", "items", 1, 4),
        paired_proportion("x", "items", 1, 2, 9),
        cluster_mean("x", "items", np.arange(4.0), np.ones(4), None, (0.0, 9.0)),
        estimate_or_missing("x", "items", lambda: wilson("x", "items", 1, 4)),
        rating(VALUES, Resamplings(1, 50)),
    )
    assert [(len(each.lower_bounds), len(each.upper_bounds), each.left_out) for each in found] == [(1, 1, 0)] * 6
    assert share("x", "items", 0, 0).left_out == 0
    assert [len(levels(comparisons)) for comparisons in (0, 1, 2)] == [1, 1, 2]


def test_numbers_where_they_are_small_or_missing():
    assert [number("kl_options", value) for value in (1e-4, 9.99e-5, 0.12345, 12.0)] == [
        *("0.000100 nats", "9.99e-05 nats", "0.123 nats", "12.0 nats"),
    ]
    assert [probability(p) for p in (1e-13, 0.0009, 0.001, 0.05)] == [
        "p < 1e-12",
        "p = 9.0e-04",
        "p = 0.001",
        "p = 0.050",
    ]
    assert apart("kl_options", 0.1234, 0.12341) == ("0.12340 nats", "0.12341 nats")
    assert bounds_cell("rating", (1.0, 10.0)) == "1.00 / 10.00"
    assert bounds_cell("rating", None) == "nothing is missing"
    assert unsigned("rating_change", 0.3) == "0.30"
    assert interval(Estimate("flips", "items", 9, 0.1, None, Cause(Kind.TOO_FEW))) == "[no interval: too few]"
    same = Estimate("rating_change", "questions", 9, 0.0, (-0.1, 0.1), mde=0.2, identical=True)
    assert cell(same) == "0.00 [−0.10, +0.10] (n 9, identical records, MDE 0.20)"
    assert cell(same, with_n=False) == "0.00 [−0.10, +0.10] (identical records, MDE 0.20)"
    assert cell(Estimate("flips", "items", 9, 0.1, (0.0, 0.2), mde=0.2), with_n=False) == "10.0 % [0.0, 20.0]"
