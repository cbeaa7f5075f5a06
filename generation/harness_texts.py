"""lm-evaluation-harness' tasks whose answers are written: its prompts as CheckedItems, its own scores of the texts.

In: a HarnessTask and how answers are drawn. Out: CheckedItems; Scores, by the task's own filters and
`process_results`, of a text or of all repeats of an item.

The harness scores all repeats of an item together. Here each is scored by itself, so that repeats can be compared; a
filter that needs them all (a vote, the first k) gives one aggregate. Metrics of which less is better, or that are no
numbers from 0 to 1, are no scores.
Source: lm_eval 0.4.13 (`normalize_gen_kwargs`, `evaluator.evaluate`).
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from generation.harness import HarnessTask, built_requests, harness_leaves, quiet
from ledger.checked_items import CheckedItem
from ledger.digests import digest_of
from ledger.errors import ConfigError, first_line
from ledger.solutions import NO_FILTER, Score, more_is_better
from ledger.store import first_fault

INVALID = "[invalid]"
LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
DEFAULT_LIMIT = 256
HARMLESS = {"num_beams": 1, "num_return_sequences": 1, "do_sample": None, "until": None, "temperature": None}
OF_SAMPLING = frozenset({"top_k", "min_p", "typical_p", "seed"})  # greedy answers do not depend on them
ONE_BY_ONE = frozenset({
    *("RegexFilter", "POSFilter", "WhitespaceFilter", "MultiChoiceRegexFilter", "TakeFirstFilter", "LowercaseFilter"),
    *("UppercaseFilter", "MapFilter", "SPANFilter"),
})  # fmt: skip
"""The harness' filters that look at one answer alone; of any other one nothing is known."""
Leaf = Any  # lm_eval's Task


@dataclass(frozen=True)
class Draws:
    """How answers are drawn; None where the task itself says it."""

    repeats: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True)
class HarnessTexts:
    """A task's items; `singles` and `aggregates`: filters that take one repeat, and those that need all of them."""

    items: tuple[CheckedItem, ...]
    repeats: int
    singles: bool
    aggregates: bool


def harness_texts(task: HarnessTask, draws: Draws) -> HarnessTexts:
    """The items of every leaf task, in the harness' order, asked for as conversations or texts. Raises ConfigError."""
    with quiet():
        leaves = harness_leaves(task.name, task.include_path)
        items = tuple(item for name, leaf in leaves.items() for item in _leaf_items(task, name, leaf, draws))
        for leaf in leaves.values():
            _refuse_without_scores(leaf)
    own = {int(leaf.get_config("repeats") or 1) for leaf in leaves.values()}
    if draws.repeats is None and len(own) > 1:
        raise ConfigError("its tasks have different `repeats`", where=f"task {task.name}", remedy="Set `repeats`.")
    repeats = draws.repeats or own.pop()
    kinds = [{repeats > 1 and _needs_all(each) for each in leaf._filters} for leaf in leaves.values()]
    if len({False in kind for kind in kinds}) > 1:
        what = "has a task that scores only all repeats of an item together, beside others that score each."
        raise ConfigError(what, where=f"task {task.name}", remedy="Name its tasks, each in a [[task]] of its own.")
    return HarnessTexts(items, repeats, False in kinds[0], any(True in kind for kind in kinds))


def offered_scores(task: HarnessTask) -> tuple[set[str], set[str]]:
    """The metrics and the filters that every leaf task's answers may have; none where a task's own code decides."""
    with quiet():
        leaves = harness_leaves(task.name, task.include_path).values()
    filters = {ensemble.name or NO_FILTER for leaf in leaves for ensemble in leaf._filters}
    return {metric for leaf in leaves for metric in leaf.higher_is_better()}, filters


class HarnessScorer:
    """The scores of one task; its documents are loaded when the first text comes."""

    def __init__(self, task: HarnessTask, repeats: int) -> None:
        self._task, self._repeats = task, repeats
        self._documents: dict[str, Any] = {}

    def single(self, item: CheckedItem, text: str) -> tuple[Score, ...]:
        """The scores of one text by the filters that look at one. Raises ConfigError."""
        return self._scores(item, [text], together=False)

    def together(self, item: CheckedItem, texts: Sequence[str]) -> tuple[Score, ...]:
        """The scores of all repeats of an item by the filters that need them all. Raises ConfigError."""
        return self._scores(item, list(texts), together=True)

    def _scores(self, item: CheckedItem, texts: list[str], *, together: bool) -> tuple[Score, ...]:
        leaf = harness_leaves(self._task.name, self._task.include_path)[item.subject]
        if item.subject not in self._documents:
            self._documents[item.subject] = leaf.eval_docs
        document = self._documents[item.subject][int(item.id.rsplit(":", 1)[-1])]
        where = f"task {item.task}, item {item.id}"
        if document_digest(leaf, document) != item.document_digest:
            raise ConfigError("its document here is not the one that was planned.", where=where)
        chosen = [each for each in leaf._filters if (self._repeats > 1 and _needs_all(each)) == together]
        try:
            found = tuple(score for each in chosen for score in _filter_scores(leaf, each, document, texts))
        except Exception as error:  # a task's own code runs here
            raise ConfigError(f"its scores cannot be computed: {first_line(error)}", where=where) from error
        if chosen and not found:
            raise ConfigError("gives no score from 0 to 1 of which more is better.", where=where)
        return found


@dataclass
class _Replies:
    """What the harness' filters read and write of a request."""

    resps: list[str]
    doc: Any
    filtered_resps: dict[str, Any] = field(default_factory=dict)


def _filter_scores(leaf: Leaf, ensemble: Any, document: Any, texts: list[str]) -> Iterator[Score]:  # noqa: ANN401
    """What one filter and `process_results` make of the answers to a document."""
    replies = _Replies(texts, document)
    ensemble.apply([replies])
    taken = replies.filtered_resps[ensemble.name]
    better: Mapping[str, Any] = leaf.higher_is_better()
    for metric, value in leaf.process_results(document, [taken]).items():
        if isinstance(value, int | float) or hasattr(value, "item"):
            number = float(value)
            if 0 <= number <= 1 and not math.isnan(number) and better.get(metric, more_is_better(metric)):
                extracted = taken_text(taken, texts[0])
                yield Score(metric=metric, filter=ensemble.name or NO_FILTER, value=number, extracted=extracted)


def taken_text(taken: Any, reply: Any) -> str | None:  # noqa: ANN401 - whatever a filter makes of a reply
    """What a filter took from the reply: empty where it found nothing, None where it takes nothing."""
    first = taken[0] if isinstance(taken, list) and len(taken) == 1 else taken
    if isinstance(first, str):
        if first.strip() in (INVALID, ""):
            return ""
        return None if first == reply else first
    return None if first is None else to_json(first, inf_nan_mode="constants", fallback=str).decode()


def document_digest(leaf: Leaf, document: Any) -> str:  # noqa: ANN401 - whatever a data set holds
    """The hash of a document and of its right answer."""
    return digest_of(json.dumps([document, leaf.doc_to_target(document)], sort_keys=True, default=str))


def _leaf_items(task: HarnessTask, name: str, leaf: Leaf, draws: Draws) -> Iterator[CheckedItem]:
    if getattr(leaf, "UNSAFE_CODE", False):
        remedy = "Score it with the harness where that is safe, and import its logs."
        raise ConfigError("runs code that a model has written; Assay does not.", where=f"task {name}", remedy=remedy)
    if getattr(leaf, "MULTIMODAL", False):
        raise ConfigError("shows pictures or sounds; Assay asks in text.", where=f"task {name}")
    for request in built_requests(task, name, leaf, _as_json if task.chat else None):
        context, settings = request.args[:2]
        asked: dict[str, Any] = (
            {"messages": tuple((m["role"], m["content"]) for m in json.loads(context))} if task.chat else {}
        )
        where = f"task {name}, document {request.doc_id}"
        try:
            yield CheckedItem(
                task=task.name,
                id=str(request.doc_id) if name == task.name else f"{name}:{request.doc_id}",
                subject=name,
                document_digest=document_digest(leaf, request.doc),
                **(asked or {"prompt": context}),
                **_drawn(settings, draws, where),
            )
        except ValidationError as error:
            raise ConfigError(": ".join(first_fault(error)), where=where) from error


def _as_json(history: list[dict[str, Any]], add_generation_prompt: bool = True) -> str:
    """A conversation as the harness hands it to what renders it."""
    return json.dumps(history)


def _drawn(settings: Mapping[str, Any], draws: Draws, where: str) -> dict[str, Any]:
    """How an answer is drawn and ended, by the harness' rules, where the config does not say it."""
    until = settings.get("until") or []
    limit = next((settings[name] for name in LIMITS if settings.get(name) is not None), DEFAULT_LIMIT)
    chosen = asked_temperature(settings) if draws.temperature is None else draws.temperature
    for name, value in settings.items():
        known = name in (*LIMITS, "top_p") or (name in HARMLESS and HARMLESS[name] in (None, value))
        if not known and not (name in OF_SAMPLING and not chosen):
            what = f"sets {name} = {value!r} for its answers, which Assay's engines do not."
            raise ConfigError(what, where=where, remedy="Leave it out of the review, or import the harness' logs.")
    return {
        "stop": tuple(str(each) for each in ([until] if isinstance(until, str) else until) if each),
        "max_tokens": draws.max_tokens or int(limit),
        "temperature": chosen,
        "top_p": draws.top_p or float(settings.get("top_p") or 1.0),
    }


def asked_temperature(settings: Mapping[str, Any]) -> float:
    """The temperature of a request: greedy unless it says otherwise; `do_sample` without one is the engines' 1."""
    temperature, drawn = settings.get("temperature"), settings.get("do_sample")
    if drawn in (False, "False", "false"):
        return 0.0
    return (1.0 if drawn else 0.0) if temperature is None else float(temperature)


def _needs_all(ensemble: Any) -> bool:  # noqa: ANN401 - lm_eval's FilterEnsemble
    """Whether a filter looks at more than one answer, as far as is known."""
    made: list[Callable[..., Any]] = [getattr(each, "func", each) for each in ensemble.filters]
    return not {each.__name__ for each in made} <= ONE_BY_ONE


def _refuse_without_scores(leaf: Leaf) -> None:
    """Stop where none of a task's metrics is better where it is more: nothing of it could be a score."""
    better = leaf.higher_is_better()
    if better and not any(better.values()):
        what = f"of its metrics ({', '.join(better)}) less is better; Assay compares scores of which more is."
        raise ConfigError(what, where=f"task {leaf.task_name}")
