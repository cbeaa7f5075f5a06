"""lm-evaluation-harness: its tasks as items, its prompts as contexts; the only file that imports `lm_eval`.

In: a task or group of the harness (or a local YAML), few-shot number, limit. Out: Items that carry the rendered
contexts and continuations, or the tasks themselves, for those whose answers are written (generation/harness_texts.py).
The harness builds the prompts when the work is planned; resuming and sharding are then the same as for all items.
Source: lm_eval 0.4.13 (`Task.build_all_requests`, `process_results`); few-shot examples are drawn with its own seed.
"""

import contextlib
import functools
import importlib.metadata
import importlib.util
import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ledger.errors import ConfigError, first_line
from ledger.records import Item
from ledger.store import first_fault

FEWSHOT_SEED = 1234
GENERATES = "generate_until"
INSTALL = "Run: pip install 'assay-review[tasks]'"
NEEDS_HUB = (
    "Its data must be in the local Hugging Face cache (HF_HOME), or in files that a YAML under include_path names."
)


@dataclass(frozen=True)
class HarnessTask:
    """A task or group as the config asks for it.

    `tokenizer` renders the chat template of a choice's contexts, empty for none; written answers are asked for as
    `chat`, which each model's engine renders.
    """

    name: str
    include_path: str = ""
    num_fewshot: int | None = None
    limit: int | None = None
    tokenizer: str = ""
    chat: bool = False
    system: str = ""

    @property
    def prompts(self) -> dict[str, Any]:
        """What decides the prompts, for the manifest."""
        return {
            "harness": importlib.metadata.version("lm_eval"),
            "num_fewshot": self.num_fewshot,
            "chat_template": bool(self.tokenizer) or self.chat,
            "fewshot_seed": FEWSHOT_SEED,
        } | ({"system": self.system} if self.system else {})


@functools.cache
def harness_items(task: HarnessTask) -> tuple[Item, ...]:
    """The items of every leaf task, the first `limit` documents of each, in the harness' order. Raises ConfigError."""
    with quiet():
        leaves = harness_leaves(task.name, task.include_path)
        template = _chat_template(task.tokenizer) if task.tokenizer else None
        return tuple(item for name, leaf in leaves.items() for item in _leaf_items(task, name, leaf, template))


def generates(task: HarnessTask) -> bool:
    """Whether the answers of a task are written. Raises ConfigError, for a group with both kinds too."""
    with quiet():
        leaves = harness_leaves(task.name, task.include_path)
    kinds = {leaf.OUTPUT_TYPE == GENERATES for leaf in leaves.values()}
    if len(kinds) > 1:
        what = "is a group of tasks whose answers are written and tasks whose answers are picked."
        raise ConfigError(what, where=f"task {task.name}", remedy="Name its tasks, each in a [[task]] of its own.")
    return kinds == {True}


@functools.cache
def _manager(include_path: str, *, defaults: bool) -> Any:  # noqa: ANN401 - lm_eval's TaskManager
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=include_path or None, include_defaults=defaults)


@functools.cache
def harness_leaves(task: str, include_path: str) -> dict[str, Any]:
    """The leaf tasks by name. Raises ConfigError.

    The harness' own 15,000 files, some seconds, are read only if the name is not local.
    """
    if importlib.util.find_spec("lm_eval") is None:
        raise ConfigError("lm-evaluation-harness is not installed here.", where=f"task {task}", remedy=INSTALL)
    manager = _manager(include_path, defaults=not include_path)
    if task not in manager.task_index:
        manager = _manager(include_path, defaults=True)
    if task not in manager.task_index:
        known = f"{len(manager.all_tasks)} tasks are known"
        raise ConfigError(f"lm-evaluation-harness has no task {task!r} ({known}).", where="task.name")
    try:
        leaves: dict[str, Any] = manager.load([task])["tasks"]
        return leaves
    except Exception as error:  # datasets and task code raise anything where data is missing
        raise ConfigError(f"cannot be built: {first_line(error)}", where=f"task {task}", remedy=NEEDS_HUB) from error


def _leaf_items(
    task: HarnessTask,
    name: str,
    leaf: Any,  # noqa: ANN401 - lm_eval's Task
    template: Callable[..., str] | None,
) -> Iterator[Item]:
    _refuse_unscorable(name, leaf)
    documents: dict[int, list[Any]] = {}
    for instance in built_requests(task, name, leaf, template):
        documents.setdefault(instance.doc_id, []).append(instance)
    for number, instances in documents.items():
        yield _item(task.name, name, leaf, number, instances)


def built_requests(
    task: HarnessTask,
    name: str,
    leaf: Any,  # noqa: ANN401 - lm_eval's Task
    template: Callable[..., str] | None,
) -> list[Any]:
    """The harness' requests for a leaf task's documents. Raises ConfigError."""
    own = leaf.get_config("num_fewshot")
    shots = own if task.num_fewshot is None or own == 0 else task.num_fewshot  # the harness, too, lets its own 0 stand
    leaf.set_config(key="num_fewshot", value=shots or 0)
    leaf.set_fewshot_seed(seed=FEWSHOT_SEED)
    chat = {"apply_chat_template": True, "fewshot_as_multiturn": True, "chat_template": template} if template else {}
    try:
        leaf.build_all_requests(limit=task.limit, system_instruction=task.system or None, **chat)
        return list(leaf.instances)
    except Exception as error:  # a task's own templates run here
        raise ConfigError(f"cannot be built: {first_line(error)}", where=f"task {name}") from error
    finally:
        leaf.set_config(key="num_fewshot", value=own)


def _item(task: str, name: str, leaf: Any, number: int, instances: list[Any]) -> Item:  # noqa: ANN401 - lm_eval's Task
    document = instances[0].doc
    options = tuple(map(str, leaf.doc_to_choice(document)))
    # With acc_mutual_info the second half of the requests has no context; it is no part of acc and acc_norm.
    scored = sorted(instances, key=lambda instance: instance.idx)[: len(options)]
    contexts, continuations = zip(*(instance.args[:2] for instance in scored), strict=True)
    gold = leaf.doc_to_text(document) if leaf.multiple_input else leaf.doc_to_target(document)
    place = f"task {name}, document {number}"
    if isinstance(gold, str):
        gold = options.index(gold) if gold in options else -1
    if not isinstance(gold, int):
        raise ConfigError("has several right answers; flips are not defined for it.", where=place)
    if not 0 <= gold < len(options):
        raise ConfigError("has no right answer among its options.", where=place)
    try:
        return Item(
            task=task,
            id=str(number) if name == task else f"{name}:{number}",
            subject=name,
            question=json.dumps(document, sort_keys=True, default=str),
            options=options,
            gold=gold,
            contexts=tuple(contexts) if len(set(contexts)) > 1 else (contexts[0],),
            continuations=tuple(continuations),
        )
    except ValidationError as error:  # a single option, above all
        raise ConfigError(": ".join(first_fault(error)), where=place) from error


def _refuse_unscorable(name: str, leaf: Any) -> None:  # noqa: ANN401 - lm_eval's Task
    if leaf.OUTPUT_TYPE != "multiple_choice":
        what = f"is of type {leaf.OUTPUT_TYPE}; Assay compares answers that are picked or written."
        raise ConfigError(what, where=f"task {name}", remedy="Leave it out of the review.")
    if callable(leaf.get_config("process_results")):
        raise ConfigError("computes a score of its own; right and wrong are not defined.", where=f"task {name}")


def _chat_template(tokenizer: str) -> Callable[..., str]:
    from generation.tokenizers import stored_tokenizer

    loaded = stored_tokenizer(tokenizer)
    if loaded is None:
        raise ConfigError("its tokenizer cannot be loaded here.", where=tokenizer, remedy="Set chat_template = false.")
    if not getattr(loaded, "chat_template", None):
        raise ConfigError("its tokenizer has no chat template.", where=tokenizer, remedy="Set chat_template = false.")

    def rendered(history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        return str(
            loaded.apply_chat_template(
                history,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                continue_final_message=not add_generation_prompt,
            )
        )

    return rendered


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No bars and no log lines from the harness and from datasets."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
