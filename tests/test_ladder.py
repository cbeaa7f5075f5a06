"""The ladder: what is damaged, when a rung is passed, and which brackets judges of known acuity get."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.judged.ladder import resolutions, unresolved
from analysis.statistics.intervals import wilson
from assay.sources.ladder_texts import reference_texts
from judge.history import History
from judge.ladder import LadderText, ladder_plan
from judge.official_prompts import read_official
from ledger.config import config_from
from ledger.errors import ConfigError
from ledger.judgments import Attempt, Damage, LadderMark, Order, Outcome
from ledger.ladder import FEWEST_TEXTS, LEAST_SEEN, SIZES, TEXTS, RungCounts, RungState, rung_counts
from tests.fake_judge_server import answer
from tests.house import MT_BENCH, needs_mt_bench
from tests.judge_reviews import PROMPTS, configured, essay

REFERENCES = list(reference_texts())
PROSE = (
    "One two three four five six. Seven eight nine ten. Eleven twelve! Is it thirteen? Fourteen fifteen.\n\nThe end."
)
ONE_SIDED = 0.025
SEEDS = 500


def mark(text=0, seen=True, order=Order.BASELINE_FIRST, damage=Damage.TRUNCATED, size=0.8, outcome=Outcome.SCORED):
    about = {"source": "s", "question": str(text), "turn": 1, "of_reference": True, "order": order}
    said = ("right" if seen else "wrong") if outcome is Outcome.SCORED else None
    return LadderMark(judge="j", prompt_digest="d", outcome=outcome, damage=damage, size=size, mark=said, **about)


# ---- when a rung is passed


@given(st.integers(1, 60), st.data())
def test_a_rung_is_passed_and_failed_by_wilson_bounds(texts, data):
    seen = data.draw(st.integers(0, texts))
    missing = data.draw(st.integers(0, texts - seen))
    if missing == texts:
        return
    low = wilson("m", "texts", seen, texts).interval[0]
    high = wilson("m", "texts", seen + missing, texts).interval[1]
    expected = RungState.PASSED if low >= LEAST_SEEN else RungState.FAILED if high < LEAST_SEEN else RungState.OPEN
    assert RungCounts(texts, seen, missing).state is expected


def test_what_is_missing_is_never_seen_and_never_missed():
    """One that failed keeps a rung open that would pass or fail with it."""
    assert [RungCounts(24, 22, missing).state for missing in (0, 1, 2)] == [RungState.OPEN] * 3
    assert RungCounts(24, 23, 1).state is RungState.PASSED
    assert (RungCounts(24, 13, 0).state, RungCounts(24, 13, 1).state) == (RungState.FAILED, RungState.OPEN)
    assert RungCounts(24, 0, 24).state is RungState.NOT_ASKED


def test_seen_is_right_in_both_orders_and_a_tie_is_unseen():
    first, second = Order
    both = [mark(n, order=order) for n in range(3) for order in Order]
    assert rung_counts(both) == RungCounts(3, 3, 0)
    tied = [*both, mark(3, order=first), mark(3, seen=False, order=second)]
    assert rung_counts(tied) == RungCounts(4, 3, 0)
    unread = [*both, mark(3, order=first), mark(3, order=second, outcome=Outcome.UNREADABLE)]
    assert rung_counts(unread) == RungCounts(4, 3, 0)
    for gone in (Outcome.FAILED, Outcome.SKIPPED):
        assert rung_counts([*both, mark(3, order=first), mark(3, order=second, outcome=gone)]) == RungCounts(4, 3, 1)
    assert rung_counts([*both, mark(3, order=first)]) == RungCounts(4, 3, 1)


def test_no_rung_passes_with_fewer_texts_than_are_needed():
    assert FEWEST_TEXTS == 12
    assert RungCounts(FEWEST_TEXTS, FEWEST_TEXTS, 0).state is RungState.PASSED
    assert {RungCounts(n, n, 0).state for n in range(1, FEWEST_TEXTS)} == {RungState.OPEN}


@pytest.mark.parametrize(("fewest", "passed", "failed"), [(TEXTS, 0.0091, 0.0214), (FEWEST_TEXTS, 0.032, 0.055)])
def test_a_judge_at_the_line_passes_or_fails_a_rung_as_rarely_as_is_stated(fewest, passed, failed):
    """Exactly, over all outcomes: the numbers of ledger/ladder.py."""
    worst = dict.fromkeys(RungState, 0.0)
    for texts in range(fewest, TEXTS + 1):
        chances = dict.fromkeys(RungState, 0.0)
        for seen in range(texts + 1):
            chances[RungCounts(texts, seen, 0).state] += stats.binom(texts, LEAST_SEEN).pmf(seen)
        worst = {state: max(worst[state], chances[state]) for state in RungState}
    assert passed - 0.001 < worst[RungState.PASSED] <= passed
    assert failed - 0.001 < worst[RungState.FAILED] <= failed


# ---- judges of known acuity


def bracket(damage, rates, generator, texts=TEXTS):
    """The ladder of a judge that sees the damage of each size in this share of texts: climbed as a session does."""
    marks = []
    for size, rate in rates.items():
        seen = generator.random(texts) < rate
        marks += [mark(n, bool(s), order, damage, size) for n, s in enumerate(seen) for order in Order]
        if RungCounts(texts, int(seen.sum()), 0).state is not RungState.PASSED:
            break
    (found,) = [each for each in resolutions(marks) if each.damage is damage]
    return found


@pytest.mark.parametrize("blind_to", [0.0, 0.2, 0.4, 0.6, 0.8])
def test_a_judge_that_sees_only_damage_over_x_is_bracketed_at_x(blind_to):
    rates = {size: float(size > blind_to) for size in SIZES[Damage.TRUNCATED]}
    found = bracket(Damage.TRUNCATED, rates, np.random.default_rng(1))
    assert found.finest_passed == min((size for size in rates if size > blind_to), default=None)
    assert found.coarsest_failed == (blind_to or None)
    assert [rung.state for rung in found.rungs if rung.size < blind_to] == [RungState.NOT_ASKED] * (
        sum(size < blind_to for size in rates)
    )


@pytest.mark.parametrize(("accuracy", "passes"), [(0.99, True), (0.6, False)])
def test_a_noisy_judge_sees_as_often_as_both_its_verdicts_are_right(accuracy, passes):
    generator = np.random.default_rng(2)
    rates = dict.fromkeys(SIZES[Damage.LOOPED], accuracy**2)
    found = [bracket(Damage.LOOPED, rates, generator) for _ in range(200)]
    assert (sum(each.finest_passed == 2 for each in found) > 120) is passes
    assert sum(each.coarsest_failed is not None for each in found) == (0 if passes else pytest.approx(190, abs=15))


def test_a_judge_that_prefers_the_first_position_sees_nothing():
    marks = [
        mark(n, order is Order.BASELINE_FIRST, order, damage, SIZES[damage][0])
        for damage in Damage
        for n in range(TEXTS)
        for order in Order
    ]
    assert all(each.finest_passed is None for each in resolutions(marks))
    assert {each.coarsest_failed for each in resolutions(marks)} == {0.8, 4, 8, 1}


def test_no_rung_beyond_a_judges_sight_is_passed_more_often_than_is_stated():
    """A fixed sequence: where all finer rungs are at the line too, a false pass stays as rare as in one test."""
    generator = np.random.default_rng(3)
    rates = {0.8: 1.0, 0.6: LEAST_SEEN, 0.4: LEAST_SEEN, 0.2: LEAST_SEEN}
    passed = sum(bracket(Damage.TRUNCATED, rates, generator).finest_passed < 0.8 for _ in range(SEEDS))
    assert passed / SEEDS <= ONE_SIDED + 0.01


def test_a_demand_is_met_by_a_rung_as_fine_or_finer():
    found = resolutions([mark(n, size=size, order=order) for size in (0.8, 0.6) for n in range(24) for order in Order])
    assert list(unresolved(found, {Damage.TRUNCATED: 0.6})) == []
    assert list(unresolved(found, {Damage.TRUNCATED: 0.8})) == []
    (cause,) = unresolved(found, {Damage.TRUNCATED: 0.4})
    assert (cause.numbers, cause.names) == ({"demanded": 0.4, "passed": 0.6}, {"damage": "truncated"})
    (cause,) = unresolved((), {Damage.LOOPED: 4})
    assert cause.numbers == {"demanded": 4}


# ---- the plan


def good(count, source="s", words=20):
    return [
        LadderText(
            answer("base", f"q{n}", essay(f"essay {n}", words), source=source).question, (essay(f"e{n}"),), False
        )
        for n in range(count)
    ]


def planned(texts, seed=1):
    return ladder_plan(texts, "j", PROMPTS, seed)


def replied(ladder, right, history=()):
    """The history of a judge that is asked rung after rung; `right` says by a mark whether it finds it out."""
    history = History(history)
    while due := [ask for ask, _ in history.pending(ladder.opened(history, "strict"), "strict")]:
        known = {ask.judgment: planned for planned in ladder.marks() for ask in planned.asks}
        for ask in due:
            blank = known[ask.judgment]
            said = blank.expected if right(blank.blank) else "C"
            history.add(
                Attempt(
                    judgment=ask.judgment,
                    ask="first",
                    attempt=1,
                    request_digest="d",
                    status="answered",
                    finish="stop",
                    reply=f"Verdict: [[{said}]]",
                )
            )
    return history


def test_each_rung_has_the_same_texts_in_both_orders_from_coarse_to_fine():
    for damage, rungs in planned(REFERENCES + good(20)).rungs.items():
        texts = [{each.blank.text for each in rung} for rung in rungs]
        assert [{each.blank.size for each in rung} for rung in rungs] == [{size} for size in SIZES[damage]]
        assert all(found == texts[0] for found in texts)
        assert {len(rung) for rung in rungs} == {2 * TEXTS}
        assert len({each.blank.key for rung in rungs for each in rung}) == 2 * TEXTS * len(rungs)


def test_texts_to_different_questions_come_first_and_references_before_answers():
    (rung, *_) = planned(REFERENCES + good(20)).rungs[Damage.TRUNCATED]
    questions = [each.blank.text[:2] for each in rung]
    assert len(set(questions)) == TEXTS
    assert sum(each.blank.of_reference for each in rung) == 2 * 12
    (rung, *_) = planned(REFERENCES + good(40)).rungs[Damage.CHANGED]
    assert all(each.blank.of_reference for each in rung)


def test_only_one_kind_shows_the_reference_and_turns_before_stay_as_they_are():
    for damage, rungs in planned(REFERENCES).rungs.items():
        for each in rungs[0]:
            (ask,) = each.asks
            user = ask.messages()[1]["content"]
            assert ("<reference " in user) is (damage is Damage.CHANGED_WITH_REFERENCE)
            if each.blank.turn == 2:
                first = next(t.turns[0] for t in REFERENCES if t.question.id == each.blank.question)
                assert user.count(first.split("\n")[0]) >= 2


@needs_mt_bench
def test_official_prompts_show_the_reference_to_the_same_kind_alone():
    official = read_official(MT_BENCH / "judge_prompts.jsonl")
    for damage, rungs in ladder_plan(REFERENCES, "j", official, 1).rungs.items():
        for each in rungs[0]:
            user = each.asks[0].messages()[1]["content"]
            assert ("eference" in user) is (damage is Damage.CHANGED_WITH_REFERENCE), user


def test_a_ladder_stops_at_the_first_rung_that_is_not_passed():
    ladder = planned(REFERENCES)
    asked = {
        ask.judgment
        for attempt in [replied(ladder, lambda m: m.size > 0.4)]
        for ask in ladder.opened(attempt, "strict")
    }
    sizes = {
        each.blank.size
        for each in ladder.marks()
        if each.blank.damage is Damage.TRUNCATED and each.asks[0].judgment in asked
    }
    assert sizes == {0.8, 0.6, 0.4}


def test_the_most_calls_are_told_and_shrink_as_a_ladder_stops():
    ladder, nothing = planned(REFERENCES + good(30)), History(())
    assert len(ladder.at_most(nothing, "strict")) == 12 * 2 * TEXTS == 576
    assert len(ladder.opened(nothing, "strict")) == 5 * 2 * TEXTS
    blind = replied(ladder, lambda m: False)
    assert len(ladder.at_most(blind, "strict")) == len(ladder.opened(blind, "strict")) == 5 * 2 * TEXTS
    keen = replied(ladder, lambda m: True)
    assert len(ladder.opened(keen, "strict")) == 576


def test_a_kind_with_too_few_texts_is_planned_and_never_asked():
    ladder = planned(REFERENCES[:8])
    assert ladder.opened(History(()), "strict") == []
    assert {each.blank.outcome for each in ladder.marks()} == {Outcome.SKIPPED}
    assert len(ladder.rungs[Damage.CHANGED][0]) == 16


# ---- the config


def test_a_ladder_needs_the_exam_and_games():
    assert configured(exam=True, exam_ladder=True).exam_ladder
    for settings in ({"exam": False}, {"exam": True, "modes": ("single",)}):
        with pytest.raises(ValueError, match="exam_ladder"):
            configured(**settings, exam_ladder=True)


@pytest.mark.parametrize(
    ("resolution", "ladder", "said"),
    [
        ({"truncated": 0.4, "looped": 4}, True, ""),
        ({"truncated": 0.5}, True, "no rung of that ladder; there are 0.8, 0.6, 0.4, 0.2"),
        ({"bent": 1}, True, "exam_resolution"),
        ({"truncated": 0.4}, False, "set exam_ladder = true in each"),
    ],
)
def test_a_demand_names_rungs_of_a_ladder_that_is_climbed(resolution, ladder, said):
    data = {
        "name": "r",
        "baseline": {"model": "org/a"},
        "candidate": [{"model": "org/b"}],
        "questions": {},
        "judge": [{"model": "j", "exam_ladder": ladder}],
        "decision": {"exam_resolution": resolution},
    }
    if not said:
        assert config_from(data, "t").digest != config_from(data | {"decision": {}}, "t").digest
        return
    with pytest.raises(ConfigError, match=said):
        config_from(data, "t")
