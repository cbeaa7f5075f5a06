"""`assay compare` takes any two of a kind, decides by the score that was named, and takes several runs as repeats."""

import json
import shutil
import tomllib

import pytest

from assay.cli import run
from assay.sources.sides import LogKind, kind_of
from ledger.manifests import read_manifest
from ledger.runs import RunFolder
from tests.house import HOUSE
from tests.log_folders import LATER, STAMP, Compared, flipped, lines, model_logs, pattern

INSPECT = HOUSE / "tests" / "fixtures" / "inspect"
SUMS = pattern("sums", 40)


def solved(number, right, chosen="strict", **changes):
    """A sample of a generated task: the reply and its score under one filter."""
    return {
        "doc_id": number,
        "doc": {"question": number},
        "target": "4",
        "arguments": {"gen_args_0": {"arg_0": f"{number}?", "arg_1": {"until": ["\n"], "temperature": 0.7}}},
        "resps": [["4" if right else "5"]],
        "filtered_resps": ["4" if right else "5"],
        "filter": chosen,
        "exact_match": float(right),
    } | changes


def two_filters(strict, flexible):
    """Samples of a task under two filters, one after the other, as the harness writes them."""
    return [
        solved(number, right, chosen)
        for chosen, rights in (("strict", strict), ("flexible", flexible))
        for number, right in enumerate(rights)
    ]


def table(path, rights, column="score"):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"item,{column}\n" + "".join(f"q{n},{int(right)}\n" for n, right in enumerate(rights)))
    return path


@pytest.fixture
def compared(tmp_path, capsys):
    return lambda *arguments, **more: Compared(tmp_path, capsys, *arguments, **more)


@pytest.fixture
def logs(tmp_path):
    """Two models' folders with one generated task under two filters and one of multiple choice."""

    def written(model, strict, flexible):
        tasks = {
            "sums": two_filters(strict, flexible),
            "metals": lines("metals", pattern("metals", 40), noise=len(model) / 100),
        }
        return model_logs(tmp_path / model, model, tasks)

    return written("bf16", SUMS, SUMS), written("quant", [False] * 40, SUMS)


def rules(tmp_path):
    return tomllib.loads((tmp_path / "runs" / "review" / "review.toml").read_text())["decision"]


def test_two_tables_are_compared_by_their_names(tmp_path, compared):
    before, after = table(tmp_path / "bf16.csv", SUMS), table(tmp_path / "int4.csv", flipped(SUMS, 4))
    found = compared(before, after)
    assert found.code in (10, 11)
    assert found.decision["candidate"] == "int4"
    assert set(found.states) == {"table"}
    assert (
        read_manifest(RunFolder(tmp_path / "runs" / "review").generation("bf16").path).facts["planned"]["solutions"]
        == 40
    )


def test_tables_in_folders_are_called_after_these(tmp_path, compared):
    found = compared(table(tmp_path / "a" / "t.csv", SUMS), table(tmp_path / "b" / "t.csv", flipped(SUMS, 4)))
    assert found.decision["candidate"] == "b"


def test_columns_of_tables_are_named_by_one_option(tmp_path, compared):
    sides = [table(tmp_path / f"{name}.csv", rights, "hit") for name, rights in (("a", SUMS), ("b", flipped(SUMS, 4)))]
    assert "no column is called like a score" in compared(*sides).error
    assert compared(*sides, "--columns", "item=item,score=hit").code in (10, 11)
    assert "is no WHAT=COLUMN" in compared(*sides, "--columns", "points=hit").error
    assert "is no WHAT=COLUMN" in compared(*sides, "--columns", "hit").error
    assert "there is no column 'miss'" in compared(*sides, "--columns", "score=miss").error


def test_tables_without_a_score_of_one_name_are_refused_before_anything_is_written(tmp_path, compared):
    found = compared(table(tmp_path / "a.csv", SUMS, "acc"), table(tmp_path / "b.csv", SUMS[::-1], "correct"))
    assert found.code == 64
    assert "two tables have no score of one name: a has acc, b has correct" in found.error
    assert not (tmp_path / "runs").exists()


def test_one_table_twice_is_one_model(tmp_path, compared):
    side = table(tmp_path / "a.csv", SUMS)
    copy = shutil.copy(side, tmp_path / "b.csv")
    found = compared(side, copy)
    assert (found.code, "are one model" in found.error) == (64, True)


def test_logs_of_inspect_are_compared_and_what_failed_keeps_them_from_ship(tmp_path, compared):
    found = compared(INSPECT / "bf16", INSPECT / "int4")
    assert found.code in (10, 12)
    assert not found.unnamed("2 of 12 samples of sums have no answer", "graded.length")
    assert set(found.states) == {"sums"}


def test_two_kinds_are_refused_with_the_words_what_is_what(tmp_path, compared, logs):
    side = table(tmp_path / "t.csv", SUMS)
    found = compared(logs[0], side)
    assert found.code == 64
    assert f"{logs[0]} is logs of lm-evaluation-harness, {side} is a table" in found.error
    assert "is logs of Inspect AI" in compared(logs[0], INSPECT / "int4").error
    assert not (tmp_path / "runs").exists()


def test_a_kind_is_seen_from_the_files(tmp_path, logs):
    (samples,) = logs[0].glob("samples_sums_*")
    renamed = shutil.copy(samples, tmp_path / "mine.jsonl")
    (tmp_path / "rows.jsonl").write_text('{"item": 1, "score": 1, "doc_id": 3}\n')
    (tmp_path / "empty").mkdir()
    (both := tmp_path / "both").mkdir()
    shutil.copy(samples, both)
    (both / "x.eval").touch()  # named in the report, as a file that is not read
    paths = {
        LogKind.LM_EVAL: [logs[0], samples, renamed, tmp_path / "empty", tmp_path / "none.csv", both],
        LogKind.TABLE: [tmp_path / "rows.jsonl", table(tmp_path / "t.csv", SUMS)],
        LogKind.INSPECT: [INSPECT / "bf16", next((INSPECT / "bf16").glob("*.json"))],
    }
    assert {path: kind_of(path) for each in paths.values() for path in each} == {
        path: kind for kind, each in paths.items() for path in each
    }


def test_options_of_another_kind_are_refused(tmp_path, compared, logs):
    assert "--columns: is of a table, and these are logs of lm-eval" in compared(*logs, "--columns", "item=id").error
    tables = table(tmp_path / "a.csv", SUMS), table(tmp_path / "b.csv", flipped(SUMS, 4))
    assert "--repeats: is of logs of lm-evaluation-harness" in compared(*tables, "--repeats").error


def test_the_named_filter_and_metric_decide_and_stand_in_the_config(tmp_path, compared, logs):
    found = compared(*logs, "--filter", "sums=flexible", "--metric", "exact_match")
    assert rules(tmp_path)["filters"] == {"sums": "flexible"}
    assert rules(tmp_path)["metrics"] == {"sums": "exact_match"}
    (row,) = [each for each in found.decision["tasks"] if each["task"] == "sums"]
    assert row["change"]["value"] == 0.0  # under the other filter everything is lost


def test_a_name_alone_is_of_every_task_that_has_it(tmp_path, compared, logs):
    compared(*logs, "--filter", "flexible")
    assert rules(tmp_path)["filters"] == {"sums": "flexible"}
    again = compared(*logs, "--filter", "none", name="second")
    assert again.code != 64  # a filter of multiple choice alone: no rule of a solved task
    assert "filters" not in tomllib.loads((tmp_path / "runs" / "second" / "review.toml").read_text())["decision"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--metric", "f1"), "no side has the metric 'f1'. There are exact_match."),
        (("--metric", "sums=f1"), "no side has the metric 'f1' in sums. There are exact_match."),
        (("--filter", "loose"), "no side has the filter 'loose'. There are flexible, none, strict."),
        (("--filter", "sums=loose"), "no side has the filter 'loose' in sums. There are flexible, strict."),
        (("--metric", "gsm8k=exact_match"), "no side has the task 'gsm8k' with such scores. There are sums."),
    ],
)
def test_a_metric_or_filter_that_no_side_has_is_refused_with_those_that_are_there(
    tmp_path, compared, logs, options, said
):
    found = compared(*logs, *options)
    assert found.code == 64
    assert said in found.error
    assert not (tmp_path / "runs").exists()


def test_a_score_that_one_side_lacks_cannot_decide(tmp_path, compared):
    both = model_logs(tmp_path / "bf16", "bf16", {"sums": two_filters(SUMS, SUMS)})
    one = model_logs(tmp_path / "int4", "int4", {"sums": [solved(n, right) for n, right in enumerate(SUMS)]})
    found = compared(both, one, "--filter", "flexible")
    assert "int4 has no filter flexible in sums. There are exact_match,strict." in found.error


def test_a_filter_of_multiple_choice_is_chosen_by_its_task(tmp_path, compared):
    def written(model, every):
        rights = flipped(pattern("metals", 40), every)
        samples = [*lines("metals", rights), *lines("metals", rights, filter="other")]
        return model_logs(tmp_path / model, model, {"metals": samples, "woods": lines("woods", rights)})

    sides = written("bf16", 41), written("int4", 5)
    assert "Choose one: --filter" in compared(*sides).error
    found = compared(*sides, "--filter", "metals=other")
    assert found.code != 64
    assert (
        read_manifest(RunFolder(tmp_path / "runs" / "review").generation("bf16").path).settings["filter"]
        == "metals=other"
    )


def runs_of(folder, model, *runs, **more):
    """Several runs of one model in a folder: the task `sums`, a stamp each."""
    for stamp, (rights, changes) in zip((STAMP, LATER), runs, strict=False):
        samples = [solved(number, right, **changes) for number, right in enumerate(rights)]
        model_logs(folder, model, {"sums": samples}, stamp=stamp, **more)
    return folder


def test_several_runs_of_a_generated_task_are_repeats_by_the_order_of_their_stamps(tmp_path, compared):
    other = flipped(SUMS, 5)
    sides = [runs_of(tmp_path / name, name, (SUMS, {}), (other, {})) for name in ("bf16", "int4")]
    refused = compared(*sides)
    assert (refused.code, "--repeats" in refused.error) == (64, True)
    assert compared(*sides, "--repeats").code != 64
    held = RunFolder(tmp_path / "runs" / "review").generation("bf16").solutions.records()
    values = {(int(each.item), each.repeat): (bool(each.scores[0].value), each.seed) for each in held}
    assert values == {
        (n, run): (right, None) for run, rights in enumerate((SUMS, other)) for n, right in enumerate(rights)
    }


def test_runs_may_differ_in_their_seeds_alone(tmp_path, compared):
    def drawn(seed, **settings):
        given = {"until": ["\n"], "temperature": 0.7, "seed": seed} | settings
        return {"arguments": {"gen_args_0": {"arg_0": "?", "arg_1": given}}}

    fine = [runs_of(tmp_path / name, name, (SUMS, drawn(1)), (SUMS[::-1], drawn(2))) for name in ("a", "b")]
    assert compared(*fine, "--repeats").code != 64
    hotter = runs_of(tmp_path / "c", "c", (SUMS, drawn(1)), (SUMS, drawn(2, temperature=1.0)))
    found = compared(fine[0], hotter, "--repeats", name="other")
    assert (found.code, "item 0 of sums has another prompt than in an earlier run" in found.error) == (64, True)


@pytest.mark.parametrize(
    ("more", "said"),
    [({"n-shot": {"sums": 5}}, "num_fewshot not told in"), ({"lm_eval_version": "0.4.9"}, "lm_eval_version 0.4.13 in")],
)
def test_runs_that_are_not_alike_are_refused(tmp_path, compared, more, said):
    fine = runs_of(tmp_path / "a", "a", (SUMS, {}), (SUMS, {}))
    unlike = runs_of(tmp_path / "b", "b", (SUMS, {}))
    model_logs(unlike, "b", {"sums": [solved(n, right) for n, right in enumerate(SUMS)]}, stamp=LATER, **more)
    found = compared(fine, unlike, "--repeats")
    assert (found.code, "two runs of sums are not alike" in found.error, said in found.error) == (64, True, True)


def test_runs_of_multiple_choice_are_no_repeats(tmp_path, compared):
    for stamp in (STAMP, LATER):
        model_logs(tmp_path / "a", "a", {"metals": lines("metals", pattern("metals", 20))}, stamp=stamp)
    found = compared(tmp_path / "a", tmp_path / "a", "--repeats", "--label", "x", "--label", "y")
    assert (found.code, "metals picks among options" in found.error) == (64, True)


def test_runs_of_one_model_are_imported_as_repeats(tmp_path, capsys):
    folder = str(runs_of(tmp_path / "a", "a", (SUMS, {}), (SUMS[::-1], {})))
    arguments = ["--model", "a@control", "--review", "r", "--runs", str(tmp_path / "runs")]
    assert run(["import", "lm-eval", folder, *arguments]) == 64
    assert run(["import", "lm-eval", folder, *arguments, "--repeats"]) == 0
    assert "80 solutions in sums" in capsys.readouterr().out


def test_the_newest_run_and_every_run_exclude_each_other(compared, logs):
    assert "one run of each task, or every run" in compared(*logs, "--latest", "--repeats").error
    assert run(["import", "lm-eval", str(logs[0]), "--model", "m", "--review", "r", "--latest", "--repeats"]) == 64


def test_a_value_that_is_no_number_is_quoted_in_the_config():
    from assay.declarations import section

    text = section("[decision]", filters={"gsm8k": 'flexible "one"'})
    assert tomllib.loads(text)["decision"]["filters"] == {"gsm8k": json.loads('"flexible \\"one\\""')}
