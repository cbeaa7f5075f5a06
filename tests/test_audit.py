"""The audit of FastChat's folders: real files with known truths, made ones with each fault, show_result beside it."""

import argparse
import json
import random
import re
import shutil

import pandas as pd
import pytest

from analysis.fastchat_audit.audit import audit
from analysis.fastchat_audit.stored import Freshness
from analysis.judged.games import TurnClass
from analysis.rendering.formats.audit import audit_markdown
from analysis.rendering.tables.audit_findings import findings
from assay.cli import run
from assay.sources.fastchat_files import stored
from assay.sources.fastchat_folders import fastchat_folder
from ledger.config import read_config
from ledger.errors import ConfigError
from ledger.manifests import read_manifest
from ledger.store import write_lock
from tests.fastchat_rows import answer, game, question, rating, sound_folder, write
from tests.house import MT_BENCH, needs_mt_bench, rows_of


def audited(folder, **options):
    return audit(stored(fastchat_folder(folder, **options)), resamples=500)


@pytest.fixture
def folder(tmp_path):
    return sound_folder(tmp_path / "data")


def show_result(path, capsys, mode="single"):
    """The numbers that FastChat's own program prints, by model: the last column or columns of its tables."""
    shown = pytest.importorskip("fastchat.llm_judge.show_result", reason="the extra fastchat is not installed")
    arguments = argparse.Namespace(
        input_file=str(path), bench_name="mt_bench", judge_model="gpt-4", model_list=None, baseline_model=None
    )
    capsys.readouterr()
    with pd.option_context("display.precision", 12):
        (shown.display_result_single if mode == "single" else shown.display_result_pairwise)(arguments)
    found = {}
    for line in capsys.readouterr().out.splitlines():
        if match := re.fullmatch(r"(\S+)((?:\s+-?[\d.]+)+)", line.rstrip()):
            found.setdefault(match[1], []).append([float(value) for value in match[2].split()])
    return found


@needs_mt_bench
def test_the_known_truths_of_mistral_orpo_are_printed(capsys):
    assert run(["audit", str(MT_BENCH / "mistral-orpo")]) == 0
    told = capsys.readouterr().out
    for truth in (
        "mistral-orpo: 160 of 320 stored prompts are rendered byte for byte",
        "mistral-orpo-mix: 160 of 160",
        "mistral-orpo-trl: 160 of 160",
        "mistral-orpo-capybara: 160 of 160",
        "160 rows judge other answers (mean 5.39); without them the rating is 6.33, FastChat blends both into 5.86",
        "1 of 320 (0.3 %) have no score in the file (−1)",
        "6 of 800 ratings are no whole numbers",
        "question.jsonl: sha256 119565ad…, the official file",
        "references gpt-4: sha256 f957a5bc…, the official file",
        "sha256 fd283293…, the official file",
        "| mistral-orpo-mix | 6.00 ",
        "| mistral-orpo-trl | 7.17 ",
        "| mistral-orpo-capybara | 6.82 ",
    ):
        assert truth in told


@needs_mt_bench
def test_the_known_truths_of_phi_3_are_printed(capsys):
    assert run(["audit", str(MT_BENCH / "phi-3")]) == 0
    told = capsys.readouterr().out
    for truth in (
        "phi-3-dpo: 160 of 160 stored prompts are rendered byte for byte",
        "| phi-3-dpo | 8.20 ",
        "5 questions are missing in turn 1: 126-130",
        "80 questions are missing in turn 2",
        "3 verdicts are errors",
        "20 and phi-3 18 consistently; 8 real ties; 18 swapped picks and 9 of tie and pick, in 73 complete",
        "16 of the 18 swapped picks go to the first position (p = 0.001)",
        "29 of 38, p = 0.002",
        "79 to 43",
    ):
        assert truth in told


@needs_mt_bench
@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("phi-3", {"phi-3-dpo": "8.20"}),
        (
            "mistral-orpo",
            {
                "mistral-orpo": "6.33",
                "mistral-orpo-capybara": "6.82",
                "mistral-orpo-mix": "6.00",
                "mistral-orpo-trl": "7.17",
            },
        ),
    ],
)
def test_the_known_means_are_those_of_a_review(name, means, tmp_path):
    """Strict, and without the 160 rows that judge older answers."""
    assert run(["import", "fastchat", str(MT_BENCH / name), "--review", "r", "--runs", str(tmp_path)]) == 0
    found = pd.DataFrame(rows_of(tmp_path / "r/judge/gpt-4/ratings.jsonl")).groupby("model").score.mean()
    assert {model: f"{mean:.2f}" for model, mean in found.items()} == means
    changed = {model.model: model.changed for file in audited(MT_BENCH / name).files for model in file.models}
    assert {model: each for model, each in changed.items() if each} == (
        {"mistral-orpo": {"answer": 160}} if name == "mistral-orpo" else {}
    )


@needs_mt_bench
@pytest.mark.parametrize("name", ["phi-3", "mistral-orpo"])
def test_fastchats_own_numbers_are_show_results(name, capsys):
    for file in audited(MT_BENCH / name).files:
        printed = show_result(MT_BENCH / name / "model_judgment" / file.name, capsys, file.mode)
        for model in file.models:
            turn_1, turn_2, average = (row[-1] for row in printed[model.model])
            theirs = model.fastchat
            assert (theirs.first_turn, theirs.second_turn, theirs.average) == pytest.approx((turn_1, turn_2, average))
        for wins in file.fastchat_wins:
            assert printed[wins.model][0] == pytest.approx(
                [wins.win, wins.loss, wins.tie, wins.win_rate, wins.loss_rate, wins.win_rate_adjusted]
            )


def test_a_sound_folder_is_current_and_complete(folder, capsys):
    report = audited(folder)
    single, pair = (next(file for file in report.files if file.mode == mode) for mode in ("single", "pair"))
    assert [model.freshness[Freshness.CURRENT] for model in single.models] == [8, 8]
    assert all(not (model.missing or model.absent or model.bounds) for model in single.models)
    assert single.contrasts[0].change.value == pytest.approx(1)
    assert pair.pairs[0].scopes[0].classes[TurnClass.LOSS] == 8
    assert (pair.pairs[0].seats, pair.pairs[0].tie_picks) == ((8, 8), 0)
    printed = show_result(folder / "model_judgment/gpt-4_single.jsonl", capsys)
    assert [row[-1] for row in printed["b"]] == [4.5, 5.5, 5.0]


def test_an_answer_that_was_written_again_makes_its_judgments_stale(folder):
    answers = rows_of(folder / "model_answer/a.jsonl")
    answers[1]["choices"][0]["turns"][0] = "another"
    write(folder / "model_answer/a.jsonl", answers)
    report = audited(folder)
    single = next(file for file in report.files if file.mode == "single")
    assert single.models[0].freshness[Freshness.STALE] == 2
    assert [(cell.question, cell.turn) for cell in single.models[0].absent] == [("2", 1), ("2", 2)]
    assert single.models[0].bounds[0] < single.models[0].scopes[0].rating.value < single.models[0].bounds[1]
    pair = next(file for file in report.files if file.mode == "pair")
    assert pair.pairs[0].freshness[Freshness.STALE] == 2


def test_an_edited_prompt_or_reference_makes_judgments_stale(folder):
    prompts = rows_of(folder / "judge_prompts.jsonl")
    prompts[0]["prompt_template"] += " edited"
    write(folder / "judge_prompts.jsonl", prompts)
    single = next(file for file in audited(folder).files if file.mode == "single")
    assert [model.freshness[Freshness.STALE] for model in single.models] == [4, 4]  # turn 1; turn 2 has its own prompt


def test_ids_that_are_no_numbers_are_told_as_they_are(folder):
    rows = rows_of(folder / "question.jsonl")
    ids = [8, 9, 10, "²", "9" * 5000]
    write(folder / "question.jsonl", [*rows, *({**rows[0], "question_id": id} for id in ids)])
    told = [line for line in findings(audited(folder).files[1]) if line.startswith("a: 5 questions are missing")]
    assert len(told) == 2
    assert all({"8-10", "²", "9" * 5000} == set(line.rstrip(".").split(": ")[2].split(", ")) for line in told)


def test_verdicts_that_fastchat_reads_by_its_own_rules_are_told(folder, capsys):
    rows = rows_of(folder / "model_judgment/gpt-4_single.jsonl")
    rows[0] = rating("a", 1, 1, score=5, said="The scale is like [[5]], so: [[9]]")
    rows[1] = rating("a", 1, 2, score=-1, said="no number")
    rows[2] = rating("a", 2, 1, score=-1, said="$ERROR$")
    write(folder / "model_judgment/gpt-4_single.jsonl", rows)
    model = next(file for file in audited(folder).files if file.mode == "single").models[0]
    assert model.outcomes == {"contradictory": 1, "failed": 1, "scored": 5, "unreadable": 1}
    assert (model.unread, model.disagreements) == (2, 1)
    assert len(model.missing) == 3
    printed = show_result(folder / "model_judgment/gpt-4_single.jsonl", capsys)
    assert model.fastchat.average == pytest.approx(printed["a"][2][-1])
    assert model.fastchat.average != pytest.approx(model.scopes[0].rating.value)


def test_five_classes_and_fastchats_ties(folder, capsys):
    rows = [
        game(1, 1, "model_2", "model_2", ("[[B]]", "[[A]]")),
        game(1, 2, "tie", "tie", ("[[C]]", "[[C]]")),
        game(2, 1, "model_1", "model_2", ("[[A]]", "[[A]]")),
        game(2, 2, "tie", "model_1", ("[[C]]", "[[B]]")),
        game(3, 1, "error", "model_1", ("$ERROR$", "[[B]]")),
        game(3, 2),
    ]
    path = folder / "model_judgment/gpt-4_pair.jsonl"
    write(path, rows)
    report = audited(folder)
    pair = next(file for file in report.files if file.mode == "pair")
    found = pair.pairs[0]
    assert found.scopes[0].classes == {
        TurnClass.WIN: 1,
        TurnClass.TIE: 1,
        TurnClass.LOSS: 1,
        TurnClass.INCONSISTENT: 2,
        TurnClass.FAILED: 1,
    }
    assert (found.tie_picks, found.bias.toward_first, found.errors) == (1, 1, 1)
    assert {cell.question for cell in found.absent} == {"4"}
    printed = show_result(path, capsys, "pair")
    assert {wins.model: [wins.win, wins.loss, wins.tie] for wins in pair.fastchat_wins} == {
        model: values[0][:3] for model, values in printed.items()
    }


def test_unreadable_lines_are_told_and_stop_nothing(folder):
    path = folder / "model_judgment/gpt-4_single.jsonl"
    broken = json.dumps({**rating("a", 1, 1), "score": float("nan"), "judgment": None})
    deep = "[" * 100_000
    path.write_text(path.read_text() + f'{{"question_id": 1}}\nnot json\n{broken}\n{deep}\n{{"torn')
    file = next(each for each in audited(folder).files if each.mode == "single")
    assert (len(file.faults), file.unread) == (3, 5)
    assert "line 17" in " ".join(file.faults)
    assert "gpt-4_single.jsonl, 3 lines (18, 20, 21): not a JSON object" in file.faults
    assert sum(model.rows for model in file.models) == 16


def test_without_answers_or_prompts_nothing_is_called_stale(folder, monkeypatch):
    monkeypatch.setenv("ASSAY_HOME", str(folder / "empty"))
    shutil.rmtree(folder / "model_answer")
    path = folder / "model_judgment/gpt-4_single.jsonl"
    write(path, [*rows_of(path), {**rating("a", 1, 1), "user_prompt": "another prompt"}])
    model = next(file for file in audited(folder).files if file.mode == "single").models[0]
    assert model.freshness[Freshness.STALE] == 0
    assert model.freshness[Freshness.MIXED] == 2  # nobody can say which of the two is today's
    assert model.scopes[0].rating.n == 4
    (folder / "judge_prompts.jsonl").unlink()
    (folder / "question.jsonl").unlink()
    report = audited(folder)
    assert any("no question.jsonl" in note for note in report.notes)
    assert "not measured" not in report.folder


def test_prompts_that_are_none_are_told(folder):
    (folder / "judge_prompts.jsonl").write_text("{}\n")
    report = audited(folder)
    assert any("could not be checked" in note for note in report.notes)
    assert report.files[1].models[0].freshness[Freshness.UNCHECKED] == 8


def test_a_folder_without_anything_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="neither model_answer"):
        fastchat_folder(tmp_path)
    assert run(["audit", str(tmp_path)]) == 64


def test_the_order_of_rows_changes_nothing(folder):
    first = audited(folder)
    for path in (folder / "model_judgment").glob("*.jsonl"):
        rows = rows_of(path)
        random.Random(3).shuffle(rows)
        write(path, rows)
    assert audited(folder) == first


def test_names_from_files_cannot_render(folder):
    path = folder / "model_judgment/gpt-4_single.jsonl"
    write(path, [{**row, "model": "<b>|[x](http://e)"} if row["model"] == "a" else row for row in rows_of(path)])
    told = audit_markdown(audited(folder))
    assert "<b>" not in told
    assert "http://e" not in told


def test_files_of_an_audit_are_written_on_request(folder, tmp_path, capsys):
    assert run(["audit", str(folder), "--out", str(tmp_path / "out"), "--baseline", "b"]) == 0
    printed = capsys.readouterr().out
    assert (tmp_path / "out/audit.md").read_text() == printed
    assert json.loads((tmp_path / "out/audit.json").read_text())["baseline"] == "b"
    assert run(["audit", str(folder), "--baseline", "nobody"]) == 64


def stale_export(place, runs, capsys, cause):
    """What the judge never read is not exported as what it read."""
    assert run(["export", "fastchat", str(place / "runs/r/review.toml"), "--out", str(place / "no"), *runs]) == 64
    assert cause in capsys.readouterr().err
    assert not (place / "no").exists()


def test_an_import_is_a_review_and_an_export_gives_the_rows_back(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    (tmp_path / "home/mt-bench").mkdir(parents=True)
    shutil.copy(folder / "judge_prompts.jsonl", tmp_path / "home/mt-bench")
    runs = ["--runs", str(tmp_path / "runs")]
    for _ in range(2):  # the same files again change nothing
        assert run(["import", "fastchat", str(folder), "--review", "r", "--baseline", "a", *runs]) == 0
    config = str(tmp_path / "runs/r/review.toml")
    assert run(["analyze", config, *runs]) in (0, 10, 11, 12)
    report = json.loads((tmp_path / "runs/r/analysis/report.json").read_text())
    assert report["judges"][0]["scores"][1]["scopes"][0]["change"]["value"] == pytest.approx(1)
    assert run(["export", "fastchat", config, "--out", str(tmp_path / "out"), *runs]) == 0
    manifest = tmp_path / "runs/r/judge/gpt-4/manifest.json"
    made = manifest.read_text()
    manifest.write_text(made.replace('"prompts": "official"', '"prompts": "official", "prompts_digest": "others"'))
    stale_export(tmp_path, runs, capsys, "prompts_digest: changed after it was used")
    manifest.write_text(made)
    answers = tmp_path / "runs/r/generation/a/answers.jsonl"
    answers.write_text(answers.read_text().replace("a11a11", "written again"))
    stale_export(tmp_path, runs, capsys, "generation/a/answers.jsonl: changed after it was used")
    write(folder / "model_judgment/gpt-4_pair.jsonl", rows_of(folder / "model_judgment/gpt-4_pair.jsonl")[:3])
    assert run(["import", "fastchat", str(folder), "--review", "r", "--baseline", "a", *runs]) == 64


@needs_mt_bench
def test_an_export_reads_as_its_origin(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "cache"))
    runs = ["--runs", str(tmp_path / "runs")]
    assert run(["fetch", "mt-bench", "--from", str(MT_BENCH)]) == 0
    assert run(["import", "fastchat", str(MT_BENCH / "phi-3"), "--review", "phi", *runs]) == 0
    config = str(tmp_path / "runs/phi/review.toml")
    assert run(["export", "fastchat", config, "--out", str(tmp_path / "out"), *runs]) == 0
    for mode, name in (("single", "gpt-4_single.jsonl"), ("pair", "gpt-4_pair.jsonl")):
        before = show_result(MT_BENCH / "phi-3/model_judgment" / name, capsys, mode)
        assert show_result(tmp_path / "out/model_judgment" / name, capsys, mode) == before
    old = {(r["question_id"], r["turn"]): r for r in rows_of(MT_BENCH / "phi-3/model_judgment/gpt-4_single.jsonl")}
    for row in rows_of(tmp_path / "out/model_judgment/gpt-4_single.jsonl"):
        known = old[row["question_id"], row["turn"]]
        assert {**row, "tstamp": 0} == {**known, "tstamp": 0}
        assert list(row) == list(known)


@pytest.mark.parametrize(
    "odd",
    [
        *({"judgment": 7}, {"user_prompt": ["x"]}, {"turn": float("inf")}, {"judge": []}, {"score": None}),
        *({"turn": 1.5}, {"turn": 0}, {"question_id": None}, {"judge": None}, {"model": None}),
    ],
)
def test_a_row_whose_fields_are_odd_is_told_and_stops_nothing(folder, odd):
    path = folder / "model_judgment/gpt-4_single.jsonl"
    write(path, [*rows_of(path), {**rating("a", 1, 1), **odd}])
    write(folder / "question.jsonl", [*rows_of(folder / "question.jsonl"), {"question_id": 9, "turns": 7}])
    report = audited(folder)
    file = next(each for each in report.files if each.mode == "single")
    assert ["line 17" in fault for fault in file.faults] == [True]
    assert all("\n" not in fault for fault in file.faults)
    assert "question.jsonl, line 5: not a question of FastChat's" in report.notes


def test_null_is_no_answer_no_id_and_no_category(folder):
    questions, answers = folder / "question.jsonl", folder / "model_answer/a.jsonl"
    odd = [{**question(9), "category": None}, {**question(9), "question_id": None}, {**question(9), "turns": [None]}]
    write(questions, [*rows_of(questions), *odd])
    write(answers, [*rows_of(answers)[:3], {**answer("a", 4), "choices": [{"turns": ["x", None]}]}])
    report = stored(fastchat_folder(folder))
    assert {id for _, id in report.questions} == {"1", "2", "3", "4"}
    assert [model.questions for model in report.models] == [3, 4]
    assert report.notes == (
        "question.jsonl, 3 lines (5, 6, 7): not a question of FastChat's",
        "a.jsonl, line 4: not an answer of FastChat's",
    )


def imported(folder, runs, *more):
    return run(["import", "fastchat", str(folder), "--review", "r", "--runs", str(runs), *more])


def test_the_baseline_of_an_import_is_a_model_with_answers(folder, tmp_path, capsys):
    path = folder / "model_judgment/gpt-4_single.jsonl"
    write(path, [*rows_of(path), rating("0", 1, 1)])  # judged, first by its name, and without answers
    assert imported(folder, tmp_path / "bad", "--baseline", "0") == 64
    assert "there are no answers of '0'" in capsys.readouterr().err
    assert not (tmp_path / "bad").exists()
    assert imported(folder, tmp_path / "runs") == 0
    assert read_config(tmp_path / "runs/r/review.toml").baseline.name == "a"


def test_an_import_counts_what_it_leaves_out(folder, tmp_path, capsys):
    answers = folder / "model_answer/b.jsonl"
    short = {**answer("b", 3), "choices": [{"turns": ["one turn"]}]}
    write(answers, [*rows_of(answers)[:2], short, answer("b", 9), {"question_id": 4}])
    path = folder / "model_judgment/gpt-4_pair.jsonl"
    write(path, [*rows_of(path), game(1, 1), {"question_id": 1}])
    assert imported(folder, tmp_path) == 0
    told = capsys.readouterr().out
    assert "6 answers, " in told
    assert "2 answers left out" in told  # too few turns, an unknown question
    assert "3 judgments left out" in told  # a stale rating, the games of a stale pair
    assert "1 copies and failures that gave way" in told
    assert "2 lines unread" in told
    facts = {name: read_manifest(tmp_path / "r" / name).facts for name in ("generation/b", "judge/gpt-4")}
    assert (facts["generation/b"]["answers_left_out"], facts["generation/b"]["lines_unread"]) == (2, 1)
    assert facts["judge/gpt-4"] == {
        "judgments_left_out": 3,
        "rows_that_gave_way": 1,
        "further_verdicts": 0,
        "lines_unread": 1,
        "fastchat_averages": {"a": 4.0, "b": 5.0},
    }


def test_the_same_files_again_change_nothing_and_a_session_ends(folder, tmp_path):
    assert imported(folder, tmp_path) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("manifest.json")}
    assert len(before) == 3
    assert all(read_manifest(path.parent).sessions[0].ended_at for path in before)
    assert imported(folder, tmp_path) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("manifest.json")} == before


def test_an_import_under_another_declaration_writes_no_record(folder, tmp_path, capsys):
    judged = folder / "model_judgment/gpt-4_single.jsonl"
    write(judged, [*rows_of(judged), {**rating("b", 1, 1), "model": "c"}])
    assert imported(folder, tmp_path) == 0
    write(folder / "model_answer/c.jsonl", [answer("c", id) for id in range(1, 5)])
    assert imported(folder, tmp_path) == 64
    assert "--amend" in capsys.readouterr().err
    assert not (tmp_path / "r/generation/c").exists()
    assert imported(folder, tmp_path, "--amend") == 0
    assert (tmp_path / "r/generation/c").exists()
    with write_lock(tmp_path / "r/generation/c"):
        assert imported(folder, tmp_path) == 64
    assert run(["import", "fastchat", str(folder), "--review", "../x", "--runs", str(tmp_path / "other")]) == 64
    assert not (tmp_path / "other").exists()
