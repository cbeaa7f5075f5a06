"""Choices that were made elsewhere, brought into a run folder: a generation without an engine.

In: logs of lm-evaluation-harness and a model's name. Out: choices.jsonl and a manifest that says where they came from.
The same files again add nothing; other files under the same name are refused.
"""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from assay.sources.lm_eval_layouts import Log, logs
from assay.sources.lm_eval_logs import choices
from ledger.digests import file_digest
from ledger.manifests import open_manifest, read_manifest, write_manifest
from ledger.progress import Progress, Report
from ledger.records import Choice
from ledger.runs import RunFolder
from ledger.store import Writer, write_lock

ENGINE = "imported"
WRITTEN_TOGETHER = 5000


@dataclass(frozen=True)
class Import:
    """What was imported: how many choices of which tasks."""

    tasks: tuple[str, ...]
    choices: int


def import_logs(run: RunFolder, model: str, paths: list[Path], report: Report, chosen_filter: str = "") -> Import:
    """Write one model's choices from logs. Raises ConfigError, BadRecord, DuplicateKey, StaleInput."""
    found = logs(paths)
    folder = run.generation(model)
    inputs = {log.path.name: file_digest(log.path) for log in found}
    settings = {"model": model, "engine": ENGINE, "filter": chosen_filter, "logs": inputs}
    with write_lock(folder.path), Writer(folder.choices) as writer:
        manifest = open_manifest(folder.path, "generation", model, settings, {}, len(writer.keys))
        for log in found:
            _import_log(log, model, writer, chosen_filter, report)
        planned = {"answers": 0, "choices": len(writer.keys)}
        facts = {"planned": planned, "logs": [log.facts() for log in found], **_shared(found)}
        write_manifest(folder.path, manifest.model_copy(update={"facts": facts}))
        return Import(tuple(sorted({log.group for log in found})), len(writer.keys))


def is_imported(run: RunFolder, model: str) -> bool:
    """Whether a model's choices were imported and are there."""
    manifest = read_manifest(run.generation(model).path)
    return bool(manifest and manifest.settings.get("engine") == ENGINE and manifest.facts.get("planned"))


def _import_log(log: Log, model: str, writer: Writer[Choice], chosen_filter: str, report: Report) -> None:
    work, done = f"{model}: {log.task}", 0
    source = choices(log, model, chosen_filter)
    while some := list(islice(source, WRITTEN_TOGETHER)):
        writer.append(*(choice for choice in some if choice.key not in writer.keys))
        done += len(some)
        report(Progress(work, done, log.expected or done))
    report(Progress(work, done, done, "imported"))


def _shared(found: list[Log]) -> dict[str, str]:
    """What the results files say of the model that made the logs, where they agree."""
    named: dict[str, set[str]] = {}
    for log in found:
        for name in ("lm_eval_version", "model_name", "chat_template_sha"):
            if log.results.get(name) is not None:
                named.setdefault(name, set()).add(str(log.results[name]))
    return {name: values.pop() for name, values in named.items() if len(values) == 1}
