"""How the files of lm-evaluation-harness' logs are laid out, from version 0.4.0 to 0.4.13.

In: one file of samples, and the results file of its run. Out: a Log, and its samples line by line, whatever the layout.
What a whole folder holds is read in lm_eval_folders.py.
Source: lm_eval's evaluation_tracker; versions 0.4.0 to 0.4.2 wrote one JSON array into `<model>_<task>.jsonl`, later
ones JSON lines into `samples_<task>_<time>.jsonl`, and a results file of the same time beside it:
`results_<time>.json`, or `X_<time>.json` where `--output_path X.json` was given.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from assay.sources.lines import opened
from assay.sources.lm_eval_results import (
    STAMP,
    facts_in,
    groups_of,
    origin_in,
    part,
    results_beside,
    results_in,
)
from ledger.digests import file_digest
from ledger.errors import BadRecord, ConfigError
from ledger.origins import Origin

NAMED = re.compile(rf"samples_(?P<task>.+)_(?P<stamp>{STAMP})\.jsonl(?:\.gz)?")
BETWEEN = re.compile(r"[\s,]*")
DELIMITER = " "
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Log:
    """One file of samples: the leaf task, the run's stamp, and what the results file beside it says.

    `named` is whether the user named this very file, `repeat` its number among several runs that are taken as repeats.
    """

    path: Path
    task: str
    stamp: str
    results: dict[str, Any] = field(default_factory=dict)
    named: bool = False
    repeat: int = 0

    @cached_property
    def group(self) -> str:
        """The task as it was declared: the top-most group with a score of its own, or the leaf task itself."""
        return groups_of(self.task, self.results)[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that the user may call it by: the leaf task, and the groups that hold it."""
        return (self.task, *groups_of(self.task, self.results, every=True))

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
        return facts_in(self.results, self.task)

    @cached_property
    def origin(self) -> Origin:
        """The file's hash, taken once, and whose samples these are as far as the results file tells."""
        digest = file_digest(self.path) if self.holds_options else ""
        return origin_in(self.results, self.path.name, digest)

    @cached_property
    def generates(self) -> bool:
        """Whether its first sample asks for texts; two models may well generate the same few."""
        found = [settings for _, settings in requests(self._first)]
        return bool(found) and all(isinstance(settings, dict) for settings in found)

    @property
    def holds_options(self) -> bool:
        """Whether its first sample scores several continuations; two models may well generate the same few texts."""
        arguments = self._first.get("arguments")
        return isinstance(arguments, dict | list) and len(arguments) > 1

    def item(self, line: dict[str, Any]) -> str:
        """A line's item; in a group the leaf task's name stands before its number."""
        document = line["doc_id"]
        return str(document) if self.group == self.task else f"{self.task}:{document}"

    @cached_property
    def _first(self) -> dict[str, Any]:
        """The first sample; empty where there is none."""
        return next((line for _, line in sample_lines(self.path)), {})

    def _part(self, name: str) -> dict[str, Any]:
        return part(self.results, name)


def sample_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The samples with their line numbers: JSON lines, or the one JSON array of versions 0.4.0 to 0.4.2."""
    with opened(path) as stream:
        begins = 3 if stream.read(3) == BYTE_ORDER_MARK else 0
        stream.seek(begins)
        if stream.read(1) == b"[":
            stream.seek(begins)
            yield from _array(path, stream.read())
            return
        stream.seek(begins)
        for number, line in enumerate(stream, start=1):
            if not line.isspace():
                try:
                    yield number, _sample(path, number, from_json(line))
                except ValueError as error:
                    raise BadRecord(path, number, "", f"not JSON: {error}") from error


def requests(line: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Each request's context with what stands beside it: a continuation, or the settings of a generation."""
    arguments = line.get("arguments")
    if isinstance(arguments, dict):  # their order in the file may be that of their names: 0, 1, 10, 2
        listed = [arguments.get(f"gen_args_{index}") for index in range(len(arguments))]
        yield from ((each.get("arg_0"), each.get("arg_1")) for each in listed if isinstance(each, dict))
    elif isinstance(arguments, list):
        pairs = [each for each in arguments if isinstance(each, list) and each]
        yield from ((each[0], each[1] if len(each) > 1 else None) for each in pairs)


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
            remedy="Keep the harness' own names, or its results file beside it; a table has one object per line.",
        )
    return Log(path, max(tasks, key=len), "", results, named)
