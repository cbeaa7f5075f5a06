"""Owns the checks of Assay's multiple-choice items: the committed file, its balance, and the tables behind it.

In: prompts/facts/*.toml, prompts/items.jsonl, assay/sources/items.py.
Arithmetic is worked out here a second time; the other facts cannot be, so their tables are checked for form.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from importlib.resources import files
from operator import add, mul, sub, truediv
from pathlib import Path
from typing import Any

import pytest

from assay.sources import items as module
from assay.sources.items import items, mentions, shuffled, slug, tables, wrong_answers

TEXT = (files("prompts") / "items.jsonl").read_text(encoding="utf-8")
ITEMS: list[dict[str, Any]] = [json.loads(line) for line in TEXT.splitlines()]
SHARES = {"half": Fraction(1, 2), "a quarter": Fraction(1, 4), "a third": Fraction(1, 3)}
OPERATORS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "plus": add,
    "minus": sub,
    "times": mul,
    "divided by": truediv,
}


def relations() -> list[tuple[str, dict[str, Any]]]:
    return [(table["subject"], relation) for table in tables() for relation in table["relation"]]


def arithmetic(key: str) -> Fraction:
    """The value of an expression in words, such as "7 times 8" or "10 percent of 500"."""
    if match := re.fullmatch(r"(\d+) (plus|minus|times|divided by) (\d+)", key):
        return OPERATORS[match[2]](Fraction(match[1]), Fraction(match[3]))
    if match := re.fullmatch(r"the square of (\d+)", key):
        return Fraction(match[1]) ** 2
    if match := re.fullmatch(r"(\d+) percent of (\d+)", key):
        return Fraction(match[1]) * Fraction(match[2]) / 100
    share, whole = key.split(" of ")
    return SHARES[share] * Fraction(whole)


def test_the_committed_file_is_what_the_tables_make() -> None:
    assert "".join(json.dumps(entry) + "\n" for entry in items()) == TEXT


def test_main_writes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    (tmp_path / "facts").symlink_to(Path(str(files("prompts"))) / "facts")
    monkeypatch.setattr(module, "files", lambda _: tmp_path)
    module.main()
    assert (tmp_path / "items.jsonl").read_bytes() == TEXT.encode()
    assert f"{len(ITEMS)} items" in capsys.readouterr().out


def test_another_seed_asks_the_same_facts_in_another_order() -> None:
    other = items(seed=2)
    rights = {entry["id"]: entry["options"][entry["gold"]] for entry in ITEMS}
    assert {entry["id"]: entry["options"][entry["gold"]] for entry in other} == rights
    assert [entry["id"] for entry in other] != [entry["id"] for entry in ITEMS]
    assert items(seed=2) == other


def test_enough_items_and_subjects() -> None:
    subjects = Counter(entry["subject"] for entry in ITEMS)
    assert 440 <= len(ITEMS) <= 600
    assert len(subjects) >= 8
    assert max(subjects.values()) - min(subjects.values()) <= 4


def test_each_item_has_the_form_of_a_record() -> None:
    for entry in ITEMS:
        assert list(entry) == ["task", "id", "subject", "question", "options", "gold"]
        assert entry["task"] == "assay"
        assert entry["gold"] in range(4)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry["id"])
        assert re.fullmatch(r"[A-Z][ -~]*[^ .?]\?", entry["question"])


def test_ids_and_questions_are_unique() -> None:
    for field in ("id", "question"):
        assert [value for value, count in Counter(entry[field] for entry in ITEMS).items() if count > 1] == []


def test_four_different_options_and_one_right_one() -> None:
    facts = {}
    for _, relation in relations():
        for group in relation["facts"].values():
            for key, value in group.items():
                facts[f"{relation['id']}-{slug(key)}"] = value if isinstance(value, str) else value[0]
    assert set(facts) == {entry["id"] for entry in ITEMS}
    for entry in ITEMS:
        assert len({option.casefold() for option in entry["options"]}) == 4
        assert all(option == option.strip() and option and option.isascii() for option in entry["options"])
        assert entry["options"][entry["gold"]] == facts[entry["id"]]


def test_no_option_stands_in_its_question() -> None:
    for entry in ITEMS:
        bare = re.sub(r"\W+", " ", entry["question"].casefold()).split()
        for option in entry["options"]:
            words = re.sub(r"\W+", " ", option.casefold()).split()
            spans = [bare[start : start + len(words)] for start in range(len(bare))]
            assert words not in spans, (entry["question"], option)
            assert len(option) < 4 or option.casefold() not in entry["question"].casefold(), (entry["id"], option)


def test_options_that_are_also_true_are_never_offered() -> None:
    barred = {
        f"{relation['id']}-{slug(key)}": values
        for _, relation in relations()
        for key, values in relation.get("also_true", {}).items()
    }
    assert len(barred) >= 40
    for seed in range(20):
        for entry in items(seed):
            assert not set(entry["options"]) & set(barred.get(entry["id"], [])), entry["id"]


def test_gold_positions_are_balanced() -> None:
    def spread(entries: list[dict[str, Any]]) -> int:
        counts = Counter(entry["gold"] for entry in entries)
        return max(counts[gold] for gold in range(4)) - min(counts[gold] for gold in range(4))

    assert spread(ITEMS) <= 1
    for subject in {entry["subject"] for entry in ITEMS}:
        assert spread([entry for entry in ITEMS if entry["subject"] == subject]) <= 1


def test_every_prefix_is_balanced_over_subjects() -> None:
    subjects = [table["subject"] for table in tables()]
    smallest = min(Counter(entry["subject"] for entry in ITEMS).values())
    counts = Counter(dict.fromkeys(subjects, 0))
    for entry in ITEMS[: smallest * len(subjects)]:
        counts[entry["subject"]] += 1
        assert max(counts.values()) - min(counts.values()) <= 1


def test_tables_say_what_they_use() -> None:
    for subject, relation in relations():
        keys = [key for group in relation["facts"].values() for key in group]
        assert set(relation) <= {"id", "templates", "facts", "spare", "also_true"}
        assert len({slug(key) for key in keys}) == len(keys), subject
        assert set(relation.get("also_true", {})) <= set(keys), (subject, relation["id"])
        assert set(relation.get("spare", {})) <= set(relation["facts"]), (subject, relation["id"])
        assert all(template.count("{key}") == 1 for template in relation["templates"])


def test_also_true_values_stand_in_their_pool() -> None:
    for subject, relation in relations():
        for key, values in relation.get("also_true", {}).items():
            [group] = [name for name, facts in relation["facts"].items() if key in facts]
            pool = [*relation["facts"][group].values(), *relation.get("spare", {}).get(group, [])]
            assert all(value in pool for value in values), (subject, key)
            assert relation["facts"][group][key] not in values, (subject, key)


def test_arithmetic_is_right() -> None:
    [table] = [table for table in tables() if table["subject"] == "arithmetic"]
    for relation in table["relation"]:
        for group in relation["facts"].values():
            for key, (right, *wrong) in group.items():
                assert arithmetic(key) == Fraction(right), key
                assert Fraction(right) not in {Fraction(value) for value in wrong}, key


def test_a_question_that_contains_its_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="contains its own answer"):
        wrong_answers("What is 81 divided by 9?", "9", ["1", "2", "3"], [], seed=1)


def test_too_few_wrong_answers_are_refused() -> None:
    with pytest.raises(ValueError, match="only 2 wrong answers"):
        wrong_answers("Which is right?", "a", ["A", "b", "c", "d"], ["d"], seed=1)


def test_mentions_sees_whole_words_only() -> None:
    assert mentions("Is it North America?", "north america")
    assert not mentions("What is the symbol of iron?", "I")
    assert not mentions("Where is the eardrum?", "the ear")


def test_the_order_depends_on_the_salt_alone() -> None:
    assert shuffled("abcdef", 1, "x") == shuffled("fedcba", 1, "x") != shuffled("abcdef", 2, "x")
    assert sorted(shuffled([0, 1, 2, 3, 0, 1], 1)) == [0, 0, 1, 1, 2, 3]
