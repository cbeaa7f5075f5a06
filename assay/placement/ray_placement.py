"""Jobs on a Ray cluster: one actor per job, and a dead worker's job is run again.

In: a cluster's address and jobs. Out: their records, in the run folder, which all machines must see under one path.
An actor starts the same worker process as this machine would (processes.py); that process dies with its actor, so the
folder's lock is free when the job is submitted again, and what had been written is kept. The only file with `ray`.
"""

import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.rooms import HOUSE, stranger

if found := stranger():  # also in the actor: Ray alone decides where its process looks for modules
    raise ImportError(found)

from assay.placement.gpus import gpus_needed
from assay.placement.processes import Failure, Job, Worker
from assay.placement.work import Runner
from assay.reachability import silence
from generation.pending import lacking_records
from ledger.errors import EXIT_BUG, EXIT_INFRASTRUCTURE, EXIT_USAGE, ConfigError, EngineError, first_line
from ledger.progress import Progress, Report
from ledger.runs import GenerationFolder

AUTO, LOCAL = "auto", "local"
RESUBMISSIONS = 3
POLL_SECONDS = 1.0
RELEASE_SECONDS = 2.0  # between two submissions: a dying worker's lock is freed
APPEAR_SECONDS = 60.0  # how long a network file system may hide what another machine wrote
STORE_BYTES = 100 * 2**20  # no records go through Ray
SHARED = "The run folder must lie on a file system that all machines of the cluster see under the same path."


@contextmanager
def on_ray(address: str) -> Iterator[Runner]:
    """A runner on the cluster at `address`: host:port, `auto` (the one that this machine is in), `local` (start one).

    Raises ConfigError where Ray or the cluster is missing.
    """
    with redirect_stdout(sys.stderr):  # Ray tells of dead workers on standard output, where our results go
        ray = _connected(address)
        try:
            yield lambda jobs, report: _Cluster(ray, report).run(jobs)
        finally:
            ray.shutdown()


class Replica:
    """The actor: one job's worker process, on whatever machine Ray chose."""

    def run(self, job: Job, folder: str) -> Failure | None:
        """Run the job in the folder where the review was started; only a failure is told."""
        if not Path(folder).is_dir():
            where = f"{job.name}: there is no folder {folder} on {socket.gethostname()}"
            return Failure(where, SHARED, EXIT_USAGE, again=False)
        os.chdir(folder)  # the paths in a job may be relative to it
        worker = Worker(job)
        try:
            while not worker.ended:
                worker.wait(POLL_SECONDS)
                worker.read()
            return worker.failure()
        finally:
            worker.stop()


class Lines:
    """How many lines the files of a job have; what was counted is not read again."""

    def __init__(self, job: Job) -> None:
        folders = [GenerationFolder(order.folder) for order in job.batch.orders]
        self._counted = {
            store.path: 0 for folder in folders for store in (folder.choices, folder.solutions, folder.answers)
        }
        self._lines = 0

    def count(self) -> int:
        """All lines that have ended; a torn one may still be cut off, and is not counted."""
        for path, done in self._counted.items():
            if path.exists():
                with path.open("rb") as stream:
                    stream.seek(done)
                    whole = stream.read()
                whole = whole[: whole.rfind(b"\n") + 1]
                self._counted[path] += len(whole)
                self._lines += whole.count(b"\n")
        return self._lines


@dataclass(frozen=True)
class _Attempt:
    job: Job
    actor: Any
    number: int
    lines: Lines
    total: int


class _Cluster:
    """The driver's side: submits, watches and submits again."""

    def __init__(self, ray: Any, report: Report) -> None:  # noqa: ANN401 - the module, imported only where it is used
        self.ray, self.report = ray, report
        self.running: dict[Any, _Attempt] = {}
        self.gpus = max((node["Resources"].get("GPU", 0) for node in ray.nodes() if node["Alive"]), default=0)

    def run(self, jobs: Sequence[Job]) -> None:
        """Run all jobs and wait for them. Raises ConfigError or EngineError."""
        try:
            for job in jobs:
                self._submit(job, 1)
            while self.running:
                done, _ = self.ray.wait(list(self.running), timeout=POLL_SECONDS)
                for reference in done:
                    self._settle(reference)
                for attempt in self.running.values():
                    self._tell(attempt)
        finally:
            for attempt in self.running.values():
                self.ray.kill(attempt.actor)

    def _submit(self, job: Job, number: int) -> None:
        once = self.ray.remote(num_cpus=1, num_gpus=self._needed(job), max_restarts=0, max_task_retries=0)
        actor = once(Replica).remote()
        lines = Lines(job)
        attempt = _Attempt(job, actor, number, lines, lines.count() + _lacking(job))
        self.running[actor.run.remote(job, str(Path.cwd()))] = attempt
        self._tell(attempt)

    def _settle(self, reference: Any) -> None:  # noqa: ANN401 - Ray's own
        attempt = self.running.pop(reference)
        failure = self._outcome(reference, attempt.job)
        self.ray.kill(attempt.actor)
        if failure is None:
            _await_records(attempt.job)
            self._tell(attempt)
        elif failure.again and attempt.number <= RESUBMISSIONS:
            name = f"{attempt.job.name}: run again ({attempt.number} of {RESUBMISSIONS})"
            self.report(Progress(name, 1, 1, failure.sentence))
            time.sleep(RELEASE_SECONDS)
            self._submit(attempt.job, attempt.number + 1)
        else:
            raise failure.error()

    def _outcome(self, reference: Any, job: Job) -> Failure | None:  # noqa: ANN401 - Ray's own
        try:
            failure: Failure | None = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            cause = str(error).strip().splitlines()[-1]
            return Failure(f"{job.name}: {cause}", f"More in {job.log}", EXIT_BUG, again=False)
        except self.ray.exceptions.RayError as error:
            if "creation task" in str(error):  # our actor does nothing there, so its machine cannot import it
                cause = str(error).strip().splitlines()[-1]
                return Failure(f"{job.name}: its Ray worker cannot start: {cause}", "", EXIT_USAGE, again=False)
            sentence = f"{job.name}: its Ray worker died ({type(error).__name__})"
            return Failure(sentence, f"Last lines in {job.log}", EXIT_INFRASTRUCTURE, again=True)
        return failure

    def _needed(self, job: Job) -> int:
        """The GPUs that a job asks Ray for: none on a cluster without any."""
        needed = gpus_needed(job.batch.engine)
        if 0 < self.gpus < needed:
            raise ConfigError(
                f"needs {needed} GPUs, and no machine of the cluster has more than {self.gpus:.0f}",
                where=f"model {job.name}",
                remedy="Change tensor_parallel_size or pipeline_parallel_size in engine_args.",
            )
        return needed if self.gpus else 0

    def _tell(self, attempt: _Attempt) -> None:
        self.report(Progress(f"{attempt.job.name}: records", attempt.lines.count(), attempt.total, "on Ray"))


def _connected(address: str) -> Any:  # noqa: ANN401 - the module
    """Ray, connected to the cluster or started here. Raises ConfigError."""
    # Read when Ray is imported. A token of our own keeps Ray from writing one into the user's home folder.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == LOCAL:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ImportError as error:
        raise ConfigError("Ray is not installed", remedy="pip install 'assay-review[ray]'") from error
    if address not in (AUTO, LOCAL):
        _refuse_silent_address(address)
    local = {"include_dashboard": False, "object_store_memory": STORE_BYTES} if address == LOCAL else {}
    try:
        with chdir(HOUSE):  # Ray puts the folder in which it is called before all others on its workers' path
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **local)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        remedy = "`ray start --head` starts a cluster, and --ray local one for this run alone."
        raise ConfigError(f"no cluster at {address!r}: {first_line(error)}", where="Ray", remedy=remedy) from error
    return ray


def _refuse_silent_address(address: str) -> None:
    """Ray itself would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"{address!r} is not an address", where="Ray", remedy="Give host:port, auto or local.")
    if what := silence(host.strip("[]"), int(port)):  # the brackets are those of IPv6
        raise ConfigError(what, where="Ray")


def _lacking(job: Job) -> int:
    return sum(map(lacking_records, job.batch.orders))


def _await_records(job: Job) -> None:
    """Wait until this machine sees what the job wrote. Raises EngineError."""
    until = time.monotonic() + APPEAR_SECONDS
    while missing := _lacking(job):
        if time.monotonic() > until:
            sentence = f"{job.name}: its worker ended well, but {missing} of its records cannot be seen here"
            raise EngineError(sentence, remedy=SHARED)
        time.sleep(POLL_SECONDS)
