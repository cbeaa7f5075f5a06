"""How long the whole analysis takes and how much memory, as models are added: from a run folder to the report.

Run: OMP_NUM_THREADS=1 python tests/bench/analysis.py. The last line is one JSON object. Each size runs in its own
process, three times; the fastest counts. A model has 160 ratings, 320 games against the baseline, and 500 choices in
two tasks of four subjects; 10,000 resamples. One thread: numpy's own wait for each other where a core is busy.
`mmlu`: 14,042 items in 57 subjects, a baseline, its control and 12 candidates, no judge; every file of the report is
written too. `start`: user and system seconds of `assay --version` and `--help`, the slower one.
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

from analysis.rendering.formats.writers import write_reports  # noqa: E402
from assay.reporting import report_of  # noqa: E402
from tests.review_factory import Factory  # noqa: E402
from tests.run_folder import build_report  # noqa: E402

REPEATS, NOW = 3, "2026-11-24T12:00:00+00:00"
MMLU, MMLU_ITEMS, MMLU_SUBJECTS, MMLU_CANDIDATES = "mmlu", 14_042, 57, 12


class Mmlu(Factory):
    """A review of choices alone, as many and in as many subjects as MMLU's test split has."""

    @property
    def declaration(self) -> dict:
        declared = super().declaration
        decision = {"primary": "accuracy_change", "limits": {"flips": 0.12, "kl_options": 0.1}}
        kept = {key: declared[key] for key in ("name", "baseline", "candidate")}
        return {**kept, "task": [{"name": "mmlu.jsonl"}], "decision": decision}

    def _items(self) -> None:
        super()._items()
        self._asked_items = [
            item.model_copy(update={"task": "mmlu", "subject": f"subject {place % MMLU_SUBJECTS:02}"})
            for place, item in enumerate(self._asked_items)
        ]
        self.run.items.replace(self._asked_items)

    def _answers(self, name: str, damage: float) -> None:
        """None: nobody was asked to write."""

    def _labels(self) -> None:
        """None: nobody judged."""


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


def measured_mmlu(path: Path) -> dict:
    """The same of many items, every file written."""
    made = mmlu_of(path)
    started = time.perf_counter()
    report, shown = report_of(made.config, made.run, NOW, redact=False)
    analyzed = time.perf_counter() - started
    write_reports(report, made.run.analysis, shown)
    assert (report.items, len(report.decisions)) == (MMLU_ITEMS, MMLU_CANDIDATES)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": time.perf_counter() - started, "analyzed": analyzed, "mib": peak}


def mmlu_of(path: Path) -> Mmlu:
    names = tuple(f"c{number:02}" for number in range(MMLU_CANDIDATES))
    return Mmlu(path, names, judges=(), questions=0, items=MMLU_ITEMS, words=20)


def start_seconds() -> float:
    """CPU seconds of a command that only prints: the slower of two, the fastest of some tries each."""
    program = "import sys; from assay.cli import main; sys.argv = ['assay', *sys.argv[1:]]; main()"

    def once(option: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program, option], check=True, capture_output=True, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return max(min(once(option) for _ in range(2 * REPEATS)) for option in ("--version", "--help"))


def fastest(folder: Path, models: int | str) -> dict:
    path = folder / str(models)
    (mmlu_of(path) if models == MMLU else review_of(path, int(models))).write()
    from tests.bench.settings import best_of  # not where it is measured: it brings more than a child needs

    best = best_of(REPEATS, __file__, str(path), str(models))
    print(f"{models} models: {best['seconds']:.2f} s, peak {best['mib']:.0f} MiB")
    return best


def main() -> None:
    if len(sys.argv) == 3:
        path, models = Path(sys.argv[1]), sys.argv[2]
        print(json.dumps(measured_mmlu(path) if models == MMLU else measured(path, int(models))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        found = {models: fastest(Path(scratch), models) for models in (10, 34, 100, MMLU)}
    result = {
        "seconds_34_models": round(found[34]["seconds"], 2),
        "peak_mib_34_models": round(found[34]["mib"]),
        "growth_10_to_100_models": round(found[100]["seconds"] / found[10]["seconds"], 2),
        "seconds_mmlu_12_candidates": round(found[MMLU]["seconds"], 2),
        "seconds_mmlu_without_files": round(found[MMLU]["analyzed"], 2),
        "peak_mib_mmlu_12_candidates": round(found[MMLU]["mib"]),
        "start_cpu_seconds": round(start_seconds(), 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
