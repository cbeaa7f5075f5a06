"""Item files as people have them: every shape of the hub, all faults of a line at once, compressed and with a BOM."""

import gzip
import json

import pytest

from assay.sources.item_files import EXAMPLE
from assay.sources.material import task_items
from ledger.errors import BadRecord, DuplicateKey
from ledger.material_config import TaskConfig
from tests.house import HOUSE

RIGHT = {"id": "q1", "question": "What is 2 + 2?", "options": ["3", "4"], "gold": 1}
CASES = HOUSE.parent / "shared" / "cases" / "items"


def read(path):
    return task_items(TaskConfig(name=str(path))).items


def written(tmp_path, *rows, name="own.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ("q1", ("3", "4"), 1)),
        ({"id": 7}, ("7", ("3", "4"), 1)),
        ({"gold": "B"}, ("q1", ("3", "4"), 1)),
        ({"gold": "4"}, ("q1", ("3", "4"), 1)),
        ({"gold": "b"}, ("q1", ("3", "4"), 1)),
        ({"options": ["b", "a"], "gold": "b"}, ("q1", ("b", "a"), 0)),  # a text, not the second letter
        ({"choices": ["3", "4"]}, ("q1", ("3", "4"), 1)),
        ({"answer": "4", "answerKey": "B", "label": "easy"}, ("q1", ("3", "4"), 1)),
        ({"gold": 0, "source": "x", "difficulty": 3}, ("q1", ("3", "4"), 0)),
        ({"options": None, "choices": ["3", "4"], "gold": None, "answer": 1}, ("q1", ("3", "4"), 1)),
        (
            {"options": None, "choices": {"text": ["3", "4"], "label": ["1", "2"]}, "gold": None, "answerKey": "2"},
            ("q1", ("3", "4"), 1),
        ),
    ],
)
def test_every_shape_of_an_item_is_read(tmp_path, change, expected):
    row = {name: value for name, value in (RIGHT | change).items() if value is not None}
    (item,) = read(written(tmp_path, row))
    assert (item.id, item.options, item.gold) == expected
    assert (item.task, item.subject) == ("own", "own")


@pytest.mark.parametrize(
    ("row", "faults"),
    [
        ({"id": "a", "question": "2 + 2?", "answer": "4"}, ["names a `checker`"]),
        ({}, ["no `id`", "no `question`", "no `options`", "no `gold`"]),
        ({"id": "x", "options": ["3", "4"]}, ["no `question`", "no `gold`"]),
        (RIGHT | {"options": ["3", "3"], "gold": 5}, ["two of `options` are the same", "`gold` is 5, which is none"]),
        (RIGHT | {"options": [3, 4], "gold": "x"}, ['options are texts: write "3"', "`gold` is 'x', which is none"]),
        (RIGHT | {"choices": ["4", "3"]}, ["`options` and `choices` differ"]),
        (RIGHT | {"choices": "4"}, ["`options` and `choices` differ"]),
        (RIGHT | {"options": ["B", "x"], "gold": "b"}, ["`gold` is 'b', which names two options"]),
        (RIGHT | {"options": ["Paris", "Rome"], "gold": "paris"}, ["`gold` is 'paris', which is none of 2 options"]),
        (RIGHT | {"id": True, "question": " "}, ["the id True is neither", "the question is ' '"]),
        (RIGHT | {"gold": 2}, ["`gold` is 2, which is none of 2 options"]),
        (RIGHT | {"gold": -1}, ["`gold` is -1, which is none of 2 options"]),
        (
            {"question": float("nan"), "choices": [float("nan"), "b"], "answer": 0, "subject": "s"},
            ["the question is nan", "no list of two texts"],
        ),
        (RIGHT | {"answer": 0}, ["`gold` is 1 and `answer` is 0, which is another option"]),
        (RIGHT | {"answerKey": "A"}, ["`gold` is 1 and `answerKey` is 'A', which is another option"]),
        ({"question": "q", "choices": ["a", "b"], "answer": 0}, ["no `id`"]),
        (RIGHT | {"gold": True}, ["`gold` is True, which is none of 2 options"]),
        (RIGHT | {"gold": "C"}, ["`gold` is 'C', which is none of 2 options"]),
        (RIGHT | {"options": ["B", "A"], "gold": "A"}, ["`gold` is 'A', which names two options"]),
        (RIGHT | {"options": ["3", "3"]}, ["two of `options` are the same"]),
        (RIGHT | {"options": ["3"], "subject": 1}, ["no list of two texts", "the subject 1 is no text"]),
        (RIGHT | {"options": {"text": ["3", "4"], "label": ["A"]}}, ["a text without a label"]),
        ({name: RIGHT[name] for name in ("id", "question", "options")}, ["no `gold`"]),
    ],
)
def test_a_line_that_is_no_item_names_all_its_faults_and_shows_a_right_one(tmp_path, row, faults):
    with pytest.raises(BadRecord) as refused:
        read(written(tmp_path, RIGHT, row))
    said = str(refused.value)
    assert all(fault in said for fault in (*faults, EXAMPLE, "line 2"))


def test_the_example_is_an_item_and_an_id_stands_once(tmp_path):
    (item,) = read(written(tmp_path, json.loads(EXAMPLE)))
    assert item.gold == 1
    with pytest.raises(DuplicateKey):
        read(written(tmp_path, RIGHT | {"id": "1"}, RIGHT | {"id": 1}))


def test_rows_of_mmlu_have_ids_that_stay_when_a_file_is_edited(tmp_path):
    rows = [{"question": f"{n}?", "subject": "sums", "choices": ["3", "4"], "answer": n % 2} for n in range(3)]
    plain = {item.question: item.id for item in read(written(tmp_path, *rows))}
    assert len(set(plain.values())) == 3
    added = {"question": "new?", "subject": "sums", "choices": ["3", "4"], "answer": 1}
    edited = {item.question: item.id for item in read(written(tmp_path, added, *reversed(rows[1:])))}
    assert all(edited[row["question"]] == plain[row["question"]] for row in rows[1:])
    other = {item.id for item in read(written(tmp_path, rows[0] | {"choices": ["3", "5"]}))}
    assert other & set(plain.values()) == set()


def test_rows_of_mmlu_with_equal_content_are_numbered(tmp_path):
    row = {"question": "?", "subject": "sums", "choices": ["3", "4"], "answer": 1}
    first, second, third = read(written(tmp_path, row, row | {"subject": "more sums"}, row))
    assert (second.id, third.id) == (f"{first.id}-2", f"{first.id}-3")
    with pytest.raises(DuplicateKey):
        read(written(tmp_path, row, row | {"id": first.id}))


def test_rows_of_mmlu_that_are_equal_but_for_the_right_option_are_refused(tmp_path):
    row = {"question": "?", "subject": "sums", "choices": ["3", "4"], "answer": 1}
    assert len(read(written(tmp_path, row, row | {"answer": "B"}))) == 2
    with pytest.raises(BadRecord, match=r"line 3.* those of line 1, where the right option is 1; here it is 0"):
        read(written(tmp_path, row, row, row | {"answer": 0}))


@pytest.mark.parametrize("key", ["gold", "text"])
def test_a_key_that_stands_twice_in_a_line_is_refused_by_name(tmp_path, key):
    choices = '"options": {"label": ["A", "B"], "text": ["3", "5"], "text": ["3", "4"]}, "gold": 1}'
    gold = '"options": ["3", "4"], "gold": 1, "gold": 0}'
    path = tmp_path / "own.jsonl"
    path.write_text('{"id": "q1", "question": "?", ' + (gold if key == "gold" else choices), encoding="utf-8")
    with pytest.raises(BadRecord, match=f"line 1.*the key '{key}' stands twice"):
        read(path)


def test_a_compressed_file_and_one_with_a_bom_are_read(tmp_path):
    plain = read(written(tmp_path, RIGHT))
    (tmp_path / "own.jsonl.gz").write_bytes(gzip.compress(json.dumps(RIGHT).encode()))
    marked = tmp_path / "bom" / "own.jsonl"
    marked.parent.mkdir()
    marked.write_text(json.dumps(RIGHT), encoding="utf-8-sig")
    assert read(tmp_path / "own.jsonl.gz") == read(marked) == plain


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
def test_the_shared_cases():
    found = {path.stem: read(path)[0].gold for path in sorted(CASES.glob("*.jsonl")) if path.stem != "empty"}
    assert found == dict.fromkeys(("extra", "intid", "letter", "mmlu"), 1)
    with pytest.raises(BadRecord, match="the question is ''"):
        read(CASES / "empty.jsonl")
