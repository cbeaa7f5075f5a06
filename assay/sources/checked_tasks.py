"""Tasks whose answers are written and checked: Assay's own, a user's file, or those of lm-evaluation-harness.

In: a `[[task]]`, and the rows of a file where it names one. Out: a CheckedTask; a line that is none names its faults.

An item has a `question` (or `messages`, a conversation of `role` and `content`, or a bare `prompt` that the model goes
on from) and its right answer: `answer`, `target` or `targets`, a text, a number or a list of them, any of which will
do. An `id`, a `subject` and, for a choice, `options` are as in files of multiple choice. Of a row of GSM8K (`question`,
`answer`) the number after `####` is the answer; what has no `id` goes by the hash of its content. An item may name its
own `checker`, `pattern`, `json_schema`, `stop` or `max_tokens`, but no function: only a config does.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from assay.sources.item_files import ID_DIGITS, OPTIONS, items_of
from assay.sources.lines import Row, checked
from generation.checkers import FUNCTION, number_text, own_checker
from generation.choices import LETTERS
from generation.harness import HarnessTask
from generation.harness_texts import Draws, HarnessTexts, harness_texts
from generation.json_answers import schema_fault
from generation.orders import CheckedTask
from generation.patterns import compiled
from ledger.checked_items import CheckedItem
from ledger.digests import digest_of
from ledger.errors import BadRecord, ConfigError, DuplicateKey
from ledger.material_config import TaskConfig

OWN_FILE = "solve.jsonl"
MAX_TOKENS = 256
TARGETS = ("answer", "target", "targets", "gold")
EXAMPLE = '{"id": "q1", "question": "What is 2 + 2?", "answer": "4"}'


def own_problems() -> Traversable:
    """Assay's own items."""
    return files("prompts") / OWN_FILE


def checked_file(config: TaskConfig, rows: Iterable[Row], path: Traversable) -> CheckedTask:
    """The items of a file, in its order. Raises ConfigError, BadRecord, DuplicateKey."""
    name = config.task
    own = config.checker if config.checker.startswith(FUNCTION) else ""
    if own:
        own_checker(own)
    items = tuple(_items(config, rows, path))[: config.limit]
    _refuse_equal_repeats(name, config.repeats or 1, items)
    said = ("checker", "pattern", "json_schema", "system", "stop", "temperature", "top_p", "max_tokens")
    given = {key: value for key in said if (value := getattr(config, key)) not in ("", None, ())}
    prompts = {"chat_template": config.chat_template is not False, **given}
    return CheckedTask(name=name, items=items, repeats=config.repeats or 1, own=own, prompts=prompts)


def checked_harness(config: TaskConfig, task: HarnessTask) -> CheckedTask:
    """The items of a task of the harness, which scores them itself. Raises ConfigError."""
    if config.vocabulary:
        what = "`vocabulary` is for multiple choice; the answers to this task are written."
        raise ConfigError(what, where=f"task {config.name}", remedy="Remove it.")
    draws = Draws(config.repeats, config.temperature, config.top_p, config.max_tokens)
    found: HarnessTexts = harness_texts(task, draws)
    _refuse_equal_repeats(config.name, found.repeats, found.items)
    given = {key: value for key, value in vars(draws).items() if value is not None}
    return CheckedTask(
        name=config.name,
        items=found.items,
        repeats=found.repeats,
        harness=task,
        singles=found.singles,
        aggregates=found.aggregates,
        prompts=task.prompts | given,
    )


def _refuse_equal_repeats(task: str, repeats: int, items: tuple[CheckedItem, ...]) -> None:
    if repeats > 1 and any(not item.temperature for item in items):
        what = f"{repeats} repeats at temperature 0 are one answer, {repeats} times."
        raise ConfigError(what, where=f"task {task}", remedy="Set its `temperature`, or repeats = 1.")


def _items(config: TaskConfig, rows: Iterable[Row], path: Traversable) -> Iterator[CheckedItem]:
    lines: dict[str, int] = {}
    seen: Counter[str] = Counter()
    for number, data in rows:
        try:
            item = checked(CheckedItem, _fields(config, number, data, path, seen), path, number)
        except ValueError as error:
            raise BadRecord(Path(str(path)), number, "", f"{error}. A right line: {EXAMPLE}") from error
        if lines.setdefault(item.id, number) != number:
            raise DuplicateKey(Path(str(path)), item.id, lines[item.id], number)
        yield item


def _fields(
    config: TaskConfig, number: int, data: dict[str, Any], path: Traversable, seen: Counter[str]
) -> dict[str, Any]:
    """The fields of an item. Raises ValueError, BadRecord, ConfigError."""
    checker = str(data.get("checker") or config.checker)
    if checker.startswith(FUNCTION) and checker != config.checker:
        raise ValueError("only a config names a function, no item does")
    kind = checker.partition(":")[0]
    pattern, schema = data.get("pattern", config.pattern), data.get("json_schema", config.json_schema)
    if kind == "regex" and isinstance(pattern, str):
        compiled(pattern)
    if kind == "json" and isinstance(schema, dict | bool) and (fault := schema_fault(schema)):
        raise ValueError(f"its json_schema is none: {fault}")
    question, letters, targets = _asked(kind, number, data, path)
    document = {key: value for key, value in data.items() if key not in ("id", "subject")}
    return {
        "task": config.task,
        "id": _id(data, document, seen),
        "subject": data.get("subject", config.task),
        **_prompt(config, question, data),
        "stop": config.stop or data.get("stop", ()),
        "max_tokens": config.max_tokens or data.get("max_tokens", MAX_TOKENS),
        "temperature": config.temperature or 0.0,
        "top_p": config.top_p or 1.0,
        "document_digest": digest_of([document, config.checker, config.pattern, config.json_schema]),
        "checker": kind or None,
        "targets": targets,
        "letters": letters,
        "pattern": pattern if kind == "regex" else "",
        "fits": schema if kind == "json" else None,
        "document": data if kind == "function" else {},
    }


def _id(data: dict[str, Any], document: dict[str, Any], seen: Counter[str]) -> str:
    """The item's id, or the hash of its content; further rows of equal content get -2, -3."""
    id = data.get("id")
    if id is not None:
        if not isinstance(id, str | int) or isinstance(id, bool) or str(id) == "":
            raise ValueError(f"the id {id!r} is neither text nor a whole number")
        return str(id)
    digest = digest_of(document)[:ID_DIGITS]
    seen[digest] += 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def _asked(kind: str, number: int, data: dict[str, Any], path: Traversable) -> tuple[str, int, list[str]]:
    """The question, how many letters its options have, and the right answers. Raises ValueError, BadRecord."""
    if kind == "choice" and any(data.get(name) is not None for name in OPTIONS):
        (item,) = items_of([(number, {"id": "item", **data})], "choice", path)
        shown = "\n".join(f"{LETTERS[place]}. {option}" for place, option in enumerate(item.options))
        return f"{item.question.strip()}\n{shown}", len(item.options), [LETTERS[item.gold]]
    question = data.get("question", "")
    if not isinstance(question, str) or not (question.strip() or data.get("messages") or data.get("prompt")):
        raise ValueError("no `question`" if not question else f"the question is {question!r}")
    named = [name for name in TARGETS if data.get(name) is not None]
    if len(named) > 1:
        raise ValueError(f"`{named[0]}` and `{named[1]}` both name a right answer")
    return question, len(LETTERS), _targets(kind, data[named[0]]) if named else []


def _targets(kind: str, value: Any) -> list[str]:  # noqa: ANN401 - whatever a line holds
    """The right answers as texts. Raises ValueError."""
    if kind == "json":
        return [value if isinstance(value, str) else json.dumps(value)]
    told = value if isinstance(value, list) else [value]
    if not told or any(isinstance(each, bool) or not isinstance(each, str | int | float) for each in told):
        raise ValueError(f"the right answer {value!r} is neither text nor a number, nor a list of them")
    if kind != "number":
        return [str(each) for each in told]
    found = [number_text(str(each)) for each in told]
    if "" in found:
        raise ValueError(f"the right answer {value!r} has no number")
    return found


def _prompt(config: TaskConfig, question: str, data: dict[str, Any]) -> dict[str, Any]:
    """The conversation that asks a question, or the text where no chat template is wanted. Raises ValueError."""
    messages = data.get("messages")
    if prompt := data.get("prompt"):
        return {"prompt": prompt}
    if config.chat_template is False:
        if messages:
            raise ValueError("`messages` need the chat template, and chat_template = false")
        return {"prompt": f"{config.system}\n\n{question}" if config.system else question}
    said = [("system", config.system)] if config.system else []
    if messages is None:
        return {"messages": [*said, ("user", question)]}
    try:
        return {"messages": [*said, *((each["role"], each["content"]) for each in messages)]}
    except (KeyError, TypeError) as error:
        raise ValueError("its `messages` are no list of `role` and `content`") from error
