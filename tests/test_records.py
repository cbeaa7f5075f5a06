"""The vocabulary: what a record refuses."""

import pytest
from pydantic import ValidationError

from ledger.judgments import Game, Order, Outcome, Rating, Winner
from ledger.records import Answer, AnswerTurn, Choice, Finish, Item, Question

QUESTION = Question(source="s", id="1", category="math", turns=("a", "b"), temperature=0.0)


def turn(text: str = "t") -> AnswerTurn:
    return AnswerTurn(text=text, finish=Finish.STOP, prompt_tokens=1, completion_tokens=1, seed=1)


def rating(**changes) -> Rating:
    values = {"judge": "j", "prompt_digest": "p", "outcome": Outcome.SCORED, "score": 8.5, "model": "m"}
    where = {"source": "s", "question": "1", "sample": 0, "turn": 1, "repeat": 0}
    return Rating(**(values | where | changes))


def test_an_answer_has_as_many_turns_as_its_question():
    assert Answer(model="m", sample=0, question=QUESTION, turns=(turn(), turn())).key == ("m", "s", "1", 0)
    with pytest.raises(ValidationError, match="1 answers to 2 turns"):
        Answer(model="m", sample=0, question=QUESTION, turns=(turn(),))


def test_only_a_scored_judgment_has_a_score():
    assert rating().score == 8.5
    with pytest.raises(ValidationError, match="outcome scored"):
        rating(score=None)
    with pytest.raises(ValidationError, match="outcome truncated"):
        rating(outcome=Outcome.TRUNCATED)


@pytest.mark.parametrize("score", [0.0, -1.0, 10.5, float("nan")])
def test_a_score_lies_between_1_and_10(score):
    with pytest.raises(ValidationError):
        rating(score=score)


def test_both_orders_of_a_game_are_different_records():
    common = {"judge": "j", "prompt_digest": "p", "outcome": Outcome.SCORED, "winner": Winner.TIE, "sample": 0}
    where = {"baseline": "b", "candidate": "c", "source": "s", "question": "1", "turn": 1, "repeat": 0}
    first, second = (Game(**common, **where, order=order) for order in Order)
    assert first.key != second.key


def test_an_item_has_one_right_option_among_different_ones():
    values = {"task": "t", "id": "1", "subject": "s", "question": "q"}
    with pytest.raises(ValidationError, match="gold is 2"):
        Item(**values, options=("a", "b"), gold=2)
    with pytest.raises(ValidationError, match="the same"):
        Item(**values, options=("a", "a"), gold=0)


def test_a_digest_changes_with_what_the_model_sees_and_not_with_the_reference():
    assert QUESTION.digest == QUESTION.model_copy(update={"references": ("r",)}).digest
    assert QUESTION.digest != QUESTION.model_copy(update={"turns": ("a", "c")}).digest


def test_records_are_frozen():
    with pytest.raises(ValidationError):
        QUESTION.id = "2"


@pytest.mark.parametrize("field", ["gold", "picked", "picked_norm"])
def test_what_was_picked_is_one_of_the_options(field):
    values = {"model": "m", "task": "t", "item": "1", "subject": "s", "item_digest": "d", "gold": 1, "picked": 0}
    values |= {"logprobs": (-1.0, -2.0), "characters": (1, 1), "tokens": (1, 1), "picked_norm": 0}
    assert Choice(**values).gold == 1
    with pytest.raises(ValidationError, match="outside the 2 options"):
        Choice(**(values | {field: 2}))
    with pytest.raises(ValidationError, match="none was picked"):
        Choice(**(values | {"logprobs": (None, None)}))


def test_half_a_surrogate_pair_in_a_question_or_item_is_replaced_before_it_has_to_be_written():
    question = Question(source="s", id="1", category="c", turns=("a\ud800",), references=("\udc00",), temperature=0)
    item = Item(task="t", id="1", subject="s", question="q\ud800", options=("a\udc00", "b"), gold=0)
    lost = "\N{REPLACEMENT CHARACTER}"
    assert (question.turns, question.references) == ((f"a{lost}",), (lost,))
    assert (item.question, item.options[0]) == (f"q{lost}", f"a{lost}")
    assert "".join(each.model_dump_json(ensure_ascii=True) for each in (question, item)).isascii()
