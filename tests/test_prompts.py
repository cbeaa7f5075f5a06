"""Owns the checks of prompts/: the questions, the judge prompts, and the references, each recomputed by program.

In: prompts/questions.jsonl, prompts/references/assay.jsonl, prompts/judge/*.toml.
A reference passes if brute force or plain arithmetic finds the same result and the text states it.
"""

import json
import random
import re
import tomllib
from fractions import Fraction
from importlib.resources import files
from itertools import permutations, product
from typing import Any

import jinja2
import pytest

CATEGORIES = ["writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities"]
PROMPTS = ["single", "single-reference", "pair", "pair-reference"]
ROOT = files("prompts")
QUESTIONS = [json.loads(line) for line in (ROOT / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
REFERENCES = [json.loads(line) for line in (ROOT / "references/assay.jsonl").read_text(encoding="utf-8").splitlines()]
TEXTS: dict[int, list[str]] = {row["question_id"]: row["choices"][0]["turns"] for row in REFERENCES}


def program(*texts: str) -> dict[str, Any]:
    """The names that the fenced code of the texts defines, run one after the other."""
    names: dict[str, Any] = {}
    exec("\n".join(re.findall(r"```python\n(.*?)```", "\n".join(texts), re.DOTALL)), names)
    return names


def assert_examples_hold(number: int) -> None:
    """Every "call is value" in the text of a coding reference is true."""
    examples = re.findall(r"([a-z_]+\(.*?\)) is (-?\d+|[TFN]\w+|\[.*?\])(?=[.,]| and)", "\n".join(TEXTS[number]))
    assert len(examples) >= 2
    for call, value in examples:
        assert eval(call, program(*TEXTS[number])) == eval(value), call


def texts_over(alphabet: str) -> list[str]:
    generator = random.Random(7)
    return ["".join(generator.choices(alphabet, k=generator.randrange(9))) for _ in range(2000)]


def open_brackets(text: str) -> str:
    """The brackets that stay when matching neighbors are struck out again and again."""
    left = re.sub(r"[^][(){}]", "", text)
    while (shorter := re.sub(r"\(\)|\[\]|\{\}", "", left)) != left:
        left = shorter
    return left


def stretches(cells: list[int]) -> list[tuple[int, int]]:
    """Unit cells k (from k to k + 1) as maximal (start, end) stretches."""
    starts, lasts = [k for k in cells if k - 1 not in cells], [k for k in cells if k + 1 not in cells]
    return [(start, last + 1) for start, last in zip(starts, lasts, strict=True)]


def judge_prompt(name: str) -> dict[str, Any]:
    prompt = tomllib.loads((ROOT / "judge" / f"{name}.toml").read_text(encoding="utf-8"))
    ending = tomllib.loads((ROOT / "judge" / "forms.toml").read_text(encoding="utf-8"))[prompt["mode"]]["text"]
    texts = {"system": f"{prompt['system']}\n\n{ending['system']}", "user": f"{prompt['user']}\n{ending['user']}"}
    return prompt | texts


def rendered(name: str, *turns: dict[str, str]) -> str:
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(judge_prompt(name)["user"]).render(turn=len(turns), turns=turns, fence="k7q2")


def turn(number: int, *, reference: str = "") -> dict[str, str]:
    names = {name: f"{name.upper()} number {number}" for name in ("question", "answer", "answer_a", "answer_b")}
    return {**names, "reference": reference}


def test_thirty_two_questions_in_balanced_rounds() -> None:
    assert [(row["question_id"], row["category"]) for row in QUESTIONS] == list(enumerate(CATEGORIES * 4, 1))
    assert {(*question, len(question["turns"])) for question in QUESTIONS} == {("question_id", "category", "turns", 2)}


def test_turns_are_distinct_compact_and_ascii() -> None:
    turns = [text for question in QUESTIONS for text in question["turns"]]
    assert len(set(turns)) == 64
    assert all(text.isascii() and text == text.strip() and 5 < len(text.split()) < 120 for text in turns)
    assert sum(len(text.split()) > 60 for text in turns) <= 6


def test_references_cover_reasoning_math_and_coding_and_calculate_right() -> None:
    assert list(TEXTS) == [row["question_id"] for row in QUESTIONS if row["category"] in CATEGORIES[2:5]]
    for row, texts in zip(REFERENCES, TEXTS.values(), strict=True):
        assert row == {**row, "model_id": "assay", "choices": [{"index": 0, "turns": texts}]}
        assert [text.isascii() for text in texts] == [True, True]
    equations = re.findall(r"(?<![\w^])(\d+(?: [-+x/] \(?\d+\)?)+) = (\d+)", str(TEXTS))
    assert [eval(left.replace("x", "*")) for left, _ in equations] == [int(right) for _, right in equations] != []


def test_reference_3_race() -> None:
    orders = list(permutations(["Ana", "Ben", "Carla", "Dev", "Eli"]))
    shared = [o for o in orders if o.index("Ben") == o.index("Ana") + 1 and o.index("Carla") == 3]
    [first] = [o for o in shared if o.index("Dev") < o.index("Ana")]
    [second] = [o for o in shared if o.index("Eli") not in (0, 4)]
    assert TEXTS[3][0].endswith(f"Finishing order: {', '.join(first)}.")
    assert TEXTS[3][1].endswith(f"Exactly one finishing order is possible: {', '.join(second)}.")


def test_reference_11_clocks() -> None:
    hours = next(minute for minute in range(1, 10_000) if Fraction(55, 60) * minute == 330) // 60
    assert TEXTS[11][0].endswith(f"The true time is {hours}:00 p.m.")
    assert f"it shows {65 * hours // 60}:{65 * hours % 60:02}." in TEXTS[11][1]
    meeting = next(m for m in range(1, 10_000) if Fraction(55, 60) * m % 720 == Fraction(65, 60) * m % 720)
    assert f"after 720 / 10 = {Fraction(meeting, 60)} true hours" in TEXTS[11][1]
    assert TEXTS[11][1].endswith(f"both dials show {Fraction(55, 60) * meeting % 720 / 60}:00.")


def test_reference_19_liars() -> None:
    worlds = [(k, x, m) for k, x, m in product([True, False], repeat=3) if k == (not x) and x == (k == m)]
    assert worlds == [(True, False, False), (False, True, False)]
    assert "only Max can be identified: Max is a liar. Of Kim and Lou, exactly one is a liar" in TEXTS[19][0]
    assert [(k, x, m) for k, x, m in worlds if m == (not k)] == [(True, False, False)]
    assert TEXTS[19][1].endswith("Kim is a truth-teller, Lou is a liar (and Max is a liar).")


def test_reference_27_socks() -> None:
    hands = list(product(range(11), range(9), range(7)))  # black, white, red
    same = max(sum(hand) for hand in hands if max(hand) < 2) + 1
    white = max(sum(hand) for hand in hands if hand[1] < 2) + 1
    two_pairs = max(sum(hand) for hand in hands if sum(count > 1 for count in hand) < 2) + 1
    assert re.findall(r"You must take (\d+) socks", TEXTS[27][0]) == [str(same), str(white)]
    assert TEXTS[27][1].endswith(f"You must take {two_pairs} socks.")


def test_reference_4_garden() -> None:
    [(width, length)] = [(w, w + 3) for w in range(1, 109) if w * (w + 3) == 108]
    assert f"{width} meters wide and {length} meters long" in TEXTS[4][0]
    assert TEXTS[4][0].endswith(f"= {2 * (width + length)} meters.")
    path = (width + 2) * (length + 2) - 108
    assert f"= {path} square meters. It costs {path} x 15 = {path * 15} dollars." in TEXTS[4][1]


def test_reference_12_multiples() -> None:
    counted = [n for n in range(1, 1001) if (n % 6 == 0) != (n % 8 == 0)]
    assert TEXTS[12][0].endswith(f"There are {len(counted)} such numbers.")
    assert TEXTS[12][1].endswith(f"{sum(n % 5 == 0 for n in counted)} of the numbers are also divisible by 5.")
    assert re.findall(r"(\d+) (?:multiples|of these)", TEXTS[12][0]) == [str(1000 // d) for d in (6, 8, 24)]
    assert all(f"divisible by {d}: {1000 // d} numbers" in TEXTS[12][1] for d in (30, 40, 120))


def test_reference_20_dice() -> None:
    rolls = [roll for roll in product(range(1, 7), repeat=2) if sum(roll) >= 9]
    assert TEXTS[20][0].endswith(f"{len(rolls)}/36 = {Fraction(len(rolls), 36)}, about {len(rolls) / 36:.3f}.")
    assert {(int(a), int(b)) for a, b in re.findall(r"\((\d),(\d)\)", TEXTS[20][1])} == set(rolls)
    assert TEXTS[20][1].endswith(f"The probability is {Fraction(sum(6 in roll for roll in rolls), len(rolls))}.")


def test_reference_28_notebooks() -> None:
    pairs = [(n, p) for n, p in product(range(1, 51), repeat=2) if 4 * n + 3 * p == 50]
    assert [(int(n), int(p)) for n, p in re.findall(r"- (\d+) notebooks and (\d+) pens\n", TEXTS[28][0])] == pairs
    rows = re.findall(r"- (\d+) notebooks and (\d+) pens: .* = (\d+) things", TEXTS[28][1])
    assert [tuple(map(int, row)) for row in rows] == [(n, p, n + p + n // 3) for n, p in pairs]


def test_reference_5_runs() -> None:
    names = program(*TEXTS[5])
    for text in texts_over("ab"):
        spans = [(i, j) for i in range(len(text)) for j in range(i + 1, len(text) + 1) if len(set(text[i:j])) == 1]
        longest = max((j - i for i, j in spans), default=0)
        assert names["longest_run"](text) == longest
        assert names["longest_runs"](text) == [(text[i], i, j - i) for i, j in spans if j - i == longest]
    assert_examples_hold(5)


def test_reference_13_brackets() -> None:
    names = program(*TEXTS[13])
    for text in texts_over("()[]{}x"):
        left = open_brackets(text)
        closed_wrongly = [i for i in range(len(text)) if set(open_brackets(text[: i + 1])) & set(")]}")]
        assert names["is_balanced"](text) == (left == "")
        assert names["first_error"](text) == next(iter(closed_wrongly), len(text) if left else -1)
    assert_examples_hold(13)


def test_reference_21_intervals() -> None:
    names, generator = program(*TEXTS[21]), random.Random(21)
    for size in list(range(6)) * 300:
        intervals = [(k, k + generator.randrange(1, 5)) for k in generator.choices(range(-3, 13), k=size)]
        covered, before = sorted({cell for pair in intervals for cell in range(*pair)}), list(intervals)
        assert names["merge_intervals"](intervals) == stretches(covered)
        assert names["free_gaps"](intervals, 0, 10) == stretches([c for c in range(10) if c not in covered])
        assert intervals == before
    assert_examples_hold(21)


def test_reference_29_second_largest() -> None:
    names, generator = program(*TEXTS[29]), random.Random(29)
    for values in [generator.choices(range(-3, 4), k=size) for size in list(range(7)) * 300]:
        ranked = [*sorted(set(values), reverse=True), *[None] * 4]
        found = [names["second_largest"](values), *(names["kth_largest"](values, k) for k in range(1, 5))]
        assert found == [ranked[1], *ranked[:4]]
    with pytest.raises(ValueError, match="at least 1"):
        names["kth_largest"]([1, 2], 0)
    assert_examples_hold(29)
    faulty = program(QUESTIONS[28]["turns"][0])
    faults = re.findall(r"Input (\[.*?\]): (?:the function|it) returns (\S+), right is (-?\w+)\.", TEXTS[29][0])
    assert len(faults) == 4
    for values, wrong, right in [map(eval, fault) for fault in faults]:
        assert faulty["second_largest"](values) == wrong != right == names["second_largest"](values)


def test_judge_prompt_fields() -> None:
    assert {entry.name.removesuffix(".toml") for entry in (ROOT / "judge").iterdir()} == {*PROMPTS, "forms"}
    for name in PROMPTS:
        prompt = judge_prompt(name)
        assert list(prompt) == ["mode", "reference", "system", "user"]
        assert list(prompt.values())[:2] == [name.split("-")[0], name.endswith("-reference")]
        assert (prompt["system"] + prompt["user"]).isascii()
        assert "{" not in prompt["system"]
        assert len(prompt["system"].split()) <= 220


@pytest.mark.parametrize("name", PROMPTS)
def test_judge_prompt_shows_only_the_allowed_verdict_forms(name: str) -> None:
    text = judge_prompt(name)["system"] + rendered(name, turn(1), turn(2))
    allowed = {"Rating: [[N]]"} if name.startswith("single") else {f"Verdict: [[{letter}]]" for letter in "ABC"}
    assert set(re.findall(r"\w+: \[\[.*?\]\]", text)) == allowed
    assert text.count("[[") == len(re.findall(r"(?:Rating: \[\[N|Verdict: \[\[[ABC])\]\]", text))


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize("last", [1, 2])
def test_judge_prompt_fences_every_text_once(name: str, last: int) -> None:
    turns = [turn(number, reference=f"REFERENCE number {number}") for number in range(1, last + 1)]
    text = rendered(name, *turns)
    fields = ["question", *(["answer"] if name.startswith("single") else ["answer_a", "answer_b"])]
    fields += ["reference"] if name.endswith("reference") else []
    for field, shown in product(fields, turns):
        assert text.count(shown[field]) == 1
        assert f"<{field} k7q2>\n{shown[field]}\n</{field} k7q2>\n" in text
    assert text.count("k7q2>") == 2 * len(fields) * last
    assert ("whole conversation" in text.splitlines()[-2]) is (last > 1)


@pytest.mark.parametrize("name", PROMPTS)
def test_judge_prompt_is_tidy_and_leaves_texts_as_they_are(name: str) -> None:
    hostile = {**turn(1), **dict.fromkeys(("answer", "answer_a", "answer_b"), "a < b {{ fence }} {% if %}")}
    assert "\na < b {{ fence }} {% if %}\n" in rendered(name, hostile)
    for turns in ([turn(1)], [turn(1), turn(2)], [turn(1, reference="R"), turn(2)]):
        text = rendered(name, *turns)
        assert [line for line in text.splitlines() if line != line.rstrip()] == []
        assert (text == text.strip(), "\n\n\n" in text) == (True, False)
        assert text.count("<reference k7q2>") == (name.endswith("reference") and bool(turns[0]["reference"]))
