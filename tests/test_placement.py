"""Work on this machine: GPUs shared out, one failure stops all, and a worker killed at any moment loses nothing."""

import json
import os
import random
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from assay.placement.gpus import environment_of, gpus, gpus_needed, gpus_needed_by
from assay.placement.local_placement import run_locally
from assay.placement.processes import Failure, Job, Worker, stop
from assay.placement.work import run_work
from generation.orders import EngineSpec, LoadGroup, ModelJob, TaskItems
from generation.pending import pending_orders
from ledger.config import config_from
from ledger.errors import ConfigError, EngineError
from ledger.manifests import read_manifest
from ledger.progress import silent
from ledger.records import Item, Question
from ledger.runs import GenerationFolder
from tests.house import small_and_soak


@pytest.fixture(autouse=True)
def scripted(monkeypatch):
    monkeypatch.setenv("ASSAY_SCRIPTED_ENGINE", "1")
    monkeypatch.setenv("ASSAY_SCRIPTED_SECONDS", "0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def order(folder: Path, model: str, count: int = 6, **changes) -> ModelJob:
    questions = [
        Question(source="s", id=str(i), category="math", turns=(f"{i}?", "and?"), temperature=0.7) for i in range(count)
    ]
    items = [
        Item(task="t", id=str(i), subject="x", question=f"{i}?", options=("a", "bb"), gold=0) for i in range(2 * count)
    ]
    tasks = (TaskItems(name="t", style="continuation", items=tuple(items)),)
    values = {"folder": folder / model, "model": model, "seed": 1, "questions": tuple(questions), "tasks": tasks}
    return ModelJob(**(values | changes))


def batch(*orders: ModelJob, **arguments) -> LoadGroup:
    return LoadGroup(engine=EngineSpec(kind="vllm", model="none", arguments=arguments), orders=orders)


def job(work: LoadGroup) -> Job:
    return Job(work, work.orders[0].folder / "engine.log")


def lines(folder: Path) -> dict[str, list[str]]:
    """The lines of a model's files, sorted; each is a whole record."""
    found = {}
    for name in ("answers.jsonl", "choices.jsonl"):
        text = (folder / name).read_text()
        assert text.endswith("\n")
        found[name] = sorted(text.splitlines())
        assert [json.loads(line) for line in found[name]]
    return found


def keys(folder: Path) -> list[tuple]:
    stores = GenerationFolder(folder)
    return [record.key for store in (stores.answers, stores.choices) for record in store.records()]


def start(work: LoadGroup) -> subprocess.Popen:
    """A worker that has begun."""
    child = subprocess.Popen(
        [sys.executable, "-m", "assay.placement.worker", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    child.stdin.write(work.model_dump_json().encode())
    child.stdin.close()
    child.stdout.readline()
    return child


@small_and_soak("kills", 6, 20)
def test_kills_at_random_moments_lose_nothing(tmp_path, monkeypatch, kills):
    quiet, work = batch(order(tmp_path / "quiet", "m", 300)), batch(order(tmp_path / "killed", "m", 300))
    run_locally([job(quiet)], silent)
    moments = random.Random(7)
    found, codes = [0], []
    monkeypatch.setenv("ASSAY_SCRIPTED_SECONDS", "0.004")
    for round in range(kills):
        child = start(work)
        time.sleep(moments.uniform(0, 0.7))
        child.kill()
        codes.append(child.wait())
        child.stdout.close()
        records = tmp_path / "killed" / "m" / "choices.jsonl"
        if round in (kills - 3, kills - 1):
            os.truncate(records, records.stat().st_size - 40)  # a line torn by the machine itself
        found.append(len(keys(tmp_path / "killed" / "m")))
    assert codes == [-9] * kills
    assert len(set(found)) > 3
    assert pending_orders(work)
    monkeypatch.setenv("ASSAY_SCRIPTED_SECONDS", "0")
    run_locally([job(work)], silent)
    assert lines(tmp_path / "killed" / "m") == lines(tmp_path / "quiet" / "m")
    kept = keys(tmp_path / "killed" / "m")
    assert len(kept) == len(set(kept)) == 300 + 600
    assert read_manifest(tmp_path / "killed" / "m").facts["torn_lines_removed"] >= 1


def test_devices_come_from_the_environment_or_nvidia_smi(tmp_path, monkeypatch):
    for value, devices in (("2,3", ["2", "3"]), ("", []), ("-1", []), ("1, -1, 2", ["1"]), ("MIG-a", ["MIG-a"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert gpus() == devices
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == []
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H200 (UUID: GPU-a)'\necho 'GPU 1: NVIDIA H200 (UUID: GPU-b)'\n")
    fake.chmod(0o755)
    assert gpus() == ["0", "1"]
    assert environment_of(["1"])["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment_of(["1"])["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    fake.write_text("#!/bin/sh\necho 'no driver'\nexit 9\n")
    assert gpus() == []


def test_a_model_needs_its_parallel_sizes():
    arguments = {"tensor_parallel_size": 4, "pipeline_parallel_size": 2}
    assert gpus_needed(EngineSpec(kind="vllm", model="m", arguments=arguments)) == 8
    assert gpus_needed_by({"tensor-parallel-size": 2}) == 2  # as the judge's server takes it, too
    for size in ("two", 0, 1.5):
        with pytest.raises(ConfigError, match=f"pipeline_parallel_size is {size!r}, not a whole number"):
            gpus_needed_by({"pipeline_parallel_size": size})
    assert gpus_needed(EngineSpec(kind="transformers", model="m")) == 1
    assert gpus_needed(EngineSpec(kind="openai", model="m")) == 0


def observed(work: list[LoadGroup], monkeypatch, devices: str) -> tuple[dict[str, str], int]:
    """Which devices each model saw, and how many workers ran at the same time at most."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)
    monkeypatch.setenv("ASSAY_SCRIPTED_SECONDS", "0.02")
    spans: dict[str, list[float]] = {}
    threads = set()

    def report(progress) -> None:
        threads.add(threading.get_ident())
        spans.setdefault(progress.work.split(":")[0], []).append(time.monotonic())

    run_locally([job(each) for each in work], report)
    assert len(threads) == 1
    seen = {each.orders[0].model: read_manifest(each.orders[0].folder).facts["devices"] for each in work}
    begins = [(min(times), max(times)) for times in spans.values()]
    return seen, max(sum(a <= begin <= b for a, b in begins) for begin, _ in begins)


def test_two_gpus_run_two_models_at_once(tmp_path, monkeypatch):
    work = [batch(order(tmp_path, name, 20)) for name in ("a", "b", "c")]
    seen, together = observed(work, monkeypatch, "0,1")
    assert (seen["a"], seen["b"]) == ("0", "1")
    assert seen["c"] in ("0", "1")
    assert together == 2


def test_a_model_over_two_gpus_has_both(tmp_path, monkeypatch):
    work = [batch(order(tmp_path, "a", 4)), batch(order(tmp_path, "b", 4), tensor_parallel_size=2)]
    seen, together = observed(work, monkeypatch, "4,5")
    assert seen["a"] == "4"
    assert sorted(seen["b"].split(",")) == ["4", "5"]
    assert together == 1


def test_without_gpus_models_run_one_by_one(tmp_path, monkeypatch):
    _, together = observed([batch(order(tmp_path, name, 4)) for name in ("a", "b")], monkeypatch, "")
    assert together == 1


def test_a_model_that_needs_more_gpus_than_there_are_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(ConfigError, match="model a: needs 4 GPUs, and 2 can be used"):
        run_locally([job(batch(order(tmp_path, "a"), tensor_parallel_size=4))], silent)


def test_a_failing_worker_stops_the_others_and_its_error_is_raised(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("ASSAY_SCRIPTED_SECONDS", "0.05")
    broken = order(tmp_path, "broken")
    broken.folder.mkdir()
    (broken.folder / "choices.jsonl").write_text('{"version": 1}\n')
    slow = batch(order(tmp_path, "slow", 400))
    with pytest.raises(ConfigError, match=r"choices\.jsonl, line 1: .*engine\.log"):
        run_locally([job(slow), job(batch(broken))], silent)
    assert pending_orders(slow)  # by itself it would have gone on to its end
    before = keys(slow.orders[0].folder) if slow.orders[0].folder.exists() else []
    time.sleep(0.3)
    assert len(before) == len(keys(slow.orders[0].folder))


def test_a_killed_worker_is_told_with_its_log(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_SCRIPTED_SECONDS", "0.05")
    work = job(batch(order(tmp_path, "m", 100)))

    def kill(progress) -> None:
        if progress.done == 1 and "loading" in progress.work:
            time.sleep(0.1)
            os.kill(int((tmp_path / "m" / ".lock").read_text().split()[1]), 9)

    with pytest.raises(EngineError, match=r"m: the engine's process was killed.*engine\.log"):
        run_locally([work], kill)


def test_an_end_is_seen_although_the_pipe_stays_open(tmp_path):
    work = job(batch(order(tmp_path, "m", 1)))
    worker = Worker(work)
    held = os.dup(worker.fileno())  # as an engine's forked child would
    while not worker.ended:
        worker.wait(0.2)
        worker.read()
    assert worker.failure() is None
    os.close(held)


def test_a_worker_that_leaves_before_its_end_did_not_end_well(tmp_path, monkeypatch):
    """A checker of the user's may call os._exit(0): no error is told, and its code is that of success."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n'assay.placement.worker' in sys.orig_argv and os._exit(0)"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(EngineError, match="m: the engine's process left before its work was done"):
        run_locally([job(batch(order(tmp_path, "m", 1)))], silent)


def test_a_python_that_prints_when_it_starts_does_not_disturb(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("print('hello')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    work = batch(order(tmp_path, "m", 1))
    run_locally([job(work)], silent)
    assert not pending_orders(work)


def test_candidates_that_trace_wait_for_the_baseline(tmp_path):
    traced = {"trace_top_k": 2, "baseline": tmp_path / "base", "reads": (tmp_path / "base",)}
    work = [batch(order(tmp_path, name, 3, **traced)) for name in ("base", "c")]
    calls = []

    def run(jobs, report) -> None:
        calls.append([each.name for each in jobs])
        run_locally(jobs, report)

    run_work(work, run, 1, silent)
    assert calls == [["base"], ["c"]]
    run_work([batch(order(tmp_path / "plain", name, 3)) for name in ("base", "c")], run, 1, silent)
    assert calls[2:] == [["base", "c"]]


def test_placement_is_no_part_of_what_was_declared():
    plain = {"name": "r", "baseline": {"model": "a/b"}, "candidate": [{"model": "a/c"}], "task": [{"name": "assay"}]}
    placed = config_from(plain | {"placement": {"ray": "auto", "replicas": 2}}, "x")
    assert (placed.placement.ray, placed.placement.replicas) == ("auto", 2)
    assert placed.digest == config_from(plain, "x").digest
    with pytest.raises(ConfigError, match="placement"):
        config_from(plain | {"placement": {"replicas": 0}}, "x")


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(99)"


@pytest.mark.parametrize("ended", [False, True])
def test_what_a_child_started_is_ended_though_it_ignores_the_signal(ended):
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}])"
    code = parent if ended else f"{parent}; import time; time.sleep(99)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout.readline() == b"up\n"
    if ended:
        child.wait()
    stop(child)
    assert select.select([child.stdout], [], [], 20)[0], "somebody holds the pipe still"
    assert child.stdout.read() == b""
    child.stdout.close()


def test_a_bug_in_a_worker_is_a_bug_to_the_command():
    codes = {code: Failure("m: KeyError: 'x'", "", code, again=False).error().exit_code for code in (20, 64, 70)}
    assert codes == {20: 20, 64: 64, 70: 70}
