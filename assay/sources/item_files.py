"""Files of multiple-choice items as people have them: one JSON object per line, in the shapes of the hub's datasets.

In: the rows of a file. Out: Items; a line that is none names all of its faults, and shows a right one.

An item has an `id` (text or a whole number), a `question`, its options (`options` or `choices`, a list or a pair of
`label` and `text`), and the right one (`gold`, `answer`, `answerKey` or `label`) as a place from 0, a letter or label,
or its text; two of these names that say different options are refused. A `subject` tells parts of a task apart. A row
of MMLU on the hub (`question`, `choices`, `answer`, `subject`) has no `id`: a hash of its question and choices stands
in, which stays where rows are added, removed or sorted; further rows of equal content get -2, -3. All else is left
alone.
"""

from collections import Counter
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
    without: Counter[str] = Counter()
    for number, data in rows:
        faults: list[str] = []
        if data.get("id") is None and data.keys() >= HUB and isinstance(data["choices"], list):
            data["id"] = _content_id(data, without)
        found = _item(data, task, faults)
        if faults:
            raise BadRecord(Path(str(path)), number, "", f"{'; '.join(faults)}. A right line: {EXAMPLE}")
        item = checked(Item, found, path, number)
        if lines.setdefault(item.id, number) != number:
            raise DuplicateKey(Path(str(path)), item.id, lines[item.id], number)
        yield item


def _content_id(data: dict[str, Any], seen: Counter[str]) -> str:
    """The id of a row that has none, by its content; `seen` counts the rows of each."""
    digest = digest_of([str(data["question"]), *map(str, data["choices"])])[:ID_DIGITS]
    seen[digest] += 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def _item(data: dict[str, Any], task: str, faults: list[str]) -> dict[str, Any]:
    """The fields of an item; what is wrong with them is added to `faults`."""
    id, question, subject = data.get("id"), data.get("question"), data.get("subject", task)
    if not isinstance(id, str | int) or isinstance(id, bool) or str(id) == "":
        faults.append("no `id`" if id is None else f"the id {id!r} is neither text nor a whole number")
    if not isinstance(question, str) or not question.strip():
        faults.append("no `question`" if question is None else f"the question is {question!r}")
    if not isinstance(subject, str):
        faults.append(f"the subject {subject!r} is no text")
    options, labels = _options(data, faults)
    gold = _gold(data, options, labels, faults) if options else None
    return {
        "task": task,
        "id": str(id),
        "subject": subject,
        "question": question,
        "options": options,
        "gold": gold,
    }


def _options(data: dict[str, Any], faults: list[str]) -> tuple[list[str], list[str]]:
    """The options and the labels that name them; none where they cannot be read."""
    name = next((name for name in OPTIONS if name in data), "")
    held = data.get(name)
    labels: Any = list(ascii_uppercase)
    if isinstance(held, dict):
        labels, held = held.get("label"), held.get("text")
    if not name:
        faults.append("no `options`")
    elif not (isinstance(held, list) and len(held) > 1 and all(isinstance(each, str) for each in held)):
        faults.append(f"`{name}` is no list of two texts or more")
    elif len(set(held)) < len(held):
        faults.append(f"two of `{name}` are the same")
    elif not (isinstance(labels, list) and len(labels) >= len(held) and all(isinstance(each, str) for each in labels)):
        faults.append(f"`{name}` has a text without a label")
    else:
        return held, labels[: len(held)]
    return [], []


def _gold(data: dict[str, Any], options: list[str], labels: list[str], faults: list[str]) -> int | None:
    """The place of the right option, however it is said; a text that names two of them says nothing."""
    name, *others = [name for name in GOLD if name in data] or [""]
    said = data.get(name)
    if not name:
        faults.append("no `gold`")
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
    """The places that a value may mean."""
    if isinstance(said, int) and not isinstance(said, bool):
        return {said} if 0 <= said < len(options) else set()
    return {place for names in (labels, options) for place, name in enumerate(names) if name == said}
