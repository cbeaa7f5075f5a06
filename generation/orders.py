"""Work orders: what one process is asked to do, complete in itself, so that it can be sent to any machine.

In: the front door's plan. Out: JSON that a worker reads (`Batch`), and the question what of it is still to be done.
"""

import functools
import json
import random
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, model_validator

from generation.choices import LETTERS, Style
from generation.option_tokens import OptionText, option_texts
from generation.traces import Turn, trace_turns, turn_name
from ledger.conditions import Condition, allowing, unlike_condition
from ledger.digests import digest_of, weights_digest
from ledger.errors import ConfigError, MissingRecords, StaleInput
from ledger.manifests import MANIFEST_NAME, OTHER_SETTINGS, Manifest, read_manifest, refuse_other_settings
from ledger.records import Answer, Choice, Item, Key, Question
from ledger.runs import GenerationFolder
from ledger.store import Store, key_text
from ledger.traces import OPTION_TOKENS, trace_keys

TRACES_REFUSED = "traces_refused"
TOO_LONG = "items_too_long"
OPTIONS_TOO_LONG = "options_too_long"  # a trace takes one token more of vLLM's context than a score does
TURNS_TOO_LONG = "turns_too_long"
VOCABULARY_REFUSED = "vocabulary_refused"


class EngineSpec(BaseModel):
    """Which model to load, and how; the last three are for models behind an endpoint.

    `loader` is a user's own function for the transformers engine. `batch_invariant` asks vLLM for the mode in which a
    text does not depend on what shares its batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["vllm", "transformers", "openai"]
    model: str
    arguments: dict[str, Any] = {}
    template: str = ""
    loader: str = ""
    batch_invariant: bool = False
    base_url: str = ""
    api_key_env: str = ""
    concurrency: int = 16

    @property
    def endpoint(self) -> str:
        """Host and port of a served model, without whatever else its URL may carry."""
        address = urlsplit(self.base_url)
        return f"{address.hostname}:{address.port}" if address.port else address.hostname or ""

    @functools.cached_property
    def weights(self) -> str | None:
        """The weights' hash, computed once for all that is compared with it."""
        return weights_digest(Path(self.model))


class TaskItems(BaseModel):
    """A task's items and the way to score them; `prompts` says how rendered ones were made.

    `top_k` most likely tokens are kept at each token of the options (0: all of them); None keeps none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    style: Style
    items: tuple[Item, ...]
    prompts: dict[str, Any] = {}
    top_k: int | None = None

    @model_validator(mode="after")
    def _lettered(self) -> Self:
        """Raises ConfigError, which pydantic lets through."""
        if long := [item for item in self.items if self.style == "letters" and len(item.options) > len(LETTERS)]:
            what = f"item {long[0].id} has {len(long[0].options)} options, and there are {len(LETTERS)} letters."
            raise ConfigError(what, where=f"task {self.name}", remedy='Use style = "continuation".')
        return self


class Order(BaseModel):
    """All that one model (or the control) writes and picks in a review.

    With `top_k` the answers in the folder `baseline` are traced, the K most likely tokens kept at each position.
    One that does not write leaves the questions to the baseline, and only traces.
    Records may be added to those made under conditions that differ from today's in `may_differ` alone.
    Records that are in the folder `merged` are done as well: a shard (generation/shards.py) looks into its model's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    model: str
    control: bool = False
    writes: bool = True
    seed: int
    samples: int = 1
    max_tokens: int = 1024
    questions: tuple[Question, ...] = ()
    tasks: tuple[TaskItems, ...] = ()
    top_k: int = 0
    baseline: Path | None = None
    may_differ: tuple[Condition, ...] = ()
    merged: Path | None = None

    @property
    def folders(self) -> tuple[GenerationFolder, ...]:
        """Where records of this order may be."""
        return tuple(GenerationFolder(path) for path in (self.merged, self.folder) if path)

    def settings(self, engine: EngineSpec) -> dict[str, Any]:
        """What the records of this order depend on, beside the questions and items that they carry themselves."""
        return {
            "model": engine.model,
            "weights": engine.weights,
            "engine": engine.kind,
            "engine_args": engine.arguments,
            "template": engine.template,
            "endpoint": engine.endpoint,
            "control": self.control,
            "seed": self.seed,
            "max_tokens": self.max_tokens,
            "top_k": self.top_k,
            "styles": {task.name: task.style for task in self.tasks},
            **({"prompts": prompts} if (prompts := {t.name: t.prompts for t in self.tasks if t.prompts}) else {}),
            **({"vocabulary": kept} if (kept := {t.name: t.top_k for t in self.tasks if t.top_k is not None}) else {}),
            **({"loader": engine.loader} if engine.loader else {}),
            **({"batch_invariant": True} if engine.batch_invariant else {}),
        }

    def planned(self) -> dict[str, int]:
        """How many answers and choices there will be in the end."""
        choices = sum(len(task.items) for task in self.tasks)
        return {"answers": len(self.questions) * self.samples if self.writes else 0, "choices": choices}

    def inputs(self) -> dict[str, str]:
        """Digests of the questions and of each task's items."""
        named = {f"task {t.name}": digest_of([item.digest for item in t.items]) for t in self.tasks}
        return {"questions": digest_of([question.digest for question in self.questions]), **named}


class Batch(BaseModel):
    """Orders that share one model load."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineSpec
    orders: tuple[Order, ...]


def refuse_other_records(order: Order, engine: EngineSpec) -> None:
    """Stop where records are there that were made under other settings or with other weights. Raises StaleInput."""
    for folder in order.folders:
        if found := manifest_of_records(folder):
            settings = json.loads(json.dumps(order.settings(engine)))  # as a file gives them back
            refuse_other_settings(str(folder.path / MANIFEST_NAME), found.settings, settings, OTHER_SETTINGS)


def refuse_other_conditions(order: Order, facts: dict[str, Any]) -> None:
    """Stop where this order's records were made under conditions that a loaded engine's facts differ from.

    Raises StaleInput.
    """
    found = manifest_of_records(GenerationFolder(order.folder))
    present = found and found.model_copy(update={"facts": {**found.facts, **facts}})
    if unlike := unlike_condition(found, present, order.may_differ):
        name, recorded, here = unlike
        remedy = f"Go on where it was made, remove the folder, or set {allowing(name)}."
        raise StaleInput(f"{order.folder / MANIFEST_NAME}, {name}", recorded, here, remedy)


def manifest_of_records(folder: GenerationFolder) -> Manifest | None:
    """The manifest of a folder that has records. Raises MissingRecords where there is none beside them."""
    if not folder.holds_records:
        return None
    if found := read_manifest(folder.path):
        return found
    path = folder.path / MANIFEST_NAME
    raise MissingRecords(path, "the manifest of these records", "Remove the folder to make its records again.")


def pending_answers(order: Order) -> list[tuple[Question, int]]:
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


def pending_choices(order: Order) -> list[tuple[Item, Style]]:
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
    too_long = _too_long(order, TOO_LONG)
    return [
        (item, style)
        for item, style in wanted
        if (order.model, *item.key) not in done and key_text(item.key) not in too_long
    ]


def pending_traces(order: Order) -> list[Turn]:
    """The turns of the baseline's answers that this model has not traced, in their order; none without `top_k`.

    Nor is what its manifest says not to try again: all turns where tracing was refused, or those without room.
    """
    manifest = read_manifest(order.folder)
    if not order.top_k or order.baseline is None or (manifest and TRACES_REFUSED in manifest.facts):
        return []
    answers = sorted(GenerationFolder(order.baseline).answers.records(), key=lambda answer: answer.key)
    turns = trace_turns(answers, order.model, trace_keys(order.folder))
    too_long = _too_long(order, TURNS_TOO_LONG)
    return [turn for turn in turns if turn_name(*turn) not in too_long]


def pending_option_tokens(order: Order) -> list[OptionText]:
    """The options whose token distributions are missing, in the items' order; none where a tokenizer was refused.

    None for a shard, and none before the baseline has begun: its tokenizer decides whether they can be compared.
    """
    manifest = read_manifest(order.folder)
    too_early = order.baseline not in (None, order.folder) and read_manifest(order.baseline) is None
    if order.merged or too_early or (manifest and VOCABULARY_REFUSED in manifest.facts):
        return []
    kept = [(task, task.top_k) for task in order.tasks if task.top_k is not None]
    wanted = [text for task, top_k in kept for text in option_texts(task.items, task.style, top_k)]
    done = trace_keys(order.folder, OPTION_TOKENS)
    items, options = _too_long(order, TOO_LONG), _too_long(order, OPTIONS_TOO_LONG)
    return [
        each
        for each in wanted
        if not ((order.model, *each.key) in done or key_text(each.key[:2]) in items or key_text(each.key) in options)
    ]


def _too_long(order: Order, fact: str) -> set[str]:
    """The items or turns that did not fit the model's context."""
    manifests = (read_manifest(folder.path) for folder in order.folders)
    return {name for manifest in manifests if manifest for name in manifest.facts.get(fact, ())}


def _refuse_changed(
    store: Store[Answer] | Store[Choice], key: Key, recorded: str, present: Question | Item | None
) -> None:
    if present is not None and present.digest != recorded:
        raise StaleInput(
            f"{store.path}, {key_text(key)}",
            recorded,
            present.digest,
            "The question or item was edited after this record was made; give the review another name.",
        )
