"""What the header of an Inspect log says is held against its samples, and against the other side's header."""

import pytest

from assay.cli import run
from ledger.errors import ConfigError
from ledger.facts import NOT_TOLD
from ledger.manifests import read_manifest
from tests.test_import_inspect import brought, changed, findings, fixture, found, log_file, values

RESULTS = fixture()["results"]


def named(log, tmp_path):
    """What blocks, by kind, of a log whose fixture already lacks an answer or two."""
    told = findings(brought(log_file(tmp_path / "a", log), tmp_path / "run"))
    return [cause for kind, _, cause in told if kind == "lines"]


def stated(scorer, name, **metrics):
    """The fixture's results with other values of one scorer's metrics."""
    scores = [
        each | {"metrics": each["metrics"] | {key: {"name": key, "value": value} for key, value in metrics.items()}}
        if (each["scorer"], each["name"]) == (scorer, name)
        else each
        for each in RESULTS["scores"]
    ]
    return {"results": RESULTS | {"scores": scores}}


def test_the_fixtures_own_results_are_those_of_its_samples(tmp_path):
    assert named(changed(), tmp_path) == []


@pytest.mark.parametrize(
    ("scorer", "name", "metric", "value", "cause"),
    [
        ("match", "match", "accuracy", 0.2, "accuracy of match 0.2000, its samples give 0.8000"),
        ("match", "match", "accuracy", float("nan"), "accuracy of match NaN, its samples give 0.8000"),
        ("match", "match", "accuracy", None, "accuracy of match null, its samples give 0.8000"),
        ("graded", "brief", "mean", 0.6, "mean of graded.brief 0.6000, its samples give 0.7000"),
    ],
)
def test_results_that_the_samples_do_not_give_are_named(tmp_path, scorer, name, metric, value, cause):
    assert named(changed(**stated(scorer, name, **{metric: value})), tmp_path) == [f"its header says {cause}"]


def test_means_of_other_reducers_and_of_missing_samples_are_not_held_against(tmp_path):
    log = changed(**stated("match", "match", accuracy=0.2))
    log["eval"]["config"]["epochs_reducer"] = ["max"]
    assert named(log, tmp_path) == []
    cut = changed(**stated("match", "match", accuracy=0.2))
    cut["samples"] = cut["samples"][:6]
    assert named(cut, tmp_path / "cut") == ["6 of 12 samples of sums are missing"]


@pytest.mark.parametrize(("scorer", "name"), [("f1", "f1"), ("graded", "long")])
def test_results_by_a_scorer_that_no_sample_has_are_named(tmp_path, scorer, name):
    more = {"name": name, "scorer": scorer, "metrics": {"mean": {"name": "mean", "value": 0.1}}}
    log = changed(results={"scores": [*RESULTS["scores"], more]})
    metric = scorer if name == scorer else f"{scorer}.{name}"
    assert named(log, tmp_path) == [f"its header has results by {metric}, and no sample has a score by it"]


def test_a_log_that_is_invalidated_is_named(tmp_path):
    assert named(changed(invalidated=True), tmp_path) == ["the log of sums says of itself that it is invalidated"]


@pytest.mark.parametrize(
    ("config", "dataset", "limit"),
    [
        ({"sample_id": ["s0", "s1", "s2", "s3", "s4", "s5"]}, {"samples": 50}, "6 of 50 (--sample-id)"),
        ({"sample_id": "s0"}, {}, "s0 (--sample-id)"),
        ({}, {"samples": 50}, "6 of 50"),
        ({"limit": 6}, {"samples": 50}, "6"),
        ({}, {}, None),
    ],
)
def test_a_part_of_the_samples_is_told_as_a_limit(tmp_path, config, dataset, limit):
    log = changed()
    log["eval"]["config"] |= config
    log["eval"]["dataset"] |= dataset
    facts = read_manifest(brought(log_file(tmp_path / "a", log), tmp_path / "run").path).facts
    assert facts.get("limit") == (None if limit is None else {"sums": limit})


def scorers(**options):
    return [{"name": "match", "options": options}]


@pytest.mark.parametrize(
    ("part", "value", "differs", "said"),
    [
        ("scorers", scorers(location="end"), "document", 'scorers [["match", {"location": "end"}]] against'),
        ("task_version", 3, "document", "task_version 3 against the baseline's 0"),
        ("task_args", {"shots": 5}, "document", 'task_args {"shots": 5} against the baseline\'s {}'),
        ("dataset", {"name": "others"}, "document", "dataset others against the baseline's sums"),
        ("plan", [{"solver": "system_message", "params": {"template": "Other."}}], "prompt", "solvers [["),
    ],
)
def test_two_sides_whose_headers_made_other_documents_or_prompts_are_not_alike(
    tmp_path, capsys, part, value, differs, said
):
    logs = [fixture(model) for model in ("bf16", "int4")]
    if part == "plan":
        logs[1]["plan"]["steps"] = value
    else:
        own = logs[1]["eval"][part]
        logs[1]["eval"][part] = own | value if part == "dataset" else value
    code, report = told(tmp_path, capsys, logs)
    assert code == 12
    assert f"{differs} of item sums/s0 of int4 is not the baseline's ({said}" in report


def told(tmp_path, capsys, logs, *more):
    """The exit code of a compare of two logs, and what it prints."""
    folders = [log_file(tmp_path / name, log).parent for name, log in zip(("bf16", "int4"), logs, strict=True)]
    code = run(["compare", *map(str, folders), "--name", "r", "--runs", str(tmp_path / "runs"), *more])
    return code, " ".join(capsys.readouterr().out.split())


def test_another_version_of_inspect_is_a_condition_as_the_harness_is(tmp_path, capsys):
    logs = [fixture(model) for model in ("bf16", "int4")]
    logs[1]["eval"]["packages"]["inspect_ai"] = "0.3.1"
    _, said = told(tmp_path, capsys, logs)
    first = logs[0]["eval"]["packages"]["inspect_ai"]
    assert f"harness inspect_ai 0.3.1 against the baseline's inspect_ai {first}" in said
    _, said = told(tmp_path / "allowed", capsys, logs, "--allow-different", "harness")
    assert "against the baseline's inspect_ai" not in said


def test_what_made_prompts_is_told_task_by_task(tmp_path):
    log_file(tmp_path / "a", changed())
    other = fixture()
    other["eval"] |= {"task": "words", "task_args": {"shots": 5}}
    other["eval"]["config"]["limit"] = 6
    log_file(tmp_path / "a", other, "words.json")
    facts = read_manifest(brought(tmp_path / "a", tmp_path / "run").path).facts
    assert {task: made["task_args"] for task, made in facts["prompts"].items()} == {
        "sums": "{}",
        "words": '{"shots": 5}',
    }
    assert facts["limit"] == {"sums": NOT_TOLD, "words": "6"}


def test_a_metric_that_a_single_value_drops_is_named_with_how_many(tmp_path):
    odd = changed({0: {"scores": {"match": {"value": 2.0}}}})
    told = findings(brought(log_file(tmp_path / "a", odd), tmp_path / "run"))
    assert ("score", "match of sums", "mean 0.9 of 10 samples, outside 0 to 1 on 1 of 10 of them") in told
    for sample in odd["samples"]:
        sample["scores"] = {name: score for name, score in (sample["scores"] or {}).items() if name == "match"}
    with pytest.raises(ConfigError, match=r"match of sums: mean 0\.9 of 10 samples, outside 0 to 1 on 1 of 10 of them"):
        brought(log_file(tmp_path / "b", odd), tmp_path / "other")


def test_a_task_of_which_less_is_better_by_all_scorers_says_so(tmp_path):
    log = changed()
    for sample in log["samples"]:
        sample["scores"] = {"wer": {"value": 0.25}}
    with pytest.raises(ConfigError, match="of all its scores less is better: wer"):
        brought(log_file(tmp_path / "a", log), tmp_path / "run")


def test_the_seed_of_a_header_makes_no_other_prompt(tmp_path):
    log = fixture()
    log["plan"]["config"]["seed"] = 99
    first, second = (
        found(log_file(tmp_path / str(place), each), tmp_path / f"run{place}")["s0", 0]
        for place, each in enumerate((fixture(), log))
    )
    assert (first.prompt_digest, values(first)) == (second.prompt_digest, values(second))
