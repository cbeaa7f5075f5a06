"""Edges of what judges said: a floor that is just reached, half points, one missing game; each number by hand."""

import numpy as np
import pytest
from scipy import stats

from analysis.judged.agreement import Agreement, agreement, calibration
from analysis.judged.bounds import change_bounds, rating_bounds, win_bounds
from analysis.judged.exam import exam_result, question_marks
from analysis.judged.games import (
    TurnClass,
    inconsistency_by_gap,
    played_scopes,
    position_bias,
    turn_classes,
    win_values,
    winning_position,
)
from analysis.judged.lengths import length_controlled, length_panel, length_points
from analysis.judged.scores import (
    fastchat_average,
    normal_sign_flip_p,
    paired_changes,
    rating,
    rating_change,
    scored_scopes,
    sign_flip_p,
)
from analysis.judged.strengths import strengths
from analysis.rendering.sentences.clauses import clause
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, scopes
from analysis.statistics.estimates import not_measured
from analysis.statistics.resampling import Resamplings
from ledger.judgments import Mode, Outcome
from tests.test_analysis_judged import FIRST, SECOND, B, C, T, both, mark

DRAWS = Resamplings(1, 300)


def cell(question, turn=1, sample=0, repeat=0):
    return Cell("s", f"{question:04}", sample, turn, repeat)


def result(marks, modes=(Mode.PAIR,), reached=0.9, configured=True, **more):
    return exam_result(marks, modes, 0.75, 0.5, reached, configured=configured, **more)


def test_a_turn_that_was_asked_more_often_weighs_no_more_than_another():
    """9, 9 and 9 of one question and 3 of another are 6.00, not 7.50; 9 and then 3 of one turn are 6, not the last."""
    often = {cell(1): 9.0, cell(1, repeat=1): 9.0, cell(1, repeat=2): 9.0, cell(2): 3.0}
    assert rating(often, DRAWS).value == 6
    twice = {cell(1): 9.0, cell(1, repeat=1): 3.0, cell(2): 6.0}
    once = {cell(1): 5.0, cell(2): 5.0}
    assert paired_changes(once, twice) == {cell(1): 1.0, cell(2): 1.0}
    change = rating_change(once, twice, DRAWS)
    assert (change.value, change.n, change.left_out) == (1, 2, 0)
    assert rating_change(once, {cell(1, repeat=1): 3.0}, DRAWS).left_out == 1  # a turn, not its repeats
    won = {cell(1): TurnClass.WIN, cell(1, repeat=1): TurnClass.LOSS, cell(2): TurnClass.WIN}
    assert win_values(won) == {cell(1): 0.5, cell(2): 1.0}


def test_bounds_average_a_turns_repeats_as_the_mean_does():
    planned, values = [cell(1), cell(2)], {cell(1): 9.0, cell(1, repeat=1): 3.0}
    assert rating_bounds(planned, values) == (3.5, 8.0)  # 6 and from 1 to 10
    assert rating_bounds([cell(1)], values) is None
    assert change_bounds(planned, values, {cell(2): 4.0}) == (-5.5, 3.5)  # (1 - 6, 4 - 10) and (10 - 6, 4 - 1)
    assert rating_bounds([cell(1), cell(1, repeat=1)], {cell(1): 9.0}) == (5.0, 9.5)  # a planned repeat is missing


def test_a_part_that_just_reaches_its_floor_passes():
    strong = [each for n in range(200) for each in both(n)]
    half, less = ([each for n in range(10) for each in both(n, first=n < right, part="weak")] for right in (5, 4))
    assert result([*strong, *half]).state == "passed"
    assert [part.passed for part in result([*strong, *half]).parts] == [True, True]
    assert result([*strong, *less]).state == "failed"


def test_an_exam_of_which_just_enough_reached_the_judge_passes():
    """Nine of ten questions reached it where nine tenths must; eight of nine are too few."""
    lost = [mark("lost", outcome=Outcome.FAILED)]
    enough = result([each for n in range(9) for each in both(n)] + lost, reached=0.9)
    assert (enough.state, enough.reasons, enough.whole.left_out) == ("passed", (), 1)
    few = result([each for n in range(8) for each in both(n)] + lost, reached=0.9)
    assert "only 8 of 9 exam questions reached it" in clause(few.reasons[0])
    assert few.state == "failed"


def test_the_whole_exams_floor_is_held_by_its_lower_bound_at_five_percent():
    """Wilson's one-sided bound of all right of n is n / (n + 1.645²): 0.747 for 8, over 0.75 from 9 on."""
    assert result([each for n in range(9) for each in both(n)]).state == "passed"
    found = result([each for n in range(8) for each in both(n)])
    assert found.state == "failed"
    assert found.whole.lower_bounds[0] == pytest.approx(8 / (8 + 1.644854**2), abs=1e-5)


def test_an_exam_is_small_under_twenty_questions_a_part():
    assert result([each for n in range(20) for each in both(n)]).small is None
    assert "19 of the usual 20" in clause(result([each for n in range(19) for each in both(n)]).small)
    assert result([]).small is None


def test_single_marks_need_no_second_order_and_categories_are_shown():
    alone = [mark(n, n > 0, mode=Mode.SINGLE, order=None) for n in range(4)]
    assert list(question_marks(alone).values()) == [False, True, True, True]
    found = result(alone, (Mode.SINGLE,), categories={("s", "0"): "math", ("s", "1"): "math", ("s", "2"): "coding"})
    assert [(each.mode, each.part, each.right.value) for each in found.categories] == [
        ("single", "coding", 1.0),
        ("single", "math", 0.5),
    ]
    assert found.outcomes == {"scored": 4}
    quiet = result(alone, (Mode.PAIR,), configured=False)
    assert (quiet.state, quiet.reasons) == ("not examined", ())


def test_one_missing_verdict_fails_the_pair_whichever_it_is():
    found = {cell(1): {FIRST: None, SECOND: C}, cell(2): {FIRST: C, SECOND: None}, cell(3): {SECOND: C}}
    assert set(turn_classes(found).values()) == {TurnClass.FAILED}


def test_the_position_that_won():
    assert [winning_position(order, winner) for order in (FIRST, SECOND) for winner in (B, C, T)] == [
        *("first", "second", None),
        *("second", "first", None),
    ]


def test_position_bias_counts_a_tie_against_a_pick_as_an_inconsistency_of_no_position():
    found = {cell(n): {FIRST: B, SECOND: C} for n in range(5)} | {cell(9): {FIRST: T, SECOND: C}, cell(8): {FIRST: C}}
    bias = position_bias(found)
    assert (bias.flips.value, bias.flips.n) == (1.0, 6)
    assert (bias.first_seat.value, bias.first_seat.n) == (11 / 12, 12)
    assert (bias.toward_first, bias.toward_second) == (5, 0)
    assert bias.p == pytest.approx(2 / 32)  # five of five coins on one side, or the other


def test_inconsistencies_by_gap_round_half_points_up_and_pool_from_three_on():
    gaps = (0.0, 0.49, 0.5, -1.49, 1.5, -2.5, 3.4, 9.0)
    kinds = (TurnClass.INCONSISTENT, *[TurnClass.WIN] * 6, TurnClass.INCONSISTENT)
    classes = {cell(n): kind for n, kind in enumerate(kinds)} | {
        cell(20): TurnClass.FAILED,
        cell(21): TurnClass.INCONSISTENT,
    }
    found = inconsistency_by_gap(classes, {cell(n): gap for n, gap in enumerate(gaps)} | {cell(20): 0.0})
    assert [(each.gap, each.flips, each.n) for each in found] == [(0, 1, 2), (1, 0, 2), (2, 0, 1), (3, 1, 3)]


def test_bounds_of_a_win_score_with_one_known_game():
    known = [cell(n) for n in range(3)]
    for winner, ends in ((C, (0.5, 1.0)), (B, (0.0, 0.5)), (T, (0.5, 0.5))):
        found = {cell(0): {FIRST: winner}, cell(1): {FIRST: C, SECOND: C}, cell(2): {FIRST: B, SECOND: B}}
        assert win_bounds(known, found) == (pytest.approx((ends[0] + 1) / 3), pytest.approx((ends[1] + 1) / 3))
    assert win_bounds(known, {}) == (0, 1)
    assert rating_bounds(known, {}) == (1, 10)


def test_only_the_first_scope_has_bounds_for_several_comparisons():
    kinds = {cell(n, turn): (TurnClass.WIN, TurnClass.LOSS, TurnClass.TIE)[n % 3] for n in range(12) for turn in (1, 2)}
    rows = played_scopes(kinds, scopes(kinds, {}), DRAWS, 3)
    assert [len(row.win_score.lower_bounds) for row in rows] == [3, 1, 1, 1]
    values = {each: float(number % 4) for number, each in enumerate(kinds)}
    scored = scored_scopes(values, values, scopes(values, {}), DRAWS, 3, is_baseline=False)
    assert [len(row.change.lower_bounds) for row in scored] == [3, 1, 1, 1]
    assert all(row.change is None for row in scored_scopes({}, values, scopes(values, {}), DRAWS, 3, is_baseline=True))


def test_a_rating_never_leaves_its_scale():
    low, high = ({cell(n): end for n in range(30)} for end in (1.0, 10.0))
    assert rating(low, DRAWS).interval[0] == 1
    assert rating(high, DRAWS).interval[1] == 10


def test_fastchat_knows_the_first_sample_and_repeat_alone():
    values = {cell(1): 4.0, cell(2): 7.0, cell(1, sample=1): 9.0, cell(1, repeat=1): 1.0}
    assert fastchat_average(values) == 5.5
    assert fastchat_average({cell(1, sample=1): 9.0}) is None


def test_sign_flips_count_ties_with_what_was_seen():
    """Of 2, 1 and 1 with any signs: 4 in two of eight ways; of equal thirds rounding must not lose a tie."""
    assert sign_flip_p(np.array([2.0, 1.0, 1.0]), DRAWS.of(3)) == 0.25
    assert sign_flip_p(np.array([0.1, 0.2, -0.3]), DRAWS.of(3)) == 1
    assert sign_flip_p(np.array([1e6, 1e6 / 3, 2e6 / 3]), DRAWS.of(3)) == 0.25
    assert sign_flip_p(np.array([0.4, -1.1, 0.5, -0.4, 0.6]), DRAWS.of(5)) == 1  # none: rounding makes it a little
    assert normal_sign_flip_p(np.array([1.0] * 9)) == pytest.approx(2 * stats.norm.sf(3))


def test_the_longer_answers_wins_by_hand():
    kinds = [TurnClass.LOSS] * 5 + [TurnClass.WIN]
    panel = length_panel(dict(zip(map(cell, range(6)), kinds, strict=True)), {cell(n): -10 for n in range(6)})
    assert (panel.longer, panel.decided, panel.longer_wins.value) == (5, 6, pytest.approx(5 / 6))
    assert panel.p == pytest.approx(14 / 64)  # 5 or 6 of six coins on one side, or the other: 2 (6 + 1) / 64
    assert length_points({cell(1): 0.5, cell(2): 1.0}, {cell(2): 7, cell(3): 8}) == ((7, 1.0),)


def test_the_length_controlled_interval_is_a_jackknife_done_again():
    """Fitted with each question left out by numpy's own least squares."""
    generator = np.random.default_rng(4)
    cells = [cell(n, turn) for n in range(9) for turn in (1, 2)]
    lengths = {each: int(generator.normal(50, 200)) for each in cells}
    values = dict(zip(cells, generator.normal(size=18), strict=True))
    gaps, y = (np.array([side[each] for each in cells], dtype=float) for side in (lengths, values))
    x = np.tanh(gaps / gaps.std())
    rest = [np.polyfit(x[keep], y[keep], 1)[1] for keep in (np.arange(18) // 2 != n for n in range(9))]
    error = np.sqrt(8 / 9 * ((rest - np.mean(rest)) ** 2).sum())
    found = length_controlled("rating_change", values | {cell(99): 5.0}, lengths)
    middle = np.polyfit(x, y, 1)[1]
    assert found.value == pytest.approx(middle)
    assert found.interval == pytest.approx(stats.t.interval(0.95, 7, middle, error))
    assert (found.lower_bounds[0], found.upper_bounds[0]) == pytest.approx(stats.t.interval(0.9, 7, middle, error))
    assert (found.n, found.left_out) == (9, 1)
    assert found.mde == pytest.approx((1.959964 + 0.841621) * error, rel=1e-5)


@pytest.mark.parametrize(("questions", "measured"), [(4, True), (3, False)])
def test_four_questions_are_the_fewest_for_a_length_controlled_change(questions, measured):
    lengths = {cell(n): (10, -40, 70, 20)[n] for n in range(questions)}
    found = length_controlled("rating_change", {each: float(n % 2) for n, each in enumerate(lengths)}, lengths)
    assert (found.value is not None) == measured


@pytest.mark.parametrize(("questions", "measured"), [(5, True), (4, False)])
def test_five_questions_are_the_fewest_for_strengths(questions, measured):
    mixed = {("s", str(n)): (float(n % 2), 1.0) for n in range(questions)}
    found = strengths({("b", "x"): mixed, ("b", "y"): mixed}, "b", ["x", "y"])
    assert (found[1].strength.value is not None) == measured
    assert [each.model for each in found] == ["b", "x", "y"]


def told(values):
    return {("c", cell(n)): value for n, value in enumerate(values)}


def better(low):
    none = not_measured("agreement", "verdicts", Cause(Kind.NO_RECORDS))
    return Agreement("j", "people", 9, none, none, 0.5, (low, 1.0))


def test_a_calibration_is_refused_by_a_kappa_that_may_be_zero_and_by_four_labels():
    W, L, E = TurnClass.WIN, TurnClass.LOSS, TurnClass.TIE
    own, labels = told([W, L, W, W, E, L, W, E]), told([W, L, L, W, E])
    assert calibration("j", "c", own, labels, better(0.01)).refused is None
    for with_people in (better(0.0), better(-0.1), None):
        assert calibration("j", "c", own, labels, with_people).refused.kind is Kind.NO_BETTER_THAN_CHANCE
    few = calibration("j", "c", own, told([W, L, L, W]), better(0.01))
    assert (clause(few.refused), few.labels) == ("4 labeled questions, 5 are needed", 4)
    assert (few.corrected.value, few.raw) == (None, pytest.approx(5 / 8 - 0.5))
    assert few.corrected.missing == few.refused
    assert calibration("j", "d", own, labels, better(0.01)).raw is None


def test_a_corrected_change_by_hand():
    """The judge's mean is 5 / 8; on five labeled questions it is 1 too high once: 1/8 - 1/5, with the PPI variance."""
    W, L, E = TurnClass.WIN, TurnClass.LOSS, TurnClass.TIE
    own, labels = told([W, L, W, W, E, L, W, E]), told([W, L, L, W, E])
    found = calibration("j", "c", own, labels, better(0.01)).corrected
    assert found.value == pytest.approx(1 / 8 - 1 / 5)
    # Variances by n - 1: 0.19643 of the eight, 0.2 of the five errors; covariance of the five -0.075.
    variance = 0.196429 / 8 + 0.2 / 5 - 2 * 0.075 / 8
    half = 2.776445 * np.sqrt(variance)
    assert found.interval == pytest.approx((found.value - half, found.value + half), abs=1e-4)
    assert found.n == 5


def test_a_judge_and_people_who_agree_on_what_is_decided():
    W, L, E = TurnClass.WIN, TurnClass.LOSS, TurnClass.TIE
    pairs = [(W, W), (L, W), (E, W), (E, E), (W, E), (L, L)]
    found = agreement("j", "people", pairs, range(6), DRAWS)
    assert (found.equal.value, found.equal.n) == (0.5, 6)
    assert (found.decided.value, found.decided.n) == (pytest.approx(2 / 3), 3)
