"""What a stranger tried: folders, groups, scores and declarations in which a loss could hide."""

import json

import pytest

from assay.cli import run
from ledger.origins import MOST_LISTED, other_files
from tests.log_folders import LATER, STAMP, choice, damaged, flipped, lines, model_logs, pair, pattern

EASY = pattern("easy", 1500, 0.6)
SHIP, HOLD, UNFIT, REFUSED = 0, 10, 12, 64


def stable(noise=0.001):
    return {"easy": lines("easy", EASY)}, {"easy": lines("easy", flipped(EASY, 100), noise)}


def grouped(folder, scored, hard_lost=0.25):
    """Two benchmarks under one name: a large one that is stable, and a small one that lost."""
    hard = pattern("hard", 200, 0.6)
    before, after = stable()
    before["hard"], after["hard"] = lines("hard", hard), lines("hard", damaged(hard, hard_lost), 0.001)
    found = []
    for name, tasks in (("bf16", before), ("int4", after)):
        scores = {task: {"acc,none": sum(line["acc"] for line in held) / len(held)} for task, held in tasks.items()}
        right = [line["acc"] for held in tasks.values() for line in held]
        scores["many"] = {"acc,none": sum(right) / len(right)} if scored else {}
        more = {"group_subtasks": {"many": ["easy", "hard"]}, "results": scores}
        found.append(model_logs(folder / name, name, tasks, **more))
    return found


def test_an_umbrella_without_a_score_of_its_own_is_not_one_task(tmp_path, compared):
    found = compared(*grouped(tmp_path, scored=False))
    assert (found.code, found.states) == (HOLD, {"easy": "cleared", "hard": "HOLD"})


def test_a_part_of_a_scored_group_that_lost_is_named(tmp_path, compared):
    found = compared(*grouped(tmp_path, scored=True, hard_lost=0.12))
    assert found.states.keys() == {"many"}
    assert not [file for file in found.unnamed("Parts of tasks that lost: hard −12.0 pp") if file != "report.json"]
    milder = compared(*grouped(tmp_path / "milder", scored=True, hard_lost=0.03), name="milder")
    assert not [file for file in milder.unnamed("Lowest parts: hard −3.0 pp") if file != "report.json"]
    assert [part for part, _ in found.decision["tasks"][0]["lost_parts"]] == ["hard"]


def test_a_group_may_be_left_out_by_any_of_its_names(tmp_path, compared):
    folders = grouped(tmp_path, scored=False)
    found = compared(*folders, "--leave-out", "hard")
    assert (found.code, found.states) == (SHIP, {"easy": "cleared"})
    assert compared(*folders, "--leave-out", "many", name="none").code == REFUSED


def test_a_loss_by_acc_norm_alone_is_a_loss(tmp_path, compared):
    """Every pick by acc stays; per character a long wrong option wins on one item of four."""

    def made(lost, noise):
        for number in range(400):
            line = choice("long", number, True) | {"target": "0", "acc": 1.0}
            for place, text in enumerate(("g" * 20, "w" * 100, "x", "y")):
                line["arguments"][f"gen_args_{place}"]["arg_1"] = f" {text}"
            tempted = lost and number % 4 == 0
            values = [-1.0 - noise, -1.2 if tempted else -30.0, -5.0, -5.0]
            line["filtered_resps"] = [[str(value), "False"] for value in values]
            yield line | {"acc_norm": float(not tempted)}

    found = compared(*pair(tmp_path, {"long": list(made(False, 0))}, {"long": list(made(True, 0.001))}))
    (task,) = found.decision["tasks"]
    assert (found.code, task["state"], task["scoring"]) == (HOLD, "HOLD", "acc_norm")
    assert not found.unnamed("long lost more than the margin by acc_norm: −25.0 pp")


@pytest.mark.parametrize("score", ["acc_bytes", "acc_norm", "em"])
def test_a_logged_score_of_another_pick_is_checked_too(tmp_path, compared, score):
    before, after = stable()
    for line in after["easy"]:
        line[score] = 1.0 - line["acc"]
    found = compared(*pair(tmp_path, before, after))
    assert found.code == REFUSED  # the candidate has no other task
    assert f"the log says {score}" in found.error


def test_a_fractional_score_is_named_as_not_compared(tmp_path, compared):
    before, after = stable()
    for side, value in ((before, 0.9), (after, 0.1)):
        for line in side["easy"]:
            line["f1"] = value
    found = compared(*pair(tmp_path, before, after))
    assert not found.unnamed("f1 of easy", "bf16: mean 0.9 of 1500 items; int4: mean 0.1 of 1500 items")


@pytest.mark.parametrize("score", ["brier_score", "inst_score", "acc_mutual_info", "mcc"])
def test_no_score_of_a_log_is_in_no_face(tmp_path, compared, score):
    before, after = stable()
    for side, value in ((before, 1.0), (after, 0.0)):
        for line in side["easy"]:
            line[score] = [1, value] if score in ("inst_score", "mcc") else value
    found = compared(*pair(tmp_path, before, after))
    assert not found.unnamed(f"{score} of easy")


def test_a_results_file_of_another_run_is_found_out(tmp_path, compared):
    before, after = stable()
    folders = pair(tmp_path, before, after)
    model_logs(folders[1], "int4", after, results={"easy": {"acc,none": 0.31}})
    found = compared(*folders)
    assert found.code == UNFIT
    assert not found.unnamed("its results file says acc,none 0.3100, its samples give")


def test_a_byte_order_mark_is_no_broken_line_and_a_resource_fork_no_log(tmp_path, compared):
    folders = pair(tmp_path, *stable())
    path = folders[1] / f"samples_easy_{STAMP}.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (folders[1] / f"._samples_easy_{STAMP}.jsonl").write_bytes(b"\x00\x05")
    assert compared(*folders).code == SHIP


def test_links_are_followed_and_dead_ones_are_named(tmp_path, compared):
    folders = pair(tmp_path, *stable())
    hard = pattern("hard", 200, 0.6)
    for folder, rights in zip(folders, (hard, damaged(hard, 0.3)), strict=True):
        away = model_logs(
            tmp_path / "away" / folder.name, folder.name, {"hard": lines("hard", rights, 0.001 * len(folder.name))}
        )
        (folder / "linked").symlink_to(away)
        (folder / "again").symlink_to(folder)  # a circle ends
    found = compared(*folders)
    assert (found.code, found.states["hard"]) == (HOLD, "HOLD")
    (folders[1] / "linked").unlink()
    (folders[0] / "linked").unlink()
    (folders[1] / f"samples_gone_{STAMP}.jsonl").symlink_to(tmp_path / "nowhere")
    (folders[1] / f"samples_folder_{STAMP}.jsonl").mkdir()
    found = compared(*folders, name="dead")
    assert found.code == UNFIT
    assert not found.unnamed(f"samples_gone_{STAMP}.jsonl", f"samples_folder_{STAMP}.jsonl")


def test_two_settings_of_one_model_under_one_path_are_two_models_also_for_other_tasks(tmp_path, compared):
    before, after = stable()
    folders = pair(tmp_path, before, after)
    extra = {"hard": lines("hard", EASY[:50])}
    model_logs(folders[1], "int4", extra, stamp=LATER, arguments="pretrained=int4,quantization=fp8")
    found = compared(*folders)
    assert found.code == REFUSED
    assert "int4 with pretrained=int4,quantization=fp8" in found.error
    model_logs(folders[1], "int4", extra, stamp=LATER, arguments="pretrained=int4,max_model_len=4096,seed=2")
    model_logs(folders[0], "bf16", {"hard": lines("hard", EASY[:50], 0.002)}, stamp=LATER)
    assert compared(*folders, name="tuned").code == SHIP


@pytest.mark.parametrize(
    "arguments",
    [
        ("pretrained=m/x,dtype=auto", "dtype=auto,pretrained=m/x"),
        ("pretrained=m/x", "pretrained=m/x/"),
        ("pretrained=m/x", {"pretrained": "m/x"}),
        ("pretrained=m/x ", "pretrained=m/x,gpu_memory_utilization=0.5"),
        ("pretrained=./m/x", "pretrained=m//x,dtype=auto,trust_remote_code=True"),
    ],
)
def test_arguments_in_another_order_or_dress_are_the_same(tmp_path, compared, arguments):
    folders = [
        model_logs(tmp_path / name, "m/x", held, arguments=said)
        for name, held, said in zip(("bf16", "int4"), stable(), arguments, strict=True)
    ]
    found = compared(*folders)
    assert found.code == REFUSED
    assert "bf16 and int4 are one model: both name the model m/x" in found.error


def test_models_of_one_name_show_what_tells_them_apart(tmp_path, compared):
    before, after = stable()
    folders = (
        model_logs(tmp_path / "bf16", "m/x", before, arguments="pretrained=m/x"),
        model_logs(tmp_path / "int4", "m/x", after, arguments="pretrained=m/x,quantization=fp8"),
    )
    found = compared(*folders)
    assert found.code == SHIP
    arguments = "bf16: pretrained=m/x; int4: pretrained=m/x,quantization=fp8"
    told = f"Told apart by their arguments alone, all named m/x: {arguments}"
    assert not [file for file in found.unnamed(told) if file != "report.json"]


def test_a_group_below_the_top_may_be_left_out_by_its_name(tmp_path, compared):
    before, after = stable()
    hard = pattern("hard", 200, 0.6)
    before["hard"], after["hard"] = lines("hard", hard), lines("hard", damaged(hard, 0.3), 0.001)
    groups = {"group_subtasks": {"top": ["below"], "below": ["hard"]}}
    sides = zip(("bf16", "int4"), (before, after), strict=True)
    folders = [model_logs(tmp_path / name, name, held, **groups) for name, held in sides]
    found = compared(*folders, "--leave-out", "below")
    assert found.code == SHIP
    assert not found.unnamed("hard", "leave_out")


def test_one_whole_task_that_is_equal_is_an_alarm_and_many_equal_items_are_told(tmp_path, compared):
    before, after = stable()
    before["cached"] = lines("cached", EASY[:100])
    after["cached"] = [line | {"doc": {"other": True}} | {"doc": line["doc"]} for line in before["cached"]]
    after["cached"][0] = after["cached"][0] | {"note": "another file"}
    found = compared(*pair(tmp_path, before, after))
    assert found.code == UNFIT
    assert not found.unnamed("all log-probabilities of 100 items of cached equal the baseline's to the last bit")
    after["cached"][0] = choice("cached", 0, EASY[0], 0.001)
    found = compared(*pair(tmp_path / "most", before, after), name="most")
    assert found.code == SHIP
    told = "Log-probabilities equal to the last bit: 99 of 100 items of cached (int4)"
    assert not [file for file in found.unnamed(told) if file != "report.json"]


def test_what_is_declared_after_the_import_needs_amend(tmp_path, capsys):
    before, after = stable()
    hard = pattern("hard", 300, 0.6)
    before["hard"], after["hard"] = lines("hard", hard), lines("hard", damaged(hard, 0.2), 0.001)
    folders = pair(tmp_path, before, after)
    runs = ["--review", "r", "--runs", str(tmp_path / "runs")]
    for folder in folders:
        assert run(["import", "lm-eval", str(folder), "--model", folder.name, *runs]) == 0
    capsys.readouterr()
    late = ["import", "lm-eval", str(folders[1]), "--model", "int4", *runs, "--task", "easy"]
    assert run(late) == REFUSED
    assert "--amend" in capsys.readouterr().err
    assert run([*late, "--amend"]) == 0


def test_a_file_named_by_itself_leaves_its_neighbors_out_by_the_users_word(tmp_path, compared):
    before, after = stable()
    before["hard"], after["hard"] = lines("hard", EASY[:60]), lines("hard", EASY[:60], 0.001)
    folders = pair(tmp_path, before, after)
    files = [folder / f"samples_easy_{STAMP}.jsonl" for folder in folders]
    found = compared(*files)
    assert found.code == SHIP
    assert not found.unnamed("hard", "naming a file")


def test_a_task_that_stands_under_results_alone_is_found(tmp_path, compared):
    folders = [
        model_logs(
            tmp_path / name, name, held, results={"easy": {"acc,none": 0.6}, "gsm8k": {"exact_match,strict": 0.4}}
        )
        for name, held in zip(("bf16", "int4"), stable(), strict=True)
    ]
    found = compared(*folders)
    assert found.code == UNFIT
    assert not found.unnamed("gsm8k")


def test_a_baseline_that_always_picks_one_place_guesses(tmp_path, compared):
    rights = [number % 3 != 0 for number in range(1500)]  # two options, gold in the first place two times of three

    def first(noise):
        made = []
        for number, right in enumerate(rights):
            line = choice("places", number, True, options=2)
            line["filtered_resps"] = [[str(-1.0 - noise), "False"], [str(-2.0 + noise), "False"]]
            made.append(line | {"target": str(int(not right)), "acc": float(right)})
        return made

    before, after = stable()
    found = compared(*pair(tmp_path, before | {"places": first(0)}, after | {"places": first(0.001)}))
    assert found.states == {"easy": "cleared", "places": "open"}
    assert not found.unnamed("places (the baseline itself, 66.7 %, is not shown to beat guessing, 66.7 %)")


def test_an_item_left_out_by_name_is_repeated_by_name(tmp_path, compared):
    found = compared(*pair(tmp_path, *stable()), "--leave-out", "easy/7")
    assert found.code == SHIP
    assert not found.unnamed("easy/7")
    assert found.report["items"] == 1499


def test_a_candidate_that_was_dropped_is_named(tmp_path, compared):
    folders = pair(tmp_path, *stable())
    other = model_logs(tmp_path / "int8", "int8", {"easy": lines("easy", damaged(EASY, 0.2), 0.002)})
    assert compared(*folders, other).code == HOLD
    found = compared(*folders, "--amend")
    assert found.code == SHIP
    assert not found.unnamed("records of int8")


def test_another_filters_lines_are_named(tmp_path, compared):
    before, after = stable()
    for side in (before, after):
        side["easy"] += [line | {"filter": "other", "acc": 1 - line["acc"]} for line in side["easy"]]
    counts = {"easy": {"effective": len(EASY)}}
    sides = zip(("bf16", "int4"), (before, after), strict=True)
    folders = [model_logs(tmp_path / name, name, held, **{"n-samples": counts}) for name, held in sides]
    found = compared(*folders, "--filter", "none")
    assert found.code == SHIP
    assert not found.unnamed("lines of the filter 'other' were not chosen", "--filter")


def test_what_may_differ_is_repeated_with_both_versions(tmp_path, compared):
    folders = [
        model_logs(tmp_path / name, name, held, lm_eval_version=version)
        for name, held, version in zip(("bf16", "int4"), stable(), ("0.4.9", "0.4.13"), strict=True)
    ]
    found = compared(*folders, "--allow-different", "harness")
    told = "Allowed by the config to differ between the models: harness (bf16 0.4.9; int4 0.4.13)"
    assert not [file for file in found.unnamed(told) if file != "report.json"]


def test_a_model_card_says_what_was_left_out(tmp_path, compared):
    compared(*pair(tmp_path, *stable()), "--leave-out", "easy/7")
    (card,) = (tmp_path / "runs" / "review" / "analysis" / "model-cards").glob("*.yaml")
    assert "easy/7" in card.read_text()


def test_two_models_that_generate_the_same_few_texts_are_two(tmp_path, compared):
    from tests.log_folders import generated

    before, after = stable()
    for side in (before, after):
        side["sums"] = [generated(number, True) for number in range(5)]
    found = compared(*pair(tmp_path, before, after), "--leave-out", "sums")
    assert found.code == SHIP


@pytest.mark.parametrize("target", ["None", "-100"])
def test_other_spellings_of_no_label_leave_that_task_out(tmp_path, compared, target):
    before, after = stable()
    before["hidden"] = lines("hidden", EASY[:30], target=target)
    after["hidden"] = lines("hidden", EASY[:30], 0.001, target=target)
    assert compared(*pair(tmp_path, before, after)).code == UNFIT


def test_nothing_that_has_a_probability_is_not_called_nan(tmp_path, compared):
    before, after = stable()
    for line in after["easy"][:3]:
        line["filtered_resps"] = [["-inf", "False"]] * 4
    found = compared(*pair(tmp_path, before, after))
    assert found.code == UNFIT
    assert not found.unnamed("gives no option a probability on 3 of 1500 items of easy")


def test_reports_read_by_programs_keep_the_names(tmp_path, compared):
    found = compared(*pair(tmp_path, *stable()), "--leave-out", "easy/7")
    assert json.loads(found.files["report.json"])["leave_out"] == ["easy/7"]


def test_other_files_beyond_the_room_are_counted():
    names = [f"note-{number:02}.txt" for number in range(MOST_LISTED + 3)]
    assert [each.name for each in other_files(names)] == [*names[:MOST_LISTED], "3 more files"]
    assert [each.name for each in other_files(names[:MOST_LISTED])] == names[:MOST_LISTED]
