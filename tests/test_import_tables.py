"""Plain tables come in as solutions and choices: columns found or named, scores read or refused, nothing invented."""

import csv
import gzip
import json
import math
import tracemalloc

import pyarrow as pa
import pytest
from pyarrow import parquet

from assay.cli import run
from assay.sources.imported_records import import_records
from assay.sources.table_offers import TableReading, table_offer
from assay.sources.table_records import TableRecords
from ledger.errors import BadRecord, ConfigError, DuplicateKey, StaleInput
from ledger.manifests import read_manifest
from ledger.progress import silent
from ledger.records import Finish
from ledger.runs import RunFolder

ROWS = [{"item": f"q{n}", "score": n % 2} for n in range(4)]


def table(path, rows):
    """Rows as a table of the kind that the file's name tells."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
        return path
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w", newline="") as stream:
        if ".jsonl" in path.suffixes:
            stream.writelines(json.dumps(row) + "\n" for row in rows)
        else:
            writer = csv.DictWriter(stream, names, delimiter="\t" if ".tsv" in path.suffixes else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


def brought(path, model="m", runs=None, scale=1.0, name="", **said):
    reading = TableReading(
        {what: [names] if isinstance(names, str) else names for what, names in said.items()}, scale, name
    )
    runs = RunFolder(runs or path.parent / "run")
    import_records(runs, model, TableRecords(model, table_offer(path, reading), silent), silent)
    return runs.generation(model)


def solutions(path, **said):
    return list(brought(path, **said).solutions.records())


def left_out(folder):
    return read_manifest(folder.path).left_out


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.parquet", "t.csv.gz", "t.jsonl.gz"])
def test_every_kind_of_table_says_the_same(tmp_path, name):
    rows = [
        {"item": 7, "score": 1, "task": "sums", "repeat": 1, "text": 'four,\n"really"', "finish": "length", "seed": 3},
        {"item": 8, "score": 0.25, "task": "words", "repeat": 0, "text": "five", "finish": "stop", "seed": 4},
    ]
    first, second = solutions(table(tmp_path / name, rows))
    assert first.key == ("m", "sums", "7", 1)
    assert (first.text, first.finish, first.seed, first.scores[0].value) == (rows[0]["text"], Finish.LENGTH, 3, 1.0)
    assert (second.task, second.subject, second.scores[0].metric, second.scores[0].value) == (
        "words",
        "words",
        "score",
        0.25,
    )


def test_a_semicolon_a_byte_order_mark_and_the_usual_names_are_found(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(
        "\ufeffID;Correct;category;epoch;completion;note\nq1;True;algebra;2;<think>hm</think>4;x\n".encode()
    )
    (found,) = solutions(path)
    assert found.key == ("m", "table", "q1", 2)
    assert (found.subject, found.text, found.thinking, found.scores[0].metric) == ("algebra", "4", "hm", "Correct")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *(("true", 1), ("False", 0), ("correct", 1), ("INCORRECT", 0), ("C", 1), ("I", 0), ("0.5", 0.5), (" 1 ", 1)),
        *((True, 1), (False, 0), (0.5, 0.5), (1, 1)),
    ],
)
def test_words_booleans_and_numbers_are_scores(tmp_path, cell, value):
    (found,) = solutions(table(tmp_path / "t.jsonl", [{"item": "a", "score": cell}]))
    assert found.scores[0].value == value


@pytest.mark.parametrize("cell", ["maybe", "yes", -0.5, 101, "inf", [1], {"a": 1}])
def test_anything_else_is_refused_with_row_column_and_value(tmp_path, cell):
    path = table(tmp_path / "t.jsonl", [*ROWS, {"item": "z", "score": cell}])
    with pytest.raises(BadRecord) as refused:
        brought(path)
    assert "line 5" in str(refused.value)
    assert f"column 'score' has {cell!r}" in str(refused.value)
    assert not list((tmp_path / "run").rglob("*.jsonl"))


def test_a_row_of_a_parquet_file_is_told_by_its_place(tmp_path):
    with pytest.raises(BadRecord, match=r"row 2: column 'score' has 7\.0"):
        brought(table(tmp_path / "t.parquet", [{"item": "a", "score": 1.0}, {"item": "b", "score": 7.0}]))


def test_all_faults_of_a_row_stand_together(tmp_path):
    rows = [{"item": "", "score": "maybe", "repeat": "first", "seed": "x", "temperature": "warm"}]
    with pytest.raises(BadRecord) as refused:
        brought(table(tmp_path / "t.csv", rows))
    said = str(refused.value)
    assert all(each in said for each in ("'item' is empty", "'maybe'", "'first'", "'x'", "'warm'"))


def test_scores_up_to_100_are_refused_with_the_scale_that_reads_them(tmp_path):
    rows = [{"item": "a", "score": 0.5}, {"item": "b", "score": 37.5}]
    with pytest.raises(BadRecord, match=r"'37\.5', which is above 1.*--scale 100"):
        brought(table(tmp_path / "t.csv", rows))
    assert [each.scores[0].value for each in solutions(table(tmp_path / "t.csv", rows), scale=100)] == [0.005, 0.375]


def test_a_scale_that_no_score_needs_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no score is above 1, and a full one is 100"):
        brought(table(tmp_path / "t.csv", ROWS), scale=100)
    with pytest.raises(ConfigError, match="0 is no scale"):
        brought(table(tmp_path / "t.csv", ROWS), scale=0)


@pytest.mark.parametrize("cell", ["", "NaN", "null", None, math.nan])
def test_a_missing_score_is_a_finding_and_never_a_zero(tmp_path, cell):
    rows = [*ROWS, {"item": "lost", "score": cell}]
    folder = brought(table(tmp_path / "t.jsonl", rows))
    assert len(list(folder.solutions.records())) == 4
    (found,) = left_out(folder)
    assert (found.kind, found.group, found.items, found.blocks) == ("items", "table", ("table/lost",), True)
    assert found.cause == "no score on 1 items of 5 rows of table"


def test_a_table_without_any_score_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(ConfigError, match="no row has a score"):
        brought(table(tmp_path / "t.csv", [{"item": "a", "score": ""}]))
    assert not list((tmp_path / "run").rglob("solutions.jsonl"))


def test_several_scores_are_several_metrics_and_one_may_be_missing(tmp_path):
    rows = [{"item": "a", "em": 1, "f1": 0.5}, {"item": "b", "em": 0, "f1": ""}]
    folder = brought(table(tmp_path / "t.csv", rows), score=["em", "f1"])
    assert [[(s.metric, s.value) for s in each.scores] for each in folder.solutions.records()] == [
        [("em", 1.0), ("f1", 0.5)],
        [("em", 0.0)],
    ]
    assert [each.cause for each in left_out(folder)] == ["no f1 on 1 items of 2 rows of table"]


def test_two_columns_that_could_be_meant_are_refused_and_the_first_name_is_no_question(tmp_path):
    path = table(tmp_path / "t.csv", [{"item": "a", "id": "b", "correct": 1, "acc": 0}])
    with pytest.raises(ConfigError, match="two columns could be the score: correct and acc"):
        brought(path)
    (found,) = solutions(path, score="acc")
    assert (found.item, found.scores[0].value) == ("a", 0.0)


def test_a_column_that_is_not_there_and_one_that_is_missing_say_what_there_is(tmp_path):
    path = table(tmp_path / "t.csv", [{"name": "a", "score": 1}])
    with pytest.raises(
        ConfigError, match=r"no column is called like an item.*--columns item=NAME.*There are name, score"
    ):
        brought(path)
    with pytest.raises(ConfigError, match=r"there is no column 'nome'.*There are name, score"):
        brought(path, item="nome")
    assert solutions(path, item="name")[0].item == "a"


def test_unread_columns_that_look_like_evidence_are_listed_and_others_are_not(tmp_path):
    rows = [{"item": "a", "score": 1, "f1": 0, "rouge_l": 0, "question": "?", "matches_nothing": 1}]
    folder = brought(table(tmp_path / "t.csv", rows))
    assert [(each.kind, each.name, each.blocks) for each in left_out(folder)] == [
        ("lines", "f1", True),
        ("lines", "rouge_l", True),
    ]


def test_an_item_that_comes_again_without_a_repeat_is_refused_with_both_lines_and_the_option(tmp_path):
    rows = [{"item": "a", "score": 1, "draw": 0}, {"item": "a", "score": 0, "draw": 1}]
    path = table(tmp_path / "t.csv", rows)
    with pytest.raises(DuplicateKey, match=r"table/a/0.*--columns repeat=.*line 2 and again on line 3"):
        brought(path)
    assert [each.repeat for each in solutions(path, repeat="draw")] == [0, 1]


def test_the_task_is_named_by_an_option_where_no_column_does(tmp_path):
    assert {each.task for each in solutions(table(tmp_path / "t.csv", ROWS), name="gsm8k")} == {"gsm8k"}


def test_a_name_for_a_task_that_a_column_names_is_refused(tmp_path):
    path = table(tmp_path / "t.csv", [{"item": "a", "score": 1, "task": "sums"}])
    with pytest.raises(ConfigError, match="the column 'task' names the tasks already"):
        brought(path, name="gsm8k")
    assert {each.task for each in solutions(path, name="gsm8k", task="none")} == {"gsm8k"}


def test_what_was_extracted_and_how_a_text_ended_is_told(tmp_path):
    rows = [
        {"item": "a", "score": 0, "pick": "", "text": "hm", "finish": "max_tokens"},
        {"item": "b", "score": 1, "pick": "4", "text": "", "finish": "stop"},
        {"item": "c", "score": 1, "pick": "4", "text": "4", "finish": "tool_calls"},
    ]
    folder = brought(table(tmp_path / "t.csv", rows))
    found = list(folder.solutions.records())
    assert [each.scores[0].extracted for each in found] == ["", "4", "4"]
    assert [each.finish for each in found] == [Finish.LENGTH, Finish.EMPTY, None]
    assert [each.cause for each in left_out(folder)] == [
        "1 rows ended by 'tool_calls', which tells nothing of the text"
    ]


def test_another_right_answer_makes_another_document(tmp_path):
    first, second = (
        solutions(table(tmp_path / f"{gold}.csv", [{"item": "a", "score": 1, "gold": gold}]), runs=tmp_path / gold)
        for gold in ("4", "5")
    )
    assert first[0].item_digest != second[0].item_digest


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.parquet"])
def test_rows_with_option_log_probabilities_are_choices(tmp_path, name):
    values = [[-1.0, -2.0, -3.0], [-4.0, -2.0, -2.0]]
    rows = [{"item": n, "gold": gold, "pick": n, "logprobs": values[n]} for n, gold in enumerate((0, 2))]
    if name == "t.csv":
        rows = [row | {"logprobs": json.dumps(row["logprobs"]), "gold": "ABC"[row["gold"]]} for row in rows]
    folder = brought(table(tmp_path / name, rows))
    found = list(folder.choices.records())
    assert [(c.item, c.gold, c.picked, c.picked_norm) for c in found] == [("0", 0, 0, 0), ("1", 2, 1, 1)]
    assert [list(c.logprobs) for c in found] == values
    assert not list(folder.solutions.records())


def test_options_may_be_a_column_each_and_rows_without_them_are_solutions(tmp_path):
    rows = [
        {"item": "a", "gold": 1, "lp_a": -1, "lp_b": "-inf", "lp_c": "", "score": ""},
        {"item": "b", "gold": "", "lp_a": "", "lp_b": "", "lp_c": "", "score": 1},
    ]
    folder = brought(table(tmp_path / "t.csv", rows), options=["lp_a", "lp_b", "lp_c"])
    (choice,), (solution,) = folder.choices.records(), folder.solutions.records()
    assert (choice.item, choice.logprobs, choice.gold, choice.picked) == ("a", (-1.0, None), 1, 0)
    assert solution.item == "b"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"gold": 0, "logprobs": [-1.0, 0.5]}, "above 0"),
        ({"gold": 0, "logprobs": [-1.0, None]}, ""),
        ({"gold": 0, "logprobs": [-1.0]}, "one option alone"),
        ({"gold": 5, "logprobs": [-1.0, -2.0]}, "option 5, and the last of 2 is 1"),
        ({"gold": None, "logprobs": [-1.0, -2.0]}, "column 'gold' is empty"),
        ({"gold": 0, "logprobs": [-1.0, -2.0], "pick": 1}, "the pick is option 1, and the option scores give 0"),
        ({"gold": 0, "logprobs": [-1.0, -2.0], "score": 0}, "says 0, and the option scores give the contrary"),
    ],
)
def test_options_that_contradict_themselves_are_refused(tmp_path, row, fault):
    good = {"item": "a", "gold": 0, "logprobs": [-1.0, -2.0], "pick": 0, "score": 1}
    path = table(tmp_path / "t.jsonl", [good, {"item": "b", "pick": None, "score": None} | row])
    if not fault:
        assert brought(path).choices
        return
    with pytest.raises(BadRecord, match=fault):
        brought(path)


def test_a_column_of_option_texts_is_no_column_of_scores(tmp_path):
    rows = [{"item": "a", "options": ["iron", "tin"], "gold": 0, "score": 1}]
    folder = brought(table(tmp_path / "t.jsonl", rows))
    assert [each.scores[0].value for each in folder.solutions.records()] == [1.0]
    assert [each.name for each in left_out(folder)] == ["options"]


def test_log_probabilities_without_a_right_option_are_listed_and_refused_where_they_were_named(tmp_path):
    path = table(tmp_path / "t.jsonl", [{"item": "a", "score": 1, "logprobs": [-1.0, -2.0]}])
    assert [each.name for each in left_out(brought(path))] == ["logprobs"]
    with pytest.raises(ConfigError, match="the right option is in no column"):
        brought(path, options="logprobs")


def test_a_grade_beside_options_is_listed(tmp_path):
    path = table(tmp_path / "t.jsonl", [{"item": "a", "gold": 0, "logprobs": [-1.0, -2.0], "score": 0.4}])
    (found,) = left_out(brought(path))
    said = ("score", "score", "1 rows of table count by their option log-probabilities")
    assert (found.kind, found.name, found.cause) == said


def test_a_score_may_be_left_alone_beside_options(tmp_path):
    path = table(tmp_path / "t.jsonl", [{"item": "a", "gold": 0, "logprobs": [-1.0, -2.0], "acc": 0}])
    with pytest.raises(BadRecord, match="--columns score=none"):
        brought(path)
    assert len(list(brought(path, score="none").choices.records())) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("item,score\na,1,2\n", "line 2.*3 fields, where the header has 2"),
        ("item,item,score\na,b,1\n", "two columns are called 'item'"),
        ("", "it has no columns"),
        ('item,score\n"a,1\n', "not CSV"),
        ("item,score\n\xff\xfe,1\n", "not CSV"),
    ],
)
def test_a_broken_table_is_refused_by_its_fault(tmp_path, text, fault):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadRecord, match=fault):
        brought(path)


def test_other_files_are_no_tables(tmp_path):
    (tmp_path / "t.xlsx").touch()
    (tmp_path / "t.parquet").write_bytes(b"no")
    with pytest.raises(ConfigError, match=r"\.csv, \.tsv, \.jsonl \(\.gz\) or \.parquet"):
        brought(tmp_path / "t.xlsx")
    with pytest.raises(BadRecord, match="not Parquet"):
        brought(tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="no such file"):
        brought(tmp_path / "none.csv")


def test_the_same_table_again_changes_nothing_and_another_or_otherwise_read_one_is_refused(tmp_path):
    path = table(tmp_path / "t.csv", [*ROWS, {"item": "lost", "score": ""}])
    folder = brought(path)
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.glob("*.json*")}
    brought(path)
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.glob("*.json*")} == before
    with pytest.raises(StaleInput, match="task_name"):
        brought(path, name="gsm8k")
    with pytest.raises(StaleInput):
        brought(table(tmp_path / "other.csv", ROWS))
    with pytest.raises(StaleInput, match=r"t.csv"):
        brought(table(path, ROWS))


def test_the_manifest_has_the_file_its_hash_and_its_columns(tmp_path):
    manifest = read_manifest(brought(table(tmp_path / "t.csv", ROWS)).path)
    assert manifest.settings["columns"] == {"item": "item", "score": "score"}
    (origin,) = manifest.origins
    assert (origin.file, origin.digest[:7], origin.model) == ("t.csv", "sha256:", "")
    assert manifest.settings["files"] == {"t.csv": origin.digest}


def test_the_command_says_what_it_read_from_which_column_and_what_it_did_not(tmp_path, capsys):
    path = table(tmp_path / "t.csv", [{"id": "a", "correct": "true", "f1": 1, "draw": 0}])
    arguments = ["--model", "int4", "--review", "r", "--runs", str(tmp_path / "runs"), "--repeat", "draw"]
    assert run(["import", "table", str(path), *arguments]) == 0
    said = capsys.readouterr().out
    assert "1 solutions in table" in said
    assert "item = id, repeat = draw, score = correct" in said
    assert "f1" in said.splitlines()[-1]
    other = ["--model", "int8", *arguments[2:]]
    assert run(["import", "table", str(path), *other]) == 64  # one file is not two models
    assert "one model" in capsys.readouterr().err


def test_rows_are_streamed_and_not_held(tmp_path):
    rows = 20_000
    path = table(tmp_path / "t.jsonl", [{"item": n, "score": 1, "text": "x" * 1000} for n in range(rows)])
    reader = TableRecords("m", table_offer(path), silent)
    tracemalloc.start()
    try:
        assert sum(1 for _ in reader.solutions()) == rows
        assert tracemalloc.get_traced_memory()[1] < 8_000_000  # the file has 20 MB
    finally:
        tracemalloc.stop()


def test_a_second_score_blocks_unless_the_one_to_read_was_named(tmp_path):
    rows = [{"item": "a", "score": 1, "passed": 0}]
    named = brought(table(tmp_path / "t.csv", rows), score="score")
    assert [(each.kind, each.name, each.blocks) for each in left_out(named)] == [("score", "passed", False)]


@pytest.mark.parametrize(
    ("gold", "pick", "score", "contrary"),
    [
        *(("A", "A", 0, True), ("A", "B", 1, True), ("a", "A", 1, False), ("A", "B", 0, False)),
        *(("12", "12", 0, True), ("12", "12.0", 1, False), ("12", "13", 1, True), ("A", "A", 0.5, False)),
        *(("", "", 0, False), ("", "A", 1, False)),
    ],
)
def test_a_score_that_contradicts_pick_and_right_answer_blocks_by_its_item(tmp_path, gold, pick, score, contrary):
    """12.0 may be 12; 13 is not, and neither is a letter another one."""
    rows = [{"item": "a", "score": score, "gold": gold, "pick": pick}, {"item": "b", "score": 1}]
    found = left_out(brought(table(tmp_path / "t.csv", rows)))
    assert [(each.kind, each.items, each.blocks) for each in found] == [("items", ("table/a",), True)] * contrary


def test_what_was_shown_tells_two_tables_apart(tmp_path, capsys):
    """The same scores under another prompt are not compared."""
    for name, asked in (("a", "What is"), ("b", "Say what is")):
        rows = [{"item": n, "score": n % 2, "prompt": f"{asked} {n}", "text": f"{name}{n}"} for n in range(40)]
        table(tmp_path / f"{name}.jsonl", rows)
    sides = [str(tmp_path / f"{name}.jsonl") for name in "ab"]
    assert run(["compare", *sides, "--runs", str(tmp_path)]) == 12
    assert "prompt" in capsys.readouterr().out
    assert run(["compare", *sides, "--runs", str(tmp_path), "--name", "b", "--columns", "prompt=none"]) == 11


def test_a_score_of_which_less_is_better_is_refused_and_listed_where_it_is_not_read(tmp_path):
    path = table(tmp_path / "t.csv", [{"item": "a", "score": 1, "wer": 0.2}])
    assert [(each.name, each.kind) for each in left_out(brought(path))] == [("wer", "score")]
    with pytest.raises(ConfigError, match="of what is called 'wer' less is better"):
        brought(path, score="wer")


def test_columns_may_be_said_at_once_or_one_by_one_and_not_twice(tmp_path, capsys):
    path = table(tmp_path / "t.csv", [{"name": "a", "percent": 50}])
    arguments = ["import", "table", str(path), "--model", "m", "--review", "r", "--runs", str(tmp_path / "runs")]
    assert run([*arguments, "--item", "name", "--columns", "item=name,score=percent", "--scale", "100"]) == 64
    assert "item is given twice" in capsys.readouterr().err
    assert run([*arguments, "--item", "name", "--columns", "score=percent", "--scale", "100"]) == 0
    assert "item = name, score = percent" in capsys.readouterr().out


def test_an_answer_without_one_of_two_scores_is_named_also_where_another_repeat_has_it(tmp_path, capsys):
    """A mean over the repeats that have one would hide it."""
    for name in "ab":
        rows = [
            {"item": n, "repeat": r, "x": 1, "y": None if (name, n, r) == ("b", 0, 1) else 1, "text": f"{name}{n}{r}"}
            for n in range(400)
            for r in range(2)
        ]
        table(tmp_path / f"{name}.jsonl", rows)
    sides = [str(tmp_path / f"{name}.jsonl") for name in "ab"]
    assert run(["compare", *sides, "--runs", str(tmp_path), "--columns", "score=x,score=y"]) == 12
    assert "b has no y on 1 items: table/0" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("t.csv", "item,score\na,1\n".encode("utf-16"), "not UTF-8: convert it"),
        ("t.jsonl", b'{"item": "a", "score": 0, "score": 1}\n', "the key 'score' stands twice"),
        ("t.csv", b"item,task,score\n", "no row names a task"),
    ],
)
def test_what_can_be_read_in_two_ways_or_not_at_all_is_refused(tmp_path, name, content, fault):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((BadRecord, ConfigError), match=fault):
        brought(tmp_path / name)
