"""Logs of Inspect AI: one per task, whose they are, and everything else by its name.

In: files .eval or .json, or folders of them. Out: an InspectOffer. A .json log is read as it stands, a .eval by Inspect
AI's own library (inspect_library.py). Two runs of a task, and logs of two models, are refused with both names.
Source: inspect_ai's EvalLog, version 2 of its files.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.sources import inspect_library
from assay.sources.lm_eval_folders import EVERYTHING, Chosen
from assay.sources.lm_eval_results import part, plain_text
from assay.sources.lm_eval_scans import ONE_MODEL, RESOURCE_FORK, files_below, named_like_evidence, told_apart
from ledger.digests import digest_of, file_digest
from ledger.errors import BadRecord, ConfigError
from ledger.origins import LeftOut, Origin, other_files

ZIPPED = ".eval"
HEAD = re.compile(
    rb'\A(\xef\xbb\xbf)?\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:.{0,400}?"eval"\s*:\s*\{', re.DOTALL
)
HEAD_BYTES = 1000
LONGEST_ARGUMENT = 200
SHOWN_SETTINGS = ("temperature", "top_p", "top_k", "max_tokens", "stop_seqs", "system_message", "reasoning_effort")
"""Those settings of a generation that decide what is written; its seed is another draw, and no other prompt."""
OF_DOCUMENTS = ("dataset", "task_version", "task_args", "scorers")
OF_PROMPTS = ("solvers", "generation")


@dataclass(frozen=True)
class InspectLog:
    """One log: its header, and its samples when they are asked for."""

    path: Path
    header: Mapping[str, Any]

    @property
    def task(self) -> str:
        """The task's name, without the package that brings it."""
        return str(self.run.get("task")).rpartition("/")[2]

    @property
    def run(self) -> dict[str, Any]:
        """What was evaluated."""
        return part(dict(self.header), "eval")

    @property
    def created(self) -> str:
        """When; ISO, so that texts sort as times do."""
        return str(self.run.get("created", ""))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """How texts were generated: the model's own settings, and above them the task's."""
        given = {**part(self.run, "model_generate_config"), **part(part(dict(self.header), "plan"), "config")}
        return {name: value for name, value in given.items() if value is not None}

    @cached_property
    def made_by(self) -> dict[str, str]:
        """What decides documents, prompts and scores beside the samples' own texts, as far as the header tells."""
        steps = part(dict(self.header), "plan").get("steps") or ()
        scorers = self.run.get("scorers") or ()
        told = {
            "dataset": part(self.run, "dataset").get("name"),
            "task_version": self.run.get("task_version"),
            "task_args": self.run.get("task_args"),
            "scorers": [[each.get("name"), each.get("options")] for each in scorers if isinstance(each, dict)] or None,
            "solvers": [[each.get("solver"), each.get("params")] for each in steps if isinstance(each, dict)] or None,
            "generation": {name: self.settings[name] for name in SHOWN_SETTINGS if name in self.settings},
        }
        return {name: plain_text(_short(value)) for name, value in told.items() if value is not None}

    @property
    def limit(self) -> str | None:
        """What of the dataset was run, where that is a part: by `--limit`, or the samples that `--sample-id` named."""
        config, dataset = part(self.run, "config"), part(self.run, "dataset")
        if (limit := config.get("limit")) is not None:
            return str(limit)
        named, all_of_them = dataset.get("sample_ids"), dataset.get("samples")
        chosen = config.get("sample_id")
        if isinstance(named, list) and isinstance(all_of_them, int) and len(named) < all_of_them:
            return f"{len(named)} of {all_of_them}" + (" (--sample-id)" if chosen is not None else "")
        return None if chosen is None else f"{len(chosen) if isinstance(chosen, list) else chosen} (--sample-id)"

    @property
    def expected(self) -> int | None:
        """How many samples it should have, epochs counted, as far as it tells."""
        named = part(self.run, "dataset").get("sample_ids")
        epochs = part(self.run, "config").get("epochs") or 1
        told = part(dict(self.header), "results").get("total_samples")
        return len(named) * int(epochs) if isinstance(named, list) else told if isinstance(told, int) else None

    @cached_property
    def origin(self) -> Origin:
        """The file's hash, taken once, and the model."""
        given = {**part(self.run, "model_args"), "base_url": self.run.get("model_base_url")}
        told = {name: _short(value) for name, value in given.items() if value is not None}
        model = str(self.run.get("model") or "")
        arguments = plain_text(told) if told else ""
        return Origin(
            file=self.path.name, digest=file_digest(self.path), model=model, engine="inspect", arguments=arguments
        )

    def samples(self) -> Iterator[dict[str, Any]]:
        """Each sample. Raises BadRecord."""
        if self.path.suffix == ZIPPED:
            yield from inspect_library.samples(self.path)
            return
        for sample in _json(self.path).get("samples") or ():
            if not isinstance(sample, dict):
                raise BadRecord(self.path, None, "samples", f"{sample!r} is no sample")
            yield sample


@dataclass(frozen=True)
class InspectOffer:
    """What lies under some paths: the logs to read, one per task, and what is passed over."""

    logs: tuple[InspectLog, ...]
    left_out: tuple[LeftOut, ...]
    names: frozenset[str]

    @property
    def tasks(self) -> set[str]:
        """The tasks to read."""
        return {log.task for log in self.logs}

    @property
    def parts(self) -> Mapping[str, str]:
        """Files are no tasks."""
        return {each.name: "it is a file" for each in self.left_out if each.kind != "task"}

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The files, and whose they are."""
        return tuple(log.origin for log in self.logs)


def is_inspect_log(path: Path) -> bool:
    """Whether a file is a log of Inspect AI: by its name, or by how its JSON begins."""
    if path.name.startswith(RESOURCE_FORK):
        return False
    if path.suffix == ZIPPED:
        return True
    if path.suffix != ".json" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return HEAD.match(stream.read(HEAD_BYTES)) is not None


def inspect_offer(paths: Sequence[Path], chosen: Chosen = EVERYTHING) -> InspectOffer:
    """What files and folders offer. Raises ConfigError, BadRecord."""
    logs, rest = list[InspectLog](), list[str]()
    for path in paths:
        if not path.exists():
            raise ConfigError(f"no such file or folder: {path}")
        for file in sorted(files_below(path)) if path.is_dir() else [path]:
            if file.is_file() and is_inspect_log(file):
                logs.append(_log(file))
            else:  # or a link that leads nowhere
                rest.append(file.relative_to(path).as_posix() if path.is_dir() else file.name)
    if not logs:
        named = ", ".join(map(str, paths))
        raise ConfigError(f"no logs of Inspect AI in {named}", remedy="They are called TIME_TASK_ID.eval or .json.")
    _refuse_two_models(logs)
    newest, earlier = _newest(logs, latest=chosen.latest)
    evidence = [name for name in rest if named_like_evidence(Path(name).name)]
    passed = [
        *(_passed("task", log.task, "was not chosen", by) for log in newest if (by := chosen.declared(log.task))),
        *(_passed("file", log.path.name, f"an earlier run of {log.task}", "--latest") for log in earlier),
        *(_unread(name, chosen) for name in evidence),
        *other_files([name for name in rest if name not in evidence]),
    ]
    names = frozenset([*(log.task for log in newest), *(each.name for each in passed)])
    return InspectOffer(tuple(log for log in newest if not chosen.declared(log.task)), tuple(passed), names)


def _passed(kind: str, name: str, cause: str, declared: str) -> LeftOut:
    group = name if kind == "task" else ""
    return LeftOut.model_validate({"kind": kind, "name": name, "group": group, "cause": cause, "declared": declared})


def _unread(name: str, chosen: Chosen) -> LeftOut:
    by = "leave_out" if name in chosen.leave_out else ""
    return _passed("file", name, "its name promises evidence, and it is not read", by)


def _log(path: Path) -> InspectLog:
    header = inspect_library.header(path) if path.suffix == ZIPPED else _json(path)
    log = InspectLog(path, {name: value for name, value in header.items() if name != "samples"})
    if not log.run.get("task"):
        raise BadRecord(path, None, "eval.task", "a log of Inspect AI that names no task")
    return log


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadRecord(path, None, "", f"not JSON: {error}") from error
    return found if isinstance(found, dict) else {}


def _short(value: Any) -> Any:  # noqa: ANN401 - whatever a log holds
    """An argument as it is, or its hash where it is long: a whole list of canned outputs, say."""
    return value if len(str(value)) <= LONGEST_ARGUMENT else digest_of(json.dumps(value, sort_keys=True))


def _refuse_two_models(logs: Sequence[InspectLog]) -> None:
    first = logs[0]
    for log in logs[1:]:
        if log.origin.identity != first.origin.identity:
            names = told_apart(first.origin, log.origin)
            what = f"logs of two models: {names[0]} ({first.path.name}) and {names[1]} ({log.path.name})."
            raise ConfigError(what, where=str(log.path.parent), remedy=ONE_MODEL)


def _newest(logs: Sequence[InspectLog], *, latest: bool) -> tuple[list[InspectLog], list[InspectLog]]:
    """One log per task, by name, and earlier runs. Raises ConfigError unless `latest` may choose."""
    found: dict[str, list[InspectLog]] = {}
    for log in sorted(logs, key=lambda log: (log.created, log.path.name)):
        found.setdefault(log.task, []).append(log)
    for task, runs in found.items():
        if len(runs) > 1 and not latest:
            what = f"two logs of the task {task}: {runs[0].path} and {runs[1].path}."
            raise ConfigError(what, remedy="Name the one that is meant, or use --latest.")
    return [found[task][-1] for task in sorted(found)], [log for task in found for log in found[task][:-1]]
