"""Damage to good texts: what is done, how it grows, and that a changed reference is wrong."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.sources.ladder_texts import is_good, reference_texts
from judge.damage import changes, damaged
from ledger.judgments import Damage
from ledger.ladder import SIZES
from tests.fake_judge_server import answer
from tests.judge_reviews import essay

REFERENCES = list(reference_texts())
PROSE = (
    "One two three four five six. Seven eight nine ten. Eleven twelve! Is it thirteen? Fourteen fifteen.\n\nThe end."
)
FAULTS = (SyntaxError, NameError, LookupError, TypeError, ValueError, AttributeError)


def worse(damage, *sizes):
    return [damaged(damage, size, PROSE, "s") for size in sizes]


@pytest.mark.parametrize("damage", Damage)
def test_damage_is_the_same_each_time_and_differs_by_seed(damage):
    def all_texts(seed):
        return [damaged(damage, SIZES[damage][0], text.text, seed) for text in REFERENCES]

    assert all_texts("a") == all_texts("a")
    assert damage is Damage.TRUNCATED or all_texts("a") != all_texts("b")


def test_the_end_is_kept_away_by_words():
    kept = [len(damaged(Damage.TRUNCATED, size, " ".join("w" * 50), "").split()) for size in SIZES[Damage.TRUNCATED]]
    assert kept == [10, 20, 30, 40]
    assert damaged(Damage.TRUNCATED, 0.2, "one", "") is None


def test_sentences_are_replaced_by_others_of_the_same_answer_and_all_else_stays():
    said = re.findall(r"[^.!?]+[.!?]", PROSE.replace("\n", ""))
    for count in SIZES[Damage.REPLACED]:
        worse = re.findall(r"[^.!?]+[.!?]", damaged(Damage.REPLACED, count, PROSE, "s").replace("\n", ""))
        assert sum(a.strip() != b.strip() for a, b in zip(said, worse, strict=True)) == count
        assert {each.strip() for each in worse} <= {each.strip() for each in said}
    assert damaged(Damage.REPLACED, 4, "One two three. Four five six.", "s") is None


def test_a_phrase_stands_so_many_times_in_a_row():
    for times in SIZES[Damage.LOOPED]:
        worse = damaged(Damage.LOOPED, times, " ".join(f"word{n}" for n in range(40)), "s").split()
        assert Counter(Counter(worse).values()) == {1: 34, times: 6}
        first = next(n for n in range(len(worse)) if worse[n] == worse[n + 6])
        assert worse[first : first + 6] * int(times) == worse[first : first + 6 * int(times)]


def test_larger_damage_does_all_that_smaller_does():
    """The rungs are nested, so that coarse to fine is a fixed order of one question."""
    whole, small, large = (re.split(r"(?<=[.!?])\s+", each) for each in (PROSE, *worse(Damage.REPLACED, 1, 4)))
    (place,) = [n for n, (before, after) in enumerate(zip(whole, small, strict=True)) if before != after]
    assert large[place] == small[place] != whole[place]
    coarse, fine = worse(Damage.TRUNCATED, 0.8, 0.2)
    assert fine.startswith(coarse)
    twice, often = (each.split() for each in worse(Damage.LOOPED, 2, 8))
    first = next(n for n in range(len(twice)) if twice[n] == twice[n + 6])
    assert twice[: first + 12] == often[: first + 12]


@given(st.text(max_size=200), st.sampled_from(list(Damage)), st.integers(0, 9))
def test_any_text_is_damaged_or_has_no_room(text, damage, seed):
    for size in SIZES[damage]:
        worse = damaged(damage, size, text, str(seed))
        assert worse is None or worse != text


@pytest.mark.parametrize("text", REFERENCES, ids=lambda text: f"{text.question.id}.{len(text.turns)}")
def test_each_reference_has_a_change_and_differs_in_exactly_that(text):
    found = list(changes(text.text))
    assert found
    for change in found:
        worse, whole = change.applied(text.text), text.text
        assert worse != whole
        assert whole.startswith(worse[: change.start])
        assert whole.endswith(worse[change.start + len(change.text) :])
        assert worse[change.start : change.start + len(change.text)] == change.text
    assert damaged(Damage.CHANGED, 1, text.text, "1") in {change.applied(text.text) for change in found}


def test_a_changed_number_was_a_result_and_the_sentence_is_false_now():
    """Every stated result of the references has one right value (tests/test_prompts.py), so that another is wrong."""
    for text in REFERENCES:
        for change in (each for each in changes(text.text) if each.kind == "number"):
            before = text.text[: change.start].rsplit("\n", 1)[-1]
            assert re.search(r"(=|is|are|take|show) $", before), before
            assert int(change.text) != int(text.text[change.start : change.end])
            equation = re.search(r"((?:\d+(?: [-+x/] )?)+(?: [-+x] \(?\d+ \+ \d+\)| x \(\d+ \+ \d+\))?) = $", before)
            if equation and re.search("[-+x/]", equation[1]):
                assert eval(equation[1].replace("x", "*")) != int(change.text)


def test_swapped_names_make_another_claim():
    swapped = {
        (text.question.id, len(text.turns)): change.text
        for text in REFERENCES
        for change in changes(text.text)
        if change.kind == "name"
    }
    assert swapped == {
        ("3", 1): "Finishing order: Ana, Dev, Ben, Carla, Eli.",
        ("3", 2): "Exactly one finishing order is possible: Ben, Ana, Eli, Carla, Dev.",
        ("19", 1): "Max's statement is true, so Lou is of the same kind as Kim, and Lou is a liar.",
        ("19", 2): "Result: Lou is a truth-teller, Kim is a liar (and Max is a liar).",
    }


CALLS = {
    "longest_run": [("aabbbc",), ("",), ("abb",)],
    "longest_runs": [("aabbc",), ("",), ("abba",)],
    "is_balanced": [("f(a[1])",), ("(]",), ("(",), (")",), ("]()",)],
    "first_error": [("(a]",), ("((a)",), ("(a)",), ("a)",)],
    "merge_intervals": [([(6, 8), (1, 3), (3, 5)],), ([(1, 9), (2, 3)],), ([],)],
    "free_gaps": [([(2, 4), (3, 6), (9, 12)], 0, 10), ([(5, 6), (20, 30)], 0, 10), ([(0, 10), (12, 13)], 0, 10)],
    "second_largest": [([3, 5],), ([5, 3, 5],), ([-1, -2],), ([4],), ([5, 3, 4],)],
    "kth_largest": [([5, 3, 5, 1], 2), ([5, 5], 2), ([1], 0)],
}


def outcome(program):
    """What its functions return on examples, or the name of the error."""
    known = {}
    helper = next(t.text for t in REFERENCES if t.question.id == "21").split("```python\n")[1].split("```")[0]
    try:
        exec(helper, known)
        exec(program, known)
    except FAULTS as error:
        return type(error).__name__
    found = {}
    for name in CALLS:
        for number, arguments in enumerate(CALLS[name] if f"def {name}(" in program else ()):
            try:
                found[name, number] = known[name](*arguments)
            except FAULTS as error:
                found[name, number] = type(error).__name__
    return found


def test_a_program_without_one_of_its_steps_does_something_else():
    tried = 0
    for text in REFERENCES:
        if "```python" not in text.text:
            continue
        right = outcome(text.text.split("```python\n")[1].split("```")[0])
        for change in (each for each in changes(text.text) if each.kind == "step"):
            worse = change.applied(text.text).split("```python\n")[1].split("```")[0]
            inside = text.text.index("```python") < change.start
            if inside:
                tried += 1
                assert outcome(worse) != right, text.text[change.start : change.end]
    assert tried > 50


@pytest.mark.parametrize(
    ("text", "finish", "good"),
    [
        (essay("e", 30), "stop", True),
        (essay("e", 30), "length", False),
        (essay("e", 5), "stop", False),
        (essay("e", 30) + " And so on and on." * 30, "stop", False),
        (essay("e", 30) + "\n```python\nx = 1", "stop", False),
        ("это русский ответ на вопрос по-английски. " * 1 + " ".join(f"слово{n}" for n in range(100)), "stop", False),
    ],
    ids=["good", "cut", "short", "looped", "broken", "wrong script"],
)
def test_an_answer_serves_only_where_it_is_good(text, finish, good):
    assert is_good(answer("base", "q", text, finish=finish)) is good
