"""How many small faults in the statistics and the decision do the tests notice?

In: analysis/statistics, judged, multiple_choice and decision, and the tests that run their lines. Out: one line of JSON
per fault in a log, and the share killed with Wilson's interval. Run by hand: `python tests/bench/mutants.py
--count 400` (about an hour); stopped, it goes on where the log ends if it is called again. `--tables` reads the log
alone.

All happens in a copy of the working tree. The quick tests run there once with coverage, which tells which test runs
which line. Then, fault by fault, one process that has imported the packages forks: the child imports the house's
modules afresh, one of them with the fault, and runs the tests of that line, nearest files first, until one fails.
A test that fails, or does not end, kills the fault. A survivor that nobody could notice is equivalent: write the reason
into its line of the log as "equivalent", and it is counted apart.
"""

import argparse
import ast
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[threads] = "1"  # before numpy: a process with threads does not fork well

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # this folder has a file that is called like a module of a room

# ruff: noqa: E402
import coverage
import pytest
from statsmodels.stats.proportion import proportion_confint

from tests.bench.mutations import Mutant, drawn, mutated

PACKAGES = ("statistics", "judged", "multiple_choice", "decision")
QUICK = "not model and not slow and not soak"
AFRESH = {"analysis", "assay", "tests", "conftest"}
"""Rooms whose modules a child imports anew: all that may import what is mutated."""
FIXED = ["-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning", "-m", QUICK]
PATIENCE = 30
MOST_MEMORY = 16 * 2**30
NOT_BY_IMPORT = {"test_architecture.py", "test_page_in_browser.py", "test_wheels.py"}
"""Tests of the source's text, of a browser, and of distributions: they run no line of these packages in the process."""


class Recorder:
    """A plugin: runs chosen tests alone, file by file in the chosen order, and keeps how long each took and failed."""

    def __init__(self, chosen: Sequence[str] | None = None) -> None:
        self.place = None if chosen is None else {name: place for place, name in enumerate(chosen)}
        self.seconds: Counter[str] = Counter()
        self.failed: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.place is not None:
            place = self.place
            items[:] = sorted((item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed[report.nodeid] = self._message(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed[report.nodeid] = f"import: {self._message(report)}"

    @staticmethod
    def _message(report: Any) -> str:
        crash = getattr(report.longrepr, "reprcrash", None)
        return " ".join((crash.message if crash else str(report.longrepr)[-300:]).split())[:200]


def copied(folder: Path) -> Path:
    """A copy of the working tree, ignored files apart."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, told.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    if (ROOT / "shared").is_dir():
        (folder / "shared").symlink_to((ROOT / "shared").resolve())
    return folder


def imported(path: Path) -> set[str]:
    """The dotted names that a file imports, wherever it does."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def concerned(folder: Path) -> list[str]:
    """Test files that import from analysis/, by themselves or through a file of tests/ that does."""
    files = {f"tests.{path.stem}": path for path in (folder / "tests").glob("*.py")}
    reach = {name: imported(path) for name, path in files.items()}
    held = {name for name, names in reach.items() if any(each.split(".")[0] == "analysis" for each in names)}
    while more := {name for name, names in reach.items() if names & held} - held:
        held |= more
    return sorted(
        f"tests/{files[name].name}"
        for name in held
        if files[name].name.startswith("test_") and files[name].name not in NOT_BY_IMPORT
    )


def forget() -> None:
    """Let all modules go that could hold something of a mutated one."""
    for name in [name for name in sys.modules if name.split(".")[0] in AFRESH]:
        del sys.modules[name]


def in_a_child(work: Callable[[], Any], output: Path, patience: float) -> Any:
    """What `work` returns in a forked process that has forgotten the house's modules; None if it does not end."""
    answer = output.with_suffix(".json")
    answer.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
            handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            forget()
            answer.write_text(json.dumps(work()))
        finally:
            os._exit(0)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return json.loads(answer.read_text()) if answer.exists() else {"died": True}
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def mapped(files: Sequence[str], folder: Path) -> dict[str, Any]:
    """Each passing test's seconds, and the tests that run each line: by module, by line, places among the tests."""
    data = folder / "coverage-data"
    os.environ["COVERAGE_FILE"] = str(data)

    def work() -> dict[str, Any]:
        recorder = Recorder()
        measured = ["--cov=analysis", "--cov-context=test", "--cov-report=", f"--basetemp={folder / 'base'}"]
        pytest.main([*FIXED, *measured, *files], plugins=[recorder])
        return {"seconds": recorder.seconds, "failed": recorder.failed}

    found = in_a_child(work, folder / "map-output", 3600)
    tests = [name for name in found["seconds"] if name not in found["failed"]]
    place = {name: number for number, name in enumerate(tests)}
    held = coverage.CoverageData(str(data))
    held.read()
    lines: dict[str, dict[str, list[int]]] = {}
    for path in held.measured_files():
        by_line = {
            str(line): sorted({place[name] for each in contexts if (name := each.rsplit("|", 1)[0]) in place})
            for line, contexts in held.contexts_by_lineno(path).items()
        }
        lines[str(Path(path).relative_to(Path.cwd()))] = by_line
    return {"tests": {name: found["seconds"][name] for name in tests}, "failed": found["failed"], "lines": lines}


def dotted(module: str) -> str:
    """`analysis/judged/games.py` as it is imported."""
    return module.removesuffix(".py").replace("/", ".")


def chosen(mutant: Mutant, known: dict[str, Any], most_seconds: float) -> list[str]:
    """The tests of a fault's lines, files that import its module first, then the quickest files; up to a time."""
    tests, lines = list(known["tests"]), known["lines"]
    modules = [mutant.module]
    if mutant.top:  # a constant is read wherever it is imported
        modules += [name for name in lines if dotted(mutant.module) in imported(Path(name))]
        places = {place for name in modules for each in lines.get(name, {}).values() for place in each}
    else:
        own = lines.get(mutant.module, {})
        places = {place for line in range(mutant.first, mutant.last + 1) for place in own.get(str(line), ())}
    files: dict[str, list[str]] = {}
    for place in sorted(places):
        files.setdefault(tests[place].split("::")[0], []).append(tests[place])
    cost = {name: sum(known["tests"][test] for test in each) for name, each in files.items()}
    direct = {name: dotted(mutant.module) in imported(Path(name)) for name in files}
    order = sorted(files, key=lambda name: (not direct[name], cost[name]))
    taken, spent = [], 0.0
    for name in order:
        if taken and spent + cost[name] > most_seconds:
            continue
        taken += files[name]
        spent += cost[name]
    return taken


def tried(mutant: Mutant, known: dict[str, Any], folder: Path, most_seconds: float) -> dict[str, Any]:
    """Run the fault's tests with it; what became of it."""
    tests, path = chosen(mutant, known, most_seconds), Path(mutant.module)
    line = {"name": mutant.name, "place": mutant.place, "variant": mutant.variant, "tests": len(tests)}
    if not tests:
        return line | {"outcome": "survived", "cause": "no test runs it", "seconds": 0.0}
    source, before = path.read_text(encoding="utf-8"), path.stat()
    path.write_text(mutated(source, mutant), encoding="utf-8")
    os.utime(path, (1, 1))  # no compiled module has this time

    def work() -> dict[str, Any]:
        sys.dont_write_bytecode = True
        recorder = Recorder(tests)
        files = list(dict.fromkeys(test.split("::")[0] for test in tests))
        code = pytest.main([*FIXED, "-x", f"--basetemp={folder / 'base'}", *files], plugins=[recorder])
        return {"code": int(code), "failed": recorder.failed, "ran": len(recorder.seconds)}

    begun, patience = time.monotonic(), PATIENCE + 4 * sum(known["tests"][test] for test in tests)
    try:
        found = in_a_child(work, folder / "output", patience)
    finally:
        path.write_text(source, encoding="utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    line["seconds"] = round(time.monotonic() - begun, 1)
    if found is None:
        return line | {"outcome": "killed", "cause": "does not end"}
    if found.get("died"):
        return line | {"outcome": "killed", "cause": "the process died"}
    test, cause = next(iter(found["failed"].items()), ("", ""))
    if found["code"] == 0 and found["ran"]:
        return line | {"outcome": "survived", "cause": f"{found['ran']} tests passed"}
    outcome = "killed" if test else f"broken: pytest said {found['code']}"
    return line | {"outcome": outcome, "test": test, "cause": cause}


def tables(lines: Sequence[dict[str, Any]]) -> str:
    """Outcomes by package, the share killed with Wilson's 95 % interval, and the survivors."""
    shown = []
    for package in (*PACKAGES, ""):
        mine = [line for line in lines if line["name"].startswith(f"analysis/{package}")]
        equal = sum("equivalent" in line for line in mine)
        killed, n = sum(line["outcome"] == "killed" for line in mine), len(mine)
        if not n:
            continue
        text = f"{package or 'all':16} tried {n:4}  killed {killed:4}  survived {n - killed - equal:3}"
        text += f"  equivalent {equal:3}"
        for without in (0, equal):
            low, high = proportion_confint(killed, n - without, method="wilson")
            text += f"  {100 * killed / (n - without):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        shown.append(text)
    shown.append("(the second share leaves the equivalent ones out)")
    shown += [f"{line['outcome']}: {line['name']}  ({line['cause']})" for line in lines if _open(line)]
    return "\n".join(shown)


def _open(line: dict[str, Any]) -> bool:
    return line["outcome"] != "killed" and "equivalent" not in line


def read(log: Path) -> list[dict[str, Any]]:
    """The lines of a log; the last one of a fault stands."""
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines()) if log.exists() else ()
    return list({_key(line["name"], line["place"], line["variant"]): line for line in lines}.values())


def _key(name: str, place: int, variant: int) -> tuple[str, int, int]:
    """A fault by its node: one line may hold two that read alike."""
    return name.split(":")[0], place, variant


def preload(files: Iterable[str]) -> None:
    """Import what tests import, so that no child has to; packages from elsewhere are then shared by all."""
    forget()
    with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
        pytest.main([*FIXED, "--collect-only", *files])


def hunt(arguments: argparse.Namespace, folder: Path) -> None:
    """Draw, map the tests once, and try each fault that the log does not have."""
    os.nice(10)
    os.chdir(copied(folder / "tree"))
    sys.path[0] = str(Path.cwd())
    modules = {str(path): path for name in PACKAGES for path in sorted(Path("analysis", name).glob("*.py"))}
    faults = drawn(modules, arguments.count, arguments.seed)
    files = arguments.tests or concerned(Path.cwd())
    preload(files)
    store = arguments.log.with_suffix(".map.json")
    if not store.exists() or arguments.map:
        store.write_text(json.dumps(mapped(files, folder)), encoding="utf-8")
    known = json.loads(store.read_text(encoding="utf-8"))
    print(f"{len(known['tests'])} tests of {len(files)} files; failing here: {list(known['failed'])}", flush=True)
    if not known["tests"]:
        raise SystemExit(f"no test ran in the copy: {known['failed'] or (folder / 'map-output').read_text()}")
    before = {_key(line["name"], line["place"], line["variant"]): line for line in read(arguments.log)}
    for number, mutant in enumerate(faults, 1):
        old = before.get(_key(mutant.name, mutant.place, mutant.variant))
        if old is not None and not (arguments.again and _open(old)):
            continue
        line = tried(mutant, known, folder, arguments.most_seconds)
        with arguments.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line, ensure_ascii=False) + "\n")
        print(f"{number}/{len(faults)} {line['outcome']} in {line['seconds']} s: {line['name']}", flush=True)


def main() -> None:
    """Hunt, or only show what a log says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=400, help="faults to draw (default 400)")
    parser.add_argument("--seed", type=int, default=19, help="which are drawn (default 19)")
    parser.add_argument("--log", type=Path, default=Path("mutants.jsonl"), help="results, and what is resumed")
    parser.add_argument("--most-seconds", type=float, default=60, help="of tests for one fault (default 60)")
    parser.add_argument("--again", action="store_true", help="try survivors of the log once more, as after new tests")
    parser.add_argument("--map", action="store_true", help="map tests to lines anew, as after new tests")
    parser.add_argument("--tables", action="store_true", help="show what the log says, run nothing")
    parser.add_argument("tests", nargs="*", help="test files (default: all that import from analysis/)")
    arguments = parser.parse_args()
    arguments.log = arguments.log.resolve()
    if not arguments.tables:
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "tree").mkdir()
            hunt(arguments, Path(name))
            os.chdir("/")
    print(tables(read(arguments.log)))


if __name__ == "__main__":
    main()
