"""What makes evidence unfit (stale, mixed, a failed exam, low coverage): always a report, never a crash."""

import html
import json
from dataclasses import replace

import pytest

from analysis.decision.gate_words import Word
from analysis.rendering.formats.markdown import report_markdown
from analysis.rendering.formats.page import report_html
from analysis.rendering.formats.terminal import summary
from analysis.rendering.sentences.clauses import clause, clauses
from analysis.rendering.sentences.decisions import asides, sentence
from analysis.rendering.tables.evidence import evidence_table, incomplete_table, shortfall_line
from analysis.rendering.tables.review import warnings
from ledger.config import config_from
from ledger.digests import file_digest
from ledger.errors import EXIT_UNFIT, BadRecord
from ledger.judgments import Outcome
from ledger.manifests import read_manifest, write_manifest
from tests.run_folder import Folder, choice, config, whole, words


def test_a_failed_exam_makes_the_judged_part_unfit_and_says_so_plainly(tmp_path):
    report = whole(tmp_path, config(margin=1.0), right=0.4).report()
    assert (report.word, report.exit_code) == (Word.UNFIT, EXIT_UNFIT)
    for file in (report_html(report), report_markdown(report)):
        told = html.unescape(file).replace("\\", "")
        assert "too weak to be trusted" in told
        assert "Flips and KL do not depend on it" in told
    assert report.choices[0].results[0].distance("kl_options").value is not None
    assert report.judges[0].scores[0].scopes[0].rating.value is not None


def test_an_exam_switched_off_is_said_loudly(tmp_path):
    folder = whole(tmp_path, config(margin=1.0, exam=False))
    report = folder.report()
    assert words(report)[0] is Word.SHIP
    assert "NOT EXAMINED" in report_html(report)
    assert "NOT EXAMINED" in report_markdown(report)


def test_a_judge_without_exam_marks_is_unfit(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    (folder.run.judge("judge-1").path / "exam.jsonl").unlink()
    report = folder.report()
    assert report.word is Word.UNFIT
    assert report.judges[0].exam.state == "missing"
    assert "sat no exam" in sentence(report.decisions[0])


def test_stale_answers_name_the_file_and_both_hashes(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    path = folder.run.generation("w8").answers.path
    before = file_digest(path)
    path.write_bytes(path.read_bytes().replace(b"text of", b"next of"))
    report = folder.report()
    assert report.word is Word.UNFIT
    fault = clause(report.judges[0].faults[0])
    assert "generation/w8/answers.jsonl" in fault
    assert before in fault
    assert file_digest(path) in fault
    assert sentence(report.decisions[0]).endswith("Judge this review again.")


def test_mixed_prompts_and_mixed_judges_are_unfit(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    store = folder.run.judge("judge-1").ratings
    first = next(store.records())
    folder.write(store, [first.model_copy(update={"prompt_digest": "other", "score": 1.0})])
    folder.sign_judge(("gpt-a", "gpt-b"))
    report = folder.report()
    assert report.word is Word.UNFIT
    assert any("mixed prompts: 2 ratings" in clause(fault) for fault in report.judges[0].faults)
    assert any("mixed judges" in each and "gpt-a, gpt-b" in each for each in map(clause, report.judges[0].faults))


def test_a_judge_that_was_asked_under_two_sets_of_parameters_is_unfit(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    folder.sign_judge()
    assert folder.report().word is Word.HOLD
    folder.sign_judge(mixed=("temperature",))
    report = folder.report()
    assert report.word is Word.UNFIT
    assert any("some calls to judge-1 had temperature" in clause(fault) for fault in report.judges[0].faults)


def test_another_judges_records_in_a_judges_folder_are_left_out_and_make_it_unfit(tmp_path):
    """Keys differ in the judge, so the store takes both; the later ones must not stand in for the judge's own."""
    folder = whole(tmp_path, config(margin=1.0))
    own = folder.report().judges[0].scores
    place = folder.run.judge("judge-1")
    for store in (place.ratings, place.games, place.exam):
        changed = {"score": 1.0} if store.path == place.ratings.path else {}
        folder.write(store, [r.model_copy(update={"judge": "judge-2", **changed}) for r in tuple(store.records())[:3]])
    (judge,) = folder.report().judges
    assert judge.scores == own
    assert "9 records are those of judge-2" in clause(judge.unfit[0])


def test_another_models_answers_in_a_models_folder_are_refused(tmp_path):
    """The baseline's own, copied in, would be identical byte for byte, and ship."""
    folder = whole(tmp_path, config(margin=1.0))
    first, second = (folder.run.generation(name).answers.path for name in ("bf16", "w8"))
    second.write_bytes(first.read_bytes())
    with pytest.raises(BadRecord, match="bf16, but the folder is w8's"):
        folder.report()


def test_judgments_without_a_manifest_are_unfit(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    (folder.run.judge("judge-1").path / "manifest.json").unlink()
    assert "no manifest" in clause(folder.report().judges[0].faults[0])


def test_coverage_under_the_floor_is_unfit_and_shown(tmp_path):
    folder = Folder(tmp_path, config(margin=1.0), questions=40)
    for name in folder.names:
        folder.answer(name)
        folder.choose(name)
    folder.rate(dict.fromkeys(folder.names, 7.0), failed=20)
    folder.examine()
    folder.sign_judge()
    report = folder.report()
    assert report.word is Word.UNFIT
    assert "under the floor" in sentence(report.decisions[0])
    table = evidence_table(report)
    ratings = next(row for row in table.rows if row[0] == "ratings")
    assert ratings == ("ratings", *["60/80: 20 failed"] * 4)
    assert [row[0] for row in table.rows[2:6]] == ["paired items", "ratings", "paired ratings", "games"]
    assert "Exam of judge-1: PASSED" in table.caption
    assert "ratings 240/320 (80 failed)" in shortfall_line(report)
    assert "none planned" not in shortfall_line(report)


def test_what_was_not_planned_is_said_in_words(tmp_path):
    report = whole(tmp_path, config(margin=1.0)).report()
    none = {"planned": 0, "scored": 0, "outcomes": {}, "unusable": {}}

    def bare(models):
        rows = (
            replace(row, **none) if row.kind == "paired items" and row.model in models else row
            for row in report.coverage
        )
        return report.model_copy(update={"coverage": tuple(rows)})

    nothing = bare({model.model for model in report.models})
    assert shortfall_line(nothing) == "Usable: no paired items were planned."
    assert [set(row[1:]) for row in incomplete_table(nothing).rows] == [{"—", "none planned"}]
    found = shortfall_line(bare({"w4"}))
    assert "(none planned for w4)" in found
    assert "0/0" not in found


def test_one_turn_under_the_floor_is_enough(tmp_path):
    folder = Folder(tmp_path, config(margin=1.0, coverage=0.6), questions=40)
    for name in folder.names:
        folder.answer(name)
        folder.choose(name)
    folder.rate(dict.fromkeys(folder.names, 7.0))
    store = folder.run.judge("judge-1").ratings
    records = list(store.records())
    failed = {"score": None, "outcome": Outcome.REFUSED}
    store.replace(
        r.model_copy(update=failed) if (r.turn, r.model) == (2, "w8") and int(r.question[1:]) < 20 else r
        for r in records
    )
    folder.examine()
    folder.sign_judge()
    report = folder.report()
    assert "turn 2" in sentence(report.decisions[0])
    assert words(report)[0] is Word.UNFIT


def test_different_items_under_one_name_are_a_fault_and_no_crash(tmp_path):
    folder = whole(tmp_path, config(judge=False))
    store = folder.run.generation("w8").choices
    store.replace(c.model_copy(update={"item_digest": "other"}) if c.item == "i3" else c for c in store.records())
    report = folder.report()
    assert words(report)[0] is Word.UNFIT
    assert "test/i3" in sentence(report.decisions[0])
    assert not any("test/i3" in text for text in warnings(report))  # the sentence says it


def test_a_missing_control_is_named(tmp_path):
    folder = whole(tmp_path, config(control=False, margin=1.0))
    assert any("no control" in clause(note) for note in folder.report().notes)
    assert "no control" in report_html(folder.report())


def test_a_control_that_never_ran_is_named(tmp_path):
    folder = Folder(tmp_path, config())
    for name in (folder.baseline, "w8", "w4"):
        folder.answer(name)
    assert any("control run is missing" in clause(note) for note in folder.report().notes)


def test_a_task_that_nobody_ran_is_unfit(tmp_path):
    folder = Folder(tmp_path, config(judge=False))
    for name in folder.names:
        folder.answer(name)
    assert folder.report().word is Word.UNFIT


def test_a_small_exam_is_said(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    store = folder.run.judge("judge-1").exam
    store.replace(mark for mark in store.records() if int(mark.question) < 12)
    assert "a small exam: the smallest part has 12 of the usual 20 questions" in report_html(folder.report())


def test_different_questions_under_one_name_make_the_judged_part_unfit(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    store = folder.run.generation("w4").answers
    edited = {"turns": ("other?", "two?")}
    store.replace(a.model_copy(update={"question": a.question.model_copy(update=edited)}) for a in store.records())
    folder.sign_judge()
    report = folder.report()
    assert report.word is Word.UNFIT
    assert any("question test/q00 of w4" in clause(fault) for fault in report.judges[0].faults)


def test_models_run_under_other_settings_are_noted(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    path = folder.run.generation("w8").path
    found = read_manifest(path)
    write_manifest(path, found.model_copy(update={"settings": {"seed": 2}, "inputs": {"questions": "b"}}))
    base = folder.run.generation("bf16").path
    write_manifest(base, read_manifest(base).model_copy(update={"inputs": {"questions": "a"}}))
    report = folder.report()
    told = {each.candidate: asides(each) for each in report.decisions}
    assert (
        told["w8"] == "w8 was run with seed 2, the baseline with 1. w8 and the baseline were given different questions."
    )
    assert told["w4"] == ""
    assert not any("w8" in clause(note) for note in report.notes)
    faces = report_markdown(report), " ".join(map(str, summary(report))), html.unescape(report_html(report))
    assert [face.count("w8 was run with seed 2") for face in faces] == [1, 1, 1]


def test_stale_files_that_went_are_named(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    folder.run.generation("w8").answers.path.unlink()
    assert "now missing" in clause(folder.report().judges[0].faults[0])


def test_a_generation_that_every_model_left_unfinished_is_unfit(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    assert folder.report().decisions[0].word is Word.SHIP
    path = folder.run.generation(folder.baseline).path
    manifest = read_manifest(path)
    write_manifest(path, manifest.model_copy(update={"facts": {"planned": {"answers": 80, "choices": 60}}}))
    decision = folder.report().decisions[0]
    assert decision.word is Word.UNFIT
    assert "only 40 of 80 planned answers" in sentence(decision)


def test_models_that_were_not_asked_to_write_lack_no_answer(tmp_path):
    data = json.loads(config(("w8",), judge=False).model_dump_json(exclude_none=True))
    data["questions"] |= {"answers": "baseline", "traces": True}
    folder = Folder(tmp_path, config_from(data, "test"))
    folder.answer("bf16")
    for name in folder.names:
        folder.choose(name)
    rows = [row for row in folder.report().coverage if row.kind == "answers"]
    assert {row.model for row in rows} == {"bf16"}
    assert all(row.share == 1 for row in rows)


def test_a_task_in_a_file_is_found_under_the_name_that_its_records_carry(tmp_path):
    """Production names an item's task after the file, without folder and ending."""
    data = config(("w8",), control=False, judge=False).model_dump(mode="json", exclude_none=True)
    data["task"] = [{"name": "data/test.jsonl"}]
    folder = whole(tmp_path, config_from(data, "test"), wrong=10)
    report = folder.report()
    row = next(row for row in report.coverage if row.kind == "choices" and row.model == "w8")
    assert (row.scope, row.scored, row.planned) == ("task test", 60, 60)
    assert words(report) != ["UNFIT"]


def test_a_task_that_the_baseline_lacks_is_seen(tmp_path):
    """Overall coverage stays over the floor: the lost task has two items of 62."""
    data = config(("w8",), control=False, judge=False).model_dump(mode="json", exclude_none=True)
    data["task"] = [{"name": "test"}, {"name": "small"}]
    folder = Folder(tmp_path, config_from(data, "test"))
    for name in folder.names:
        folder.answer(name)
        folder.choose(name)
    small = [item.model_copy(update={"task": "small"}) for item in folder.items[:2]]
    folder.write(folder.run.generation("w8").choices, [choice("w8", item, [-1.0, -2.0, -3.0, -4.0]) for item in small])
    report = folder.report()
    (lone,) = report.unseen
    assert (lone.kind, lone.name, clauses(lone.causes)) == ("task", "small", "w8 alone has items of it")
    assert words(report) == ["UNFIT"]


def test_a_floor_just_under_all_does_not_read_as_all(tmp_path):
    folder = whole(tmp_path, config(margin=1.0, coverage=0.995))
    assert "the floor is 99.5 %" in evidence_table(folder.report()).caption
