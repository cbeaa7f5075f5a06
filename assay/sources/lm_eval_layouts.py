"""How the files of lm-evaluation-harness' logs are laid out, from version 0.4.0 to 0.4.13.

In: one file of samples, and the results file of its run. Out: a Log, and its samples line by line, whatever the layout.
What a whole folder holds is read in lm_eval_folders.py.
Source: lm_eval's evaluation_tracker; versions 0.4.0 to 0.4.2 wrote one JSON array into `<model>_<task>.jsonl`, later
ones JSON lines into `samples_<task>_<time>.jsonl`, and a results file of the same time beside it:
`results_<time>.json`, or `X_<time>.json` where `--output_path X.json` was given.
"""

import glob
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from ledger.digests import file_digest
from ledger.errors import BadRecord, ConfigError
from ledger.origins import Origin

STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?"
NAMED = re.compile(rf"samples_(?P<task>.+)_(?P<stamp>{STAMP})\.jsonl")
BETWEEN = re.compile(r"[\s,]*")
DELIMITER = " "
FACTS = (
    *("lm_eval_version", "model_name", "model_args", "model_dtype", "chat_template_sha", "transformers_version"),
    "git_hash",
)
SECRET = re.compile(
    r"(?i)(\b(?:\w*(?:api_?key|secret|password)\w*|(?:hf_|auth_|access_)?token)\b[\"']?\s*[=:]\s*[\"']?)[^,\"'}\s]+"
)
UNREADABLE = (OSError, ValueError, RecursionError)


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
        return group_of(self.task, self.results)

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
        own = {name: _plain(told[name]) for name in FACTS if told.get(name) is not None}
        shots = self._part("n-shot").get(self.task)
        return own if shots is None else {**own, "num_fewshot": str(shots)}

    @property
    def origin(self) -> Origin:
        """The file's hash, and whose samples these are as far as the results file tells."""
        engine, name, arguments = identity_in(self.results)
        digest = file_digest(self.path)
        return Origin(file=self.path.name, digest=digest, model=name, engine=engine, arguments=arguments)

    def _part(self, name: str) -> dict[str, Any]:
        return _part(self.results, name)


def identity_in(results: dict[str, Any]) -> tuple[str, str, str]:
    """Engine, model and arguments that a results file names; where it has no name, the arguments are the name."""
    config = _part(results, "config")
    arguments = _plain(config.get("model_args") or "")
    name = results.get("model_name") or config.get("model_name") or arguments
    return _plain(config.get("model") or results.get("model_source") or ""), _plain(name), arguments


def group_of(task: str, results: dict[str, Any]) -> str:
    """The top-most group of a run that holds a task, or the task itself."""
    listed = [(name, held) for name, held in _part(results, "group_subtasks").items() if isinstance(held, list)]
    parents = {str(child): name for name, held in listed for child in held}
    name, below = task, set()
    while name in parents and name not in below:
        below.add(name)
        name = parents[name]
    return name


def tasks_in(results: dict[str, Any]) -> list[str]:
    """The leaf tasks that a run had, as its results file tells."""
    groups = {name for name, held in _part(results, "group_subtasks").items() if held}
    named = {*_part(results, "configs"), *_part(results, "n-samples")}
    return sorted(named - groups)


def _part(results: dict[str, Any], name: str) -> dict[str, Any]:
    found = results.get(name)
    return found if isinstance(found, dict) else {}


def _plain(value: Any) -> str:  # noqa: ANN401 - whatever a file holds
    """A text as it is; anything else as JSON, so that the same reads the same. Keys and passwords are masked."""
    return SECRET.sub(r"\1***", value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str))


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


def log_of(path: Path, *, named: bool = False) -> Log:
    """A file of samples with what its run's results file says. Raises ConfigError where its name tells no task."""
    match = NAMED.fullmatch(path.name)
    if match:
        return Log(path, match["task"], match["stamp"], results_in(results_beside(path, match["stamp"])), named)
    results = results_in(path.with_name("results.json"))
    configs = results.get("configs")
    tasks = [name for name in configs or () if path.stem.endswith(f"_{name}") or path.stem == name]
    if not tasks:
        raise ConfigError(
            "the file's name does not tell its task",
            where=str(path),
            remedy="Keep lm-evaluation-harness' own names, or the results file beside it.",
        )
    return Log(path, max(tasks, key=len), "", results, named)


def results_beside(path: Path, stamp: str) -> Path:
    """The results file of a run's samples: of its time, whatever stands before that."""
    usual = path.with_name(f"results_{stamp}.json")
    others = [] if usual.exists() else sorted(path.parent.glob(f"*_{glob.escape(stamp)}.json"))
    return others[0] if others else usual


def results_in(path: Path) -> dict[str, Any]:
    """What a results file says; nothing where there is none. Raises ConfigError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except UNREADABLE as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error
    return data if isinstance(data, dict) else {}
