"""Files of items whose answers are checked, Assay's own among them, whose answers are solved again here."""

import json
import re
from fractions import Fraction
from importlib.resources import files

import pytest

from assay.sources.material import checked_task
from generation.checkers import checked, number_text, value_of
from ledger.config import config_from_text
from ledger.errors import BadRecord, ConfigError, DuplicateKey
from ledger.material_config import OWN_CHECKED, TaskConfig

ROWS = [json.loads(line) for line in (files("prompts") / "solve.jsonl").read_text(encoding="utf-8").splitlines()]
SUMS = [row for row in ROWS if row["checker"] == "number"]
TOLD = {"week": 7, "half": 2}
"""Numbers that a problem says in words."""


def asked(row) -> str:
    return row["prompt"].rsplit("Question: ", 1)[1].removesuffix("\nAnswer:")


@pytest.mark.parametrize("row", SUMS, ids=lambda row: row["id"])
def test_every_answer_of_assays_own_arithmetic_is_what_its_problem_comes_to(row):
    assert re.fullmatch(r"[\d\s()+*/-]+", row["expression"])
    exact = eval(re.sub(r"(\d+)", r"Fraction(\1)", row["expression"]), {"Fraction": Fraction})
    assert value_of(row["answer"]) == exact
    said = sorted(map(int, re.findall(r"\d+", asked(row))))
    words = [number for word, number in TOLD.items() if re.search(rf"\b{word}", asked(row), re.IGNORECASE)]
    used = sorted(map(int, re.findall(r"\d+", row["expression"])))
    spoken = [each for each in used if each not in said or used.count(each) > said.count(each)]
    assert {*said} <= {*used}
    assert {*spoken} <= {*words, *said}
    steps = len(re.findall(r"[-+*/]", row["expression"]))
    assert steps == {"one-step": 1, "two-step": 2}[row["subject"]]


def test_the_shown_examples_are_right_and_never_asked():
    shown = SUMS[0]["prompt"].rsplit("Question: ", 1)[0]
    assert all(row["prompt"].startswith(shown) for row in SUMS)
    for sum, result in re.findall(r"Answer: ([\d\s+*/-]+) = (\d+)\. The answer is \2\.", shown):
        assert eval(sum) == int(result)
    assert shown.count("Answer:") == 6
    assert not {asked(row) for row in SUMS} & {*re.findall(r"Question: (.*)\n", shown)}


def test_assays_own_problems_are_forty_of_arithmetic_and_two_dozen_instructions():
    task = checked_task(TaskConfig(name=OWN_CHECKED))
    assert (len(SUMS), len(task.items), task.name, task.repeats) == (40, 64, "assay-solve", 1)
    assert len({asked(row) for row in SUMS}) == 40
    assert {item.subject for item in task.items} == {"one-step", "two-step", "length", "format", "keyword", "json"}
    assert {item.subject for item in task.items[:16]} >= {"one-step", "two-step", "length", "format", "keyword"}
    assert max(item.max_tokens for item in task.items) <= 64


FOLLOWED = {
    "length-one-word": ("Cat.", "The answer is a cat."),
    "length-one-color": ("White", "It is white"),
    "length-two-words": ("Good morning!", "Hello"),
    "length-under-ten": (
        "Rain is water that falls from clouds.",
        "Rain is water that falls from all of the clouds above us.",
    ),
    "length-one-sentence": ("The sun is a star.", "The sun is a star. It is hot."),
    "length-two-paragraphs": ("Cats sleep.\n\nCats play.", "Cats sleep.\nCats play."),
    "format-capitals": ("FRANCE", "France"),
    "format-lowercase": ("the sea is wide.", "The sea is wide."),
    "format-bullets": ("- apple\n- pear\n- plum", "* apple\n* pear\n* plum"),
    "format-numbered": ("1. red\n2. blue\n3. green", "1. red\n2. blue"),
    "format-question": ("Will it rain?", "It will rain."),
    "format-exclaim": ("What a day!", "What a day."),
    "format-commas": ("cat, dog, cow", "cat, dog"),
    "format-quotes": ('"Hello there"', "Hello there"),
    "format-no-comma": ("A dog is a friend.", "A dog, a friend."),
    "keyword-moon": ("The moon is up.", "It is dark."),
    "keyword-winter": ("Winter brings snow.", "Snow falls."),
    "keyword-two": ("The river ran. A stone lay there.", "The river ran."),
    "keyword-begin": ("Today it rains.", "It rains today."),
    "keyword-end": ("Dear Ann, all is well. Best wishes", "Best wishes to you, Ann"),
    "keyword-no-blue": ("It is bright.", "It is blue."),
    "json-name": ('{"name": "Ada", "age": 36}', '{"name": "Ada"}'),
    "json-list": ('["red", "blue", "green"]', '["red"]'),
    "json-bool": ('{"answer": true}', "true"),
}


def test_each_instruction_tells_an_answer_that_follows_it_from_one_that_does_not():
    items = {item.id: item for item in checked_task(TaskConfig(name=OWN_CHECKED)).items}
    assert {*FOLLOWED} == {row["id"] for row in ROWS} - {row["id"] for row in SUMS}
    for id, (right, wrong) in FOLLOWED.items():
        found = [checked(text, items[id])[0].value for text in (right, wrong, "")]
        assert found == [1, 0, 0], id


def task(tmp_path, *rows, **settings):
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return checked_task(TaskConfig(name=str(path), **({"checker": "number"} | settings)))


def test_a_row_of_gsm8k_needs_no_id_and_the_number_behind_its_marks_is_the_answer(tmp_path):
    row = {"question": "2 and 1,000?", "answer": "2 + 1,000 = 1,002.\n#### 1,002"}
    found = task(tmp_path, row, row | {"question": "other"}, row)
    assert found.items[0].targets == ("1,002",)
    ids = [item.id for item in found.items]
    assert ids[2] == f"{ids[0]}-2"
    assert len({*ids}) == 3


def test_an_item_is_asked_as_a_conversation_or_as_a_bare_text(tmp_path):
    row = {"id": 1, "question": "2 + 2?", "answer": 4}
    chat = task(tmp_path, row, system="Count.").items[0]
    assert chat.messages == (("system", "Count."), ("user", "2 + 2?"))
    bare = task(tmp_path, row, system="Count.", chat_template=False).items[0]
    assert (bare.prompt, bare.messages) == ("Count.\n\n2 + 2?", ())
    talk = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]
    told = task(tmp_path, {"id": 1, "messages": [*talk, talk[0]], "answer": "4"}).items[0]
    assert told.messages == (("user", "2 + 2?"), ("assistant", "4"), ("user", "2 + 2?"))
    prompt = task(tmp_path, {"id": 1, "prompt": "2 + 2 =", "answer": 4}, system="Count.").items[0]
    assert (prompt.prompt, prompt.messages) == ("2 + 2 =", ())


def test_settings_are_the_configs_or_else_the_items_or_else_the_defaults(tmp_path):
    row = {"id": "a", "question": "?", "answer": "4", "stop": ["\n"], "max_tokens": 9}
    own = task(tmp_path, row).items[0]
    assert (own.stop, own.max_tokens, own.temperature, own.top_p) == (("\n",), 9, 0, 1)
    said = task(tmp_path, row, stop=("x",), max_tokens=7, temperature=0.5, top_p=0.8, repeats=3)
    item = said.items[0]
    assert (item.stop, item.max_tokens, item.temperature, item.top_p) == (("x",), 7, 0.5, 0.8)
    assert said.repeats == 3
    assert task(tmp_path, {"id": "a", "question": "?", "answer": "4"}).items[0].max_tokens == 256


def test_options_of_a_choice_are_shown_with_their_letters(tmp_path):
    row = {"id": "q", "question": "Capital?", "options": ["Rome", "Paris"], "gold": 1}
    item = task(tmp_path, row, checker="choice").items[0]
    assert item.messages[0][1] == "Capital?\nA. Rome\nB. Paris"
    assert (item.letters, item.targets) == (2, ("B",))


def test_a_document_that_is_edited_is_another_one(tmp_path):
    row = {"id": "a", "question": "?", "answer": "4"}
    first = task(tmp_path, row).items[0].digest
    assert first == task(tmp_path, row, max_tokens=3).items[0].digest
    assert first != task(tmp_path, row | {"answer": "5"}).items[0].digest
    assert first != task(tmp_path, row, checker="exact").items[0].digest


@pytest.mark.parametrize(
    ("row", "settings", "cause"),
    [
        ({"id": "a", "answer": "4"}, {}, "no `question`"),
        ({"id": "a", "question": "?"}, {}, 'checker "number" needs a right answer'),
        ({"id": "a", "question": "?", "answer": "four"}, {}, "has no number"),
        ({"id": "a", "question": "?", "answer": "4", "gold": 3}, {}, "`answer` and `gold` both"),
        ({"id": "a", "question": "?", "answer": {"x": 1}}, {}, "neither text nor a number"),
        ({"id": True, "question": "?", "answer": "4"}, {}, "the id True"),
        ({"id": "a", "question": "?", "checker": "function:os:getcwd"}, {}, "only a config names a function"),
        ({"id": "a", "question": "?", "answer": "4", "checker": "guess"}, {}, "checker"),
        ({"id": "a", "question": "?"}, {"checker": "regex"}, "needs a pattern"),
        ({"id": "a", "question": "?", "json_schema": {"type": "objekt"}}, {"checker": "json"}, "json_schema is none"),
        ({"id": "a", "question": "Q?", "options": ["x"], "gold": 0}, {"checker": "choice"}, "two texts or more"),
        ({"id": "a", "messages": "hi", "answer": "4"}, {}, "no list of `role`"),
        ({"id": "a", "messages": [{"role": "user", "content": "?"}], "answer": "4"}, {"chat_template": False}, "chat"),
    ],
)
def test_a_line_that_is_no_item_names_its_fault(tmp_path, row, settings, cause):
    with pytest.raises(BadRecord, match=cause):
        task(tmp_path, row, **settings)


def test_an_id_stands_once(tmp_path):
    row = {"id": "a", "question": "?", "answer": "4"}
    with pytest.raises(DuplicateKey):
        task(tmp_path, row, row | {"answer": "5"})


def test_repeats_of_greedy_answers_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="3 repeats at temperature 0"):
        task(tmp_path, {"id": "a", "question": "?", "answer": "4"}, repeats=3)


def test_a_function_is_looked_for_before_anything_runs(tmp_path):
    with pytest.raises(ConfigError, match="cannot be imported"):
        task(tmp_path, {"id": "a", "question": "?"}, checker="function:no_such_module:check")
    with pytest.raises(ConfigError, match="is no pattern"):
        task(tmp_path, {"id": "a", "question": "?"}, checker="regex", pattern="(")


HEAD = 'name = "r"\n[baseline]\nmodel = "a"\n[[candidate]]\nmodel = "b"\n[[task]]\n'


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('name = "x.jsonl"\nrepeats = 2', "`repeats` is for answers that are written"),
        ('name = "x.jsonl"\nchecker = "guess"', "checker"),
        ('name = "x.jsonl"\nchecker = "number"\nstyle = "letters"', "for multiple choice"),
        ('name = "x.jsonl"\nchecker = "number"\nvocabulary = true', "for multiple choice"),
        ('name = "x.jsonl"\nchecker = "number"\npattern = "x"', '`pattern` is for checker = "regex"'),
        ('name = "assay-solve"\nchecker = "number"', "each item of"),
        ('name = "assay"\nmax_tokens = 5', "`max_tokens` is for answers that are written"),
    ],
)
def test_settings_that_nothing_would_read_are_refused(text, cause):
    with pytest.raises(ConfigError, match=cause):
        config_from_text(HEAD + text + "\n", "r.toml")


def test_the_number_that_a_solution_shows_is_found_again():
    assert all(number_text(f"so the answer is {row['answer']}.") == row["answer"] for row in SUMS)


def test_an_unknown_checker_is_told_with_those_that_there_are():
    with pytest.raises(ConfigError, match=r"'numbr' is no checker; there are exact, number, regex, choice, json and"):
        config_from_text(f'{HEAD}name = "x.jsonl"\nchecker = "numbr"\n', "test")
