"""Shards: cut anywhere, merged by key into the same files that one process would have written."""

import json
import shutil
from pathlib import Path

import pytest

from assay.cli import run as assay
from generation import shards as shards_module
from generation.orders import EngineSpec, LoadGroup, ModelJob, TaskItems
from generation.pending import pending_answers, pending_orders
from generation.scripted_engine import ScriptedEngine, by_length
from generation.shards import Shard, merge_shards, shard_from, sharded
from generation.stage import run_batch
from ledger.errors import ConfigError, ConflictingRecords, MissingRecords, StaleInput, StoreLocked
from ledger.manifests import read_manifest, write_manifest
from ledger.records import Item, Question
from ledger.runs import GenerationFolder
from ledger.store import write_lock
from ledger.traces import OPTION_TOKENS, read_traces, trace_keys
from tests.house import model_folder, record_lines

CONFIG = """
name = "r"
[baseline]
model = "{model}"
label = "base"
[[candidate]]
model = "{model}"
label = "cand"
[questions]
limit = 5
samples = 2
[[task]]
name = "assay"
limit = 7
[decision]
primary = "accuracy_change"
"""


def batch(folder: Path, control: bool = False, count: int = 7, **changes) -> LoadGroup:
    questions = tuple(
        Question(source="s", id=str(i), category="math", turns=(f"{i}?",), temperature=0.7) for i in range(count)
    )
    items = tuple(
        Item(task="t", id=str(i), subject="x", question=f"{i}?", options=("a", "bb"), gold=0) for i in range(count)
    )
    values = {"samples": 2, "seed": 1, "questions": questions, "control": control}
    tasks = (TaskItems(name="t", style="continuation", items=items), TaskItems(name="u", style="letters", items=()))
    order = ModelJob(folder=folder / "m", model="m", tasks=tasks, **(values | changes))
    return LoadGroup(engine=EngineSpec(kind="vllm", model="none"), orders=(order,))


def run(work: LoadGroup, write=None) -> ScriptedEngine:
    engine = ScriptedEngine(**({"write": write} if write else {}))
    run_batch(work, lambda spec: engine)
    return engine


def ran(work: LoadGroup, count: int, write=None) -> LoadGroup:
    for index in range(count):
        run(sharded(work, Shard(index + 1, count)), write)
    return work


def records(work: LoadGroup) -> dict:
    folder = GenerationFolder(work.orders[0].folder)
    found = [record for store in (folder.answers, folder.choices) for record in store.records()]
    assert len({record.key for record in found}) == len(found)
    return {record.key: record for record in found}


@pytest.mark.parametrize("control", [False, True])
@pytest.mark.parametrize("count", [1, 3, 20])
def test_merged_shards_equal_one_process(tmp_path, count, control):
    whole = batch(tmp_path / "whole", control)
    run(whole)
    parts = ran(batch(tmp_path / "parts", control), count)
    assert merge_shards(parts.orders[0]) == 14 + 7
    assert records(parts) == records(whole)
    assert not pending_orders(parts)
    assert not (parts.orders[0].folder / "shards").exists()
    ours, theirs = (read_manifest(work.orders[0].folder) for work in (parts, whole))
    assert (ours.settings, ours.inputs, ours.facts["planned"]) == (
        theirs.settings,
        theirs.inputs,
        {"answers": 14, "choices": 7},
    )
    written = min(count, 7)
    assert len(ours.sessions) == len(ours.facts["shards"]) == written
    assert ours.facts["shards"][f"1-of-{count}"] == {"sessions": 1}


def test_shards_spread_over_categories_and_tasks():
    work = batch(Path("x"))
    found = [sharded(work, Shard(index, 3)).orders[0] for index in (1, 2, 3)]
    assert [[question.id for question in order.questions] for order in found] == [
        ["0", "3", "6"],
        ["1", "4"],
        ["2", "5"],
    ]
    assert [len(order.tasks[0].items) for order in found] == [3, 2, 2]
    assert found[1].folder == Path("x/m/shards/2-of-3")
    assert {task.name: task.style for task in found[2].tasks} == {"t": "continuation", "u": "letters"}


@pytest.mark.parametrize("text", ["0/8", "9/8", "2", "a/b", "1/0", "-1/8", "1/2/3", ""])
def test_only_shards_from_1_to_n_are_taken(text):
    with pytest.raises(ConfigError, match="is not a shard"):
        shard_from(text)
    assert str(shard_from("8/8")) == "8/8"


def test_a_shard_skips_what_is_merged_already(tmp_path):
    work = batch(tmp_path)
    run(batch(tmp_path, count=4, samples=1))
    engine = run(sharded(work, Shard(1, 2)))
    assert sorted(engine.submitted) == ["s/0/1", "s/2/1", "s/4/0", "s/4/1", "s/6/0", "s/6/1", "t/4", "t/6"]
    merge_shards(work.orders[0])
    ran(work, 2)
    merge_shards(work.orders[0])
    assert not pending_orders(work)
    assert len(records(work)) == 21


def test_an_incomplete_shard_is_merged_as_far_as_it_is(tmp_path):
    work = batch(tmp_path)
    run(sharded(work, Shard(2, 3)))
    path = work.orders[0].folder / "shards" / "2-of-3" / "answers.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    (work.orders[0].folder / "shards" / "3-of-3").mkdir()
    assert merge_shards(work.orders[0]) == 3 + 2
    assert not (work.orders[0].folder / "shards").exists()
    assert len(pending_answers(work.orders[0])) == 11
    run(work)
    assert len(records(work)) == 21


def test_a_repeated_key_is_taken_once_and_a_contradiction_names_both_files(tmp_path):
    work = ran(ran(batch(tmp_path), 2), 3)
    assert merge_shards(work.orders[0]) == 21
    other = batch(tmp_path / "other")
    run(sharded(other, Shard(1, 2)))
    run(sharded(other, Shard(1, 3)), write=lambda request: "something else")
    with pytest.raises(ConflictingRecords, match=r"1-of-2/answers\.jsonl: key m/s/0/0 .* in .*1-of-3/answers\.jsonl"):
        merge_shards(other.orders[0])
    assert len(GenerationFolder(other.orders[0].folder).shards) == 2
    assert not (other.orders[0].folder / "answers.jsonl").exists()
    shutil.rmtree(other.orders[0].folder / "shards" / "1-of-3")
    assert merge_shards(other.orders[0]) == 8 + 4


def test_shards_of_other_settings_are_refused_by_the_field(tmp_path):
    work = batch(tmp_path)
    run(sharded(work, Shard(1, 2)))
    run(sharded(batch(tmp_path, seed=2), Shard(2, 2)))
    with pytest.raises(
        StaleInput, match=r"1-of-2/manifest\.json and .*2-of-2/manifest\.json, seed: .*recorded 1, now 2"
    ):
        merge_shards(work.orders[0])
    assert len(GenerationFolder(work.orders[0].folder).shards) == 2
    shutil.rmtree(work.orders[0].folder / "shards" / "2-of-2")
    merge_shards(work.orders[0])
    with pytest.raises(StaleInput, match=r"m/manifest\.json, seed: .*recorded 1, now 2"):
        pending_orders(sharded(batch(tmp_path, seed=2), Shard(2, 2)))
    assert pending_orders(sharded(work, Shard(2, 2)))


def test_a_running_shard_is_not_merged(tmp_path):
    work = ran(batch(tmp_path), 2)
    with write_lock(work.orders[0].folder / "shards" / "2-of-2"), pytest.raises(StoreLocked, match="2-of-2"):
        merge_shards(work.orders[0])
    assert not (work.orders[0].folder / "answers.jsonl").exists()
    assert merge_shards(work.orders[0]) == 21


def test_records_without_their_manifest_are_not_merged(tmp_path):
    work = ran(batch(tmp_path), 2)
    (work.orders[0].folder / "shards" / "1-of-2" / "manifest.json").unlink()
    with pytest.raises(MissingRecords, match="1-of-2/manifest"):
        merge_shards(work.orders[0])


def test_other_machines_stand_in_the_manifest(tmp_path):
    work = ran(batch(tmp_path), 2)
    folder = work.orders[0].folder / "shards" / "2-of-2"
    manifest = read_manifest(folder)
    machine = manifest.environment.model_copy(update={"cpu_count": 99})
    write_manifest(folder, manifest.model_copy(update={"environment": machine, "facts": {"engine": "other"}}))
    merge_shards(work.orders[0])
    told = read_manifest(work.orders[0].folder).facts["shards"]["2-of-2"]
    assert told == {"sessions": 1, "engine": "other", "cpu_count": 99}


def test_a_shard_that_two_machines_made_in_turn_keeps_the_other_ones_conditions(tmp_path):
    work = ran(batch(tmp_path, samples=1), 1)
    merge_shards(work.orders[0])
    more = batch(tmp_path, samples=2)
    for processor in ("another", None):
        run(sharded(more, Shard(1, 2)))
        folder = more.orders[0].folder / "shards" / "1-of-2"
        manifest = read_manifest(folder)
        write_manifest(folder, manifest.model_copy(update={"facts": {"processor": processor} if processor else {}}))
        merge_shards(more.orders[0])
        more = batch(tmp_path, samples=3)
    assert read_manifest(work.orders[0].folder).facts["shards"]["1-of-2"] == {"sessions": 1, "processor": "another"}


class Killed(BaseException):
    """As if the process had ended here."""


@pytest.mark.parametrize(
    ("place", "call"),
    [
        ("write_manifest", 1),
        *((place, call) for place in ("Writer.append", "rmtree", "Path.rename") for call in (1, 2)),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_merge_killed_anywhere_is_finished_by_the_next(tmp_path, monkeypatch, place, call, after):
    whole = batch(tmp_path / "whole")
    run(whole)
    work = ran(batch(tmp_path / "parts"), 3)
    owner, name = {
        "write_manifest": (shards_module, "write_manifest"),
        "Writer.append": (shards_module.Writer, "append"),
        "rmtree": (shutil, "rmtree"),
        "Path.rename": (Path, "rename"),
    }[place]
    real, calls = getattr(owner, name), []

    def killed(*arguments, **options):
        calls.append(name)
        if len(calls) == call and not after:
            raise Killed
        result = real(*arguments, **options)
        if len(calls) == call:
            raise Killed
        return result

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, killed)
        with pytest.raises(Killed):
            merge_shards(work.orders[0])
    answers = work.orders[0].folder / "answers.jsonl"
    if place == "Writer.append" and answers.exists() and answers.stat().st_size:
        answers.write_bytes(answers.read_bytes()[:-10])  # killed in the middle of the line
    merge_shards(work.orders[0])
    assert records(work) == records(whole)
    assert len(read_manifest(work.orders[0].folder).sessions) == 3
    assert not (work.orders[0].folder / "shards").exists()
    assert merge_shards(work.orders[0]) == 0


@pytest.fixture
def review(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("ASSAY_SCRIPTED_ENGINE", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    path = tmp_path / "review.toml"
    path.write_text(CONFIG.format(model=model_folder(tmp_path / "model")))
    return path


def test_the_command_line_cuts_and_merges(review, tmp_path, capsys):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert assay(["generate", str(review), "--runs", str(whole)]) == 0
    assert assay(["generate", str(review), "--runs", str(parts), "--shard", "2/2"]) == 0
    assert not (parts / "r" / "generation" / "base" / "answers.jsonl").exists()
    assert assay(["generate", str(review), "--runs", str(parts), "--shard", "1/2", "--model", "base"]) == 0
    assert assay(["merge", str(review), "--runs", str(parts)]) == 0
    assert "cand: records 7/17  `assay generate` makes the rest" in capsys.readouterr().err
    assert assay(["generate", str(review), "--runs", str(parts), "--shard", "1/2"]) == 0
    assert assay(["generate", str(review), "--runs", str(parts)]) == 0  # merges what is left
    assert record_lines(parts) == record_lines(whole)
    assert len(record_lines(whole)) == 6
    assert not list(parts.rglob("shards"))


def test_replicas_share_a_model_on_this_machine_too(review, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    review.write_text(
        review.read_text().replace("limit = 5", "limit = 5\ntraces = true\nrollouts = true\ntrace_top_k = 2")
    )
    assert assay(["generate", str(review), "--runs", str(whole)]) == 0
    review.write_text(review.read_text() + "[placement]\nreplicas = 3\n")
    assert assay(["generate", str(review), "--runs", str(parts)]) == 0
    assert record_lines(parts) == record_lines(whole)
    shards = json.loads((parts / "r" / "generation" / "cand" / "manifest.json").read_text())["facts"]["shards"]
    assert sorted(shards) == ["1-of-3", "2-of-3", "3-of-3"]
    for name, authors in (("base", {"base", "base@control", "cand"}), ("cand", {"base", "cand"})):
        keys = trace_keys(parts / "r" / "generation" / name)
        assert {key[1] for key in keys} == authors
        assert keys == trace_keys(whole / "r" / "generation" / name)


def test_wrong_shards_and_models_are_refused(review, tmp_path, capsys):
    for arguments, sentence in (
        (["--shard", "0/8"], "'0/8' is not a shard"),
        (["--shard", "9/8"], "'9/8' is not a shard"),
        (["--shard", "1/2", "--ray", "auto"], "exclude each other"),
        (["--model", "nobody"], "no model is called 'nobody'. There are base, cand."),
    ):
        assert assay(["generate", str(review), "--runs", str(tmp_path / "runs"), *arguments]) == 64
        assert sentence in capsys.readouterr().err


def test_what_the_scripted_engine_wrote_is_no_real_models_and_the_command_says_it(
    review, tmp_path, capsys, monkeypatch
):
    command = ["generate", str(review), "--runs", str(tmp_path / "runs")]
    assert assay(command) == 0
    assert assay(command) == 0
    monkeypatch.delenv("ASSAY_SCRIPTED_ENGINE")
    monkeypatch.setattr("assay.preflight._engine_faults", lambda work, here: ())
    assert assay(command) == 64
    assert "base/manifest.json, engine_args." in capsys.readouterr().err


def test_a_candidate_quantized_anew_is_not_reported_on_its_old_records(review, tmp_path, capsys):
    command = ["review", str(review), "--runs", str(tmp_path / "runs")]
    assert assay(command) == 12  # one folder stands on both sides
    report = json.loads(next(tmp_path.rglob("report.json")).read_text())
    assert "one_model" in {each["kind"] for each in report["decisions"][0]["blockers"]}
    (tmp_path / "model" / "model.safetensors").write_bytes(b"quantized anew")
    assert assay(command) == 64
    assert "generation/base/manifest.json, weights: changed after it was used" in capsys.readouterr().err


def test_option_tokens_are_traced_after_the_merge_under_the_same_settings(tmp_path):
    plain = batch(tmp_path).orders[0]
    tasks = tuple(task.model_copy(update={"top_k": 2}) for task in plain.tasks)
    changed = plain.model_copy(update={"tasks": tasks, "baseline": plain.folder})
    work = batch(tmp_path).model_copy(update={"orders": (changed,)})
    assert not any(each.option_tokens for each in pending_orders(sharded(work, Shard(1, 2))))
    merge_shards(ran(work, 2).orders[0])
    run(work)
    assert len(read_traces(plain.folder, plain.model, OPTION_TOKENS)) == 14
    assert not pending_orders(work)


def test_items_that_fit_no_context_are_not_tried_again_after_a_merge(tmp_path):
    work = batch(tmp_path)
    for index in (1, 2, 3):
        shard = sharded(work, Shard(index, 3))
        run_batch(shard, lambda _: ScriptedEngine(score=lambda r: () if r.id in ("t/0", "t/1") else by_length(r)))
    merge_shards(work.orders[0])
    facts = read_manifest(work.orders[0].folder).facts
    assert facts["items_too_long"] == ["t/0", "t/1"]
    assert facts["shards"]["2-of-3"] == {"sessions": 1}
    assert not pending_orders(work)
    assert not pending_orders(sharded(work, Shard(1, 2)))
