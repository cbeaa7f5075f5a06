"""Choices that were made elsewhere, brought into a run folder: a generation without an engine.

In: logs of lm-evaluation-harness and a model's name. Out: choices.jsonl, all of them or none, and a manifest that says
where they came from. The same files again change nothing; other files under the same name are refused.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from assay.sources.lm_eval_folders import Offer
from assay.sources.lm_eval_layouts import Log
from assay.sources.lm_eval_logs import LogReader
from assay.sources.lm_eval_results import asks_clock
from assay.sources.lm_eval_samples import NoFlips
from ledger.engines import IMPORTED
from ledger.errors import ConfigError, StaleInput
from ledger.facts import NOT_TOLD, FirstPrompt, ModelFacts, ModelSettings, PlannedRecords
from ledger.manifests import (
    OTHER_SETTINGS,
    Manifest,
    open_manifest,
    read_manifest,
    refuse_other_settings,
    write_manifest,
)
from ledger.origins import LeftOut, Origin, one_model
from ledger.progress import Progress, Report
from ledger.runs import GenerationFolder, RunFolder, control_of
from ledger.store import record_line, write_lock

AMEND = "It was declared when these logs were first read; --amend accepts the change."


@dataclass(frozen=True)
class Import:
    """What was imported: how many choices of which tasks."""

    tasks: tuple[str, ...]
    choices: int


def import_logs(
    run: RunFolder, model: str, offer: Offer, report: Report, chosen_filter: str = "", *, amend: bool = False
) -> Import:
    """Write one model's choices from logs. Raises ConfigError, BadRecord, DuplicateKey, StaleInput.

    A task in which flips are not defined is told and left out, unless the user named its file or nothing else is there.
    What was declared to be left out changes only with `amend`.
    """
    folder = run.generation(model)
    origins = tuple(log.origin for log in offer.logs)
    with write_lock(folder.path):
        logs = {each.file: each.digest for each in origins}
        settings = ModelSettings(model=model, engine=IMPORTED, filter=chosen_filter, logs=logs).noted()
        if done := _imported_before(folder, settings, offer, amend=amend):
            report(Progress(f"{model}: these logs are there", 1, 1))
            return done
        taken = _Taken(model, chosen_filter, report)
        folder.choices.replace_lines(taken.lines(offer))
        read = {log.group for log in offer.logs if log.task in taken.counts}
        done = Import(tuple(sorted(read)), sum(taken.counts.values()))
        manifest = open_manifest(folder.path, "generation", model, settings, {}, 0)
        planned = PlannedRecords(answers=0, choices=done.choices)
        known = ModelFacts(
            planned=planned, tasks=done.tasks, first_prompts=taken.first_prompts, shown_digests=taken.shown_digests
        )
        if any(asks_clock(log.results) for log in offer.logs):
            known = known.model_copy(update={"asks_clock": True})
        facts = known.noted() | _facts(offer.logs)
        passed = (*offer.left_out, *taken.left_out)
        statements = {"facts": facts, "origins": origins, "left_out": passed}
        write_manifest(folder.path, manifest.model_copy(update=statements).ended())
        return done


def refuse_taken(run: RunFolder, model: str, origins: Sequence[Origin]) -> None:
    """Stop where another model of this review, not the control's partner, was imported from one of these files.

    Names are held against each other where the review's config is known. Raises ConfigError.
    """
    for path in sorted(run.generations.glob("*/manifest.json")):
        if (there := read_manifest(path.parent)) and there.name != model:
            baseline, again = sorted((there.name, model), key=len)
            if control_of(baseline) != again:
                refuse_one_model({there.name: there.origins, model: origins}, same_name=True)


def is_imported(run: RunFolder, model: str) -> bool:
    """Whether a model's choices were imported and are there."""
    manifest = read_manifest(run.generation(model).path)
    return bool(manifest and _finished(manifest))


def _finished(manifest: Manifest) -> bool:
    return ModelSettings.of(manifest).engine == IMPORTED and "planned" in ModelFacts.of(manifest).model_fields_set


def _imported_before(folder: GenerationFolder, settings: dict[str, Any], offer: Offer, *, amend: bool) -> Import | None:
    """What an earlier import of the same logs brought; None where there was none, or where it took or named others.

    Raises StaleInput where a log has another content, was read in another way, or where other things were declared.
    """
    manifest = read_manifest(folder.path)
    if manifest is None or (ModelSettings.of(manifest).engine == IMPORTED and not _finished(manifest)):
        return None
    recorded, present = ModelSettings.of(manifest).logs, settings["logs"]
    for name in sorted(recorded.keys() & present.keys()):
        if recorded[name] != present[name]:
            raise StaleInput(f"{folder.path}, {name}", recorded[name], present[name], OTHER_SETTINGS)
    refuse_other_settings(str(folder.path), {**manifest.settings, "logs": present}, settings, OTHER_SETTINGS)
    read = {log.task for log in offer.logs}
    passed = tuple(each for each in manifest.left_out if each in offer.left_out or each.name not in read)
    said, says = ({each.name for each in found if each.declared} for found in (manifest.left_out, offer.left_out))
    if not amend and says - said:
        before, now = (", ".join(sorted(each)) or "nothing" for each in (said, says))
        raise StaleInput(f"{folder.path}, left out on purpose", before, now, AMEND)
    if recorded != present or passed != offer.left_out:
        return None
    facts = ModelFacts.of(manifest)
    return Import(facts.tasks, facts.planned.choices)


def refuse_one_model(sides: Mapping[str, Sequence[Origin]], *, same_name: bool, identical: bool = False) -> None:
    """Stop where two sides of a comparison are one model. Raises ConfigError."""
    for (name, held), (rival, others) in combinations(sides.items(), 2):
        if control_of(name) != rival and (why := one_model(held, others, same_name=same_name, identical=identical)):
            raise ConfigError(
                f"{name} and {rival} are one model: {why}",
                remedy="Give each model its own logs. --same-name says that a folder was rebuilt or a name reused, "
                "--identical that two models may compute the same.",
            )


class _Taken:
    """The choices of an offer, log by log; what of it could not be taken is in `left_out` at the end."""

    def __init__(self, model: str, chosen_filter: str, report: Report) -> None:
        self._model, self._filter, self._report = model, chosen_filter, report
        self.counts: dict[str, int] = {}
        self.left_out: list[LeftOut] = []
        self.first_prompts: dict[str, FirstPrompt] = {}
        self._shown: dict[str, Any] = {}

    @property
    def shown_digests(self) -> dict[str, str]:
        """A hash of all documents and prompts of each task."""
        return {task: shown.hexdigest()[:32] for task, shown in self._shown.items()}

    def lines(self, offer: Offer) -> Iterator[str]:
        """Each log's choices, as lines of their file, once it has been read to its end.

        Raises the fault of the last log where none is left.
        """
        fault: NoFlips | None = None
        for log in offer.logs:
            try:
                yield from self._of(log)
            except NoFlips as error:
                if log.named:
                    raise
                fault = error
                self.left_out.append(LeftOut(kind="task", name=log.task, group=log.group, cause=error.cause))
                self._report(Progress(f"{self._model}: {log.task} is left out: {error.cause}", 1, 1))
        if fault and not self.counts:
            raise fault

    def _of(self, log: Log) -> list[str]:
        work = f"{self._model}: {log.task}"
        self._report(Progress(work, 0, log.expected or 1))
        reader = LogReader(log, self._model, self._filter)
        shown, found = self._shown.setdefault(log.group, hashlib.sha256()), []
        for choice in reader.choices():
            shown.update(f"{choice.item}\0{choice.item_digest}{choice.prompt_digest}".encode())
            found.append(record_line(choice))
        self.left_out += reader.left_out
        if reader.first_prompt:
            self.first_prompts.setdefault(log.group, reader.first_prompt)
        self.counts[log.task] = len(found)
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
