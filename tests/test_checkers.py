"""Checkers: what each takes from a text, and what it takes for right."""

import sys
import time

import pytest

from generation import patterns
from generation.checkers import checked, choice_letter, number_text, own_checker, value_of
from generation.json_answers import json_text, schema_fault
from ledger.checked_items import CheckedItem
from ledger.errors import ConfigError


def item(checker, *targets, **changes) -> CheckedItem:
    values = {"task": "t", "id": "1", "subject": "t", "prompt": "?", "max_tokens": 8, "document_digest": "d"}
    return CheckedItem(**(values | {"checker": checker, "targets": targets} | changes))


def score(text, checker, *targets, **changes) -> tuple[float, str | None]:
    (found,) = checked(text, item(checker, *targets, **changes))
    assert found.scoring == "correct"
    return found.value, found.extracted


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-5", "-5"),
        ("\u22125 degrees", "-5"),
        ("10-5", "5"),
        ("5 - 3", "3"),
        ("(-3)", "-3"),
        ("-$5", "-$5"),
        ("$1,200.50 in all.", "$1,200.50"),
        ("the total is 1,234,567.", "1,234,567"),
        ("3, 4", "4"),
        ("3/4", "3/4"),
        ("1 1/2 cups", "1 1/2"),
        (r"it is \frac{3}{4}$", r"\frac{3}{4}"),
        ("5km", "5"),
        ("25%", "25"),
        ("12.", "12"),
        ("x2 and H2O", ""),
        ("5/0", ""),
        ("9" * 5000, ""),
        ("no number", ""),
        ("", ""),
        ("first 3, last 7", "7"),
        ("The answer is 12 apples, not 13", "12"),
        ("The answer is 3 + 4 = 7", "7"),
        ("#### 18\nQuestion 3", "18"),
        (r"so \boxed{42}, as 7 says", "42"),
        ("Answer: **8**, see 9", "8"),
        ("the answer is 5. No: the answer is 6", "6"),
    ],
)
def test_the_number_that_a_text_gives_as_its_answer(text, found):
    assert number_text(text) == found


@pytest.mark.parametrize(
    ("text", "same"),
    [("1,000", "1000"), ("1.50", "3/2"), ("-\\frac{1}{2}", "-0.5"), ("1 1/2", "1.5"), ("$5", "5"), ("1e3", "1000")],
)
def test_numbers_are_compared_by_value(text, same):
    assert value_of(text) == value_of(same) is not None
    assert score(f"It is {text}", "number", same)[0] == 1


def test_a_number_of_another_sign_or_size_is_wrong():
    assert score("-5", "number", "5") == (0, "-5")
    assert score("1,000", "number", "1") == (0, "1,000")
    assert score("12", "number", "11", "12") == (1, "12")
    assert score("", "number", "5") == (0, "")


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("(B)", "B"),
        ("b)", "B"),
        ("**C**", "C"),
        ("C: Rome", "C"),
        ("The answer is (C).", "C"),
        (r"\boxed{D}", "D"),
        ("Answer: A. No, the answer is B.", "B"),
        ("A good plan is B", "B"),
        ("I think B", "B"),
        ("Answer: B or C", ""),
        ("B or C", ""),
        ("Both A and B", ""),
        ("The answer is E", ""),
        ("It's Paris", ""),
        ("", ""),
    ],
)
def test_the_letter_that_a_text_picks_among_four(text, letter):
    assert choice_letter(text, 4) == letter
    assert score(text, "choice", "B", letters=4) == (float(letter == "B"), letter)


def test_exact_is_the_whole_text_but_for_blanks_around_it():
    assert score(" Paris\n", "exact", "Rome", "Paris") == (1, None)
    assert score("Paris.", "exact", "Paris")[0] == score("paris", "exact", "Paris")[0] == 0


def test_a_pattern_with_a_right_answer_takes_its_last_match():
    assert score("x=1 x=2", "regex", "2", pattern=r"x=(\d)") == (1, "2")
    assert score("x=1 x=2", "regex", "1", pattern=r"x=(\d)") == (0, "2")
    assert score("none", "regex", "1", pattern=r"x=(\d)") == (0, "")
    with pytest.raises(ConfigError, match="is no pattern"):
        score("x", "regex", pattern="(")


def test_a_pattern_alone_tests_the_text_and_takes_nothing():
    assert score("the moon", "regex", pattern="moon") == (1, None)
    assert score("the sun", "regex", pattern="moon") == (0, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('Two:\n```\n[1]\n```\nand\n```json\n{"b": 2}\n```\nDone.', '{"b": 2}'),
        ('```\n{"a": 1}\n```\n```\nnot json\n```', '{"a": 1}'),
        ('here: {"a": 1}', ""),
        ('{"a": NaN}', ""),
        ("[" * 100_000, ""),
        ("", ""),
    ],
)
def test_json_is_the_whole_text_or_its_last_fenced_block(text, found):
    assert json_text(text) == found


def test_json_fits_its_schema_and_equals_its_answer():
    schema = {"type": "object", "required": ["a"]}
    assert score('{"a": 1}', "json", fits=schema) == (1, '{"a": 1}')
    assert score('{"b": 1}', "json", fits=schema) == (0, '{"b": 1}')
    assert score('{"a": 1.0}', "json", '{"a": 1}')[0] == 1
    assert score('{"a": 2}', "json", '{"a": 1}')[0] == 0
    assert score("{", "json", fits=schema) == (0, "")
    assert schema_fault({"type": "objekt"})
    assert not schema_fault(schema)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_solves_nothing(text):
    for checker, targets in (("exact", "a"), ("number", "1"), ("choice", "A"), ("json", "1")):
        assert score(text, checker, targets)[0] == 0


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of the user's with a checker of each kind."""
    text = """
def right(text, item): return text.strip() == item["word"]
def graded(text, item): return {"chars": len(text) / 10, "fits": True}
def wild(text, item): return 7
def broken(text, item): raise KeyError("word")
def errors(text, item): return {"wer": 0.5}
def unnamed(text, item): return {" ": 1}
def numbered(text, item): return {1: 1}
def leaves(text, item): raise SystemExit(0)
number = 3
"""
    (tmp_path / "my_checks.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda name: own_checker(f"function:my_checks:{name}")
    sys.modules.pop("my_checks", None)


def test_a_function_of_the_users_own_checks(own):
    asked = item("function", document={"word": "yes"})
    assert [each.value for each in checked("yes ", asked, own("right"))] == [1]
    graded = checked("abcde", asked, own("graded"))
    assert {each.metric: each.value for each in graded} == {"chars": 0.5, "fits": 1}


def test_what_a_function_of_the_users_own_gets_wrong_is_told(own):
    asked = item("function", document={})
    with pytest.raises(ConfigError, match="correct = 7, not a number from 0 to 1"):
        checked("x", asked, own("wild"))
    with pytest.raises(ConfigError, match=r"task t, item 1.*its checker fails: KeyError"):
        checked("x", asked, own("broken"))
    with pytest.raises(ConfigError, match="is not a function"):
        own("number")
    with pytest.raises(ConfigError, match="cannot be imported"):
        own("gone")
    with pytest.raises(ConfigError, match="no checker 'function'"):
        checked("x", asked)


def test_a_metric_of_the_users_own_of_which_less_is_better_is_refused(own):
    with pytest.raises(ConfigError, match="gives wer, and of what is called so less is better"):
        checked("x", item("function", document={}), own("errors"))


def test_a_search_that_does_not_end_stops_with_the_patterns_name(monkeypatch):
    """`re` would search this for longer than anybody lives."""
    monkeypatch.setattr(patterns, "SEARCH_SECONDS", 0.2)
    with pytest.raises(ConfigError, match=r"task t, item 1.*\(a\|aa\)\+\$.*was not done"):
        score("a" * 200 + "!", "regex", pattern="(a|aa)+$")


@pytest.mark.parametrize(
    "text",
    [
        *("The answer is" + "\n" * 60_000 + "x", "answer " + " " * 60_000, "answer: " * 8_000, "$" * 60_000),
        *("5" + " " * 60_000, "1," * 30_000, "9" * 60_000, "1 1/" * 15_000, "8 or " * 12_000, "```\n" * 15_000),
    ],
)
def test_a_text_that_loops_is_read_at_once(text):
    """Backtracking over blanks would take minutes; each of these takes some milliseconds."""
    started = time.process_time()
    number_text(text), choice_letter(text, 4), json_text(text)
    assert time.process_time() - started < 5


def test_two_numbers_of_which_the_text_decides_for_none_are_no_answer():
    assert number_text("The answer is 8 or 9.") == ""
    assert number_text("The answer is 8 or 8.0.") == "8"
    assert number_text("The answer is 8, or so.") == "8"


@pytest.mark.parametrize("reference", ["#/nope", "http://127.0.0.1:9/schema.json", "#/$defs/gone"])
def test_a_schema_that_points_to_nothing_is_none(reference):
    assert reference in schema_fault({"type": "object", "properties": {"a": {"$ref": reference}}})
    assert schema_fault({"$defs": {"a": {"type": "string"}}, "properties": {"b": {"$ref": "#/$defs/a"}}}) == ""


def test_a_schema_without_an_end_stops_with_the_items_name(monkeypatch):
    with pytest.raises(ConfigError, match=r"task t, item 1.*points to itself"):
        score('{"a": 1}', "json", fits={"$ref": "#"})
    monkeypatch.setattr(patterns, "SEARCH_SECONDS", 0.2)
    with pytest.raises(ConfigError, match=r"task t, item 1.*its json_schema.*was not done"):
        score('"' + "a" * 200 + '!"', "json", fits={"pattern": "^(a|aa)+$"})
    assert score('"abc"', "json", fits={"pattern": "^a"})[0] == 1
    assert score('"abc"', "json", fits={"pattern": "^b"})[0] == 0


@pytest.mark.parametrize("name", ["unnamed", "numbered", "leaves"])
def test_a_function_that_names_no_score_or_leaves_is_told(own, name):
    with pytest.raises(ConfigError, match=r"task t, item 1.*(no name of a score|its checker fails: SystemExit)"):
        checked("x", item("function", document={}), own(name))
