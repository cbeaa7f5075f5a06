"""What of an order is still to be done, and whether what is there may be continued.

In: an order, the records and the manifest in its folders. Out: what is missing, in the order of admission; StaleInput
where records were made from other questions, under other settings or under other conditions.
"""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.choices import Style
from generation.option_tokens import OptionText, option_texts
from generation.orders import EngineSpec, LoadGroup, ModelJob
from generation.solutions import Repeat
from generation.traces import Turn, trace_turns, turn_name
from ledger.changed_settings import refuse_other_settings
from ledger.checked_items import CheckedItem
from ledger.conditions import allowing, unlike_condition
from ledger.errors import MissingRecords, StaleInput
from ledger.facts import ModelFacts, TooLong
from ledger.manifests import (
    MANIFEST_NAME,
    OTHER_SETTINGS,
    Manifest,
    present_environment,
    read_manifest,
)
from ledger.records import Item, Key, Question
from ledger.runs import GenerationFolder
from ledger.store import Store, key_text
from ledger.traces import OPTION_TOKENS, TRACES, trace_keys


@dataclass(frozen=True)
class Pending:
    """What one order still lacks."""

    order: ModelJob
    answers: list[tuple[Question, int]]
    choices: list[tuple[Item, Style]]
    solutions: list[Repeat]
    traces: list[Turn]
    option_tokens: list[OptionText]

    def __bool__(self) -> bool:
        return bool(self.answers or self.choices or self.solutions or self.traces or self.option_tokens)


def pending_orders(batch: LoadGroup) -> list[Pending]:
    """The orders of a batch that lack something. Raises LedgerError where what is there cannot be continued."""
    for order in batch.orders:
        refuse_other_records(order, batch.engine)
    found = [
        Pending(
            order,
            pending_answers(order),
            pending_choices(order),
            pending_solutions(order),
            pending_traces(order),
            pending_option_tokens(order),
        )
        for order in batch.orders
    ]
    return [pending for pending in found if pending]


def lacking_records(order: ModelJob) -> int:
    """How many answers, choices and solutions are missing; shards make all of them. Raises StaleInput."""
    return len(pending_answers(order)) + len(pending_choices(order)) + len(pending_solutions(order))


def refuse_other_records(order: ModelJob, engine: EngineSpec) -> None:
    """Stop where records are there that were made under other settings or with other weights. Raises StaleInput."""
    for folder in order.folders:
        if found := manifest_of_records(folder):
            place, held, settings = str(folder.path / MANIFEST_NAME), dict(found.settings), order.settings(engine)
            for name in free_settings(folder):
                held[name] = settings.get(name)
            refuse_other_settings(place, held, settings, OTHER_SETTINGS)


def free_settings(folder: GenerationFolder) -> frozenset[str]:
    """The settings that nothing depends on that is there, so that they may change: no choice does on `template`."""
    stores = (folder.answers, folder.solutions)
    written = any(True for store in stores for _ in store.records()) or bool(trace_keys(folder.path, TRACES))
    return frozenset() if written else frozenset({"template"})


def refuse_other_conditions(order: ModelJob, facts: dict[str, Any]) -> None:
    """Stop where this order's records were made under conditions that a loaded engine's facts differ from.

    Raises StaleInput.
    """
    found = manifest_of_records(GenerationFolder(order.folder))
    here = {"facts": {**(found.facts if found else {}), **facts}, "environment": present_environment()}
    present = found and found.model_copy(update=here)
    if unlike := unlike_condition(found, present, order.may_differ):
        name, recorded, now = unlike
        remedy = f"Go on where it was made, remove the folder, or set {allowing(name)}."
        raise StaleInput(f"{order.folder / MANIFEST_NAME}, {name}", recorded, now, remedy)


def manifest_of_records(folder: GenerationFolder) -> Manifest | None:
    """The manifest of a folder that has records. Raises MissingRecords where there is none beside them."""
    if not folder.holds_records:
        return None
    if found := read_manifest(folder.path):
        return found
    path = folder.path / MANIFEST_NAME
    raise MissingRecords(path, "the manifest of these records", "Remove the folder to make its records again.")


def pending_answers(order: ModelJob) -> list[tuple[Question, int]]:
    """The (question, sample) pairs without an answer, in the order of admission. Raises StaleInput.

    The control is admitted in a shuffled order: which conversations share a batch changes greedy texts as well.
    """
    known = {question.key: question for question in order.questions}
    done = set()
    for store in (folder.answers for folder in order.folders):
        for answer in store.records():
            _refuse_changed(store, answer.key, answer.question.digest, known.get(answer.question.key))
            done.add(answer.key)
    asked = order.questions if order.writes else ()
    wanted = [(question, sample) for sample in range(order.samples) for question in asked]
    if order.control:
        random.Random(order.seed).shuffle(wanted)
    return [(q, sample) for q, sample in wanted if (order.model, *q.key, sample) not in done]


def pending_choices(order: ModelJob) -> list[tuple[Item, Style]]:
    """The items without a choice, in the order of admission; shuffled for the control. Raises StaleInput.

    Items that did not fit the model's context, as a manifest says, are not tried again.
    """
    known = {item.key: item for task in order.tasks for item in task.items}
    done = set()
    for store in (folder.choices for folder in order.folders):
        for choice in store.records():
            _refuse_changed(store, choice.key, choice.item_digest, known.get((choice.task, choice.item)))
            done.add(choice.key)
    wanted: list[tuple[Item, Style]] = [(item, task.style) for task in order.tasks for item in task.items]
    if order.control:
        random.Random(order.seed).shuffle(wanted)
    too_long = _too_long(order, TooLong.ITEMS)
    return [
        (item, style)
        for item, style in wanted
        if (order.model, *item.key) not in done and key_text(item.key) not in too_long
    ]


def pending_solutions(order: ModelJob) -> list[Repeat]:
    """The repeats without a solution, those of an item side by side; shuffled for the control. Raises StaleInput.

    Where the scores of an item need all its repeats, and the first is missing, all are asked for.
    """
    known = {item.key: item for task in order.checked for item in task.items}
    done = set()
    for store in (folder.solutions for folder in order.folders):
        for solution in store.records():
            item = known.get((solution.task, solution.item))
            _refuse_changed(store, solution.key, solution.item_digest, item)
            if item is not None and item.prompt_digest != solution.prompt_digest:
                raise StaleInput(
                    f"{store.path}, {key_text(solution.key)}, prompt_digest",
                    solution.prompt_digest,
                    item.prompt_digest,
                    OTHER_SETTINGS,
                )
            done.add(solution.key)
    wanted = [(task, item) for task in order.checked for item in task.items]
    if order.control:
        random.Random(order.seed).shuffle(wanted)
    found = []
    for task, item in wanted:
        lacking = [number for number in task.kept if (order.model, *item.key, number) not in done]
        asked = range(task.repeats) if task.aggregates and 0 in lacking else lacking
        found += [Repeat(task, item, number) for number in asked]
    return found


def pending_traces(order: ModelJob) -> list[Turn]:
    """The turns of the answers to be read that this model has not traced, author by author, each in their order.

    Nor is what its manifest says not to try again: all turns where tracing was refused, or those without room.
    """
    if not order.reads:
        return []
    done, too_long = trace_keys(order.folder), _too_long(order, TooLong.TURNS)
    found = []
    for place in order.reads:
        if _comparable(order, place):
            answers = sorted(GenerationFolder(place).answers.records(), key=lambda answer: answer.key)
            found += trace_turns(answers, order.model, done)
    return [turn for turn in found if turn_name(*turn) not in too_long]


def _comparable(order: ModelJob, place: Path) -> bool:
    """Whether nothing is known to forbid that the answers in this folder are read by both this model and the baseline.

    Its own wait until the baseline has begun, whose tokenizer decides; a rival's must have been made with that one.
    """
    own, author = (ModelFacts.of(read_manifest(folder)) for folder in (order.folder, place))
    if place == order.baseline:
        return not own.traces_refused
    if place == order.folder:
        begun = order.baseline is not None and read_manifest(order.baseline) is not None
        return begun and not own.rollouts_refused
    return not (own.traces_refused or author.rollouts_refused) and author.tokenizer == own.tokenizer


def pending_option_tokens(order: ModelJob) -> list[OptionText]:
    """The options whose token distributions are missing, in the items' order; none where a tokenizer was refused.

    None for a shard, and none before the baseline has begun: its tokenizer decides whether they can be compared.
    """
    manifest = read_manifest(order.folder)
    too_early = order.baseline not in (None, order.folder) and read_manifest(order.baseline) is None
    if order.merged or too_early or ModelFacts.of(manifest).vocabulary_refused:
        return []
    kept = [(task, task.top_k) for task in order.tasks if task.top_k is not None]
    wanted = [text for task, top_k in kept for text in option_texts(task.items, task.style, top_k)]
    done = trace_keys(order.folder, OPTION_TOKENS)
    items, options = _too_long(order, TooLong.ITEMS), _too_long(order, TooLong.OPTIONS)
    return [
        each
        for each in wanted
        if not ((order.model, *each.key) in done or key_text(each.key[:2]) in items or key_text(each.key) in options)
    ]


def _too_long(order: ModelJob, what: TooLong) -> set[str]:
    """The items, options or turns that did not fit the model's context."""
    found = (ModelFacts.of(read_manifest(folder.path)) for folder in order.folders)
    return {name for facts in found for name in facts.too_long(what)}


def _refuse_changed(store: Store[Any], key: Key, recorded: str, present: Question | Item | CheckedItem | None) -> None:
    if present is not None and present.digest != recorded:
        raise StaleInput(
            f"{store.path}, {key_text(key)}",
            recorded,
            present.digest,
            "The question or item was edited after this record was made; give the review another name.",
        )
