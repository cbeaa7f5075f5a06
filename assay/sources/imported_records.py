"""Records that were made elsewhere, brought into a run folder: a generation without an engine.

In: what a source brings (logs, tables), and a model's name. Out: choices.jsonl and solutions.jsonl, all of them or
none, and a manifest that says where they came from. The same files again change nothing; other files under the same
name are refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.changed_settings import refuse_other_settings
from ledger.engines import IMPORTED
from ledger.errors import StaleInput
from ledger.facts import ModelFacts, ModelSettings, PlannedRecords
from ledger.manifests import (
    MANIFEST_NAME,
    OTHER_SETTINGS,
    Manifest,
    open_manifest,
    read_manifest,
    write_manifest,
)
from ledger.origins import LeftOut, Origin
from ledger.progress import Progress, Report
from ledger.runs import GenerationFolder, RunFolder
from ledger.store import write_lock

AMEND = "It was declared when these logs were first read; --amend accepts the change."


@dataclass(frozen=True)
class Import:
    """What was imported: how many choices and solutions of which tasks."""

    tasks: tuple[str, ...]
    choices: int
    solutions: int

    def __str__(self) -> str:
        """The records by kind, and their tasks."""
        counts = ((self.choices, "choices"), (self.solutions, "solutions"))
        kinds = " and ".join(f"{count} {kind}" for count, kind in counts if count)
        return f"{kinds or 'nothing'} in {', '.join(self.tasks)}"


class Offered(Protocol):
    """What lies under some paths, before a record is read.

    `names` are all that the user may say, `parts` those that are no task by themselves, and what each is instead.
    """

    @property
    def tasks(self) -> set[str]:
        """The tasks to read."""

    @property
    def names(self) -> frozenset[str]:
        """Every name that the user may say."""

    @property
    def parts(self) -> Mapping[str, str]:
        """The names that are no task by themselves."""

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What is passed over."""

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The files, and whose they are."""


class Bringer(Protocol):
    """Reads one model's records from an offer; what it found is complete once both kinds were read to their end.

    `reading` says how the files were read, as settings: in another way they are other records. `parts_read` are the
    names under which faults of its files are told.
    """

    @property
    def offer(self) -> Offered:
        """What is read."""

    @property
    def reading(self) -> dict[str, Any]:
        """How."""

    @property
    def parts_read(self) -> set[str]:
        """The names under which faults of its files are told."""

    def choices(self) -> Iterator[str]:
        """The choices, as lines of their file."""

    def solutions(self) -> Iterator[str]:
        """The solutions likewise."""

    def brought(self) -> Import:
        """What was read. Raises where it is nothing."""

    @property
    def left_out(self) -> list[LeftOut]:
        """What was found in the files and is not among the records."""

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest should tell of them."""


def import_records(run: RunFolder, model: str, bringer: Bringer, report: Report, *, amend: bool = False) -> Import:
    """Write one model's records. Raises ConfigError, BadRecord, DuplicateKey, StaleInput.

    What was declared to be left out changes only with `amend`.
    """
    folder, offer = run.generation(model), bringer.offer
    with write_lock(folder.path):
        logs = {each.file: each.digest for each in offer.origins}
        settings = ModelSettings(model=model, engine=IMPORTED, logs=logs).noted() | bringer.reading
        if done := _imported_before(folder, settings, bringer, amend=amend):
            report(Progress(f"{model}: these logs are there", 1, 1))
            return done
        _replace_both(folder, bringer)
        done = bringer.brought()
        manifest = open_manifest(folder.path, "generation", model, settings, {}, 0)
        planned = PlannedRecords(answers=0, choices=done.choices, solutions=done.solutions)
        facts = ModelFacts(planned=planned, tasks=done.tasks).noted() | bringer.facts
        passed = (*offer.left_out, *bringer.left_out)
        statements = {"facts": facts, "origins": offer.origins, "left_out": passed}
        write_manifest(folder.path, manifest.model_copy(update=statements).ended())
        return done


def _replace_both(folder: GenerationFolder, bringer: Bringer) -> None:
    """Write the records of both kinds; choices alone, because the solutions failed, would be half an import."""
    alone = not (folder.path / MANIFEST_NAME).exists()
    folder.choices.replace_lines(bringer.choices())
    try:
        folder.solutions.replace_lines(bringer.solutions())
        alone = False
    finally:
        if alone:
            folder.choices.path.unlink()


def is_imported(run: RunFolder, model: str) -> bool:
    """Whether a model's records were imported and are there."""
    manifest = read_manifest(run.generation(model).path)
    return bool(manifest and _finished(manifest))


def _finished(manifest: Manifest) -> bool:
    return ModelSettings.of(manifest).engine == IMPORTED and "planned" in ModelFacts.of(manifest).model_fields_set


def _imported_before(
    folder: GenerationFolder, settings: dict[str, Any], bringer: Bringer, *, amend: bool
) -> Import | None:
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
    offered, read = bringer.offer.left_out, bringer.parts_read
    passed = tuple(each for each in manifest.left_out if each in offered or not {each.name, each.group} & read)
    said, says = ({each.name for each in found if each.declared} for found in (manifest.left_out, offered))
    if not amend and says - said:
        before, now = (", ".join(sorted(each)) or "nothing" for each in (said, says))
        raise StaleInput(f"{folder.path}, left out on purpose", before, now, AMEND)
    if recorded != present or passed != offered:
        return None
    facts = ModelFacts.of(manifest)
    return Import(facts.tasks, facts.planned.choices, facts.planned.solutions)
