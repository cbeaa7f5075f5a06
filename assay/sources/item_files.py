"""Files of multiple-choice items as people have them: one JSON object per line, in the shapes of the hub's datasets.

In: the rows of a file. Out: Items; a line that is none names all of its faults, and shows a right one.

An item has an `id` (text or a whole number), a `question`, its options (`options` or `choices`, a list or a pair of
`label` and `text`), and the right one (`gold`, `answer`, `answerKey` or `label`) as a place from 0, a letter or label
(small or capital, where only one option can be meant), or its text; two of these names that say different things are
refused. A `subject` tells parts of a task apart. A row of MMLU on the hub (`question`, `choices`, `answer`, `subject`)
has no `id`: a hash of its question and choices stands in, which stays where rows are added, removed or sorted; further
rows of equal content get -2, -3, and are refused where their right option is another. All else is left alone.
"""

import json
import math
from collections.abc import Iterable, Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from assay.sources.lines import Row, checked
from ledger.digests import digest_of
from ledger.errors import BadRecord, DuplicateKey
from ledger.records import Item

OPTIONS, GOLD = ("options", "choices"), ("gold", "answer", "answerKey", "label")
HUB = {"question", "choices", "answer", "subject"}  # the names of MMLU's rows
ID_DIGITS = 16
EXAMPLE = '{"id": "q1", "question": "What is 2 + 2?", "options": ["3", "4"], "gold": 1}'


def items_of(rows: Iterable[Row], task: str, path: Traversable) -> Iterator[Item]:
    """The items of a file, each id once. Raises BadRecord, DuplicateKey."""
    lines: dict[str, int] = {}
    without: dict[str, list[tuple[int, int | None]]] = {}
    for number, data in rows:
        faults: list[str] = []
        found = _item(data, task, faults)
        if data.get("id") is None and _of_hub(data):
            alike = without.setdefault(_content(data), [])
            alike.append((number, found["gold"]))
            found["id"] = _content(data) + (f"-{len(alike)}" if len(alike) > 1 else "")
            faults += _other_gold(alike)
        if faults:
            raise BadRecord(Path(str(path)), number, "", f"{'; '.join(faults)}. A right line: {EXAMPLE}")
        item = checked(Item, found, path, number)
        if lines.setdefault(item.id, number) != number:
            raise DuplicateKey(Path(str(path)), item.id, lines[item.id], number)
        yield item


def _of_hub(data: dict[str, Any]) -> bool:
    """Whether a row has all that MMLU's have."""
    return data.keys() >= HUB and isinstance(data["choices"], list)


def _content(data: dict[str, Any]) -> str:
    """The id of a row that has none, by its content."""
    return digest_of([str(data["question"]), *map(str, data["choices"])])[:ID_DIGITS]


def _other_gold(alike: list[tuple[int, int | None]]) -> Iterator[str]:
    """The fault of the last of rows with equal question and choices, where its right option is not the first's."""
    (line, gold), (_, last) = alike[0], alike[-1]
    if last is not None and last != gold:
        yield f"its question and choices are those of line {line}, where the right option is {gold}; here it is {last}"


def _item(data: dict[str, Any], task: str, faults: list[str]) -> dict[str, Any]:
    """The fields of an item; what is wrong with them is added to `faults`."""
    id, question, subject = data.get("id"), data.get("question"), data.get("subject", task)
    if id is None and _of_hub(data):
        id = ""  # its content will be
    elif not isinstance(id, str | int) or isinstance(id, bool) or str(id) == "":
        faults.append("no `id`" if id is None else f"the id {id!r} is neither text nor a whole number")
    if not isinstance(question, str) or not question.strip():
        faults.append("no `question`" if question is None else f"the question is {question!r}")
    if not isinstance(subject, str):
        faults.append(f"the subject {subject!r} is no text")
    options, labels = _options(data, faults)
    gold = _gold(data, options, labels, faults)
    return {
        "task": task,
        "id": str(id),
        "subject": subject,
        "question": question,
        "options": options,
        "gold": gold,
    }


def _options(data: dict[str, Any], faults: list[str]) -> tuple[list[str], list[str]]:
    """The options and the labels that name them; none where there is no list."""
    name, *others = [name for name in OPTIONS if name in data] or [""]
    held, labels = _listed(data.get(name))
    if not name:
        written = any(name in data for name in ("answer", "target", "targets"))
        faults.append("no `options`" + "; where answers are written, its [[task]] names a `checker`" * written)
    elif isinstance(held, list) and (numbers := [each for each in held if _is_number(each)]):
        faults.append(
            f"`{name}` has the number {numbers[0]}, and options are texts: write {json.dumps(str(numbers[0]))}"
        )
    elif not (isinstance(held, list) and len(held) > 1 and all(isinstance(each, str) for each in held)):
        faults.append(f"`{name}` is no list of two texts or more")
    elif len(set(held)) < len(held):
        faults.append(f"two of `{name}` are the same")
    elif not (isinstance(labels, list) and len(labels) >= len(held) and all(isinstance(each, str) for each in labels)):
        faults.append(f"`{name}` has a text without a label")
    faults += [f"`{name}` and `{other}` differ" for other in others if _listed(data[other])[0] != held]
    if not isinstance(held, list):
        return [], []
    return [str(each) for each in held], [str(each) for each in labels][: len(held)] if isinstance(labels, list) else []


def _listed(held: Any) -> tuple[Any, Any]:  # noqa: ANN401 - whatever a file holds
    """Options and their labels: letters, unless the file names others."""
    return (held.get("text"), held.get("label")) if isinstance(held, dict) else (held, list(ascii_uppercase))


def _is_number(said: Any) -> bool:  # noqa: ANN401 - whatever a file holds
    return isinstance(said, int | float) and not isinstance(said, bool) and math.isfinite(said)


def _gold(data: dict[str, Any], options: list[str], labels: list[str], faults: list[str]) -> int | None:
    """The place of the right option, however it is said; a text that names two of them says nothing."""
    name, *others = [name for name in GOLD if name in data] or [""]
    said = data.get(name)
    if not name:
        faults.append("no `gold`")
    if not name or not options:
        return None
    places = _places(said, options, labels)
    if len(places) != 1:
        what = "names two options" if places else f"is none of {len(options)} options"
        faults.append(f"`{name}` is {said!r}, which {what}")
        return None
    for other in others:  # one that names no option is some other field: an explanation, say
        if (named := _places(data[other], options, labels)) and not places & named:
            faults.append(f"`{name}` is {said!r} and `{other}` is {data[other]!r}, which is another option")
    return places.pop()


def _places(said: Any, options: list[str], labels: list[str]) -> set[int]:  # noqa: ANN401 - whatever a file holds
    """The places that a value may mean; in another case a label counts where nothing is spelled like the value."""
    if isinstance(said, int) and not isinstance(said, bool):
        return {said} if 0 <= said < len(options) else set()
    if not isinstance(said, str):
        return set()
    if exact := _named(said, labels) | _named(said, options):
        return exact
    labels, options = [each.casefold() for each in labels], [each.casefold() for each in options]
    by_label = _named(said.casefold(), labels)
    return by_label | _named(said.casefold(), options) if by_label else set()


def _named(said: str, names: list[str]) -> set[int]:
    return {place for place, name in enumerate(names) if name == said}
