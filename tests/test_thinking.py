"""Thoughts: every mark that models set, for judges and for models under test alike, and prose about marks."""

import json
import subprocess
import sys

import pytest

from judge.verdicts import reading
from ledger.thinking import MARKS, reopened, split_thinking, spoken
from tests.house import HOUSE

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


class Tokenizer:
    """Words for tokens, of which some are special."""

    words = ("<think>", "hm", "</think>", "four", "<|im_end|>")
    all_special_tokens = ("<|im_end|>",)

    def get_vocab(self):
        return {word: number for number, word in enumerate(self.words)}

    def decode(self, tokens, *, skip_special_tokens):
        assert not skip_special_tokens
        return " ".join(self.words[token] for token in tokens)


PARSED = """
import json
from generation.vllm_engine import reasoning_parser, thoughts_marked
from ledger.errors import EngineError
from ledger.thinking import split_thinking
from tests.test_thinking import Tokenizer

parser, words = reasoning_parser("deepseek_r1", Tokenizer()), Tokenizer()
told = [split_thinking(thoughts_marked(parser, words, tokens)) for tokens in ((0, 1, 2, 3, 4), (1, 2, 3), (0, 1))]
try:
    reasoning_parser("no-such-one", words)
except EngineError as error:
    told.append(str(error))
print(json.dumps([*told, reasoning_parser("", words)]))
"""


def test_vllms_parsers_are_taken_by_their_names_and_one_that_does_not_fit_is_told():
    """In a process of its own: vLLM and pip cannot both be looked for in one, for the sake of an old distutils."""
    pytest.importorskip("vllm")
    done = subprocess.run([sys.executable, "-c", PARSED], cwd=HOUSE, stdout=subprocess.PIPE, check=True, text=True)
    whole, opened, unclosed, error, none = json.loads(done.stdout.splitlines()[-1])
    assert whole == opened == ["hm", "four"]  # also where its template has opened the block
    assert unclosed == ["hm", ""]
    assert "reasoning parser 'no-such-one' does not fit" in error
    assert none is None
