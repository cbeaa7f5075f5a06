"""What a results file of lm-evaluation-harness states is held against the samples: lost scores, no numbers, groups."""

import json

import pytest

from assay.sources.imports import import_logs
from assay.sources.lm_eval_folders import Chosen, offered
from assay.sources.lm_eval_layouts import log_of
from assay.sources.lm_eval_samples import NoFlips
from assay.sources.lm_eval_solutions import SolutionReader
from assay.sources.lm_eval_stated import more_told
from ledger.manifests import read_manifest
from ledger.progress import silent
from ledger.runs import RunFolder
from ledger.solutions import more_is_better
from tests.log_folders import choice, lines, model_logs
from tests.test_solved_tasks import answers

RIGHT = [True, True, False, True]
BOTH = ("strict", "flexible")
TOLD = {"exact_match,strict": 0.75, "exact_match_stderr,strict": 0.2, "exact_match,flexible": 0.75, "alias": "sums"}


def unnamed(rows):
    """Lines as versions before 0.4.7 wrote them."""
    return [{name: value for name, value in row.items() if name not in ("filter", "metrics")} for row in rows]


def logs(folder, rows, results=None, configured=(), task="sums", **more):
    config = {"task": task, "filter_list": [{"name": name} for name in configured]}
    return model_logs(folder, "m", {task: rows}, results={task: results or {}}, configs={task: config}, **more)


def old_logs(folder, rows, results=None, configured=()):
    """The layout of version 0.4.0: one array, and results.json beside it."""
    folder.mkdir(parents=True)
    (folder / "pretrained__m_sums.jsonl").write_text(json.dumps(unnamed(rows), indent=1))
    config = {"filter_list": [{"name": name} for name in configured]}
    found = {"configs": {"sums": config}, "results": {"sums": results or {}}, "config": {"model_args": "pretrained=m"}}
    (folder / "results.json").write_text(json.dumps(found))
    return folder


def imported(folder, run_folder, chosen=None):
    """The folder of the records, and the causes of what was left out and blocks."""
    run = RunFolder(run_folder)
    import_logs(run, "m", offered([folder], chosen or Chosen()), silent)
    manifest = read_manifest(run.generation("m").path)
    return run.generation("m"), [(each.kind, each.name, each.cause) for each in manifest.left_out if each.blocks]


def blocking(folder, tmp_path):
    return imported(folder, tmp_path / "run")[1]


@pytest.mark.parametrize("layout", [logs, old_logs])
def test_a_filter_of_the_run_that_no_line_has_is_named(tmp_path, layout):
    """Files go filter by filter: cut there, or with one line a document, they look whole on both sides."""
    folder = layout(tmp_path / "m", answers("sums", RIGHT, BOTH[:1]), TOLD, configured=BOTH)
    cause = "its results file has exact_match,flexible, and no line has it"
    assert blocking(folder, tmp_path) == [("lines", "sums", cause)]


def test_a_filter_that_the_config_alone_tells_is_named_where_no_line_has_it(tmp_path):
    folder = logs(tmp_path / "m", answers("sums", RIGHT, BOTH[:1]), configured=BOTH)
    assert blocking(folder, tmp_path) == [("lines", "sums", "its task has the filter flexible, and no line is of it")]


def test_a_metric_of_the_run_that_no_line_has_is_named(tmp_path):
    stated = {"exact_match,strict": 0.75, "f1,strict": 0.3}
    folder = logs(tmp_path / "m", answers("sums", RIGHT, BOTH[:1]), stated)
    assert blocking(folder, tmp_path) == [("lines", "sums", "its results file has f1,strict, and no line has it")]
    picks = logs(tmp_path / "p", lines("arc", RIGHT), {"acc,none": 0.75, "acc_norm,none": 0.5}, task="arc")
    found = imported(picks, tmp_path / "picks")[1]
    assert found == [("lines", "arc", "its results file has acc_norm,none, and no line has it")]


def test_metrics_that_a_run_computes_from_all_lines_at_once_are_in_them(tmp_path):
    """Lists and texts stand in the lines under the metric's name; a run that only predicts states a bypass."""
    rows = answers("sums", RIGHT, BOTH[:1], f1=[1, 0], bleu=["a", "b"], metrics=["exact_match", "f1", "bleu"])
    stated = {"exact_match,strict": 0.75, "f1,strict": 0.3, "bleu,strict": 31.0, "bypass,strict": 999}
    assert blocking(logs(tmp_path / "m", rows, stated), tmp_path) == []


@pytest.mark.parametrize(("stated", "said"), [(float("nan"), "NaN"), (None, "null"), ("N/A", '"N/A"')])
def test_a_value_that_is_no_number_where_samples_have_numbers_is_named(tmp_path, stated, said):
    rows = answers("sums", RIGHT, BOTH[:1])
    found = blocking(logs(tmp_path / "m", rows, {"exact_match,strict": stated}), tmp_path)
    cause = f"its results file says exact_match,strict {said}, its samples give 0.7500"
    assert found == [("lines", "sums", cause)]
    picks = logs(tmp_path / "p", lines("arc", RIGHT), {"acc,none": stated}, task="arc")
    cause = f"its results file says acc,none {said}, its samples give 0.7500"
    assert imported(picks, tmp_path / "picks")[1] == [("lines", "arc", cause)]


def scores_of(folder):
    return {each.item: {score.scoring: score.value for score in each.scores} for each in folder.solutions.records()}


@pytest.mark.parametrize("layout", [lambda folder, rows, *told: logs(folder, unnamed(rows), *told), old_logs])
@pytest.mark.parametrize("told", [({}, BOTH), (TOLD | {"exact_match,flexible": 0.5}, ())])
def test_filters_that_lines_do_not_name_are_those_of_the_run_in_their_order(tmp_path, layout, told):
    other = [True, False, False, True]
    rows = answers("sums", RIGHT, ("a",)) + answers("sums", other, ("b",))
    folder, named = imported(layout(tmp_path / "m", rows, *told), tmp_path / "run")
    assert named == []
    wanted = {"exact_match,strict": 1.0, "exact_match,flexible": 0.0}
    assert scores_of(folder)["1"] == wanted


def test_filters_whose_means_contradict_the_run_are_not_tried_in_another_order(tmp_path):
    rows = unnamed(answers("sums", RIGHT, ("a",)) + answers("sums", [False] * 4, ("b",)))
    stated = {"exact_match,strict": 0.0, "exact_match,flexible": 0.75}
    found = blocking(logs(tmp_path / "m", rows, stated), tmp_path)
    assert [cause for _, _, cause in found] == [
        "its results file says exact_match,strict 0.0000, its samples give 0.7500",
        "its results file says exact_match,flexible 0.7500, its samples give 0.0000",
    ]


@pytest.mark.parametrize(
    ("times", "cut", "configured", "cause"),
    [
        (2, 0, (), "a document stands 2 times, its lines do not name their filters, and no results file tells which"),
        (3, 0, BOTH, "a document stands 3 times, its lines do not name their filters, and its results file tells of 2"),
        (2, 2, BOTH, "its lines do not name their filters, and its documents stand 1 to 2 times"),
    ],
)
def test_filters_that_cannot_be_known_are_refused_and_no_line_is_to_be_removed(tmp_path, times, cut, configured, cause):
    rows = unnamed(answers("sums", RIGHT, ("a", "b", "c")[:times]))
    logs(tmp_path / "m", rows[: len(rows) - cut], configured=configured)
    (path,) = (tmp_path / "m").glob("samples_*")
    with pytest.raises(NoFlips, match=cause) as error:
        list(SolutionReader(log_of(path, named=True), "m").records())
    assert "emove" not in str(error.value)


def test_one_filter_that_lines_do_not_name_has_the_name_that_the_run_tells(tmp_path):
    rows = unnamed(answers("sums", RIGHT, ("a",)))
    folder, named = imported(logs(tmp_path / "m", rows, {"exact_match,get-answer": 0.75}), tmp_path / "run")
    assert (named, scores_of(folder)["0"]) == ([], {"exact_match,get-answer": 1.0})
    picks = [{name: each for name, each in line.items() if name != "filter"} for line in lines("arc", RIGHT)]
    assert imported(logs(tmp_path / "p", picks, {"acc,first": 0.5}, task="arc"), tmp_path / "picks")[1] == [
        ("lines", "arc", "its results file says acc,first 0.5000, its samples give 0.7500")
    ]


@pytest.mark.parametrize(
    ("more", "read"),
    [
        ({}, True),
        ({"configured": False}, False),
        ({"configured": True}, True),
        ({"configured": False, "summary": True}, True),
        ({"configured": True, "summary": False}, False),
        ({"configured": False, "summary": None}, False),
    ],
)
def test_which_way_a_metric_is_better_is_told_by_the_run_then_by_its_config_then_by_its_name(tmp_path, more, read):
    listed = [{"metric": "exact_match", "higher_is_better": more["configured"]}] if "configured" in more else []
    told = {"higher_is_better": {"sums": {"exact_match": more["summary"]} if "summary" in more else {}}}
    configs = {"configs": {"sums": {"metric_list": listed}}}
    model_logs(tmp_path / "m", "m", {"sums": answers("sums", RIGHT, ("none",))}, **configs, **told)
    (path,) = (tmp_path / "m").glob("samples_*")
    log = log_of(path, named=True)
    assert more_told(log).get("exact_match", True) is read
    if read:
        assert len(list(SolutionReader(log, "m").records())) == 4
        return
    with pytest.raises(NoFlips, match="of all its scores less is better: exact_match"):
        list(SolutionReader(log, "m").records())


LESS = """wer cer word_error_rate edit_distance levenshtein-distance nll nll_correct negative_log_likelihood loss
eval_loss errors perplexity bits_per_byte toxicity hallucination_rate hallucinations_detected false_positive_rate fnr
kl_divergence latency latency_seconds wer_no_punctuation rmse cross_entropy"""
MORE = """acc accuracy exact_match f1 bleu rouge_l pass@1 match error_detection_accuracy toxicity_classification_acc
distance_acc edit_similarity error_detection hallucination_f1 error_free no_errors non_toxicity lossless
prompt_level_strict_acc distances_right terminal filter error_reduction true_positive_rate"""


@pytest.mark.parametrize(("names", "more"), [(LESS, False), (MORE, True)])
def test_names_tell_whether_less_is_better(names, more):
    assert [name for name in names.split() if more_is_better(name) is not more] == []


def test_a_part_that_was_chosen_with_samples_is_told_as_a_limit_is(tmp_path, compared):
    def part(few, original):
        return {"n-samples": {"arc": {"original": original, "effective": few}}}

    rows = [[choice("arc", n, n % 3 > 0, noise) for n in range(400)] for noise in (0.0, 0.1)]
    names = ("bf16", "int4")
    cut = [
        model_logs(tmp_path / name, name, {"arc": held}, **part(400, 1319))
        for name, held in zip(names, rows, strict=True)
    ]
    found = compared(*cut)
    areas = {area: cause["text"] for area, cause in found.report["not_looked_at"]}
    assert "--limit 400 of 1319 (--samples)" in areas["beyond --limit"]
    mixed = [
        model_logs(tmp_path / "mixed" / name, name, {"arc": held, "whole": held}, **part(400, 1319))
        for name, held in zip(names, rows, strict=True)
    ]
    mixed = dict(compared(*mixed, "--identical", name="mixed").report["not_looked_at"])
    assert ("beyond --limit" in mixed, "arc beyond --limit" in mixed) == (False, True)


def group(folder, stated, listed=("a", "b"), **more):
    """Two tasks of 4 and 8 documents under one name: 0.75 and 0.25 right."""
    tasks = {"a": lines("a", RIGHT), "b": lines("b", [True, True, *[False] * 6])}
    scores = {"a": {"acc,none": 0.75}, "b": {"acc,none": 0.25}, "both": {"acc,none": stated, "acc_stderr,none": 0.1}}
    told = {"results": scores, "groups": {"both": scores["both"]}, "group_subtasks": {"both": list(listed)}}
    return model_logs(folder, "m", tasks, **{**told, **more})


@pytest.mark.parametrize("stated", [5 / 12, 0.5])
def test_a_groups_score_may_be_either_mean_of_its_tasks(tmp_path, stated):
    assert blocking(group(tmp_path / "m", stated), tmp_path) == []


def test_a_groups_score_that_its_tasks_do_not_give_is_named(tmp_path):
    cause = "its results file says acc,none 0.2000, its tasks give 0.4167 by size and 0.5000 plainly"
    assert blocking(group(tmp_path / "m", 0.2), tmp_path) == [("lines", "both", cause)]
    nested = {"group_subtasks": {"top": ["both"], "both": ["a", "b"]}, "groups": {"top": {"acc,none": 0.9}}}
    (named,) = imported(group(tmp_path / "n", 0.5, **nested), tmp_path / "nested")[1]
    assert named[:2] == ("lines", "top")


def test_a_groups_score_that_none_of_its_tasks_has_is_named(tmp_path):
    more = {"groups": {"both": {"acc,other": 0.5}}}
    cause = "its results file says acc,other 0.5000, and none of its tasks has it"
    assert blocking(group(tmp_path / "m", 0.5, **more), tmp_path) == [("lines", "both", cause)]


def test_a_groups_task_that_nothing_else_tells_of_is_missing(tmp_path):
    folder = group(tmp_path / "m", 0.5, listed=("a", "b", "c"))
    (named,) = blocking(folder, tmp_path)
    assert named[:2] == ("task", "c")
    assert "its samples are not there" in named[2]
