"""Batches on this machine: one child process each, one after the other.

In: batches. Out: the records that they write; progress through the callback; EngineError with the log's place.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from generation.orders import Batch
from ledger.errors import EXIT_USAGE, ConfigError, EngineError
from ledger.progress import Progress, Report

STOP_SECONDS = 10.0


def run_in_process(batch: Batch, log: Path, report: Report) -> None:
    """Run one batch in a process of its own and wait for it. Raises ConfigError or EngineError."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "assay.placement.worker", str(os.getpid())]
    failure: dict[str, Any] | None = None
    with log.open("ab") as sink:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink, start_new_session=True
        )
        try:
            failure = _follow(child, batch, report)
            child.wait()
        finally:
            stop(child)
    if failure:
        kind = ConfigError if failure["exit_code"] == EXIT_USAGE else EngineError
        raise kind(str(failure["error"]), remedy=f"The engine's own words: {log}")
    if child.returncode:
        raise EngineError(_death(child.returncode), where=batch.orders[0].model, remedy=f"Last lines in {log}")


def stop(child: "subprocess.Popen[bytes]") -> None:
    """End a child and whatever it started; nothing happens if it has ended already."""
    for attempt in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        try:
            os.killpg(child.pid, attempt)
        except ProcessLookupError:
            return
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _follow(child: "subprocess.Popen[bytes]", batch: Batch, report: Report) -> dict[str, Any] | None:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(batch.model_dump_json().encode())
        child.stdin.close()
    except BrokenPipeError:
        return None  # it died before it read its order; its return code tells
    for line in child.stdout:
        event: dict[str, Any] = json.loads(line)
        if "error" in event:
            return event
        report(Progress(event["work"], event["done"], event["total"], event["note"]))
    return None


def _death(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the engine's process was killed, most often because memory ran out"
    return f"the engine's process ended with code {code}"
