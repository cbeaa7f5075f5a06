"""Work on a Ray cluster: two worker machines, one worker killed in the middle, and every record there once.

The cluster is started by the test; the driver is the `assay` command itself, in a process of its own.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assay.placement import ray_placement
from assay.placement.processes import Job
from assay.placement.ray_placement import on_ray
from generation.orders import EngineSpec, LoadGroup, ModelJob
from ledger.errors import ConfigError
from ledger.traces import trace_keys
from tests.house import HOUSE, model_folder, record_lines
from tests.strangers import executed, strangers

CONFIG = """
name = "r"
[baseline]
model = "{model}"
label = "base"
control = false
[[candidate]]
model = "{model}"
label = "cand"
[questions]
limit = 20
[[task]]
name = "assay"
limit = 40
[decision]
primary = "accuracy_change"
[placement]
replicas = 2
"""
STORE_BYTES = 80 * 2**20


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a head without CPUs and two nodes with a CPU and (in Ray's books) a GPU each."""
    pytest.importorskip("ray")
    script = (
        "import sys; from ray.cluster_utils import Cluster\n"
        f"head = {{'num_cpus': 0, 'include_dashboard': False, 'object_store_memory': {STORE_BYTES}}}\n"
        "cluster = Cluster(initialize_head=True, head_node_args=head)\n"
        f"for _ in range(2): cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory={STORE_BYTES})\n"
        "print(cluster.address, flush=True); sys.stdin.read(); cluster.shutdown()\n"
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("ASSAY_SCRIPTED_ENGINE", "1")
        environment.setenv("ASSAY_SCRIPTED_SECONDS", "0.1")
        environment.setenv("PYTHONPATH", str(HOUSE))
        with subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=HOUSE,
        ) as holder:
            yield holder.stdout.readline().strip()
            holder.stdin.close()
            holder.wait(60)


@pytest.fixture
def review(tmp_path) -> Path:
    path = tmp_path / "review.toml"
    path.write_text(CONFIG.format(model=model_folder(tmp_path / "model")))
    return path


@contextmanager
def generating(
    review: Path, runs: Path, *more: str, start=("-m", "assay.cli"), cwd=HOUSE
) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-P", *start, "generate", str(review), "--runs", str(runs), *more]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=cwd, env={**os.environ, "PYTHONPATH": str(HOUSE)}, **streams) as driver:
        try:
            yield driver
        finally:
            driver.kill()


def is_alive(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return "State:\tZ" not in status


def holder_of(shard: Path) -> tuple[int, int]:
    """The worker process that writes a shard, and the Ray actor that started it; waits until it has begun to answer."""
    until = time.monotonic() + 120
    while not (shard / "answers.jsonl").exists() or not (shard / "answers.jsonl").stat().st_size:
        assert time.monotonic() < until
        time.sleep(0.1)
    worker = int((shard / ".lock").read_text().split()[1])
    status = Path(f"/proc/{worker}/status").read_text()
    return worker, int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid")))


def test_a_killed_worker_costs_nothing_but_time(cluster, review, tmp_path, monkeypatch):
    review.write_text(review.read_text().replace("limit = 20", "limit = 20\nrollouts = true\ntrace_top_k = 2"))
    with generating(review, tmp_path / "runs", "--ray", cluster) as driver:
        shards = tmp_path / "runs" / "r" / "generation" / "base" / "shards"
        worker, actor = holder_of(shards / "2-of-2")
        other, other_actor = holder_of(shards / "1-of-2")
        assert len({worker, actor, other, other_actor}) == 4
        assert b"ray::Replica" in Path(f"/proc/{actor}/cmdline").read_bytes()
        os.kill(actor, 9)
        time.sleep(0.5)
        assert not is_alive(worker)
        assert is_alive(other)
        out, err = driver.communicate(timeout=240)
    assert driver.returncode == 0, err
    assert out.strip() == str(tmp_path / "runs" / "r")
    assert "base 2/2: run again (1 of 3)" in err
    monkeypatch.setenv("ASSAY_SCRIPTED_SECONDS", "0")
    with generating(review, tmp_path / "quiet", "--ray", "") as quiet:
        assert quiet.communicate(timeout=240)[0]
    assert record_lines(tmp_path / "runs") == record_lines(tmp_path / "quiet")
    keys = [line for each in record_lines(tmp_path / "runs").values() for line in each]
    assert len(keys) == len(set(keys)) == 2 * (20 + 40)
    manifest = json.loads((tmp_path / "runs" / "r" / "generation" / "base" / "manifest.json").read_text())
    assert manifest["facts"]["devices"] == "0"
    assert manifest["facts"]["shards"]["1-of-2"]["sessions"] == 1
    assert manifest["facts"]["shards"]["2-of-2"]["sessions"] == 2
    assert not list((tmp_path / "runs").rglob("shards"))
    read = {name: trace_keys(tmp_path / name / "r" / "generation" / "base") for name in ("runs", "quiet")}
    assert read["runs"] == read["quiet"]
    assert {key[1] for key in read["runs"]} == {"base", "cand"}


def test_a_worker_that_fails_ends_the_run_with_its_sentence(cluster, review, tmp_path):
    folder = tmp_path / "runs" / "r" / "generation" / "cand" / "shards" / "1-of-2"
    with generating(review, tmp_path / "runs", "--ray", cluster) as driver:
        holder_of(tmp_path / "runs" / "r" / "generation" / "base" / "shards" / "1-of-2")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "choices.jsonl").write_text('{"version": 1}\n')
        _, err = driver.communicate(timeout=240)
    assert driver.returncode == 64
    assert "choices.jsonl, line 1" in err


def test_a_model_too_big_for_every_machine_is_refused(cluster, review, tmp_path):
    review.write_text(review.read_text().replace("control = false", "engine_args = { tensor_parallel_size = 4 }"))
    with generating(review, tmp_path / "runs", "--ray", cluster) as driver:
        _, err = driver.communicate(timeout=60)
    assert driver.returncode == 64
    assert "needs 4 GPUs, and no machine of the cluster has more than 1" in err


def test_ray_workers_do_not_execute_modules_of_the_working_folder(cluster, review, tmp_path):
    review.write_text(review.read_text().replace("limit = 20", "limit = 2").replace("limit = 40", "limit = 2"))
    folder = strangers(tmp_path / "work")
    with generating(review, Path("runs"), "--ray", cluster, cwd=folder) as driver:
        _, err = driver.communicate(timeout=240)
    assert driver.returncode == 0, err
    assert not executed(folder)
    assert {len(lines) for lines in record_lines(folder / "runs").values()} == {2}
    logs = [path.name for path in folder.glob("runs/r/generation/*/engine.*.log")]
    assert sorted(logs) == 2 * ["engine.1-of-2.log"] + 2 * ["engine.2-of-2.log"]  # beside the records, too


UNGUARDED = """
import sys
from pathlib import Path
from assay.cli import main
from assay.placement import ray_placement
ray_placement.HOUSE = Path.cwd()  # as if the cluster's machines found strangers by themselves
main(sys.argv[1:])
"""


def test_a_ray_worker_that_finds_a_stranger_says_so_and_is_not_run_again(cluster, review, tmp_path):
    folder = strangers(tmp_path / "work")
    with generating(review, tmp_path / "runs", "--ray", cluster, start=("-c", UNGUARDED), cwd=folder) as driver:
        _, err = driver.communicate(timeout=240)
    assert driver.returncode == 64
    assert not executed(folder)
    assert "its Ray worker cannot start: ImportError: generation: Python finds" in err
    assert str(folder / "generation.py") in err
    assert "run again" not in err


def test_an_address_that_nobody_answers_is_refused_at_once(review, tmp_path):
    pytest.importorskip("ray")
    with generating(review, tmp_path / "runs", "--ray", "127.0.0.1:9") as driver:
        _, err = driver.communicate(timeout=240)
    assert driver.returncode == 64
    assert "Ray: nobody answers at 127.0.0.1:9" in err  # Ray itself would wait for minutes, and say something else
    refused = {
        "nonsense": "'nonsense' is not an address",
        "a..b:1": "nobody answers at a..b:1",
        "[::1]:9": "nobody answers at ::1:9",
    }
    for address, what in refused.items():
        with pytest.raises(ConfigError, match=what), on_ray(address):
            pass


def test_lines_are_counted_once_and_a_torn_one_when_it_has_ended(tmp_path):
    order = ModelJob(folder=tmp_path, model="m", seed=1)
    lines = ray_placement.Lines(
        Job(LoadGroup(engine=EngineSpec(kind="vllm", model="m"), orders=(order,)), tmp_path / "log")
    )
    assert lines.count() == 0
    choices, answers = tmp_path / "choices.jsonl", tmp_path / "answers.jsonl"
    choices.write_text("a\nb\ntor")
    assert lines.count() == 2
    choices.write_text("-\n-\nc\nd\n")  # the next worker cut the torn line off; what was counted is not looked at
    answers.write_text("e\n")
    assert lines.count() == 5
    assert lines.count() == 5


def test_without_ray_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"Ray is not installed.*pip install 'assay-review\[ray\]'"), on_ray("auto"):
        pass


def test_the_head_of_the_house_imports_without_ray():
    script = "import sys, assay.pipeline, assay.placement.ray_placement; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=HOUSE, check=False).returncode == 0
    assert ray_placement.RESUBMISSIONS == 3
