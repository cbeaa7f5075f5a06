"""Where lm-evaluation-harness' logs lie and how their files are laid out, from version 0.4.0 to 0.4.13.

In: files and folders. Out: one Log a task, and its samples line by line, whatever the layout.
Source: lm_eval's evaluation_tracker; versions 0.4.0 to 0.4.2 wrote one JSON array into `<model>_<task>.jsonl`, later
ones JSON lines into `samples_<task>_<time>.jsonl`, with a results file of the same time beside it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from ledger.digests import file_digest
from ledger.errors import BadRecord, ConfigError

STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?"
NAMED = re.compile(rf"samples_(?P<task>.+)_(?P<stamp>{STAMP})\.jsonl")
DELIMITER = " "


@dataclass(frozen=True)
class Log:
    """One file of samples: the leaf task, the run's stamp, and what the results file beside it says."""

    path: Path
    task: str
    stamp: str
    results: dict[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """The top-most group that holds the task, or the task itself."""
        parents = {
            child: name for name, children in (self.results.get("group_subtasks") or {}).items() for child in children
        }
        name = self.task
        while name in parents and parents[name] != name:
            name = parents[name]
        return name

    @property
    def delimiter(self) -> str:
        """What stands between the context and an option."""
        config = (self.results.get("configs") or {}).get(self.task) or {}
        if self.results.get("chat_template"):
            return ""
        return str(config.get("target_delimiter", DELIMITER))

    @property
    def expected(self) -> int | None:
        """How many documents the run had, if the results file tells."""
        counts = (self.results.get("n-samples") or {}).get(self.task) or {}
        effective = counts.get("effective")
        return effective if isinstance(effective, int) else None

    def facts(self) -> dict[str, Any]:
        """What made the log, for the manifest."""
        names = ("lm_eval_version", "model_name", "git_hash", "chat_template_sha", "transformers_version", "date")
        shots = (self.results.get("n-shot") or {}).get(self.task)
        own = {name: self.results[name] for name in names if self.results.get(name) is not None}
        return {"task": self.task, "digest": file_digest(self.path), "num_fewshot": shots, **own}


def logs(paths: list[Path]) -> list[Log]:
    """The logs in files and folders, the newest run of each task. Raises ConfigError."""
    files = sorted({file for path in paths for file in _sample_files(path)})
    newest: dict[str, Log] = {}
    for file in files:
        log = _log(file)
        if log.task not in newest or log.stamp > newest[log.task].stamp:
            newest[log.task] = log
    if not newest:
        raise ConfigError(
            f"no samples of lm-evaluation-harness in {', '.join(map(str, paths))}",
            remedy="Run it with --log_samples; the files are called samples_TASK_TIME.jsonl.",
        )
    return [newest[name] for name in sorted(newest)]


def sample_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The samples with their line numbers: JSON lines, or the one JSON array of versions 0.4.0 to 0.4.2."""
    with path.open("rb") as stream:
        if stream.read(1) == b"[":
            stream.seek(0)
            yield from enumerate(_array(path, stream.read()), start=1)
            return
        stream.seek(0)
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                data = from_json(line)
            except ValueError as error:
                raise BadRecord(path, number, "", f"not JSON: {error}") from error
            if not isinstance(data, dict) or "doc_id" not in data:
                raise BadRecord(path, number, "", "not a sample of lm-evaluation-harness: it has no doc_id")
            yield number, data


def _array(path: Path, text: bytes) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise BadRecord(path, getattr(error, "lineno", 1), "", f"not JSON: {error}") from error
    if not all(isinstance(row, dict) and "doc_id" in row for row in rows):
        raise BadRecord(path, 1, "", "not an array of samples of lm-evaluation-harness")
    return list(rows)


def _sample_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConfigError(f"no such file or folder: {path}")
    named = [file for file in path.rglob("*.jsonl") if NAMED.fullmatch(file.name)]
    old = [file for file in path.rglob("*.jsonl") if (file.parent / "results.json").exists()]
    return named or old


def _log(path: Path) -> Log:
    match = NAMED.fullmatch(path.name)
    if match:
        beside = path.with_name(f"results_{match['stamp']}.json")
        return Log(path, match["task"], match["stamp"], _results(beside))
    results = _results(path.with_name("results.json"))
    tasks = [name for name in results.get("configs") or {} if path.stem.endswith(f"_{name}") or path.stem == name]
    if not tasks:
        raise ConfigError(
            "the file's name does not tell its task",
            where=str(path),
            remedy="Keep lm-evaluation-harness' own names, or the results file beside it.",
        )
    return Log(path, max(tasks, key=len), "", results)


def _results(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error
    return data if isinstance(data, dict) else {}
