"""Thoughts: every mark that models set, for judges and for models under test alike, and prose about marks."""

import pytest

from judge.verdicts import reading
from ledger.thinking import MARKS, reopened, split_thinking, spoken

CHANNELS = (
    "<|channel|>analysis<|message|>perhaps [[3]]<|end|><|start|>assistant<|channel|>final<|message|>so [[9]]<|return|>"
)


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_every_mark_is_one_for_models_and_for_judges(opening, closing):
    text = f"{opening}perhaps [[3]]{closing}\n\nso [[9]]"
    assert split_thinking(text) == ("perhaps [[3]]", "so [[9]]")
    assert reading("single", text, "stop", None, "strict").value == 9
    assert split_thinking(f"{opening}perhaps [[3]]") == ("perhaps [[3]]", "")
    assert spoken(f"{opening}perhaps [[3]]") is None
    begun = f"perhaps [[3]]\n{closing}\nso [[9]]"
    assert split_thinking(reopened(begun)) == ("perhaps [[3]]", "so [[9]]")
    assert reading("single", begun, "stop", None, "strict").value == 9


@pytest.mark.parametrize(
    "text",
    [
        CHANNELS,
        f"<|start|>assistant{CHANNELS}",
        "analysisperhaps [[3]]assistantfinalso [[9]]",
    ],
)
def test_of_harmonys_channels_the_final_one_is_said(text):
    assert split_thinking(text) == ("perhaps [[3]]", "so [[9]]")
    assert reading("single", text, "stop", None, "strict").value == 9
    unclosed = text.split("<|end|>")[0].split("assistantfinal")[0]
    assert split_thinking(unclosed)[1] in ("", unclosed)  # without its tokens nobody can tell a channel from a word
    assert spoken("<|channel|>analysis<|message|>perhaps [[3]]") is None


@pytest.mark.parametrize(
    "text",
    [
        "The tag <think> opens a thought; [[9]]",
        "It writes `</think>` at its end. [[9]]",
        "Neither [THINK] nor ◁think▷ is closed. [[9]]",
        "analysis of the answer: it is good. [[9]]",
        'It says "<reasoning>" once. [[9]]',
    ],
)
def test_prose_about_marks_is_prose(text):
    assert split_thinking(text) == (None, text)
    assert spoken(text) == text
    assert reopened(text) == text


def test_several_blocks_are_all_thoughts():
    text = "<think>a</think> <think>b</think>\n[[9]]"
    assert split_thinking(text) == ("a\n\nb", "[[9]]")
    assert spoken(text).strip() == "[[9]]"


def test_a_mark_of_another_kind_closes_nothing():
    text = "<think>it says </reasoning>[[2]]</think>[[9]]"
    assert split_thinking(text)[1] == spoken(text) == "[[9]]"
