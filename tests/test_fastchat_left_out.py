"""What lies in FastChat's folder and does not come in: each thing by its name, in the manifest of whom it concerns."""

import pytest

from assay.cli import run
from ledger.config import read_config
from ledger.manifests import read_manifest
from tests.fastchat_rows import answer, question, rating, sound_folder, write
from tests.house import rows_of


@pytest.fixture
def folder(tmp_path):
    return sound_folder(tmp_path / "data")


def passed_over(folder, runs, *more):
    """Kind, name, declared and whether it blocks, by model; the import itself must succeed."""
    given = ["import", "fastchat", str(folder), "--review", "r", "--runs", str(runs), *more]
    assert run(given) == 0
    manifests = {path.parent.name: read_manifest(path.parent) for path in runs.glob("r/generation/*/manifest.json")}
    return {
        name: {(each.kind, each.name, each.declared, each.blocks) for each in manifest.left_out}
        for name, manifest in manifests.items()
    }


def test_a_sound_folder_leaves_nothing_out_that_blocks(folder, tmp_path):
    found = passed_over(folder, tmp_path / "runs")
    assert found.keys() == {"a", "b"}
    assert not [each for held in found.values() for each in held if each[3]]


def test_lines_that_are_no_answers_are_their_models(folder, tmp_path):
    path = folder / "model_answer/b.jsonl"
    write(path, [*rows_of(path), answer("b", 9), {"question_id": 4}])
    found = passed_over(folder, tmp_path / "runs")
    assert ("lines", "b.jsonl", "", True) in found["b"]
    assert not [each for each in found["a"] if each[0] == "lines"]


def test_a_question_without_answers_a_judged_model_and_an_unread_file_are_named(folder, tmp_path):
    write(folder / "question.jsonl", [*rows_of(folder / "question.jsonl"), question(5)])
    judged = folder / "model_judgment/gpt-4_single.jsonl"
    write(judged, [*rows_of(judged), rating("gone", 1, 1)])
    write(folder / "spare.jsonl", [{"x": 1}])
    found = passed_over(folder, tmp_path / "runs")["a"]
    assert {("items", "answers", "", True), ("task", "gone", "", True), ("file", "spare.jsonl", "", True)} <= found


def test_other_files_are_listed_and_the_rest_counted(folder, tmp_path):
    for number in range(23):
        (folder / f"note-{number:02}.txt").write_text("x", encoding="utf-8")
    found = {name for kind, name, _, blocks in passed_over(folder, tmp_path / "runs")["a"] if kind == "other"}
    assert found >= {"note-00.txt", "note-19.txt", "3 more files"}
    assert "note-20.txt" not in found


def test_left_out_on_purpose_needs_a_name_that_is_there(folder, tmp_path, capsys):
    write(folder / "spare.jsonl", [{"x": 1}])
    given = ["import", "fastchat", str(folder), "--review", "r", "--runs", str(tmp_path / "no")]
    assert run([*given, "--leave-out", "spar"]) == 64
    assert "spare.jsonl" in capsys.readouterr().err
    passed_over(folder, tmp_path / "runs", "--leave-out", "spare.jsonl")
    assert list(read_config(tmp_path / "runs/r/review.toml").decision.leave_out) == ["spare.jsonl"]


def said(folder, runs, capsys):
    run(["import", "fastchat", str(folder), "--review", "r", "--baseline", "a", "--runs", str(runs)])
    told = capsys.readouterr()
    return told.out + told.err


def test_a_file_that_was_cut_off_on_its_way_is_not_called_another_encoding(folder, capsys):
    path = folder / "model_judgment/gpt-4_single.jsonl"
    path.write_bytes(path.read_bytes() + b"\0" * 40)
    assert run(["audit", str(folder)]) == 0
    found = capsys.readouterr().out
    assert "it has zero bytes, as a file that was cut off on its way: copy it again" in found
    assert "not UTF-8" not in found


def test_a_key_that_stands_twice_is_told(folder, capsys):
    path = folder / "model_judgment/gpt-4_single.jsonl"
    path.write_text(path.read_text().replace('{"', '{"model": "z", "', 1))
    assert run(["audit", str(folder)]) == 0
    assert "the key 'model' stands twice" in capsys.readouterr().out


def test_ids_that_do_not_meet_are_told_on_both_sides(folder, tmp_path, capsys):
    write(folder / "question.jsonl", [question(id) for id in range(101, 105)])
    told = (
        "no answer in model_answer/ is to a question of question.jsonl (ids such as 1, 2, 3 there, 101, 102, 103 here)"
    )
    assert told in said(folder, tmp_path, capsys)


def test_answers_that_were_read_out_of_prompts_are_named_in_the_review(folder, tmp_path):
    (folder / "model_answer/a.jsonl").unlink()
    found = passed_over(folder, tmp_path)
    assert ("beside", "answers of a", "", False) in found["a"]
    assert not [each for each in found["b"] if each[1] == "answers of b"]
