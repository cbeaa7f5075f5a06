"""What is planned before any call: each key once, in both orders, with a reason where nothing is asked."""

import tracemalloc

import pytest

from judge.plan import TIE, Planner, answers_by_key, judgment_id, universe
from ledger.errors import ConfigError, StaleInput
from ledger.judgments import Order, Outcome
from tests.fake_judge_server import answer
from tests.judge_reviews import PROMPTS


def planner(repeats=1, prompts=PROMPTS, **models):
    return Planner("j", prompts, {name: answers_by_key(answers) for name, answers in models.items()}, repeats)


def test_every_model_question_sample_turn_and_repeat_is_rated_once():
    models = {
        name: [answer(name, q, "one", "two", sample=s) for q in "pq" for s in (0, 1)] for name in ("base", "cand")
    }
    planned = list(planner(repeats=3, **models).ratings())
    assert len(planned) == 2 * 2 * 2 * 2 * 3
    assert len({each.blank.key for each in planned}) == len({each.ask.judgment for each in planned}) == 48
    assert all(each.blank.outcome is Outcome.SKIPPED and each.settled is None for each in planned)


def test_games_are_played_in_both_orders_and_the_positions_follow_the_order():
    planned = list(
        planner(base=[answer("base", "q", "mine")], cand=[answer("cand", "q", "yours")]).games([("base", "cand")])
    )
    assert [each.blank.order for each in planned] == [Order.BASELINE_FIRST, Order.CANDIDATE_FIRST]
    first, second = (each.ask.messages()[1]["content"] for each in planned)
    assert first.index("mine") < first.index("yours")
    assert second.index("yours") < second.index("mine")
    assert planned[0].blank.prompt_digest != planned[1].blank.prompt_digest


def test_empty_and_overflowing_judged_turns_are_skipped_but_counted():
    base = [answer("base", "q", "one", "two")]
    for finish, text in (("empty", ""), ("overflow", ""), ("stop", " \n")):
        plan = planner(base=base, cand=[answer("cand", "q", "one!", text, finish=finish)])
        ratings = [each for each in plan.ratings() if each.blank.model == "cand"]
        assert [bool(each.ask) for each in ratings] == [True, False]
        assert ratings[1].settled.outcome is Outcome.SKIPPED
        assert [bool(each.ask) for each in plan.games([("base", "cand")])] == [True, True, False, False]


def test_what_one_model_lacks_is_planned_and_skipped():
    plan = planner(
        base=[answer("base", q, "x") for q in "pq"], cand=[answer("cand", "p", "y"), answer("cand", "r", "z")]
    )
    ratings, games = list(plan.ratings()), list(plan.games([("base", "cand")]))
    assert len(ratings) == 6
    assert [(e.blank.model, e.blank.question) for e in ratings if not e.ask] == [("base", "r"), ("cand", "q")]
    assert [e.blank.question for e in games if not e.ask] == ["q", "q", "r", "r"]
    assert {e.settled.outcome for e in games if not e.ask} == {Outcome.SKIPPED}


def test_identical_conversations_are_ties_without_a_call_until_they_differ():
    plan = planner(base=[answer("base", "q", "same", "mine")], cand=[answer("cand", "q", "same", "yours")])
    games = list(plan.games([("base", "cand")]))
    assert [each.settled for each in games] == [TIE, TIE, None, None]
    assert games[0].ask is None
    assert games[0].blank.prompt_digest != "none"


def test_a_changed_answer_changes_the_key():
    keys = {next(planner(base=[answer("base", "q", text)]).ratings()).blank.key for text in ("a", "b", "a")}
    assert len(keys) == 2


def test_answers_to_different_questions_under_one_id_are_refused():
    base, other = answer("base", "q", "x"), answer("cand", "q", "x", references=("r",))
    with pytest.raises(StaleInput, match="question s/q of cand"):
        universe({"base": answers_by_key([base]), "cand": answers_by_key([other])})


def test_a_turn_without_an_official_prompt_stops_before_any_call():
    class TwoTurns:
        name, digest, form = "official", "d", "text"

        def messages(self, question, turn, positions):
            if turn > 2:
                raise ConfigError("a turn 3")
            return []

    with pytest.raises(ConfigError):
        list(planner(prompts=TwoTurns(), base=[answer("base", "q", "a", "b", "c")]).ratings())


def test_ids_of_different_keys_differ():
    assert judgment_id("rating", ("a/b", "c")) != judgment_id("rating", ("a", "b/c"))
    assert judgment_id("rating", ("ä\ud800", 1)) == "rating/%C3%A4%5Cud800/1"


def test_ten_thousand_conversations_are_not_held_rendered():
    long = "word " * 4000
    models = {name: [answer(name, str(q), f"{q} {name} {long}") for q in range(40)] for name in ("base", "cand")}
    plan = planner(repeats=20, **models)
    tracemalloc.start()
    try:
        planned = [*plan.ratings(), *plan.games([("base", "cand")])]
        assert len(planned) == 40 * 20 * 4
        rendered = len(long) * len(planned)
        assert tracemalloc.get_traced_memory()[0] < rendered / 4
    finally:
        tracemalloc.stop()
