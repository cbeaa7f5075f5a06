"""Games, scores, coverage and exam: classes, pairing, permutation p, floors, and the real MT-Bench pair file."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.judged.exam import exam_result, question_marks
from analysis.judged.games import (
    TurnClass,
    played_scopes,
    position_bias,
    turn_class,
    turn_classes,
    win_score,
    win_values,
)
from analysis.judged.scores import rating, rating_change, rating_change_p
from analysis.rendering.sentences.clauses import clause, clauses
from analysis.rendering.tables.review import warnings
from analysis.statistics.causes import Kind
from analysis.statistics.cells import Cell, question_sums, scopes
from analysis.statistics.coverage import coverage, shortfalls
from analysis.statistics.multiple_testing import benjamini_hochberg, holm
from analysis.statistics.question_means import paired_changes, sign_flip_p
from analysis.statistics.resampling import Resamplings, resampling
from ledger.judgments import ExamMark, Mode, Order, Outcome, Winner
from tests.house import MT_BENCH, needs_mt_bench
from tests.run_folder import config, whole

B, C, T = Winner.BASELINE, Winner.CANDIDATE, Winner.TIE
FIRST, SECOND = Order.BASELINE_FIRST, Order.CANDIDATE_FIRST
some_scores = st.dictionaries(
    st.tuples(st.integers(0, 6), st.integers(1, 2)), st.sampled_from([1.0, 5.0, 5.5, 10.0]), max_size=12
)


def cell(question, turn=1, sample=0, repeat=0):
    return Cell("s", str(question), sample, turn, repeat)


def cells(scores):
    return {cell(question, turn): score for (question, turn), score in scores.items()}


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        (C, C, TurnClass.WIN),
        (B, B, TurnClass.LOSS),
        (T, T, TurnClass.TIE),
        (B, C, TurnClass.INCONSISTENT),
        (C, B, TurnClass.INCONSISTENT),
        (T, C, TurnClass.INCONSISTENT),
        (B, T, TurnClass.INCONSISTENT),
        (None, C, TurnClass.FAILED),
        (T, None, TurnClass.FAILED),
        (None, None, TurnClass.FAILED),
    ],
)
def test_two_games_make_one_class(first, second, wanted):
    assert turn_class(first, second) is wanted


def test_a_game_in_one_order_only_failed():
    assert turn_classes({cell(1): {FIRST: C}}) == {cell(1): TurnClass.FAILED}


def test_win_score_counts_ties_and_flips_half_and_leaves_failed_out():
    kinds = [TurnClass.WIN, TurnClass.TIE, TurnClass.INCONSISTENT, TurnClass.LOSS, TurnClass.FAILED]
    classes = {cell(index): kind for index, kind in enumerate(kinds)}
    played = played_scopes(classes, scopes(classes, {}), Resamplings(1, 500), 1)[0]
    assert played.win_score.value == pytest.approx(0.5)
    assert played.win_change.value == pytest.approx(0)
    assert played.win_score.left_out == 1
    assert played.classes == dict.fromkeys(TurnClass, 1)


def test_exchanging_the_models_mirrors_the_win_change():
    winners = [(C, C), (B, B), (C, C), (T, C), (T, T)]
    exchange = {C: B, B: C, T: T}
    found = {cell(i): dict(zip((FIRST, SECOND), pair, strict=True)) for i, pair in enumerate(winners)}
    other = {key: {FIRST: exchange[v[SECOND]], SECOND: exchange[v[FIRST]]} for key, v in found.items()}
    one, two = (win_score(win_values(turn_classes(each)), Resamplings(1, 500)) for each in (found, other))
    assert one.value - 0.5 == pytest.approx(0.5 - two.value)


def test_position_bias_by_hand():
    found = {
        cell(1): {FIRST: B, SECOND: C},  # first position both times
        cell(2): {FIRST: C, SECOND: B},  # second position both times
        cell(3): {FIRST: B, SECOND: B},  # baseline both times
        cell(4): {FIRST: T, SECOND: T},
        cell(5): {FIRST: B, SECOND: None},
    }
    bias = position_bias(found)
    assert (bias.toward_first, bias.toward_second, bias.p) == (1, 1, 1.0)
    assert bias.flips.value == pytest.approx(2 / 4)
    assert bias.first_seat.value == pytest.approx(4 / 7)


def test_no_games_are_missing_and_no_crash():
    bias = position_bias({})
    assert bias.p is None
    assert bias.flips.value is None
    assert played_scopes({}, scopes([], {}), Resamplings(1), 1)[0].win_score.missing


@needs_mt_bench
def test_the_real_pair_file_has_the_known_flips():
    found = {}
    for file in (MT_BENCH / "phi-3").rglob("*pair*.jsonl"):
        for row in map(json.loads, file.read_text().splitlines()):
            for order, key in ((FIRST, "g1_winner"), (SECOND, "g2_winner")):
                winner = {"model_1": B, "model_2": C, "tie": T}.get(row[key])
                found.setdefault(cell(row["question_id"], row["turn"]), {})[order] = winner
    assert len(found) == 75
    bias, classes = position_bias(found), list(turn_classes(found).values())
    assert (bias.toward_first, bias.toward_second) == (16, 2)
    assert bias.p == pytest.approx(stats.binomtest(16, 18).pvalue)
    assert {classes.count(TurnClass.WIN), classes.count(TurnClass.LOSS)} == {18, 20}
    assert (classes.count(TurnClass.TIE), classes.count(TurnClass.INCONSISTENT), classes.count(TurnClass.FAILED)) == (
        8,
        27,
        2,
    )


def test_only_cells_scored_in_both_enter_and_the_rest_is_counted():
    baseline, candidate = {cell(1): 8.0, cell(2): 6.0, cell(3): 4.0}, {cell(1): 7.0, cell(2): 6.0, cell(4): 1.0}
    found = rating_change(baseline, candidate, Resamplings(1, 500))
    assert (found.value, found.n, found.left_out) == (-0.5, 2, 2)


def test_turns_samples_and_repeats_of_a_question_move_together():
    values = {cell(1, 1): 1.0, cell(1, 2): 2.0, cell(1, 1, sample=1): 3.0, cell(1, 1, repeat=1): 4.0, cell(2): 5.0}
    sums, weights = question_sums(values)
    assert (sums.tolist(), weights.tolist()) == ([7.5, 5], [3, 1])  # the turn that was asked twice weighs as one
    assert rating(values, Resamplings(1, 500)).n == 2


@given(some_scores, some_scores)
@settings(max_examples=40)
def test_swapping_baseline_and_candidate_negates_the_rating_change(one, other):
    draws = Resamplings(1, 300)
    there, back = rating_change(cells(one), cells(other), draws), rating_change(cells(other), cells(one), draws)
    assert (there.value is None) == (back.value is None)
    if there.value is not None:
        assert there.value == pytest.approx(-back.value)
        assert rating_change_p(cells(one), cells(other), draws) == rating_change_p(cells(other), cells(one), draws)


@given(some_scores)
@settings(max_examples=30)
def test_a_model_against_itself_has_no_change(scores):
    found = rating_change(cells(scores), cells(scores), Resamplings(1, 300))
    assert found.value in (0, None)
    assert set(paired_changes(cells(scores), cells(scores)).values()) <= {0}


def test_sign_flips_are_exact_for_few_questions_and_agree_with_scipy():
    sums = np.array([1.0, 2.0, -0.5, 3.0, 1.5, -1.0, 2.5])
    p = sign_flip_p(sums, Resamplings(1).of(7))
    by_hand = [abs(np.dot(signs, sums)) >= abs(sums.sum()) - 1e-9 for signs in itertools.product((-1, 1), repeat=7)]
    assert p == pytest.approx(np.mean(by_hand))
    whole = stats.permutation_test((sums,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert p == pytest.approx(whole.pvalue)


def test_sign_flips_of_many_questions_are_near_t():
    sums = np.random.default_rng(3).normal(0.25, 1, 60)
    p = sign_flip_p(sums, Resamplings(1).of(60))
    assert p == pytest.approx(stats.ttest_1samp(sums, 0).pvalue, abs=0.02)
    assert sign_flip_p(np.full(60, 1.0), Resamplings(1).of(60)) == pytest.approx(2 * math.exp(-30))


def test_holm_keeps_the_order_and_skips_what_is_missing():
    assert holm([0.01, None, 0.04, 0.03]) == [pytest.approx(0.03), None, pytest.approx(0.06), pytest.approx(0.06)]
    assert holm([None]) == [None]


@given(st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 1.0]), min_size=1, max_size=30))
@settings(max_examples=5, deadline=None)
def test_corrected_p_values_are_statsmodels(p_values):
    for ours, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
        assert ours(p_values) == pytest.approx(list(multipletests(p_values, method=method)[1]))


def test_coverage_counts_every_planned_key_once_and_nothing_else():
    row = coverage(
        "ratings",
        "m",
        "all",
        ["a", "b", "c", "d"],
        {"a": "scored", "b": "failed", "z": "scored"},
        frozenset({"scored"}),
    )
    assert (row.planned, row.scored, row.outcomes) == (4, 1, {"failed": 1, "missing": 2, "scored": 1})
    assert row.unusable == {"failed": 1, "missing": 2}
    assert "25.0 %" in clause(shortfalls([row], 0.9)[0])
    assert shortfalls([row], 0.25) == []
    assert "no ratings of m" in clause(shortfalls([coverage("ratings", "m", "all", [], {}, frozenset())], 0.9)[0])


def mark(question, right=True, part="p", mode=Mode.PAIR, order=FIRST, outcome=Outcome.SCORED):
    verdict = ("right" if right else "wrong") if outcome is Outcome.SCORED else None
    about = {"mode": mode, "part": part, "source": "s", "question": str(question), "order": order}
    return ExamMark(judge="j", prompt_digest="d", outcome=outcome, mark=verdict, **about)


def result(marks, modes=(Mode.PAIR,), configured=True):
    return exam_result(marks, modes, 0.75, 0.5, 0.9, configured=configured)


def both(question, first=True, second=True, **more):
    return [mark(question, first, **more), mark(question, second, order=SECOND, **more)]


def test_a_pair_mark_needs_both_orders_right():
    marks = [*both(1), *both(2, second=False), mark(3)]
    assert list(question_marks(marks).values()) == [True, False, False]


def test_unreadable_marks_are_wrong_and_unreached_ones_are_left_out():
    marks = [
        mark(1, outcome=Outcome.REFUSED),
        mark(1, order=SECOND),
        mark(2, outcome=Outcome.FAILED),
        mark(2, order=SECOND),
    ]
    assert question_marks(marks) == {("pair", "p", "s", "1"): False}
    found = result([*marks, *(m for i in range(3, 9) for m in both(i))])
    assert found.whole.left_out == 1
    assert any("reached" in clause(reason) for reason in found.reasons)


def test_the_whole_exam_has_a_floor_for_its_lower_bound():
    assert result([m for i in range(20) for m in both(i)]).state == "passed"
    weak = result([m for i in range(20) for m in both(i, first=i < 16)])
    assert weak.state == "failed"
    assert clause(weak.reasons[0]) == "20 exam questions, 80.0 % right, lower bound 62.2 % under the floor of 75.0 %"
    assert weak.whole.value == pytest.approx(0.8)


def test_each_part_has_a_floor_of_its_own():
    marks = [m for i in range(200) for m in both(i)] + [m for i in range(10) for m in both(i, first=i < 4, part="weak")]
    found = result(marks)
    assert found.state == "failed"
    assert [*map(clause, found.reasons)] == ["1 of 2 parts under 50.0 % (pair, weak: 40.0 %)"]
    assert [part.passed for part in found.parts] == [True, False]


def test_a_hopeless_judge_has_short_reasons():
    found = result([m for part in "abcdefghij" for m in both(1, first=False, part=part)])
    assert len(found.reasons) == 2
    assert clause(found.reasons[1]) == "10 of 10 parts under 50.0 %"
    assert len(clauses(found.reasons)) < 120


def test_every_used_mode_is_examined():
    found = result([m for i in range(30) for m in both(i)], modes=Mode)
    assert found.state == "failed"
    assert "no exam in single mode" in clause(found.reasons[0])


def test_no_marks_are_missing_and_a_switched_off_exam_is_not_examined():
    assert result([]).state == "missing"
    assert result([], configured=False).state == "not examined"


def test_what_answers_try_on_the_judge_is_said_aloud(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    path = folder.run.judge(folder.config.judge[0].name).path / "manifest.json"
    data = json.loads(path.read_text())
    data["facts"]["answers"] = {"w4": {"verdicts": 3, "answers given to several questions": 40}}
    for prompts, shown in (("assay", "was sanitized"), ("official", "show them as they are")):
        data["settings"]["prompts"] = prompts
        path.write_text(json.dumps(data))
        (told,) = [text for text in warnings(folder.report()) if "Adversarial answers" in text]
        assert told.startswith("Adversarial answers of w4 to judge-1: 3 verdicts, 40 answers given to several")
        assert shown in told


def test_a_change_over_more_than_two_thousand_questions_has_a_p():
    generator = np.random.default_rng(3)
    one, other = (
        {Cell("s", f"{n:04}", 0, 1, 0): float(v) for n, v in enumerate(generator.integers(1, 11, 2_001))} for _ in "ab"
    )
    found = rating_change_p(one, other, Resamplings(1, 200))
    sums = np.array([other[cell] - one[cell] for cell in one])
    assert found == pytest.approx(sign_flip_p(sums, resampling(2_001, generator, 4_000)), abs=0.03)
    assert rating_change_p(one, one, Resamplings(1, 200)) == 1


@pytest.mark.parametrize(("spread", "word"), [(0.0, "UNFIT"), (1.0, "SHIP")])
def test_a_judge_without_an_exam_that_rates_everything_alike_decides_nothing(tmp_path, spread, word):
    for exam, found in ((False, word), (True, "SHIP")):
        folder = whole(tmp_path / f"{exam}", config(("w8",), exam=exam, task=False, margin=3.0))
        store = folder.run.judge("judge-1").ratings
        store.replace([r.model_copy(update={"score": 7 + spread * (r.turn - 1)}) for r in store.records()])
        report = folder.report()
        assert report.word == found
        assert (Kind.ONE_RATING in {cause.kind for cause in report.judges[0].unfit}) is (found == "UNFIT")
