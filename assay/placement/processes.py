"""One worker process, seen from the process that started it.

In: a job. Out: the records that it writes; its progress; a failure that names the log with the engine's own words.
"""

import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.rooms import python_command, python_environment
from generation.orders import LoadGroup
from ledger.errors import (
    EXIT_BUG,
    EXIT_INFRASTRUCTURE,
    EXIT_USAGE,
    AssayError,
    ConfigError,
    EngineError,
    PromptsRefused,
)
from ledger.progress import Progress

STOP_SECONDS = 10.0
READ_BYTES = 1 << 16
WORKER_MODULE = "assay.placement.worker"


@dataclass(frozen=True)
class Job:
    """One model load: a batch, the log of its engine, and the shard, if it is one."""

    batch: LoadGroup
    log: Path
    shard: str = ""

    @property
    def name(self) -> str:
        """The model, and the shard if it is one."""
        return f"{self.batch.orders[0].model} {self.shard}".rstrip()


@dataclass(frozen=True)
class Failure:
    """Why a worker did not finish; `again` where another try may: it died, or another still held the folder.

    `refused`: it did all but what an endpoint refused.
    """

    sentence: str
    remedy: str
    exit_code: int
    again: bool
    refused: bool = False

    def error(self) -> AssayError:
        """The error to raise for it."""
        kinds = {EXIT_USAGE: ConfigError, EXIT_BUG: AssayError}
        other = PromptsRefused if self.refused else EngineError
        return kinds.get(self.exit_code, other)(self.sentence, remedy=self.remedy)


class Worker:
    """A process that runs one job. It dies with the thread that started it, so that thread must wait for it."""

    def __init__(self, job: Job, environment: Mapping[str, str] | None = None) -> None:
        self.job = job
        self.ended = False
        self._event: dict[str, Any] | None = None
        self._done = False
        self._rest = b""
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with job.log.open("ab") as sink:
            self._child = subprocess.Popen(
                python_command(WORKER_MODULE, str(os.getpid())),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                start_new_session=True,
                env=python_environment(environment),
            )
        try:
            self._send(job.batch)
        except BaseException:
            self.stop()
            raise

    def fileno(self) -> int:
        """What to wait on for progress or the end."""
        assert self._child.stdout is not None
        return self._child.stdout.fileno()

    def wait(self, seconds: float) -> None:
        """Wait for progress or the end, at most so long."""
        select.select([self], [], [], seconds)

    def read(self) -> list[Progress]:
        """The progress since the last reading, without waiting; sets `ended`."""
        # Asked before reading: whatever an ended process wrote is in the pipe by now. A process that it left behind
        # may hold the pipe open, so the end of the pipe alone would not tell.
        gone = self._child.poll() is not None
        while chunk := self._chunk():
            self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        found = []
        for line in lines:
            if not line.startswith(b"{"):
                continue  # some Pythons print when they start (sitecustomize), before the worker keeps others out
            event = json.loads(line)
            if "error" in event:
                self._event = event
            elif "finished" in event:
                self._done = True
            else:
                found.append(Progress(self._work(event["work"]), event["done"], event["total"], event["note"]))
        self.ended = self.ended or gone
        return found

    def failure(self) -> Failure | None:
        """What went wrong, once it has ended; whatever it left running is ended too."""
        code = self._child.wait()
        _end_group(self._child)
        self._close()
        if self._event:
            kind, remedy = self._event["kind"], f"The engine's own words: {self.job.log}"
            again, refused = kind == "StoreLocked", kind == PromptsRefused.__name__
            return Failure(str(self._event["error"]), remedy, int(self._event["exit_code"]), again, refused)
        if code or not self._done:
            sentence = f"{self.job.name}: {_death(code)}"
            return Failure(sentence, f"Last lines in {self.job.log}", EXIT_INFRASTRUCTURE, again=True)
        return None

    def interrupt(self) -> None:
        """Ask it to end; `stop` waits until it has."""
        if self._child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGTERM)

    def stop(self) -> None:
        """End it and whatever it started."""
        stop(self._child)
        self._close()

    def _send(self, batch: LoadGroup) -> None:
        assert self._child.stdin is not None
        # One that died before it read its order tells by its return code.
        with suppress(BrokenPipeError):
            self._child.stdin.write(batch.model_dump_json().encode())
            self._child.stdin.flush()
        with suppress(BrokenPipeError):
            self._child.stdin.close()
        os.set_blocking(self.fileno(), False)

    def _chunk(self) -> bytes:
        try:
            chunk = os.read(self.fileno(), READ_BYTES)
        except BlockingIOError:
            return b""
        self.ended = self.ended or not chunk
        return chunk

    def _work(self, work: str) -> str:
        return f"{work} ({self.job.shard})" if self.job.shard else work

    def _close(self) -> None:
        if self._child.stdout is not None:
            self._child.stdout.close()


def stop(child: "subprocess.Popen[bytes]") -> None:
    """End a child and whatever it started, also what does not heed it and what outlived it."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(STOP_SECONDS)
    _end_group(child)
    with suppress(subprocess.TimeoutExpired):
        child.wait(STOP_SECONDS)


def _end_group(child: "subprocess.Popen[bytes]") -> None:
    """Kill all that is left of a child's process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _death(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the engine's process was killed, most often because memory ran out"
    if not code:
        return "the engine's process left before its work was done: something that it ran ended it"
    return f"the engine's process ended with code {code}"
