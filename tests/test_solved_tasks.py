"""Solved tasks from logs of lm-evaluation-harness: read, compared, gated beside choices; what nobody read is told."""

import math

import pytest

from tests.log_folders import damaged, lines, model_logs, pattern

SETTINGS = {"until": ["Question:"], "do_sample": False, "temperature": 0.0}


def solved(task, number, rights, settings=SETTINGS, text=None, **more):
    """One line per filter: `rights` maps filters to whether the score is 1 (or to a grade)."""
    for name, right in rights.items():
        reply = text if text is not None else f"The answer is {number if right else number + 1}."
        yield {
            "doc_id": number,
            "doc": {"question": f"{task} {number}"},
            "target": str(number),
            "arguments": {"gen_args_0": {"arg_0": f"Question: {task} {number}\nAnswer:", "arg_1": settings}},
            "resps": [[reply]],
            "filtered_resps": [str(number) if right else "[invalid]"],
            "filter": name,
            "metrics": ["exact_match"],
            "exact_match": float(right),
        } | more


def answers(task, rights, filters=("strict", "flexible"), **more):
    """All lines of a task, filter after filter, as the harness writes them."""
    rows = [list(solved(task, n, dict.fromkeys(filters, right), **more)) for n, right in enumerate(rights)]
    return [row[place] for place in range(len(filters)) for row in rows]


def sides(tmp_path, before, after, **more):
    return [model_logs(tmp_path / name, name, tasks, **more) for name, tasks in (("bf16", before), ("int4", after))]


def rows_of(found, kind="solved"):
    return {(row["scope"]["task"], row["scoring"]): row for row in found.report["choices"][0][kind]}


def test_a_solved_task_alone_is_read_and_decided(compared, tmp_path):
    right = pattern("gsm8k", 1300, 0.6)
    sound = [not each if place % 130 == 0 else each for place, each in enumerate(right)]
    logs = sides(tmp_path, {"gsm8k": answers("gsm8k", right)}, {"gsm8k": answers("gsm8k", sound)})
    found = compared(*logs)
    assert (found.code, found.states) == (0, {"gsm8k": "cleared"})
    row = rows_of(found)["gsm8k", "exact_match,strict"]
    assert (row["transitions"]["right_to_wrong"] + row["transitions"]["wrong_to_right"], row["n"]) == (10, 1300)
    assert row["flips"]["value"] == pytest.approx(10 / 1300)
    assert "generated answers" not in {area for area, _ in found.report["not_looked_at"]}
    assert "multiple choice" in {area for area, _ in found.report["not_looked_at"]}
    assert not found.unnamed("gsm8k")


def test_choices_and_solutions_decide_together(compared, tmp_path):
    picks, sums = pattern("arc", 2000), pattern("gsm8k", 400)
    before = {"arc": lines("arc", picks), "gsm8k": answers("gsm8k", sums)}
    after = {"arc": lines("arc", picks, 0.001), "gsm8k": answers("gsm8k", damaged(sums, 0.1))}
    found = compared(*sides(tmp_path, before, after))
    assert (found.code, found.states) == (10, {"arc": "cleared", "gsm8k": "HOLD"})
    assert found.decision["primary"]["estimate"]["n"] == 2400
    assert found.decision["primary"]["estimate"]["value"] == pytest.approx(-40 / 2400)
    pool = found.report["choices"][0]["pool"]
    assert (pool["transitions"]["right_to_wrong"], pool["flips"]["n"]) == (40, 2400)
    assert {tests["benchmarks"] for tests in found.report["choices"][0]["losses"]} == {2}
    assert "gsm8k lost more than the margin by exact_match,strict" in found.decision["sentence"]


def test_a_loss_under_any_filter_holds_and_is_named_by_it(compared, tmp_path):
    right = pattern("gsm8k", 400, 0.7)
    lost = answers("gsm8k", right, ("strict",)) + answers("gsm8k", damaged(right, 0.2), ("flexible",))
    found = compared(*sides(tmp_path, {"gsm8k": answers("gsm8k", right)}, {"gsm8k": lost}))
    assert (found.code, found.decision["tasks"][0]["scoring"]) == (10, "exact_match,flexible")
    assert "gsm8k lost more than the margin by exact_match,flexible" in found.decision["sentence"]
    assert found.decision["primary"]["estimate"]["value"] == 0  # the first filter decides the pool


def test_a_loss_of_answers_that_nobody_read_is_told_as_such(compared, tmp_path):
    right = pattern("gsm8k", 400, 0.7)
    found = compared(
        *sides(tmp_path, {"gsm8k": answers("gsm8k", right)}, {"gsm8k": answers("gsm8k", damaged(right, 0.1))})
    )
    row = rows_of(found)["gsm8k", "exact_match,strict"]
    assert (row["failures"]["answers"], row["failures"]["unparsed"]) == (40, 40)
    assert "of 40 new failures 40 hold no answer that could be read" in found.decision["sentence"]
    wrong = right.count(False)
    assert (row["unread_baseline"]["unparsed"], row["unread"]["unparsed"]) == (wrong, wrong + 40)


@pytest.mark.parametrize(
    ("text", "kind"), [("", "empty"), ("<think>so far", "thoughts"), ("<think>all of it</think>", "thoughts")]
)
def test_texts_without_an_answer_are_counted_by_why(compared, tmp_path, text, kind):
    right = pattern("gsm8k", 200, 0.7)
    silent = [each for n in range(200) for each in solved("gsm8k", n, {"none": False}, text=text)]
    found = compared(*sides(tmp_path, {"gsm8k": answers("gsm8k", right, ("none",))}, {"gsm8k": silent}))
    unread = rows_of(found)["gsm8k", "exact_match"]["unread"]
    assert (unread["answers"], unread[kind]) == (200, 200)


def test_filters_that_disagree_much_are_told(compared, tmp_path):
    strict, flexible = pattern("strict", 300, 0.25), pattern("flexible", 300, 0.6)
    rows = answers("gsm8k", strict, ("strict",)) + answers("gsm8k", flexible, ("flexible",))
    found = compared(*sides(tmp_path, {"gsm8k": rows}, {"gsm8k": rows[:]}), "--identical", "--same-name")
    (note, _) = [each for each in found.report["notes"] if each["kind"] == "filters_disagree"]
    assert (note["subject"], note["names"]["low"], note["names"]["high"]) == ("gsm8k", "strict", "flexible")
    said = "The filter decides exact_match of gsm8k: bf16 scores"
    assert set(found.unnamed(said)) <= {"report.md", "junit.xml", "report.json"}


def test_flips_of_one_drawn_answer_are_not_shown_alone(compared, tmp_path):
    """Two draws of one model differ as well: nothing here says how much."""
    right, drawn = pattern("gsm8k", 600, 0.6), {"until": ["\n"], "do_sample": True, "temperature": 0.7}
    other = [not each if place % 10 == 0 else each for place, each in enumerate(right)]
    found = compared(
        *sides(
            tmp_path,
            {"gsm8k": answers("gsm8k", right, ("none",), settings=drawn)},
            {"gsm8k": answers("gsm8k", other, ("none",), settings=drawn)},
        )
    )
    row = rows_of(found)["gsm8k", "exact_match"]
    assert (row["sampled"], row["flips"]["value"], row["flips"]["missing"]["kind"]) == (True, None, "sampled_once")
    assert found.report["choices"][0]["pool"]["flips"]["value"] is None
    assert row["accuracy_change"]["value"] is not None
    assert "60 (" not in found.read("report.md")


def test_grades_are_compared_by_their_means(compared, tmp_path):
    grades = [(n % 5) / 4 for n in range(500)]
    made = [
        [each for n, grade in enumerate(grades) for each in solved("f", n, {"none": max(0.0, grade - lost)})]
        for lost in (0, 0.25)
    ]
    found = compared(*sides(tmp_path, {"f": made[0]}, {"f": made[1]}))
    row = rows_of(found)["f", "exact_match"]
    assert row["transitions"] is None
    assert row["accuracy_change"]["value"] == pytest.approx(-0.2)
    assert row["flips"]["missing"]["kind"] == "not_one_outcome"
    assert (found.code, found.states) == (10, {"f": "HOLD"})


def test_what_is_no_score_is_listed_and_a_task_without_one_blocks(compared, tmp_path):
    right = pattern("t", 300, 0.7)
    rows = answers("t", right, ("none",), bleu=31.5, wer=0.3, metrics=["exact_match", "bleu", "wer"])
    better = {"higher_is_better": {"t": {"exact_match": True, "bleu": True, "wer": False}}}
    found = compared(*sides(tmp_path / "a", {"t": rows}, {"t": rows}, **better), "--identical", "--same-name")
    named = {each["name"] for each in found.report["unseen"] if each["kind"] == "score"}
    assert (found.code, named) == (0, {"bleu of t", "wer of t"})
    bare = answers("u", right, ("none",), bleu=31.5, metrics=["bleu"])
    both = {"t": rows, "u": bare}
    found = compared(*sides(tmp_path / "b", both, both), "--identical", "--same-name", name="second")
    assert found.code == 12
    assert "u was found and is not compared: it has no score from 0 to 1" in found.decision["sentence"]


def test_items_whose_score_is_no_number_are_named(compared, tmp_path):
    right = pattern("t", 300, 0.7)
    rows = answers("t", right, ("none",))
    broken = [{**each, "exact_match": math.nan} if each["doc_id"] < 3 else each for each in rows]
    found = compared(*sides(tmp_path, {"t": rows}, {"t": broken}))
    assert found.code == 12
    assert "no score from 0 to 1 on 3 of 300 items of t" in found.decision["sentence"]


def test_another_limit_of_tokens_is_another_prompt(compared, tmp_path):
    right = pattern("t", 300, 0.7)
    short, long = ({"until": ["\n"], "max_gen_toks": tokens} for tokens in (64, 1024))
    found = compared(
        *sides(
            tmp_path,
            {"t": answers("t", right, ("none",), settings=long)},
            {"t": answers("t", right, ("none",), settings=short)},
        )
    )
    assert found.code == 12
    assert '"max_gen_toks": 64' in found.decision["sentence"].replace("\\", "")


def test_a_results_file_of_another_run_is_found_out(compared, tmp_path):
    right = pattern("t", 300, 0.7)
    rows = answers("t", right, ("none",))
    said = {"results": {"t": {"exact_match,none": 0.9}}}
    found = compared(*sides(tmp_path, {"t": rows}, {"t": rows}, **said), "--identical", "--same-name")
    assert found.code == 12
    assert "its results file says exact_match,none 0.9000" in found.decision["sentence"]


def test_the_same_texts_throughout_are_one_model(compared, tmp_path):
    right, text = pattern("t", 300, 0.7), "Let us think. " * 3
    rows = answers("t", right, ("none",), text=text)
    found = compared(*sides(tmp_path, {"t": rows}, {"t": [*rows, *[]]}), "--same-name")
    assert found.code == 64 or "all 300 answers to t equal the baseline's" in found.decision["sentence"]


def test_a_task_that_one_side_alone_solved_blocks(compared, tmp_path):
    right = pattern("t", 300, 0.7)
    both = {"t": answers("t", right, ("none",))}
    found = compared(*sides(tmp_path, both, {**both, "u": answers("u", right, ("none",))}), "--identical")
    assert found.code == 12
    assert any("one_side_has_task" in str(each) for each in found.report["unseen"])


def test_a_task_without_a_score_in_common_is_named_and_blocks(compared, tmp_path):
    right = pattern("sums", 300, 0.7)
    picks = pattern("arc", 2000)
    before = {"arc": lines("arc", picks), "sums": answers("sums", right, ("strict",))}
    after = {"arc": lines("arc", picks, 0.001), "sums": answers("sums", damaged(right, 0.5), ("other",))}
    found = compared(*sides(tmp_path, before, after))
    assert found.code == 12
    assert "sums was found and is not compared: int4 has scores by exact_match,other" in found.decision["sentence"]


def test_one_declared_score_decides_and_the_others_guard_nothing(compared, tmp_path):
    right = pattern("gsm8k", 400, 0.7)
    lost = answers("gsm8k", damaged(right, 0.2), ("strict",)) + answers("gsm8k", right, ("flexible",))
    logs = sides(tmp_path, {"gsm8k": answers("gsm8k", right)}, {"gsm8k": lost})
    assert compared(*logs).code == 10
    declared = compared(*logs, "--filter", "gsm8k=flexible", "--identical", name="declared")
    assert (declared.code, declared.decision["tasks"][0]["scoring"]) == (0, "exact_match,flexible")


def test_a_task_of_one_graded_item_is_open_and_named(compared, tmp_path):
    """One item has no interval and no test: it must not vanish from the tasks."""
    picks = pattern("arc", 2000)
    one = [list(solved("essay", 0, {"none": grade}, text=f"An essay of {grade}.")) for grade in (0.9, 0.1)]
    before = {"arc": lines("arc", picks), "essay": one[0]}
    after = {"arc": lines("arc", picks, 0.001), "essay": one[1]}
    found = compared(*sides(tmp_path, before, after), "--proves", "essay")
    assert (found.code, found.states) == (11, {"arc": "cleared", "essay": "open"})
    assert "essay must be cleared and is not" in found.decision["sentence"]


def test_items_without_a_number_by_one_score_do_not_go_without_a_word(compared, tmp_path):
    """By the other filter they have one, so that they are no lost items: but by this one a mean would hide them."""
    right = pattern("g", 400, 0.7)
    rows = answers("g", right)
    broken = [
        {**each, "exact_match": math.nan} if each["filter"] == "strict" and each["doc_id"] < 60 else each
        for each in rows
    ]
    found = compared(*sides(tmp_path, {"g": rows}, {"g": broken}), "--identical")
    assert found.code == 12
    assert "int4 has no exact_match,strict on 60 items" in found.decision["sentence"]


@pytest.mark.parametrize("text", ["", "x"])
def test_equal_texts_are_no_proof_that_nothing_was_lost(compared, tmp_path, text):
    """Redacted or short texts: the scores differ, and that is what was measured."""
    right = pattern("g", 400, 0.7)
    before = [each for n, ok in enumerate(right) for each in solved("g", n, {"none": ok}, text=text)]
    after = [each for n, ok in enumerate(damaged(right, 0.03)) for each in solved("g", n, {"none": ok}, text=text)]
    found = compared(*sides(tmp_path, {"g": before}, {"g": after}), "--limit", "flips=0.01")
    assert found.code in (10, 12)
    assert "identical byte for byte" not in found.decision["sentence"]
    if text:
        (blocker,) = [each for each in found.decision["blockers"] if each["kind"] == "equal_texts_scored_apart"]
        assert blocker["numbers"]["answers"] == 12


def test_all_flips_of_one_drawn_answer_gate_nothing(compared, tmp_path):
    right, drawn = pattern("g", 600, 0.6), {"until": ["\n"], "do_sample": True, "temperature": 0.7}
    other = [not each if place % 3 == 0 else each for place, each in enumerate(right)]
    logs = sides(
        tmp_path,
        {"g": answers("g", right, ("none",), settings=drawn)},
        {"g": answers("g", other, ("none",), settings=drawn)},
    )
    for limit in ("all_flips=0.1", "g.all_flips=0.1", "flips=0.1"):
        found = compared(*logs, "--limit", limit, name=limit.partition("=")[0].replace(".", "-"))
        assert not any("lies over" in each["text"] for each in found.decision["causes"]), limit
    assert "right→wrong" not in found.read("report.html").split("flips_by_direction")[-1][:200]


def test_other_temperatures_and_token_limits_block(compared, tmp_path):
    right = pattern("g", 400, 0.7)
    rows = [answers("g", right, ("none",), prompt_hash="p") for _ in range(2)]
    capped = [
        model_logs(tmp_path / name, name, {"g": made}, arguments=f"pretrained={name}{more}")
        for name, made, more in (("bf16", rows[0], ""), ("int4", rows[1], ",max_gen_toks=32"))
    ]
    found = compared(*capped, "--identical")
    assert found.code == 12
    assert "int4 was run with max_gen_toks 32, the baseline with none" in found.decision["sentence"]


def test_a_metric_whose_name_says_that_less_is_better_clears_nothing(compared, tmp_path):
    right = pattern("g", 400, 0.7)
    before = [{**each, "wer": 0.1, "metrics": ["exact_match", "wer"]} for each in answers("g", right, ("none",))]
    after = [{**each, "wer": 0.9} for each in before]
    found = compared(*sides(tmp_path, {"g": before}, {"g": after}), "--identical")
    assert {each["name"] for each in found.report["unseen"] if each["kind"] == "score"} == {"wer of g"}
    assert [row["scoring"] for row in found.report["choices"][0]["solved"]] == ["exact_match"]


def test_a_few_equal_short_texts_prove_nothing(compared, tmp_path):
    """Three answers "#### 1" of both: the bound decides, as it does for other texts."""
    rows = [each for n in range(3) for each in solved("g", n, {"none": n < 2}, text="#### 1")]
    found = compared(*sides(tmp_path, {"g": rows}, {"g": rows[:]}), "--same-name", "--identical")
    assert found.code == 11
    assert "identical byte for byte" not in found.decision["sentence"]


@pytest.mark.parametrize(("text", "taken"), [("", "5"), ("So it is.", "[invalid]")])
def test_a_score_of_an_answer_that_nobody_read_blocks(compared, tmp_path, text, taken):
    right = pattern("g", 400, 0.7)
    after = [
        {**each, "resps": [[text]], "filtered_resps": [taken]} if n < 5 else each
        for n, each in enumerate(answers("g", [True] * 5 + right[5:], ("none",)))
    ]
    found = compared(*sides(tmp_path, {"g": answers("g", right, ("none",))}, {"g": after}))
    assert found.code == 12
    assert "int4 scores 5 answers that are empty or have nothing extracted: g/0, g/1, g/2" in found.decision["sentence"]


def test_many_unread_answers_are_told_where_nothing_was_lost(compared, tmp_path):
    wrong = [each for n in range(300) for each in solved("g", n, {"none": n % 2}, text="" if n % 2 == 0 else None)]
    found = compared(*sides(tmp_path, {"g": wrong}, {"g": wrong[:]}), "--same-name", "--identical")
    said = "Of 300 answers of int4 to g 150 are empty, 150 hold no answer that could be read."
    assert set(found.unnamed(said)) <= {"junit.xml", "report.json"}


def test_a_task_that_one_side_picked_and_the_other_wrote_is_named(compared, tmp_path):
    picks, right = pattern("arc", 600), pattern("x", 300)
    before = {"arc": lines("arc", picks), "x": lines("x", right)}
    after = {"arc": lines("arc", picks, 0.001), "x": answers("x", right, ("none",))}
    found = compared(*sides(tmp_path, before, after))
    assert found.code == 12
    assert "x was found and is not compared: bf16 picked its answers, int4 wrote them" in found.decision["sentence"]
    assert ("bf16", "solutions", "task x") not in {
        (row["model"], row["kind"], row["scope"]) for row in found.report["coverage"]
    }
    assert "planned choices were made by any model" not in found.files["report.md"]


def test_drawn_answers_that_are_copies_count_once(compared, tmp_path):
    """Two runs under one seed: their agreement with themselves would make plain sampling look like damage."""
    drawn = {"until": ["\n"], "do_sample": True, "temperature": 0.7}
    for name, share in (("bf16", 0.1), ("int4", 0.9)):
        right = pattern(f"g{share}", 200, 0.6)
        rows = answers("g", right, ("none",), settings=drawn)
        for stamp in ("2026-11-23T22-44-26.754601", "2026-11-24T22-44-26.754601"):
            model_logs(tmp_path / name, name, {"g": rows}, stamp=stamp)
    found = compared(tmp_path / "bf16", tmp_path / "int4", "--repeats")
    row = rows_of(found)["g", "exact_match"]
    assert (row["repeats"], row["flips"]["value"], row["excess_flips"]["value"]) == ([1, 1], None, None)
    said = "The 2 answers of bf16 to each item of g are one text and count once"
    assert set(found.unnamed(said)) <= {"junit.xml", "report.json"}
