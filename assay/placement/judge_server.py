"""A local judge: vLLM's OpenAI server for one model, on loopback, for as long as it is needed.

In: a model and arguments of vLLM's server. Out: its base URL; the server's words in a log file; no process left behind.
The `vllm` command of the CPU build does not start for want of a distribution of that name, so its module is run.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.rooms import python_command, python_environment, stranger

if found := stranger():
    raise ImportError(found)

from assay.placement.gpus import environment_of, gpus_needed_by
from assay.placement.lifeline import end_with_parent
from assay.placement.processes import stop
from generation.vllm_arguments import CPU_ARGUMENTS, cpu_environment, on_cpu
from ledger.errors import EngineError
from ledger.judge_config import JudgeConfig
from ledger.progress import Progress, Report

START_SECONDS = 900
SERVER_MODULE = "vllm.entrypoints.openai.api_server"


@contextmanager
def served(
    model: str,
    name: str,
    arguments: dict[str, Any],
    log: Path,
    report: Report,
    devices: Sequence[str] | None = None,
) -> Iterator[str]:
    """Serve a model while the context lasts, and give the base URL; it sees these GPUs only, or all for None.

    Raises EngineError with the log's place.
    """
    port = _free_port()
    command = python_command("assay.placement.judge_server", str(os.getpid()), "--model", model)
    command += ["--served-model-name", name, "--host", "127.0.0.1", "--port", str(port), *flags(arguments)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": sink, "stderr": sink}
        child = subprocess.Popen(command, start_new_session=True, env=_environment(model, devices), **streams)
        try:
            _wait_until_healthy(child, port, name, log, report)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            stop(child)


def waves(judges: Iterable[JudgeConfig], present: Sequence[str]) -> list[list[tuple[JudgeConfig, list[str] | None]]]:
    """Which judges work at the same time, and on which GPUs those that are served here.

    Judges behind an endpoint all belong to the first wave. One that needs more GPUs than there are is served as it is
    asked for, alone: vLLM says what is wrong. Without GPUs one is served at a time.
    """
    found: list[Wave] = [Wave([], list(present))]
    for judge in judges:
        if not judge.serve:
            found[0].judges.append((judge, None))
            continue
        needed = gpus_needed_by(judge.serve_args)
        wave = next((each for each in found if _room(each, needed, on_gpus=bool(present))), None)
        if wave is None:
            wave = Wave([], list(present))
            found.append(wave)
        enough = len(wave.free) >= needed
        taken, wave.free = (wave.free[:needed], wave.free[needed:]) if enough else (None, [])
        wave.judges.append((judge, taken))
    return [wave.judges for wave in found if wave.judges]


def _room(wave: "Wave", needed: int, *, on_gpus: bool) -> bool:
    """Whether one more judge can be served in a wave."""
    return len(wave.free) >= needed if on_gpus else not any(judge.serve for judge, _ in wave.judges)


@dataclass
class Wave:
    """Judges that work at the same time, and the GPUs that are left."""

    judges: list[tuple[JudgeConfig, list[str] | None]]
    free: list[str]


def _environment(model: str, devices: Sequence[str] | None) -> dict[str, str]:
    cpu = {key: value for key, value in cpu_environment().items() if "MULTIPROCESSING" not in key} if on_cpu() else {}
    offline = {"HF_HUB_OFFLINE": "1"} if Path(model).is_dir() else {}
    shown = python_environment(environment_of(devices) if devices else None)
    return {**shown, **cpu, **offline, "VLLM_NO_USAGE_STATS": "1"}


def flags(arguments: dict[str, Any]) -> list[str]:
    """The server's command line: `--no-…` for what is false, several words for a list, JSON for a table."""
    defaults: dict[str, Any] = CPU_ARGUMENTS if on_cpu() else {}
    found: list[str] = []
    for key, value in (defaults | arguments).items():
        name = key.replace("_", "-")
        if isinstance(value, bool):
            found.append(f"--{name}" if value else f"--no-{name}")
        else:
            values = value if isinstance(value, list) else [value]
            found += [f"--{name}", *(json.dumps(each) if isinstance(each, dict) else str(each) for each in values)]
    return found


def _wait_until_healthy(child: "subprocess.Popen[bytes]", port: int, name: str, log: Path, report: Report) -> None:
    begun = time.monotonic()
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() - begun < START_SECONDS:
        report(Progress(f"{name}: judge's server starts", 0, 1, f"{time.monotonic() - begun:.0f} s"))
        if child.poll() is not None:
            raise EngineError(f"the judge's server ended with code {child.returncode}", remedy=f"Its words: {log}")
        try:
            with direct.open(f"http://127.0.0.1:{port}/health", timeout=5):
                report(Progress(f"{name}: judge's server starts", 1, 1, f"{time.monotonic() - begun:.0f} s"))
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise EngineError(f"the judge's server was not healthy after {START_SECONDS} s", remedy=f"Its words: {log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    end_with_parent(int(sys.argv.pop(1)), by=signal.SIGTERM)
    runpy.run_module(SERVER_MODULE, run_name="__main__", alter_sys=True)
