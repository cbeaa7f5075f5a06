"""Imports whole: all or nothing, nothing chosen silently, and the commands around them."""

import gc
import hashlib
import json
import tomllib

import pytest

from assay.cli import run
from assay.sources import imports
from assay.sources.imports import import_logs
from assay.sources.lm_eval_folders import offered
from assay.sources.lm_eval_logs import LogReader
from assay.sources.lm_eval_samples import NoFlips
from ledger.errors import BadRecord, ConfigError, StaleInput
from ledger.manifests import read_manifest
from ledger.progress import silent
from ledger.records import Choice
from ledger.runs import RunFolder
from tests.harness_logs import STAMP, sample, written

ROLLING = {"doc_id": 0, "doc": {}, "target": "", "filter": "none", "filtered_resps": ["-9.5"], "word_perplexity": 9.0}
ROLLING["arguments"] = {"gen_args_0": {"arg_0": "A text."}}


def imported(path, run_folder, model="m"):
    return import_logs(run_folder, model, offered([path]), silent)


def hash_of(lines):
    """The harness' own hash over a task's samples."""
    return hashlib.sha256(
        "".join(each["doc_hash"] + each["prompt_hash"] + each["target_hash"] for each in lines).encode()
    ).hexdigest()


def test_the_manifest_says_what_made_the_logs(tmp_path):
    results = {"lm_eval_version": "0.4.13", "model_name": "org/m", "config": {"model_dtype": "torch.bfloat16"}}
    results |= {"chat_template_sha": None, "n-shot": {"metals": 5, "woods": 0}}
    written(tmp_path / "a", [sample(0)], results=results)
    written(tmp_path / "a", [sample(0)], task="woods")
    run_folder = RunFolder(tmp_path / "r")
    assert imported(tmp_path / "a", run_folder).tasks == ("metals", "woods")
    manifest = read_manifest(run_folder.generation("m").path)
    facts = manifest.facts
    assert [session.ended_at is not None for session in manifest.sessions] == [True]
    assert facts["planned"] == {"answers": 0, "choices": 2, "solutions": 0}
    assert (facts["lm_eval_version"], facts["model_name"], facts["model_dtype"]) == (
        "0.4.13",
        "org/m",
        "torch.bfloat16",
    )
    assert facts["num_fewshot"] == {"metals": "5", "woods": "0"}
    assert "chat_template_sha" not in facts


def test_the_runs_own_hash_tells_another_tasks_file_and_missing_documents(tmp_path):
    lines = [sample(7), sample(3)]  # `--samples`: the numbers have gaps, the hash says that all are there
    results = {"task_hashes": {"metals": hash_of(lines)}, "n-samples": {"metals": {"effective": 9}}}
    (log,) = offered([written(tmp_path, lines, results=results)]).logs
    assert len(list(LogReader(log, "m").records())) == 2
    (log,) = offered([written(tmp_path, [sample(7)])]).logs
    reader = LogReader(log, "m")
    assert len(list(reader.records())) == 1
    assert [each.cause for each in reader.left_out] == ["8 of 9 lines of metals are missing"]
    results["n-samples"]["metals"]["effective"] = 2
    (log,) = offered([written(tmp_path, [sample(7), sample(3, doc_hash="other")], results=results)]).logs
    with pytest.raises(ConfigError, match="not the samples of this task's run"):
        list(LogReader(log, "m").records())


def test_a_gap_is_named_where_no_results_file_explains_it(tmp_path):
    (log,) = offered([written(tmp_path, [sample(0), sample(2), sample(3)])]).logs
    reader = LogReader(log, "m")
    assert len(list(reader.records())) == 3
    assert [(each.kind, each.cause) for each in reader.left_out] == [("lines", "1 of 4 lines of metals are missing")]


def test_a_folder_of_two_models_is_refused_by_their_names(tmp_path):
    written(tmp_path / "bf16", [sample(0)], results={"model_name": "org/bf16"})
    written(tmp_path / "int4", [sample(0)], task="woods", results={"model_name": "org/int4"})
    with pytest.raises(ConfigError, match=r"two models: org/bf16 \(bf16/results_.*org/int4 \(int4/results_"):
        offered([tmp_path])
    assert (
        len(offered([tmp_path / "bf16", tmp_path / "int4"]).logs) == 2
    )  # named one by one they are the user's own word


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (ROLLING, "not multiple choice"),
        (sample(0, acc=0.43), "a score of its own, acc 0.43"),
        (sample(0, target="[0, 1]"), "several right answers"),
    ],
)
def test_a_task_without_one_right_option_is_left_out_of_a_folder_and_refused_alone(tmp_path, line, cause):
    said, run_folder = [], RunFolder(tmp_path / "r")
    written(tmp_path / "a", [sample(0)])
    odd = written(tmp_path / "a", [line], task="odd")
    import_logs(run_folder, "m", offered([tmp_path / "a"]), said.append)
    (left_out,) = read_manifest(run_folder.generation("m").path).left_out
    assert (left_out.kind, left_out.name, left_out.declared) == ("task", "odd", "")
    assert cause in left_out.cause
    assert any(cause in each.work for each in said)
    assert [each.task for each in run_folder.generation("m").choices.records()] == ["metals"]
    with pytest.raises(NoFlips, match=f"task odd: {cause}"):
        import_logs(
            RunFolder(tmp_path / "s"), "m", offered([odd, odd.with_name(f"samples_metals_{STAMP}.jsonl")]), silent
        )


def test_a_broken_log_leaves_nothing_and_the_mended_one_is_taken(tmp_path):
    run_folder = RunFolder(tmp_path / "r")
    written(tmp_path / "a", [sample(0)], task="amber")
    path = written(tmp_path / "a", [sample(0), sample(1)])
    path.write_text(path.read_text()[:-20])
    with pytest.raises(BadRecord, match="line 2"):
        imported(tmp_path / "a", run_folder)
    assert not list(run_folder.generation("m").path.glob("*.json*"))
    written(tmp_path / "a", [sample(0), sample(1)])
    assert imported(tmp_path / "a", run_folder).choices == 3


def test_records_of_a_real_run_are_never_replaced(tmp_path):
    run_folder = RunFolder(tmp_path / "r")
    path = written(tmp_path / "a", [sample(0)])
    imported(path, run_folder)
    manifest = run_folder.generation("m").path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"engine": "imported"', '"engine": "vllm"'))
    with pytest.raises(StaleInput, match="engine"):
        imported(path, run_folder)


def test_an_old_array_names_the_line_where_it_breaks(tmp_path):
    lines = [sample(0), sample(1, acc_norm=0.0)]
    (tmp_path / "results.json").write_text(json.dumps({"configs": {"metals": {}}}))
    path = tmp_path / "pretrained__m_metals.jsonl"
    path.write_text(json.dumps(lines, indent=4))
    (log,) = offered([path]).logs
    second = path.read_text().splitlines().index('        "doc_id": 1,')  # the brace stands on the line before, from 1
    with pytest.raises(NoFlips, match=f"line {second}: task metals: the log says acc_norm 0.0"):
        list(LogReader(log, "m").records())
    path.write_text(path.read_text()[:-300])
    last = path.read_text().count("\n") + 1
    with pytest.raises(BadRecord, match=rf"line {last - 1}|line {last}"):
        list(LogReader(log, "m").records())


@pytest.mark.parametrize("name", ["results.json", "pretrained__m_metals.jsonl"])
def test_a_file_that_is_nested_too_deep_is_refused_by_its_name(tmp_path, name):
    (tmp_path / "results.json").write_text(json.dumps({"configs": {"metals": {}}}))
    (tmp_path / "pretrained__m_metals.jsonl").write_text(json.dumps([sample(0)]))
    (tmp_path / name).write_text("[" * 100_000)
    with pytest.raises((BadRecord, ConfigError), match=name):
        list(LogReader(offered([tmp_path]).logs[0], "m").records())


def test_arguments_in_the_order_of_their_names_are_read_by_number(tmp_path):
    names = [f"option {number}" for number in range(12)]
    line = sample(0, target="10", acc=1.0)
    pairs = {f"gen_args_{i}": {"arg_0": "Q", "arg_1": f" {name}"} for i, name in enumerate(names)}
    line["arguments"] = dict(sorted(pairs.items()))
    line["filtered_resps"] = [[-1.0 if i == 10 else -5.0, False] for i in range(12)]
    del line["acc_norm"]
    (log,) = offered([written(tmp_path, [line])]).logs
    (choice,) = LogReader(log, "m").records()
    assert (choice.gold, choice.picked, choice.characters[9:]) == (10, 10, (8, 9, 9))


def test_numbers_as_options_mean_one_thing_throughout_a_log(tmp_path):
    """Targets of one log are all indices or all texts; a line that only the other meaning explains is refused."""
    lines = [sample(0, -2.0, -1.0, target="1", acc=1.0), sample(1, -1.0, -2.0, target="1", acc=1.0)]
    for line in lines:
        line["arguments"] = {f"gen_args_{i}": {"arg_0": "Q", "arg_1": f" {i + 1}"} for i in range(2)}
        del line["acc_norm"]
    (log,) = offered([written(tmp_path, lines)]).logs
    with pytest.raises(NoFlips, match=r"line 2: task metals: the log says acc 1.0"):
        list(LogReader(log, "m").records())


def test_groups_that_hold_each_other_end(tmp_path):
    groups = {"a": ["metals", "b"], "b": ["a"], "c": None}
    written(tmp_path, [sample(0)], results={"group_subtasks": groups, "configs": []})
    assert offered([tmp_path]).logs[0].group in ("a", "b")


@pytest.fixture
def folders(tmp_path):
    written(tmp_path / "bf16", [sample(number) for number in range(8)])
    written(tmp_path / "int4", [sample(0, -3.0, -1.0), *(sample(number) for number in range(1, 8))])
    return [str(tmp_path / "bf16"), str(tmp_path / "int4")]


def test_a_margin_that_changes_after_the_result_is_refused(tmp_path, folders, capsys):
    command = ["compare", *folders, "--runs", str(tmp_path / "runs")]
    first = run(command)
    assert first in (10, 11)
    assert run([*command, "--margin", "0.9"]) == 64
    assert "--amend" in capsys.readouterr().err
    assert (
        run([*command, "--margin", "0.9", "--amend"]) == 12
    )  # taken, and no claim: a model that only guesses would pass


def test_another_review_of_the_same_name_is_left_as_it_is(tmp_path, folders):
    run_folder = RunFolder(tmp_path / "runs" / "release")
    run_folder.path.mkdir(parents=True)
    run_folder.config.write_text('name = "release"\n[baseline]\nmodel = "a"\n[[candidate]]\nmodel = "b"\n[[task]]\n')
    assert run(["compare", *folders, "--name", "release", "--runs", str(tmp_path / "runs")]) == 64
    assert list(run_folder.path.iterdir()) == [run_folder.config]


def test_labels_may_hold_any_character(tmp_path, folders):
    labels = ["--label", 'b"f\\16', "--label", "int4 😀"]
    assert run(["compare", *folders, *labels, "--runs", str(tmp_path / "runs")]) in (10, 11)
    config = tomllib.loads((tmp_path / "runs" / "compare" / "review.toml").read_text(encoding="utf-8"))
    assert [config["baseline"]["label"], config["candidate"][0]["label"]] == ['b"f\\16', "int4 😀"]


@pytest.mark.parametrize(
    ("more", "cause"),
    [(["--margin", "-1"], "margin"), (["--name", "../x"], "name"), (["--label", "one"], "1 labels for 2 logs")],
)
def test_wrong_arguments_are_one_line_and_write_nothing(tmp_path, folders, capsys, more, cause):
    assert run(["compare", *folders, *more, "--runs", str(tmp_path / "runs")]) == 64
    (line,) = capsys.readouterr().err.splitlines()
    assert cause in line
    assert not (tmp_path / "runs").exists()


def test_a_second_run_of_the_baseline_is_its_control(tmp_path, folders):
    runs = ["--runs", str(tmp_path / "runs")]
    again = ["import", "lm-eval", folders[0], "--model", "bf16@control", "--review", "compare", *runs]
    assert run(again) == 0
    run(["compare", *folders, *runs])
    report = json.loads((tmp_path / "runs" / "compare" / "analysis" / "report.json").read_text())
    assert report["control"] == "bf16@control"
    assert report["control_primary"]["value"] == 0


def test_generation_has_nothing_to_do_for_imported_models(tmp_path, folders):
    runs = ["--runs", str(tmp_path / "runs")]
    run(["compare", *folders, *runs])
    config = str(tmp_path / "runs" / "compare" / "review.toml")
    assert run(["generate", config, *runs]) == 0
    assert run(["analyze", config, *runs]) in (10, 11)


def test_an_import_holds_lines_and_no_records(tmp_path, monkeypatch):
    offer, held = offered([written(tmp_path, [sample(number) for number in range(40)])]), []

    def record_line(choice: Choice) -> str:
        held.append(sum(type(each) is Choice for each in gc.get_objects()))
        return line_of(choice)

    line_of = imports.record_line
    monkeypatch.setattr(imports, "record_line", record_line)
    run = RunFolder(tmp_path / "run")
    assert import_logs(run, "m", offer, silent).choices == 40
    assert max(held) - held[0] < 5
    assert len(list(run.generation("m").choices.records())) == 40
