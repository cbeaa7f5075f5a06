"""Nothing unseen ships: what logs offer is compared or named in every format, and two sides are two models."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.house import HOUSE
from tests.log_folders import (
    LATER,
    STAMP,
    choice,
    damaged,
    flipped,
    lines,
    model_logs,
    pair,
    pattern,
    rolling,
)

CASES = HOUSE.parent / "shared" / "cases" / "lm_eval"
EASY = pattern("easy", 2000, 0.6)
SHIP, HOLD, INCONCLUSIVE, UNFIT, REFUSED = 0, 10, 11, 12, 64


def stable(noise=0.001):
    """A task that a candidate leaves as it is: one item in a hundred flips, as often one way as the other."""
    return {"easy": lines("easy", EASY)}, {"easy": lines("easy", flipped(EASY, 100), noise)}


def with_sums(before, after, share=0.35):
    sums = [[rolling(number, number % 100 < 100 * right) for number in range(60)] for right in (0.9, share)]
    return before | {"sums": sums[0]}, after | {"sums": sums[1]}


def test_a_task_that_is_not_read_keeps_from_ship_and_is_named_in_every_face(tmp_path, compared):
    found = compared(*pair(tmp_path, *with_sums(*stable())))
    assert found.code == UNFIT
    assert not found.unnamed("sums")
    assert "sums was found and is not compared: not multiple choice" in found.decision["sentence"]


def test_left_out_on_purpose_it_ships_and_every_face_repeats_it(tmp_path, compared):
    found = compared(*pair(tmp_path, *with_sums(*stable())), "--leave-out", "sums")
    assert found.code == SHIP
    assert not found.unnamed("sums", "leave_out")


def test_choosing_a_task_is_a_declaration_too(tmp_path, compared):
    found = compared(*pair(tmp_path, *with_sums(*stable())), "--task", "easy")
    assert found.code == SHIP
    assert not found.unnamed("sums", "--task")


def test_a_name_that_is_not_there_is_refused(tmp_path, compared):
    folders = pair(tmp_path, *stable())
    for option in ("--leave-out", "--task"):
        found = compared(*folders, option, "eas")
        assert found.code == REFUSED
        assert "there is no 'eas' in these logs" in found.error
        assert "There are easy." in found.error
    assert not (tmp_path / "runs").exists()


def test_a_hold_on_fit_evidence_stays(tmp_path, compared):
    before, after = with_sums(*stable())
    after["easy"] = lines("easy", damaged(EASY, 0.1), 0.001)
    found = compared(*pair(tmp_path, before, after))
    assert found.code == HOLD
    assert not found.unnamed("sums")


def test_a_small_task_that_lost_is_hold_beside_a_large_one_that_did_not(tmp_path, compared):
    before, after = stable()
    hard = pattern("hard", 198, 0.5)
    before["hard"], after["hard"] = lines("hard", hard), lines("hard", damaged(hard, 0.2), 0.001)
    found = compared(*pair(tmp_path, before, after))
    assert found.code == HOLD
    assert found.states == {"easy": "cleared", "hard": "HOLD"}
    assert found.decision["primary"]["estimate"]["lower_bounds"][0] < -0.02 < found.decision["upper_bound"]
    assert not found.unnamed("hard lost more than the margin: −20.2 pp [")
    screens = found.unnamed("Tasks of int4: 1 HOLD: hard −20.2 pp [−26.3, −15.2] (n 198); 1 cleared: easy.")
    assert screens == ["report.json", "report.html"]
    assert "■ HOLD −20.2 pp" in found.read("report.html")
    assert "Cleared: easy." in found.read("report.html")


def test_a_small_task_that_may_have_lost_is_open_and_named(tmp_path, compared):
    before, after = stable()
    hard = pattern("hard", 100, 0.5)
    before["hard"], after["hard"] = lines("hard", hard), lines("hard", damaged(hard, 0.03), 0.001)
    found = compared(*pair(tmp_path, before, after))
    assert found.code == SHIP
    assert found.states == {"easy": "cleared", "hard": "open"}
    assert "open: hard (losses down to −7.3 pp not excluded)" in found.decision["sentence"]
    assert not found.unnamed("hard (losses down to −7.3 pp not excluded)")
    config = (tmp_path / "runs" / "review" / "review.toml").read_text()
    (tmp_path / "review.toml").write_text(config + 'blind_spots = "inconclusive"\n')
    from assay.cli import run

    command = ["analyze", str(tmp_path / "review.toml"), "--runs", str(tmp_path / "runs"), "--amend"]
    assert run(command) == INCONCLUSIVE


def test_a_task_on_which_the_baseline_guesses_is_open_at_any_n(tmp_path, compared):
    before, after = stable()
    guesses = [number % 4 == 0 for number in range(3000)]
    ruined = [number % 4 == 1 for number in range(3000)]
    before["hard"] = lines("hard", guesses)
    after["hard"] = lines("hard", guesses, 0.001)
    found = compared(*pair(tmp_path, before, after))
    assert found.code == SHIP
    assert found.states["hard"] == "open"
    assert not found.unnamed("hard (the baseline itself, 25.0 %, is not shown to beat guessing, 25.0 %)")
    alone = compared(*pair(tmp_path / "alone", {"hard": before["hard"]}, {"hard": lines("hard", ruined)}), name="alone")
    assert alone.code == UNFIT
    assert (
        "the baseline itself is not shown to beat guessing by more than the margin on any task"
        in alone.decision["sentence"]
    )


@pytest.mark.parametrize("side", [0, 1])
def test_a_task_of_one_side_alone_is_named(tmp_path, compared, side):
    sides = stable()
    sides[side]["extra"] = lines("extra", EASY[:50])
    found = compared(*pair(tmp_path, *sides))
    assert found.code == UNFIT
    assert not found.unnamed("extra")
    assert f"{('bf16', 'int4')[side]} alone has items of it" in found.decision["sentence"]


def test_items_of_one_side_alone_are_counted_and_may_be_left_out_by_name(tmp_path, compared):
    before, after = stable()
    folders = pair(tmp_path, before, {"easy": after["easy"][:-2]})
    found = compared(*folders)
    assert found.code == UNFIT
    assert "bf16 alone has 2 of its items" in found.decision["sentence"]
    named = [argument for item in (1998, 1999) for argument in ("--leave-out", f"easy/{item}")]
    assert compared(*folders, *named, name="declared").code == SHIP
    assert compared(*folders, *named[:2], name="one").code == UNFIT


def test_lines_missing_against_the_runs_own_count_are_named(tmp_path, compared):
    before, after = stable()
    folders = pair(tmp_path, before, after)
    for folder in folders:
        path = folder / f"samples_easy_{STAMP}.jsonl"
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-3]))
    found = compared(*folders)
    assert found.code == UNFIT
    assert "3 of 2000 lines of easy are missing" in found.decision["sentence"]


@pytest.mark.parametrize("name", ["samples_gsm8k.jsonl.gz", "results_old.txt", "x.jsonl", "data.parquet", "log.eval"])
def test_a_file_that_is_named_like_evidence_blocks_and_may_be_left_out(tmp_path, compared, name):
    folders = pair(tmp_path, *stable())
    (folders[1] / "more").mkdir()
    (folders[1] / "more" / name).write_text("{}\n")
    found = compared(*folders)
    assert found.code == UNFIT
    assert not found.unnamed(f"more/{name}")
    assert compared(*folders, "--leave-out", f"more/{name}", name="declared").code == SHIP


def test_other_files_are_listed_and_block_nothing(tmp_path, compared):
    folders = pair(tmp_path, *stable())
    (folders[0] / "README.md").write_text("notes")
    found = compared(*folders)
    assert found.code == SHIP
    assert not found.unnamed("README.md")


def test_a_task_of_the_results_file_without_samples_is_named(tmp_path, compared):
    configs = {"easy": {}, "math": {}}
    folders = [
        model_logs(tmp_path / name, name, {"easy": held["easy"]}, configs=configs)
        for name, held in zip(("bf16", "int4"), stable(), strict=True)
    ]
    found = compared(*folders)
    assert found.code == UNFIT
    assert not found.unnamed("math", f"results_{STAMP}.json has it, and its samples are not there")


def test_two_models_under_one_path_are_refused_before_latest_chooses(tmp_path, compared):
    before, after = stable()
    for results in ("", "X_{}.json"):
        folder = tmp_path / f"logs{len(results)}"
        model_logs(folder, "bf16", before, results_name=results.format(STAMP))
        model_logs(folder, "int4", after, stamp=LATER, results_name=results.format(LATER))
        for more in ([], ["--latest"]):
            found = compared(folder, folder, "--label", "a", "--label", "b", *more)
            assert found.code == REFUSED
            assert "holds logs of two models: bf16" in found.error
            assert "int4 (" in found.error


def test_one_models_two_settings_are_not_two_runs_of_which_the_newest_counts(tmp_path, compared):
    before, after = stable()
    folders = pair(tmp_path, before, after)
    model_logs(folders[1], "int4", after, stamp=LATER, arguments="pretrained=int4,quantization=fp8")
    found = compared(*folders, "--latest")
    assert found.code == REFUSED
    assert "int4 with pretrained=int4 (" in found.error
    assert "quantization=fp8" in found.error


def test_an_earlier_run_that_latest_passed_over_is_named(tmp_path, compared):
    before, after = stable()
    folders = pair(tmp_path, before, after)
    model_logs(folders[1], "int4", after, stamp=LATER)
    found = compared(*folders, "--latest")
    assert found.code == SHIP
    assert not found.unnamed(f"samples_easy_{STAMP}.jsonl", "--latest")


def test_one_file_on_both_sides_is_refused(tmp_path, compared):
    (first, _) = pair(tmp_path, *stable())
    shutil.copytree(first, tmp_path / "copy")
    for second in (first, tmp_path / "copy"):
        found = compared(first, second, "--label", "a", "--label", "b")
        assert found.code == REFUSED
        assert "a and b are one model" in found.error
        assert "the same file, byte for byte" in found.error


def test_one_name_with_the_same_arguments_is_refused_unless_allowed(tmp_path, compared):
    before, after = stable()
    folders = [model_logs(tmp_path / name, "org/m", held) for name, held in (("bf16", before), ("int4", after))]
    found = compared(*folders)
    assert found.code == REFUSED
    assert "both name the model org/m with pretrained=org/m" in found.error
    found = compared(*folders, "--same-name")
    assert found.code == SHIP
    assert not found.unnamed("same_name")


def test_an_import_of_another_models_file_is_refused(tmp_path, capsys):
    from assay.cli import run

    (first, _) = pair(tmp_path, *stable())
    command = ["import", "lm-eval", str(first), "--review", "r", "--runs", str(tmp_path / "runs"), "--model"]
    assert run([*command, "bf16"]) == 0
    assert run([*command, "bf16@control"]) == 0  # the control is the declared exception
    assert run([*command, "int4"]) == REFUSED
    assert "bf16 and int4 are one model" in capsys.readouterr().err


def test_equal_log_probabilities_are_an_alarm_unless_allowed(tmp_path, compared):
    before, _ = stable()
    after = {"easy": [line | {"doc_hash": "other"} for line in before["easy"]]}
    folders = pair(tmp_path, before, after)
    found = compared(*folders)
    assert found.code == UNFIT
    assert not found.unnamed("all log-probabilities of 2000 items of easy equal the baseline's to the last bit")
    found = compared(*folders, "--identical", name="allowed")
    assert found.code == SHIP
    assert not found.unnamed("identical")


def test_equal_picks_under_other_log_probabilities_alarm_nobody(tmp_path, compared):
    found = compared(*pair(tmp_path, {"easy": lines("easy", EASY)}, {"easy": lines("easy", EASY, 0.001)}))
    assert (found.code, found.decision["blockers"]) == (SHIP, [])


@pytest.mark.parametrize(("field", "name"), [("lm_eval_version", "harness"), ("transformers_version", "library")])
def test_versions_that_are_known_and_differ_are_refused_unless_allowed(tmp_path, compared, field, name):
    before, after = stable()
    folders = [
        model_logs(tmp_path / label, label, held, **{field: version})
        for label, held, version in (("bf16", before, "0.4.9"), ("int4", after, "0.4.13"))
    ]
    found = compared(*folders)
    assert found.code == UNFIT
    told = "" if name == "harness" else "transformers "
    assert f"{name} {told}0.4.13 against the baseline's {told}0.4.9" in found.decision["sentence"]
    found = compared(*folders, "--allow-different", name, name="allowed")
    assert found.code == SHIP
    assert not [file for file in ("report.json", "report.html") if "0.4.9" not in found.files[file]]


def test_without_a_results_file_the_first_screen_says_that_no_identity_is_shown(tmp_path, compared):
    folders = pair(tmp_path, *stable())
    (folders[1] / f"results_{STAMP}.json").unlink()
    found = compared(*folders)
    assert found.code == SHIP
    assert not [file for file in found.unnamed("Identity not shown") if file not in ("report.json", "junit.xml")]
    assert [each["shown"] for each in found.report["identities"]] == [True, False]


def test_secrets_in_a_models_arguments_are_kept_nowhere(tmp_path, compared):
    before, after = stable()
    secret = "pretrained=int4,token=hf_abcdef123456,add_bos_token=True"
    folders = (
        model_logs(tmp_path / "bf16", "bf16", before),
        model_logs(tmp_path / "int4", "int4", after, arguments=secret),
    )
    assert compared(*folders).code == SHIP
    kept = [path for path in (tmp_path / "runs").rglob("*") if path.is_file() and b"hf_abcdef" in path.read_bytes()]
    assert not kept
    manifest = json.loads((tmp_path / "runs" / "review" / "generation" / "int4" / "manifest.json").read_text())
    assert manifest["origins"][0]["arguments"] == "pretrained=int4,token=***,add_bos_token=True"


def several_right(number, picked):
    """ReCoRD: two names are right, the target is the first of them alone."""
    line = choice("names", number, True, options=3)
    values = [-1.0 if place == picked else -2.0 - place for place in range(3)]
    line["filtered_resps"] = [[str(value), "False"] for value in values]
    line["target"] = line["arguments"]["gen_args_0"]["arg_1"].strip()
    del line["acc"]
    return line | {"f1": 1.0, "em": 1}


def test_a_score_of_the_log_that_contradicts_the_pick_is_never_overruled(tmp_path, compared):
    before, after = stable()
    before["names"] = [several_right(number, 0) for number in range(20)]
    after["names"] = [several_right(number, 1) for number in range(20)]
    found = compared(*pair(tmp_path, before, after))
    assert found.code == UNFIT
    assert not found.unnamed("names", "int4: the log says f1 1.0, its log-probabilities give 0.0")
    assert [task["task"] for task in found.decision["tasks"]] == ["easy"]


def test_nan_is_the_finding_and_no_broken_line(tmp_path, compared):
    before, after = stable()
    for line in after["easy"][:7]:
        line["filtered_resps"] = [["nan", "False"]] * 4
        line["acc"] = 0.0
    found = compared(*pair(tmp_path, before, after))
    assert found.code == UNFIT
    assert not found.unnamed("computes NaN on 7 of 2000 items of easy")
    assert "mend or remove" not in "".join(found.files.values()).lower()


@pytest.mark.parametrize("target", ["", "-1"])
def test_hidden_labels_leave_out_that_task_alone(tmp_path, compared, target):
    before, after = stable()
    before["hidden"] = lines("hidden", EASY[:30], target=target)
    after["hidden"] = lines("hidden", EASY[:30], 0.001, target=target)
    found = compared(*pair(tmp_path, before, after))
    assert found.code == UNFIT
    assert not found.unnamed(f"hidden labels: the target is {target!r}")
    assert found.states == {"easy": "cleared"}


def test_a_clamp_is_a_probability_of_zero_and_not_thousands_of_nats(tmp_path, compared):
    before, after = stable()
    for line in after["easy"][:5]:
        line["filtered_resps"] = [
            [value if float(value) > -2 else "-9999.0", "False"] for value, _ in line["filtered_resps"]
        ]
    found = compared(*pair(tmp_path, before, after))
    (row,) = [each for each in found.report["choices"][0]["results"] if each["scoring"] == "acc"]
    kl = dict(row["distances"])["kl_options"]
    assert kl["value"] is None
    assert "infinite on 5 of 2000 items" in kl["missing"]["text"]


def test_what_nobody_looked_at_stands_on_the_first_screen(tmp_path, compared):
    found = compared(*pair(tmp_path, *stable()))
    short = "did not look at: the quality of free text, generated answers, long context"
    assert not [file for file in found.unnamed(short) if file not in ("report.json", "junit.xml")]
    banner = found.files["report.html"].split("<main>")[0]
    assert short in banner
    assert dict(found.report["not_looked_at"])["the quality of free text"]["text"] == "no model was asked to write"


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """The folders of the shared cases."""
    folder = tmp_path_factory.mktemp("logs")
    subprocess.run([sys.executable, str(CASES / "make_logs.py"), str(folder)], check=True)
    return folder


@pytest.mark.skipif(not CASES.exists(), reason="the shared cases lie beside the project, and are not part of it")
class TestSharedCases:
    def test_mixed(self, logs, compared):
        folders = logs / "mixed" / "bf16", logs / "mixed" / "nvfp4"
        found = compared(*folders)
        assert found.code == HOLD
        assert not found.unnamed("gsm8k", "−63.0 pp")
        declared = compared(*folders, "--leave-out", "gsm8k", name="declared")
        assert (declared.code, declared.states) == (SHIP, {"arc_easy": "cleared"})
        assert not declared.unnamed("gsm8k")

    def test_small_task(self, logs, compared):
        found = compared(logs / "small_task" / "bf16", logs / "small_task" / "int4")
        assert found.code == HOLD
        assert not found.unnamed("gpqa_like", "−19.2 pp [−25.2, −14.3]")

    @pytest.mark.parametrize("more", [[], ["--latest"]])
    def test_one_folder(self, logs, compared, more):
        found = compared(logs / "one_folder", logs / "one_folder", "--label", "a", "--label", "b", *more)
        assert found.code == REFUSED
        assert "bf16" in found.error
        assert "int4" in found.error

    def test_record(self, compared):
        found = compared(CASES / "r1_record" / "base", CASES / "r1_record" / "small")
        assert found.code == REFUSED
        assert "the log says f1 1.0, its log-probabilities give 0.0" in found.error
