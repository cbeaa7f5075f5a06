"""Where lm-evaluation-harness' logs lie and how their files are laid out, from version 0.4.0 to 0.4.13.

In: files and folders. Out: one Log a task, and its samples line by line, whatever the layout. Nothing is chosen
silently: two runs of a task, or the logs of two models in one folder, are refused with both names.
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

from ledger.errors import BadRecord, ConfigError

STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?"
NAMED = re.compile(rf"samples_(?P<task>.+)_(?P<stamp>{STAMP})\.jsonl")
BETWEEN = re.compile(r"[\s,]*")
DELIMITER = " "
FACTS = ("lm_eval_version", "model_name", "model_dtype", "chat_template_sha", "transformers_version", "git_hash")


@dataclass(frozen=True)
class Log:
    """One file of samples: the leaf task, the run's stamp, and what the results file beside it says.

    `named` is whether the user named this very file.
    """

    path: Path
    task: str
    stamp: str
    results: dict[str, Any] = field(default_factory=dict)
    named: bool = False

    @property
    def group(self) -> str:
        """The top-most group that holds the task, or the task itself."""
        listed = [(name, held) for name, held in self._part("group_subtasks").items() if isinstance(held, list)]
        parents = {str(child): name for name, held in listed for child in held}
        name, below = self.task, set()
        while name in parents and name not in below:
            below.add(name)
            name = parents[name]
        return name

    @property
    def delimiter(self) -> str:
        """What stands between the context and an option; with a chat template, newer versions leave it out."""
        config = self._part("configs").get(self.task)
        return str(config.get("target_delimiter", DELIMITER)) if isinstance(config, dict) else DELIMITER

    @property
    def expected(self) -> int | None:
        """How many documents the run had, if the results file tells."""
        counts = self._part("n-samples").get(self.task)
        effective = counts.get("effective") if isinstance(counts, dict) else None
        return effective if isinstance(effective, int) else None

    @property
    def recorded_hash(self) -> str | None:
        """The hash over the hashes of all samples, if the results file has it."""
        found = self._part("task_hashes").get(self.task)
        return found if isinstance(found, str) else None

    @property
    def facts(self) -> dict[str, str]:
        """What made the log, as far as the results file tells."""
        told = {**self._part("config"), **self.results}
        own = {name: str(told[name]) for name in FACTS if told.get(name) is not None}
        shots = self._part("n-shot").get(self.task)
        return own if shots is None else {**own, "num_fewshot": str(shots)}

    def _part(self, name: str) -> dict[str, Any]:
        found = self.results.get(name)
        return found if isinstance(found, dict) else {}


def logs(paths: list[Path], *, latest: bool = False) -> list[Log]:
    """The logs in files and folders, one a task; `latest` takes the newest of several runs. Raises ConfigError."""
    found: dict[str, Log] = {}
    for path in paths:
        here = [_log(file, named=path.is_file()) for file in sorted(_sample_files(path))]
        _add_runs(found, here, latest=latest)
        _refuse_two_models(path, [log for log in here if found[log.task] is log])
    if not found:
        raise ConfigError(
            f"no samples of lm-evaluation-harness in {', '.join(map(str, paths))}",
            remedy="Run it with --log_samples; the files are called samples_TASK_TIME.jsonl.",
        )
    return [found[name] for name in sorted(found)]


def _add_runs(found: dict[str, Log], more: list[Log], *, latest: bool) -> None:
    for log in more:
        first = found.setdefault(log.task, log)
        if first.path.resolve() == log.path.resolve():
            continue
        if not latest or log.stamp == first.stamp:
            raise ConfigError(
                f"two logs of the task {log.task}: {first.path} and {log.path}.",
                remedy="Name the one that is meant, or use --latest.",
            )
        found[log.task] = max(first, log, key=lambda each: each.stamp)


def _refuse_two_models(path: Path, chosen: list[Log]) -> None:
    """A folder above the models' own mixes them up; the same folder does so where two variants share a name."""
    of_model: dict[str, Log] = {}
    for log in chosen:
        if name := log.facts.get("model_name"):
            of_model.setdefault(name, log)
    if len(of_model) > 1:
        (first, one), (second, other) = list(of_model.items())[:2]
        raise ConfigError(
            f"holds logs of two models: {first} ({one.path.name}) and {second} ({other.path.name}).",
            where=str(path),
            remedy="Name the folder or the files of one model.",
        )


def sample_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The samples with their line numbers: JSON lines, or the one JSON array of versions 0.4.0 to 0.4.2."""
    with path.open("rb") as stream:
        if stream.read(1) == b"[":
            stream.seek(0)
            yield from _array(path, stream.read())
            return
        stream.seek(0)
        for number, line in enumerate(stream, start=1):
            if not line.isspace():
                try:
                    yield number, _sample(path, number, from_json(line))
                except ValueError as error:
                    raise BadRecord(path, number, "", f"not JSON: {error}") from error


def _array(path: Path, content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """The samples of an array, each with the line on which it begins."""
    decoder, place, line = json.JSONDecoder(), 1, 1
    try:
        text = content.decode()
        while True:
            start = BETWEEN.match(text, place).end()  # type: ignore[union-attr]  # it matches the empty string, too
            line += text.count("\n", place, start)
            if text.startswith("]", start):
                return
            row, place = decoder.raw_decode(text, start)
            yield line, _sample(path, line, row)
            line += text.count("\n", start, place)
    except (ValueError, RecursionError) as error:
        raise BadRecord(path, getattr(error, "lineno", line), "", f"not JSON: {error}") from error


def _sample(path: Path, number: int, data: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a file holds
    if not isinstance(data, dict) or "doc_id" not in data:
        raise BadRecord(path, number, "", "not a sample of lm-evaluation-harness: it has no doc_id")
    return data


def _sample_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConfigError(f"no such file or folder: {path}")
    named = [file for file in path.rglob("*.jsonl") if NAMED.fullmatch(file.name)]
    old = [file for file in path.rglob("*.jsonl") if (file.parent / "results.json").exists()]
    return named or old


def _log(path: Path, *, named: bool) -> Log:
    match = NAMED.fullmatch(path.name)
    if match:
        beside = path.with_name(f"results_{match['stamp']}.json")
        return Log(path, match["task"], match["stamp"], _results(beside), named)
    results = _results(path.with_name("results.json"))
    tasks = [name for name in results.get("configs") or {} if path.stem.endswith(f"_{name}") or path.stem == name]
    if not tasks:
        raise ConfigError(
            "the file's name does not tell its task",
            where=str(path),
            remedy="Keep lm-evaluation-harness' own names, or the results file beside it.",
        )
    return Log(path, max(tasks, key=len), "", results, named)


def _results(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error
    return data if isinstance(data, dict) else {}
