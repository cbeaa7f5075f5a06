"""Logs of lm-evaluation-harness, brought into a run folder; and that no two models of a review are one.

In: an offer of logs and a model's name. Out: its choices and solutions, by imported_records.py.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, Protocol

from assay.sources.imported_records import Import, import_records
from assay.sources.lm_eval_folders import Offer
from assay.sources.lm_eval_groups import GroupScores
from assay.sources.lm_eval_layouts import Log
from assay.sources.lm_eval_logs import LogReader
from assay.sources.lm_eval_repeats import RepeatedRuns
from assay.sources.lm_eval_results import asks_clock
from assay.sources.lm_eval_runs import RunSamples
from assay.sources.lm_eval_samples import NoFlips
from assay.sources.lm_eval_solutions import SolutionReader
from ledger.errors import ConfigError
from ledger.facts import NOT_TOLD, ModelFacts
from ledger.first_prompts import FirstPrompt
from ledger.manifests import read_manifest
from ledger.origins import LeftOut, Origin, one_model
from ledger.progress import Progress, Report
from ledger.records import Choice
from ledger.runs import RunFolder, control_of
from ledger.solutions import Solution
from ledger.store import record_line


def import_logs(
    run: RunFolder,
    model: str,
    offer: Offer,
    report: Report,
    chosen_filter: str | Mapping[str, str] = "",
    *,
    amend: bool = False,
) -> Import:
    """Write one model's choices and solutions from logs; a filter is of all tasks, or of each by its name.

    A task in which flips are not defined is told and left out, unless the user named its file or nothing else is there.
    What was declared to be left out changes only with `amend`. Raises ConfigError, BadRecord, DuplicateKey, StaleInput.
    """
    return import_records(run, model, TakenLogs(model, offer, chosen_filter, report), report, amend=amend)


def refuse_taken(run: RunFolder, model: str, origins: Sequence[Origin]) -> None:
    """Stop where another model of this review, not the control's partner, was imported from one of these files.

    Names are held against each other where the review's config is known. Raises ConfigError.
    """
    for path in sorted(run.generations.glob("*/manifest.json")):
        if (there := read_manifest(path.parent)) and there.name != model:
            baseline, again = sorted((there.name, model), key=len)
            if control_of(baseline) != again:
                refuse_one_model({there.name: there.origins, model: origins}, same_name=True)


def refuse_one_model(sides: Mapping[str, Sequence[Origin]], *, same_name: bool, identical: bool = False) -> None:
    """Stop where two sides of a comparison are one model. Raises ConfigError."""
    for (name, held), (rival, others) in combinations(sides.items(), 2):
        if control_of(name) != rival and (why := one_model(held, others, same_name=same_name, identical=identical)):
            raise ConfigError(
                f"{name} and {rival} are one model: {why}",
                remedy="Give each model its own logs. --same-name says that a folder was rebuilt or a name reused, "
                "--identical that two models may compute the same.",
            )


class Reader(Protocol):
    """What reads one log: its records, and what of it is not among them."""

    left_out: list[LeftOut]
    samples: RunSamples

    @property
    def first_prompt(self) -> FirstPrompt | None:
        """The beginning of the first prompt, once it has been read."""

    def records(self) -> Iterator[Choice] | Iterator[Solution]:
        """All records, in file order."""


class TakenLogs:
    """The records of an offer, log by log; what of it could not be taken is in `left_out` at the end."""

    def __init__(self, model: str, offer: Offer, chosen: str | Mapping[str, str], report: Report) -> None:
        self._model, self.offer, self._report = model, offer, report
        self._filters = {"": chosen} if isinstance(chosen, str) else dict(chosen)
        self._fault: NoFlips | None = None
        self.counts: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.left_out: list[LeftOut] = []
        self._first_prompts: dict[str, FirstPrompt] = {}
        self._shown: dict[str, Any] = {}
        self._runs, self._groups = RepeatedRuns(offer.logs), GroupScores()

    @property
    def reading(self) -> dict[str, Any]:
        """The filters of multiple choice; those of one task after its name."""
        return {"filter": ",".join(f"{task}={name}" if task else name for task, name in sorted(self._filters.items()))}

    @property
    def parts_read(self) -> set[str]:
        """The tasks of the logs."""
        return {log.task for log in self.offer.logs}

    @property
    def facts(self) -> dict[str, Any]:
        """What prompts were shown, and what the results files say."""
        shown = {task: each.hexdigest()[:32] for task, each in self._shown.items()}
        known = ModelFacts(first_prompts=self._first_prompts, shown_digests=shown)
        if any(asks_clock(log.results) for log in self.offer.logs):
            known = known.model_copy(update={"asks_clock": True})
        return known.noted() | _facts(self.offer.logs)

    def choices(self) -> Iterator[str]:
        """Each log's choices, as lines of their file, once it has been read to its end."""
        for log in self.offer.logs:
            if not log.generates:
                chosen = self._filters.get(log.group, self._filters.get("", ""))
                yield from self._read(log, LogReader(log, self._model, chosen), "choices")

    def solutions(self) -> Iterator[str]:
        """The same of logs of generated answers; what groups of both kinds state is held against them at the end."""
        for log in self.offer.logs:
            if log.generates:
                yield from self._read(log, SolutionReader(log, self._model), "solutions")
        self.left_out += self._groups.contradictions()

    def brought(self) -> Import:
        """What was read. Raises the fault of the last log where no record is left."""
        if self._fault and not self.counts:
            raise self._fault
        read = {log.group for log in self.offer.logs if log.task in self.counts}
        return Import(tuple(sorted(read)), self.kinds["choices"], self.kinds["solutions"])

    def _read(self, log: Log, reader: Reader, kind: str) -> list[str]:
        work = f"{self._model}: {log.task}"
        self._report(Progress(work, 0, log.expected or 1))
        shown, found = hashlib.sha256(), list[str]()
        try:
            for record in reader.records():
                shown.update(f"{record.item}\0{record.item_digest}{record.prompt_digest}".encode())
                self._runs.hold(log, record)
                found.append(record_line(record))
        except NoFlips as error:
            if log.named:
                raise
            self._fault = error
            self.left_out.append(LeftOut(kind="task", name=log.task, group=log.group, cause=error.cause))
            self._report(Progress(f"{self._model}: {log.task} is left out: {error.cause}", 1, 1))
            return []
        self._shown.setdefault(log.group, hashlib.sha256()).update(shown.digest())
        self.left_out += reader.left_out
        if not any(each.blocks for each in reader.left_out):
            self._groups.take(log, reader.samples)
        if reader.first_prompt:
            self._first_prompts.setdefault(log.group, reader.first_prompt)
        self.counts[log.task] += len(found)
        self.kinds[kind] += len(found)
        self._report(Progress(work, len(found), len(found), "imported"))
        return found


def _facts(logs: Sequence[Log]) -> dict[str, Any]:
    """What the results files say of the run: one value where all logs agree, else each task's own, by its group."""
    names = sorted({name for log in logs for name in log.facts})
    by_task: dict[str, dict[str, str]] = {name: {} for name in names}
    for name, values in by_task.items():
        for log in logs:
            told = log.facts.get(name, NOT_TOLD)
            earlier = values.setdefault(log.group, told)
            values[log.group] = told if told == earlier else ", ".join(sorted({*earlier.split(", "), told}))
    return {
        name: values if len(set(values.values())) > 1 else next(iter(values.values()))
        for name, values in by_task.items()
    }
