"""Logs of Inspect AI come in as solutions: scorers are metrics, epochs repeats, and what failed is named."""

import json
import subprocess
import sys

import pytest

from assay.cli import run
from assay.sources.imported_records import import_records
from assay.sources.inspect_logs import inspect_offer, is_inspect_log
from assay.sources.inspect_records import InspectRecords
from assay.sources.lm_eval_folders import Chosen
from ledger.errors import BadRecord, ConfigError, StaleInput
from ledger.manifests import read_manifest
from ledger.progress import silent
from ledger.records import Finish
from ledger.runs import RunFolder
from tests.house import HOUSE

FIXTURES = HOUSE / "tests" / "fixtures" / "inspect"


def fixture(model="bf16"):
    (path,) = (FIXTURES / model).glob("*.json")
    return json.loads(path.read_text())


def log_file(folder, log, name="2026-11-30T09-00-00-00-00_sums_AAAA.json"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(log))
    return folder / name


def changed(samples=(), **header):
    """The baseline's fixture with samples changed by their place, and parts of its header."""
    log = fixture()
    for place, more in dict(samples).items():
        log["samples"][place] |= more
    for name, value in header.items():
        log[name] = log[name] | value if isinstance(value, dict) else value
    return log


def brought(path, run_folder, chosen=None, model="m"):
    run_folder = RunFolder(run_folder)
    offer = inspect_offer([path], chosen or Chosen())
    import_records(run_folder, model, InspectRecords(model, offer, silent), silent)
    return run_folder.generation(model)


def found(path, tmp_path):
    """Solutions by item and repeat."""
    return {(each.item, each.repeat): each for each in brought(path, tmp_path / "run").solutions.records()}


def values(solution):
    return {score.metric: score.value for score in solution.scores}


def findings(folder):
    return {(each.kind, each.name, each.cause): each for each in read_manifest(folder.path).left_out}


def test_every_scorer_is_a_metric_and_every_epoch_a_repeat(tmp_path):
    held = found(FIXTURES / "bf16", tmp_path)
    assert set(held) == {(f"s{item}", repeat) for item in range(5) for repeat in range(2)}
    assert values(held["s0", 0]) == {"match": 1.0, "graded.brief": 1.0, "strict": 1.0}
    assert values(held["s2", 0]) == {"match": 1.0, "graded.brief": 0.25, "strict": 0.5}
    assert values(held["s3", 1]) == {"match": 0.0, "graded.brief": 0.25, "strict": 0.0}


def test_an_answer_says_what_was_extracted_how_it_ended_and_how_it_was_drawn(tmp_path):
    held = found(FIXTURES / "bf16", tmp_path)
    first, cut, silent_one, thought = (held[f"s{item}", 0] for item in (0, 2, 3, 4))
    assert (first.text, first.finish, first.completion_tokens, first.seed, first.temperature) == (
        "0",
        Finish.STOP,
        1,
        7,
        0.7,
    )
    assert cut.finish is Finish.LENGTH
    extracted = {score.metric: score.extracted for score in silent_one.scores}
    assert extracted == {"match": "I cannot say?", "graded.brief": None, "strict": ""}  # N: no answer
    assert (thought.thinking, thought.text) == ("4 and 4", "8")


def test_errors_unscored_samples_and_scores_beyond_1_are_named(tmp_path):
    named = findings(brought(FIXTURES / "bf16", tmp_path / "run"))
    cause = "2 of 12 samples of sums have no answer: RuntimeError('the sandbox is gone')"
    assert named["items", "sums", cause].items == ("sums/s5",)
    assert named["items", "sums", "no score by strict on 2 of 12 samples of sums"].items == ("sums/s4",)
    assert named["items", "sums", cause].blocks
    (listed,) = [each for each in named.values() if each.kind == "score"]
    assert (listed.name, listed.blocks) == ("graded.length of sums", False)


def test_a_metric_that_leaves_0_to_1_once_is_no_score_anywhere(tmp_path):
    log = changed(
        {0: {"scores": {"tokens": {"value": 1}}}, 1: {"scores": {"tokens": {"value": 3}, "match": {"value": "C"}}}}
    )
    held = found(log_file(tmp_path / "a", log), tmp_path)
    assert ("s0", 0) not in held
    assert values(held["s1", 0]) == {"match": 1.0}


def test_a_metric_of_which_less_is_better_is_listed(tmp_path):
    log = changed({0: {"scores": {"wer": {"value": 0.1}, "match": {"value": "C"}}}})
    held = found(log_file(tmp_path / "a", log), tmp_path)
    assert values(held["s0", 0]) == {"match": 1.0}


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("C", 1),
        ("I", 0),
        ("P", 0.5),
        ("N", 0),
        ("yes", 1),
        ("false", 0),
        ("0.25", 0.25),
        (True, 1),
        (0.75, 0.75),
        (None, None),
        ("?", None),
    ],
)
def test_values_are_the_numbers_that_inspect_makes_of_them(tmp_path, value, number):
    held = found(log_file(tmp_path / "a", changed({0: {"scores": {"match": {"value": value}}}})), tmp_path)
    assert (values(held["s0", 0])["match"] if ("s0", 0) in held else None) == number


@pytest.mark.parametrize(
    ("kind", "finish"), [("token", Finish.LENGTH), ("message", Finish.LENGTH), ("context", Finish.OVERFLOW)]
)
def test_a_sample_that_a_limit_stopped_was_cut(tmp_path, kind, finish):
    log = changed({0: {"limit": {"type": kind, "limit": 3}}})
    assert found(log_file(tmp_path / "a", log), tmp_path)["s0", 0].finish is finish


def test_the_document_is_the_sample_and_the_prompt_all_that_was_shown_before_the_answer(tmp_path):
    base = found(FIXTURES / "bf16", tmp_path / "x")["s0", 0]
    other = found(FIXTURES / "int4", tmp_path / "y")["s0", 0]
    assert (base.item_digest, base.prompt_digest) == (other.item_digest, other.prompt_digest)
    asked = found(log_file(tmp_path / "a", changed({0: {"target": "1"}})), tmp_path / "z")["s0", 0]
    assert (asked.item_digest != base.item_digest, asked.prompt_digest == base.prompt_digest) == (True, True)
    system = [{"role": "system", "content": "Multiply."}, *fixture()["samples"][0]["messages"][1:]]
    shown = found(log_file(tmp_path / "b", changed({0: {"messages": system}})), tmp_path / "q")["s0", 0]
    assert shown.prompt_digest != base.prompt_digest
    fewer = changed(plan={"config": {"max_tokens": 8, "temperature": 0.7, "seed": 7}})
    assert found(log_file(tmp_path / "c", fewer), tmp_path / "p")["s0", 0].prompt_digest != base.prompt_digest
    drawn = changed(plan={"config": {"max_tokens": 16, "temperature": 0.7, "seed": 8, "max_connections": 1}})
    assert found(log_file(tmp_path / "d", drawn), tmp_path / "o")["s0", 0].prompt_digest == base.prompt_digest


def test_a_run_that_broke_off_and_samples_that_are_missing_are_named(tmp_path):
    log = changed(status="cancelled")
    log["samples"] = log["samples"][:4]
    named = findings(brought(log_file(tmp_path / "a", log), tmp_path / "run"))
    assert named["lines", "sums", "the run of sums did not end well: cancelled"].blocks
    assert named["lines", "sums", "8 of 12 samples of sums are missing"].blocks


def test_the_manifest_says_whose_logs_they_are(tmp_path):
    manifest = read_manifest(brought(FIXTURES / "int4", tmp_path / "run").path)
    (origin,) = manifest.origins
    assert (origin.model, origin.engine, origin.arguments) == ("mockllm/model", "inspect", '{"weights": "int4"}')
    assert manifest.facts["inspect_version"] == {"sums": fixture()["eval"]["packages"]["inspect_ai"]}
    assert manifest.facts["planned"]["solutions"] == 10


def test_a_limit_of_samples_is_told(tmp_path):
    log = changed()
    log["eval"]["config"]["limit"] = 6
    assert read_manifest(brought(log_file(tmp_path / "a", log), tmp_path / "run").path).facts["limit"] == {"sums": "6"}


def test_two_runs_of_a_task_are_refused_and_the_newest_may_be_chosen(tmp_path):
    log_file(tmp_path / "a", changed(eval=fixture()["eval"] | {"created": "2026-01-01T00:00:00+00:00"}), "older.json")
    newest = log_file(tmp_path / "a", changed(), "newer.json")
    with pytest.raises(ConfigError, match="two logs of the task sums"):
        inspect_offer([tmp_path / "a"])
    offer = inspect_offer([tmp_path / "a"], Chosen(latest=True))
    assert [log.path for log in offer.logs] == [newest]
    assert [(each.name, each.declared) for each in offer.left_out] == [("older.json", "--latest")]


def test_logs_of_two_models_in_one_folder_are_refused_by_their_names():
    with pytest.raises(ConfigError, match=r"logs of two models: .*bf16.* and .*int4"):
        inspect_offer([FIXTURES])


def test_a_task_that_is_left_out_and_a_file_that_is_not_read_are_named(tmp_path):
    log_file(tmp_path / "a", changed())
    other = changed(eval=fixture()["eval"] | {"task": "inspect_evals/words"})
    log_file(tmp_path / "a", other, "words.json")
    (tmp_path / "a" / "scores.parquet").touch()
    (tmp_path / "a" / "gone.eval").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a" / "._x.eval").touch()  # what macOS puts beside a file
    offer = inspect_offer([tmp_path / "a"], Chosen(leave_out=("words",)))
    assert offer.tasks == {"sums"}
    told = {(each.kind, each.name): each.declared for each in offer.left_out}
    files = {("file", "scores.parquet"): "", ("file", "gone.eval"): "", ("other", "._x.eval"): ""}
    assert told == {("task", "words"): "leave_out"} | files


def test_the_same_logs_again_change_nothing_and_changed_ones_are_refused(tmp_path):
    path = log_file(tmp_path / "a", changed())
    folder = brought(path, tmp_path / "run")
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.glob("*.json*")}
    brought(path, tmp_path / "run")
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.path.glob("*.json*")} == before
    log_file(tmp_path / "a", changed(status="error"))
    with pytest.raises(StaleInput, match=path.name):
        brought(path, tmp_path / "run")


@pytest.mark.parametrize(
    ("log", "fault"),
    [
        (changed({0: {"id": "s1"}}), "sample s1, epoch 1 is there twice"),
        (changed({0: {"scores": {"match": "C"}}}), "field 'sample s0': an unknown layout"),
        (changed() | {"samples": ["s0"]}, "'s0' is no sample"),
        (changed() | {"eval": {}}, "names no task"),
    ],
)
def test_a_log_that_cannot_be_understood_is_refused_by_its_fault(tmp_path, log, fault):
    with pytest.raises(BadRecord, match=fault):
        brought(log_file(tmp_path / "a", log), tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.jsonl"))


def test_logs_without_any_score_bring_nothing(tmp_path):
    log = changed()
    for sample in log["samples"]:
        sample["scores"] = {"judge": {"value": "quite good"}}
    with pytest.raises(ConfigError, match="no sample of these logs has a score from 0 to 1"):
        brought(log_file(tmp_path / "a", log), tmp_path / "run")


def test_a_log_is_known_by_how_it_begins(tmp_path):
    assert is_inspect_log(log_file(tmp_path, changed(), "x.json"))
    (tmp_path / "results.json").write_text('{"results": {}, "eval": {}}')
    assert not is_inspect_log(tmp_path / "results.json")
    with pytest.raises(ConfigError, match="no logs of Inspect AI"):
        inspect_offer([tmp_path / "results.json"])


def test_the_command_brings_a_folder_in(tmp_path, capsys):
    arguments = ["--review", "r", "--runs", str(tmp_path / "runs")]
    assert run(["import", "inspect", str(FIXTURES / "int4"), "--model", "int4", *arguments]) == 0
    assert "10 solutions in sums" in capsys.readouterr().out
    assert run(["import", "inspect", str(FIXTURES / "int4"), "--model", "int8", *arguments, "--leave-out", "gsm"]) == 64
    assert "no 'gsm' in these logs" in capsys.readouterr().err


def test_a_zipped_log_without_the_library_is_refused_with_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "inspect_ai.log", None)
    (tmp_path / "x.eval").write_bytes(b"PK")
    with pytest.raises(ConfigError, match=r"assay-review\[inspect\]"):
        inspect_offer([tmp_path / "x.eval"])


def mock_written(folder, kind):
    """A log that Inspect's mock model writes, in a process of its own: it leaves streams of its loop open."""
    code = f"import sys; sys.path[:0] = [{str(HOUSE)!r}]\nfrom pathlib import Path\n"
    code += f"from tests.inspect_mock import written; written(Path({str(folder)!r}), 'bf16', {kind!r})"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
    (path,) = folder.glob(f"*.{kind}")
    return path


def test_the_library_reads_what_its_mock_model_writes_as_json_says_it(tmp_path):
    pytest.importorskip("inspect_ai")
    zipped, plain = (mock_written(tmp_path / kind, kind) for kind in ("eval", "json"))
    (tmp_path / "broken.eval").write_bytes(zipped.read_bytes()[:500])
    first, second = (found(path, tmp_path / f"run-{path.suffix}") for path in (zipped, plain))
    assert first == second
    assert len(first) == 10
    with pytest.raises(BadRecord, match="Inspect AI cannot read it"):
        inspect_offer([tmp_path / "broken.eval"])
