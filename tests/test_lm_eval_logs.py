"""Logs of lm-evaluation-harness, in the layouts of all its versions, become the choices that they tell of."""

import json
import math
from functools import partial

import pytest

from assay.cli import run
from assay.sources.imports import import_logs
from assay.sources.lm_eval_folders import Chosen, offered
from assay.sources.lm_eval_logs import LogReader
from assay.sources.lm_eval_samples import NoFlips
from ledger.errors import BadRecord, ConfigError, DuplicateKey, StaleInput
from ledger.progress import silent
from ledger.runs import RunFolder
from tests import harness_logs

VALUES = [(-1.0, -2.0, -3.0), (-5.0, -2.0, -2.0), (-4.0, -1.5, -9.0), (-1.0, -3.0, -0.5)]
GOLD = [0, 1, 2, 2]
OPTIONS = ("red", "blue sky", "a very long green")
written = partial(harness_logs.written, task="colors")


def sample(number, values=None, gold=None, strings=True, objects=True, **changes):
    values, gold = values or VALUES[number], GOLD[number] if gold is None else gold
    pairs = [[f"Question {number}?\nAnswer:", f" {option}"] for option in OPTIONS]
    norm = [value / len(option) for value, option in zip(values, OPTIONS, strict=True)]
    resps = [[str(v), "False"] if strings else [v, False] for v in values]
    line = {
        "doc_id": number,
        "doc": {"question": number},
        "target": str(gold),
        "arguments": {f"gen_args_{i}": {"arg_0": c, "arg_1": o} for i, (c, o) in enumerate(pairs)}
        if objects
        else pairs,
        "filtered_resps": resps,
        "acc": float(values.index(max(values)) == gold),
        "acc_norm": float(norm.index(max(norm)) == gold),
    }
    return line | changes


def read(path, **settings):
    (log,) = offered([path]).logs
    return list(LogReader(log, "m", **settings).records())


def test_a_current_log(tmp_path):
    found = read(written(tmp_path, map(sample, range(4))))
    assert [c.logprobs for c in found] == VALUES
    assert [c.picked for c in found] == [0, 1, 1, 2]
    assert [c.gold for c in found] == GOLD
    assert found[0].characters == (3, 8, 17)
    assert [c.key for c in found] == [("m", "colors", str(number)) for number in range(4)]
    assert len({c.item_digest for c in found}) == len({c.prompt_digest for c in found}) == 4


def test_the_array_of_the_oldest_versions_and_numbers_say_the_same(tmp_path):
    lines = [sample(number, strings=False, objects=False) for number in range(4)]
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "pretrained__model_colors.jsonl").write_text(json.dumps(lines, indent=2))
    (tmp_path / "old" / "results.json").write_text(json.dumps({"configs": {"colors": {}}}))
    new = read(written(tmp_path / "new", map(sample, range(4))))
    assert read(tmp_path / "old") == new


def test_a_group_gives_the_task_and_the_leaf_the_subject(tmp_path):
    results = {"group_subtasks": {"all": ["arts"], "arts": ["colors"], "colors": []}}
    found = read(written(tmp_path, [sample(0)], results=results))[0]
    assert (found.task, found.subject, found.item) == ("all", "colors", "colors:0")


def test_a_probability_of_zero_is_none_and_nan_is_no_choice(tmp_path):
    found = read(written(tmp_path, [sample(0, values=(-1.0, -math.inf, -2.0))]))[0]
    assert found.logprobs == (-1.0, None, -2.0)
    lines = [sample(0), sample(1) | {"filtered_resps": [["nan", "False"], ["-1", "False"], ["-2", "False"]]}]
    (log,) = offered([written(tmp_path, lines)]).logs
    reader = LogReader(log, "m")
    assert [c.item for c in reader.records()] == ["0"]
    (left_out,) = reader.left_out
    assert (left_out.kind, left_out.items) == ("items", ("colors/1",))
    assert left_out.cause == "computes NaN on 1 of 2 items of colors"


def test_an_exact_tie_goes_to_the_first_as_in_the_harness(tmp_path):
    assert read(written(tmp_path, [sample(0), sample(1)]))[1].picked == 1


def test_the_unconditional_half_of_mutual_information_is_left_out(tmp_path):
    line = sample(0)
    for index, option in enumerate(OPTIONS):
        line["arguments"][f"gen_args_{index + 3}"] = {"arg_0": "", "arg_1": f" {option}"}
    line["filtered_resps"] += [["-7", "False"]] * 3
    assert read(written(tmp_path, [line]))[0].logprobs == VALUES[0]


@pytest.mark.parametrize(("acc", "gold"), [(1.0, 1), (0.0, 0)])
def test_two_inputs_with_one_continuation_tell_the_right_one_by_acc(tmp_path, acc, gold):
    pairs = {f"gen_args_{i}": {"arg_0": text, "arg_1": " fell."} for i, text in enumerate(("Ann", "Bob"))}
    line = {"doc_id": 0, "doc": {}, "target": " fell.", "arguments": pairs, "acc": acc}
    line["filtered_resps"] = [["-3", "False"], ["-2", "False"]]
    found = read(written(tmp_path, [line]))[0]
    assert (found.picked, found.gold, found.picked_norm) == (1, gold, 1)


def digits(number, target, values):
    line = sample(0, values=values, gold=0) | {"doc_id": number, "target": target}
    for index in range(3):
        line["arguments"][f"gen_args_{index}"]["arg_1"] = f" {index + 1}"
    del line["acc_norm"]
    return line


def test_a_target_that_may_be_an_index_or_a_text_means_what_agrees_with_acc(tmp_path):
    unclear = digits(0, "1", (-3.0, -2.5, -1.0)) | {"acc": 0.0}
    clear = digits(1, "2", (-3.0, -1.0, -2.0)) | {"acc": 1.0}
    assert [c.gold for c in read(written(tmp_path, [unclear, clear]))] == [0, 1]
    clear = digits(1, "1", (-3.0, -1.0, -2.0)) | {"acc": 1.0}
    assert [c.gold for c in read(written(tmp_path, [unclear, clear]))] == [1, 1]


def test_a_fault_that_is_met_while_the_targets_meaning_is_learned_names_its_own_line(tmp_path):
    unclear = digits(0, "1", (-3.0, -2.5, -1.0)) | {"acc": 0.0}
    with pytest.raises(BadRecord, match=r"line 2.*2 replies to 3"):
        read(written(tmp_path, [unclear, digits(1, "2", VALUES[1]) | {"filtered_resps": [["-1", "False"]] * 2}]))


def test_a_text_in_brackets_that_is_an_option_is_no_list_of_right_answers(tmp_path):
    line = sample(0, target="[1, 2]") | {"acc": 1.0}
    line["arguments"]["gen_args_0"]["arg_1"] = " [1, 2]"
    del line["acc_norm"]
    assert [c.gold for c in read(written(tmp_path, [line]))] == [0]


def test_filters(tmp_path):
    lines = [sample(0, filter="none"), sample(0, values=(-9.0, -1.0, -8.0), gold=1, filter="strict")]
    path = written(tmp_path, lines)
    with pytest.raises(ConfigError, match="'none' and 'strict'"):
        read(path)
    assert read(path, chosen_filter="strict")[0].picked == 1
    with pytest.raises(ConfigError, match="no line of the filter 'loose'"):
        read(path, chosen_filter="loose")


def broken(path, text):
    path.write_text(path.read_text() + text)
    return path


def test_broken_logs_are_refused_with_file_line_and_cause(tmp_path):
    two = [sample(0), sample(1)]
    with pytest.raises(BadRecord, match=r"line 3.*not JSON"):
        read(broken(written(tmp_path, two), '{"doc_id": 2, "do'))
    with pytest.raises(BadRecord, match=r"line 3.*no doc_id"):
        read(broken(written(tmp_path, two), '{"question_id": 81}\n'))
    with pytest.raises(DuplicateKey, match="line 1 and again on line 3"):
        read(written(tmp_path, [*two, sample(0)]))
    with pytest.raises(NoFlips, match=r"line 2.*the log says acc 1.0"):
        read(written(tmp_path, [sample(0), sample(2, acc=1.0)]))
    with pytest.raises(NoFlips, match=r"line 1.*the log says acc_norm 1.0"):
        read(written(tmp_path, [sample(0, acc_norm=1.0)]))
    with pytest.raises(NoFlips, match=r"line 1.*several right answers"):
        read(written(tmp_path, [sample(0, target="[0, 2]")]))
    with pytest.raises(NoFlips, match=r"line 1.*not multiple choice"):
        read(written(tmp_path, [sample(0) | {"arguments": {"gen_args_0": {"arg_0": "x", "arg_1": {"until": []}}}}]))
    with pytest.raises(BadRecord, match=r"line 1.*2 replies to 3"):
        read(written(tmp_path, [sample(0, filtered_resps=[["-1", "False"]] * 2)]))
    with pytest.raises(ConfigError, match="not the samples of this task's run: it had 1"):
        read(written(tmp_path, two, results={"n-samples": {"colors": {"effective": 1}}}))
    (tmp_path / f"results_{harness_logs.STAMP}.json").unlink()
    with pytest.raises(ConfigError, match="does not tell its task"):
        read(written(tmp_path / "x", two, name="what.jsonl"))
    with pytest.raises(ConfigError, match="--log_samples"):
        offered([tmp_path / "x"])


def test_of_two_runs_of_a_task_none_is_chosen_silently(tmp_path):
    written(tmp_path, [sample(0)], name="samples_colors_2025-01-01T00-00-00.1.jsonl")
    written(tmp_path, [sample(0), sample(1)])
    with pytest.raises(ConfigError, match=r"samples_colors_2025.*and .*samples_colors_2026.*--latest"):
        offered([tmp_path])
    (log,) = offered([tmp_path], Chosen(latest=True)).logs
    assert len(list(LogReader(log, "m").records())) == 2


def test_importing_again_changes_nothing_and_other_logs_are_refused(tmp_path):
    run_folder = RunFolder(tmp_path / "runs" / "r")
    path = written(tmp_path, map(sample, range(4)))
    first = import_logs(run_folder, "m", offered([path]), silent)
    assert (first.tasks, first.choices) == (("colors",), 4)
    folder = run_folder.generation("m").path
    before = {file.name: file.read_bytes() for file in folder.glob("*.json*")}
    assert import_logs(run_folder, "m", offered([path]), silent) == first
    assert {file.name: file.read_bytes() for file in folder.glob("*.json*")} == before
    written(tmp_path, map(sample, range(3)))
    with pytest.raises(StaleInput, match=r"samples_colors_.*recorded sha256:.*now sha256:"):
        import_logs(run_folder, "m", offered([path]), silent)


@pytest.fixture
def folders(tmp_path):
    written(tmp_path / "bf16", map(sample, range(4)))
    changed = [sample(0, values=(-3.0, -2.0, -2.5)), *map(sample, range(1, 4))]
    written(tmp_path / "int4", changed)
    return tmp_path / "bf16", tmp_path / "int4"


def test_flips_and_kl_between_two_folders_in_one_command(tmp_path, folders, capsys):
    code = run(["compare", *map(str, folders), "--runs", str(tmp_path / "runs")])
    shown = capsys.readouterr().out
    assert code in (10, 11, 12)
    assert "int4" in shown
    report = json.loads((tmp_path / "runs" / "compare" / "analysis" / "report.json").read_text())
    assert json.dumps(report).count('"right_to_wrong": 1') >= 1
    assert run(["compare", *map(str, folders), "--runs", str(tmp_path / "runs")]) == code
    config = str(tmp_path / "runs" / "compare" / "review.toml")
    assert run(["review", config, "--runs", str(tmp_path / "runs")]) == code


def test_the_report_tells_whether_candidates_flip_the_same_items(tmp_path, folders):
    again = [sample(0, values=(-3.0, -2.1, -2.5)), *map(sample, range(1, 4))]
    written(tmp_path / "again", again)
    paths = [*map(str, folders), str(tmp_path / "again")]
    labels = ["--label", "bf16", "--label", "int4", "--label", "again"]
    run(["compare", *paths, *labels, "--runs", str(tmp_path / "runs")])
    folder = tmp_path / "runs" / "compare" / "analysis"
    (overlap,) = json.loads((folder / "report.json").read_text())["overlaps"]
    assert (overlap["first"], overlap["second"], overlap["shared"], overlap["n"]) == ("int4", "again", 1, 4)
    assert "Do candidates flip the same items?" in (folder / "report.html").read_text()


def test_an_infinite_kl_is_counted_and_flips_are_measured(tmp_path, folders):
    written(folders[1], [sample(0, values=(-1.0, -2.0, -math.inf)), *map(sample, range(1, 4))])
    assert run(["compare", *map(str, folders), "--runs", str(tmp_path / "runs")]) in (0, 10, 11, 12)
    report = (tmp_path / "runs" / "compare" / "analysis" / "report.json").read_text()
    assert "infinite on 1 of 4 items, mean of the others" in report


def test_another_prompt_is_not_compared_and_the_field_is_named(tmp_path, folders):
    other = sample(0)
    other["arguments"]["gen_args_2"]["arg_0"] = "Another question?\nAnswer:"
    written(folders[1], [other, *map(sample, range(1, 4))])
    assert run(["compare", *map(str, folders), "--runs", str(tmp_path / "runs")]) == 12
    assert "prompt of item colors/0" in (tmp_path / "runs" / "compare" / "analysis" / "report.json").read_text()


def test_a_review_without_its_import_says_what_to_run(tmp_path, folders, capsys):
    runs = str(tmp_path / "runs")
    assert run(["import", "lm-eval", str(folders[0]), "--model", "bf16", "--review", "r", "--runs", runs]) == 0
    text = 'name = "r"\n[baseline]\nmodel = "a"\nlabel = "bf16"\nengine = "imported"\ncontrol = false\n'
    text += '[[candidate]]\nmodel = "b"\nlabel = "int4"\nengine = "imported"\n[[task]]\nname = "colors"\n'
    (tmp_path / "review.toml").write_text(text)
    assert run(["review", str(tmp_path / "review.toml"), "--runs", runs]) == 64
    assert "assay import lm-eval LOGS --model int4 --review r" in capsys.readouterr().err
    assert run(["import", "lm-eval", str(folders[1]), "--model", "int4", "--review", "r", "--runs", runs]) == 0
    assert run(["review", str(tmp_path / "review.toml"), "--runs", runs]) in (10, 11, 12)
