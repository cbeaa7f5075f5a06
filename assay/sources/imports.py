"""Choices that were made elsewhere, brought into a run folder: a generation without an engine.

In: logs of lm-evaluation-harness and a model's name. Out: choices.jsonl, all of them or none, and a manifest that says
where they came from. The same files again change nothing; other files under the same name are refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay.sources.lm_eval_layouts import Log
from assay.sources.lm_eval_logs import choices, no_flips
from ledger.digests import file_digest
from ledger.errors import StaleInput
from ledger.manifests import (
    OTHER_SETTINGS,
    Manifest,
    open_manifest,
    read_manifest,
    refuse_other_settings,
    write_manifest,
)
from ledger.progress import Progress, Report
from ledger.records import Choice
from ledger.runs import GenerationFolder, RunFolder
from ledger.store import write_lock

ENGINE = "imported"
TOLD_EVERY = 5000


@dataclass(frozen=True)
class Import:
    """What was imported: how many choices of which tasks."""

    tasks: tuple[str, ...]
    choices: int


def comparable(logs: list[Log], report: Report, chosen_filter: str = "") -> list[Log]:
    """The logs in which flips are defined; others are told and left out. Raises NoFlips for one that the user named."""
    kept = []
    for log in logs:
        fault = no_flips(log, chosen_filter)
        if fault and (log.named or len(logs) == 1):
            raise fault
        if fault:
            report(Progress(f"{log.path.name} is left out: {fault.what}", 1, 1))
        else:
            kept.append(log)
    return kept


def import_logs(run: RunFolder, model: str, logs: list[Log], report: Report, chosen_filter: str = "") -> Import:
    """Write one model's choices from logs. Raises ConfigError, BadRecord, DuplicateKey, StaleInput."""
    folder = run.generation(model)
    with write_lock(folder.path):
        settings = {
            "model": model,
            "engine": ENGINE,
            "filter": chosen_filter,
            "logs": {log.path.name: file_digest(log.path) for log in logs},
        }
        if done := _imported_before(folder, settings):
            report(Progress(f"{model}: these logs are there", 1, 1))
            return done
        counts: dict[str, int] = {}
        folder.choices.replace(_all_choices(logs, model, chosen_filter, counts, report))
        done = Import(tuple(sorted({log.group for log in logs})), sum(counts.values()))
        manifest = open_manifest(folder.path, "generation", model, settings, {}, 0)
        facts = {"planned": {"answers": 0, "choices": done.choices}, "tasks": list(done.tasks), **_facts(logs)}
        write_manifest(folder.path, manifest.model_copy(update={"facts": facts}).ended())
        return done


def is_imported(run: RunFolder, model: str) -> bool:
    """Whether a model's choices were imported and are there."""
    manifest = read_manifest(run.generation(model).path)
    return bool(manifest and _finished(manifest))


def _finished(manifest: Manifest) -> bool:
    return manifest.settings.get("engine") == ENGINE and bool(manifest.facts.get("planned"))


def _imported_before(folder: GenerationFolder, settings: dict[str, Any]) -> Import | None:
    """What an earlier import of the same files brought; None where there was none. Raises StaleInput."""
    manifest = read_manifest(folder.path)
    if manifest is None or (manifest.settings.get("engine") == ENGINE and not _finished(manifest)):
        return None
    recorded, present = manifest.settings.get("logs", {}), settings["logs"]
    for name in sorted(recorded.keys() | present.keys()):
        if manifest.settings.get("engine") == ENGINE and recorded.get(name) != present.get(name):
            before, now = (str(each.get(name, "not among the logs")) for each in (recorded, present))
            raise StaleInput(f"{folder.path}, {name}", before, now, OTHER_SETTINGS)
    refuse_other_settings(str(folder.path), manifest.settings, settings, OTHER_SETTINGS)
    return Import(tuple(manifest.facts["tasks"]), int(manifest.facts["planned"]["choices"]))


def _all_choices(
    logs: list[Log], model: str, chosen_filter: str, counts: dict[str, int], report: Report
) -> Iterator[Choice]:
    """The choices of all logs; `counts` is filled with their number, task by task."""
    for log in logs:
        work, done = f"{model}: {log.task}", 0
        report(Progress(work, 0, log.expected or 1))
        for done, choice in enumerate(choices(log, model, chosen_filter), start=1):
            if log.expected and not done % TOLD_EVERY:
                report(Progress(work, done, log.expected))
            yield choice
        counts[log.task] = done
        report(Progress(work, done, done, "imported"))


def _facts(logs: list[Log]) -> dict[str, Any]:
    """What the results files say of the run: one value where all logs agree, else each task's own."""
    names = sorted({name for log in logs for name in log.facts})
    told = {name: {log.task: log.facts.get(name, "not told") for log in logs} for name in names}
    return {
        name: values if len(set(values.values())) > 1 else next(iter(values.values())) for name, values in told.items()
    }
