"""One path of a user's, looked through: lm-evaluation-harness' logs, results files, and whatever else lies there.

In: a file or a folder. Out: a Scan; a folder of two models' logs is refused with both names.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from assay.sources.lm_eval_layouts import NAMED, Log, log_of
from assay.sources.lm_eval_results import STAMP, origin_in, results_beside, results_in
from ledger.errors import ConfigError
from ledger.origins import Origin

EVIDENCE = ("samples_*", "results_*", "*.jsonl", "*.jsonl.gz", "*.parquet", "*.eval")
"""Names that promise evidence; other files are listed and block nothing."""
RESULTS = re.compile(rf"results\.json|results_.*\.json|.+_{STAMP}\.json")
RESULT_PARTS = {"results", "configs", "n-samples", "model_name"}
RESOURCE_FORK = "._"  # what macOS puts beside a file
ONE_MODEL = "Name the folder or the files of one model."


@dataclass
class Scan:
    """One path: its logs, results files, and whatever else lies there."""

    path: Path
    logs: list[Log] = field(default_factory=list)
    results: dict[Path, dict[str, Any]] = field(default_factory=dict)
    rest: list[Path] = field(default_factory=list)

    def name(self, file: Path) -> str:
        """A file as it is called in messages, and in `leave_out`."""
        return file.relative_to(self.path).as_posix() if self.path.is_dir() else file.name


def scan_of(path: Path) -> Scan:
    """What lies under a path. Raises ConfigError."""
    scan = Scan(path)
    if path.is_file():
        log = log_of(path, named=True)
        scan.logs.append(log)
        scan.results[results_beside(path, log.stamp) if log.stamp else path.with_name("results.json")] = log.results
        if log.stamp:
            scan.rest += sorted(set(path.parent.glob(f"samples_*_{log.stamp}.jsonl*")) - {path})
        return scan
    if not path.is_dir():
        raise ConfigError(f"no such file or folder: {path}")
    for file in sorted(files_below(path)):
        if not file.is_file():  # a link that leads nowhere, or a folder that is named like a file
            scan.rest.append(file)
        elif NAMED.fullmatch(file.name) and not file.name.startswith(RESOURCE_FORK):
            scan.logs.append(log_of(file))
        elif RESULTS.fullmatch(file.name) and RESULT_PARTS & (found := results_in(file)).keys():
            scan.results[file] = found
        else:
            scan.rest.append(file)
    for file in [each for each in scan.rest if each.suffix == ".jsonl" and each.with_name("results.json").exists()]:
        _take_old(scan, file)
    return scan


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, through links too, each folder once; and what is named like evidence and is no file.

    Raises ConfigError for a folder that cannot be read.
    """

    def refused(error: OSError) -> None:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(error.filename)) from error

    entered: set[str] = set()
    for place, below, files in os.walk(folder, followlinks=True, onerror=refused):
        here = os.path.realpath(place)
        if here in entered:
            below.clear()
            continue
        entered.add(here)
        yield from (Path(place) / name for name in files)
        yield from (Path(place) / name for name in below if named_like_evidence(name))


def named_like_evidence(name: str) -> bool:
    """Whether a file's name promises evidence."""
    return not name.startswith(RESOURCE_FORK) and any(fnmatchcase(name, pattern) for pattern in EVIDENCE)


def _take_old(scan: Scan, file: Path) -> None:
    """A log of versions 0.4.0 to 0.4.2; a file whose name tells none of the run's tasks stays among the rest."""
    try:
        scan.logs.append(log_of(file))
    except ConfigError:
        return
    scan.rest.remove(file)


def refuse_two_models(scan: Scan) -> None:
    """A folder above the models' own mixes them up; the same folder does so where two variants share it."""
    of_model: dict[tuple[str, ...], tuple[Path, Origin]] = {}
    for file, results in scan.results.items():
        origin = origin_in(results, file.name)
        if origin.model:
            of_model.setdefault(origin.identity, (file, origin))
    if len(of_model) > 1:
        (file, one), (rival, other) = list(of_model.values())[:2]
        names = [
            f"{name} ({scan.name(path)})" for name, path in zip(told_apart(one, other), (file, rival), strict=True)
        ]
        what = f"holds logs of two models: {names[0]} and {names[1]}."
        raise ConfigError(what, where=str(scan.path), remedy=ONE_MODEL)


def told_apart(one: Origin, other: Origin) -> tuple[str, str]:
    """Two models by their names, with their arguments where the names are one."""
    if one.model != other.model:
        return one.model, other.model
    return f"{one.model} with {one.arguments}", f"{other.model} with {other.arguments}"
