"""Shards: a deterministic slice of an order, run anywhere, and merged into the model's files by key.

In: an order. Out: the order of one shard, which writes to `shards/<I>-of-<N>/`; or the model's files with all that its
shards hold, and no shard left. Traces are no part of a shard: they need all answers of an author.

Merging writes the manifest first, then the records, and removes shards last, each by one renaming. So whatever
moment it is killed at, the shards that are still there are merged again, and what was appended already is left out.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from generation.orders import LoadGroup, ModelJob
from generation.pending import free_settings, manifest_of_records
from ledger.changed_settings import refuse_other_settings
from ledger.errors import ConfigError, ConflictingRecords
from ledger.facts import ModelFacts
from ledger.manifests import MANIFEST_NAME, Manifest, Session, write_manifest
from ledger.records import Key, Record
from ledger.runs import SHARDS_NAME, GenerationFolder
from ledger.store import Store, Writer, key_text, write_lock

R = TypeVar("R", bound=Record)
MERGED_SUFFIX = ".merged"
OTHER_SHARD = "They were made under different settings: remove the wrong folder and run that shard again."


@dataclass(frozen=True)
class Shard:
    """Shard `index` of `count`; the first is 1."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def shard_from(text: str) -> Shard:
    """The shard that `I/N` means. Raises ConfigError."""
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise ConfigError(f"{text!r} is not a shard", remedy="Give I/N with I from 1 to N, for example 2/8.")
    return Shard(int(index), int(count))


def sharded(batch: LoadGroup, shard: Shard) -> LoadGroup:
    """The part of a batch that falls to a shard: every N-th question, and every N-th item of each task."""
    return batch.model_copy(update={"orders": tuple(_sharded_order(order, shard) for order in batch.orders)})


def _sharded_order(order: ModelJob, shard: Shard) -> ModelJob:
    def part(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return items[shard.index - 1 :: shard.count]

    tasks = (task.model_copy(update={"items": part(task.items)}) for task in order.tasks)
    checked = (task.model_copy(update={"items": part(task.items)}) for task in order.checked)
    changes = {
        "folder": GenerationFolder(order.folder).shard(shard.index, shard.count).path,
        "questions": part(order.questions),
        "tasks": tuple(tasks),
        "checked": tuple(checked),
        "reads": (),
        "baseline": None,
        "merged": order.folder,
    }
    return order.model_copy(update=changes)


def merge_shards(order: ModelJob) -> int:
    """Take the records of all shards of a model into its own files, and remove the shards; gives how many were new.

    A key that stands in several files with one content is taken once. A shard that is not complete is merged as far as
    it is; what it lacks stays pending. Raises ConflictingRecords, StaleInput, StoreLocked (a shard still runs).
    """
    main = GenerationFolder(order.folder)
    shards = main.shards
    leftovers = list((main.path / SHARDS_NAME).glob(f".*{MERGED_SUFFIX}"))
    if not shards and not leftovers:
        return 0
    with ExitStack() as held:
        for folder in (main, *shards):
            held.enter_context(write_lock(folder.path))
        answers = _fresh(main.answers, [shard.answers for shard in shards])
        choices = _fresh(main.choices, [shard.choices for shard in shards])
        solutions = _fresh(main.solutions, [shard.solutions for shard in shards])
        manifest = _merged_manifest(order, main, shards)
        if manifest:
            write_manifest(main.path, manifest)
            _append(main.choices, choices)
            if solutions:
                _append(main.solutions, solutions)
            _append(main.answers, answers)
        _remove(main, shards, leftovers)
    return len(answers) + len(choices) + len(solutions)


def _fresh(main: Store[R], shards: Sequence[Store[R]]) -> list[R]:
    """The records of the shards that the main file lacks, each key once. Raises ConflictingRecords."""
    known: dict[Key, tuple[Path, R]] = {record.key: (main.path, record) for record in main.records()}
    fresh = []
    for store in shards:
        for record in store.records():
            if record.key not in known:
                known[record.key] = (store.path, record)
                fresh.append(record)
            place, first = known[record.key]
            if first != record:
                raise ConflictingRecords(place, store.path, key_text(record.key))
    return fresh


def _append(store: Store[R], records: Sequence[R]) -> None:
    with Writer(store) as writer:
        writer.append(*records)


def _merged_manifest(order: ModelJob, main: GenerationFolder, shards: Sequence[GenerationFolder]) -> Manifest | None:
    """The model's manifest with its shards' sessions and the facts in which they differ; None without any record."""
    parts = {shard.path: found for shard in shards if (found := manifest_of_records(shard))}
    if not parts:
        return None
    place, first = next(iter(parts.items()))
    found = manifest_of_records(main)
    if found:
        place, first = main.path, found
    # What nothing in the model's folder depends on yet is what the first shard was made with.
    said, free = next(iter(parts.values())).settings, free_settings(main) if found else frozenset[str]()
    settings = {k: said.get(k) if k in free else v for k, v in first.settings.items()}
    for path, part in parts.items():
        names = f"{place / MANIFEST_NAME} and {path / MANIFEST_NAME}"
        refuse_other_settings(names, settings, part.settings, OTHER_SHARD)
    facts = first.facts if found else {k: v for k, v in first.facts.items() if k not in ModelFacts.one_shards}
    too_long = {name for each in (first, *parts.values()) for name in ModelFacts.of(each).items_too_long}
    if too_long:
        facts = facts | ModelFacts(items_too_long=tuple(sorted(too_long))).noted()
    # A shard may have been merged before, as far as another machine had brought it: what that one was stays told.
    earlier = ModelFacts.of(found).shards
    told = {path.name: {**earlier.get(path.name, {}), **_differences(first, part)} for path, part in parts.items()}
    merged = ModelFacts(planned=order.planned(), shards={**earlier, **told})
    return first.model_copy(
        update={
            "settings": settings,
            "facts": {**facts, **merged.noted()},
            "inputs": order.inputs(),
            "sessions": _sessions(found, list(parts.values())),
        }
    )


def _differences(first: Manifest, part: Manifest) -> dict[str, Any]:
    """How many sessions wrote a shard, and where its facts and its machine are not the manifest's own."""
    facts = {k: v for k, v in part.facts.items() if k not in ModelFacts.of_all_shards and first.facts.get(k) != v}
    machine, own = part.environment.model_dump(mode="json"), first.environment.model_dump(mode="json")
    return {"sessions": len(part.sessions), **facts, **{k: v for k, v in machine.items() if own[k] != v}}


def _sessions(found: Manifest | None, parts: Sequence[Manifest]) -> tuple[Session, ...]:
    """All sessions by their beginning; those that a killed merge had written already are not counted again."""
    of_parts = Counter(each.model_dump_json() for part in parts for each in part.sessions)
    own = Counter(each.model_dump_json() for each in (found.sessions if found else ()))
    sessions = map(Session.model_validate_json, (own | of_parts).elements())
    return tuple(sorted(sessions, key=lambda each: (each.started_at, each.records_found)))


def _remove(main: GenerationFolder, shards: Sequence[GenerationFolder], leftovers: Sequence[Path]) -> None:
    """Remove merged shards; a renamed one is no shard any more, so a killed removal is finished by the next merge."""
    for leftover in leftovers:
        shutil.rmtree(leftover)
    for shard in shards:
        renamed = shard.path.with_name(f".{shard.path.name}{MERGED_SUFFIX}")
        shard.path.rename(renamed)
        shutil.rmtree(renamed)
    folder = main.path / SHARDS_NAME
    if not any(folder.iterdir()):
        folder.rmdir()
