"""How long the whole analysis takes and how much memory, as models are added: from a run folder to the report.

Run: OMP_NUM_THREADS=1 python tests/bench/analysis.py. The last line is one JSON object. Each size runs in its own
process, three times; the fastest counts. A model has 160 ratings, 320 games against the baseline, and 500 choices in
two tasks of four subjects; 10,000 resamples. One thread: numpy's own wait for each other where a core is busy.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: a bench has a room's name

from tests.review_factory import Factory  # noqa: E402
from tests.run_folder import build_report  # noqa: E402

REPEATS, NOW = 3, "2026-11-24T12:00:00+00:00"


def review_of(path: Path, models: int) -> Factory:
    """A review of so many models, the baseline and its control among them."""
    candidates = tuple(f"c{number:03}" for number in range(models - 2))
    return Factory(path, candidates, judges=("judge",), items=500, words=20)


def measured(path: Path, models: int) -> dict:
    """One report in this process: seconds, and the process' peak memory in MiB."""
    made = review_of(path, models)
    started = time.perf_counter()
    report = build_report(made.config, made.run, NOW)
    seconds = time.perf_counter() - started
    assert len(report.decisions) == models - 2
    assert report.correlations[0].bootstrap
    return {"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def fastest(folder: Path, models: int) -> dict:
    path = folder / str(models)
    review_of(path, models).write()
    command = [sys.executable, __file__, str(path), str(models)]
    found = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(REPEATS)
    ]
    best = {name: min(each[name] for each in found) for name in found[0]}
    print(f"{models} models: {best['seconds']:.2f} s, peak {best['mib']:.0f} MiB")
    return best


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(measured(Path(sys.argv[1]), int(sys.argv[2]))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        found = {models: fastest(Path(scratch), models) for models in (10, 34, 100)}
    result = {
        "seconds_34_models": round(found[34]["seconds"], 2),
        "peak_mib_34_models": round(found[34]["mib"]),
        "growth_10_to_100_models": round(found[100]["seconds"] / found[10]["seconds"], 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
