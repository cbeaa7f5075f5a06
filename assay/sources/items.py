"""Owns the making of Assay's multiple-choice items from the tables of facts in `prompts/facts`.

In: `prompts/facts/*.toml` and a seed.
Out: `items(seed)`, a list of items; `python -m assay.sources.items` writes them to `prompts/items.jsonl`.

Every draw is an order of SHA-256 digests of the seed, the item's id and the value drawn: no random generator stands
between the tables and the file, so the same tables give the same bytes on any Python, and a new fact leaves the
questions and options of other groups as they are (the order and the gold positions may move).
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

SEED = 1
OPTIONS = 4


def items(seed: int = SEED) -> list[dict[str, Any]]:
    """All items, subjects taking turns, gold positions balanced within each subject and over the whole file.

    Raises ValueError if a table is malformed or too small for a question with four options.
    """
    by_subject: list[list[dict[str, Any]]] = []
    made = 0
    for table in tables():
        drafts = shuffled(drafts_of(table, seed), seed, "order")
        golds = [(made + number) % OPTIONS for number in range(len(drafts))]
        golds = shuffled(golds, seed, "gold", table["subject"])
        by_subject.append([item(draft, gold, seed) for draft, gold in zip(drafts, golds, strict=True)])
        made += len(drafts)
    rounds = zip_longest(*by_subject)
    return [entry for entry in chain.from_iterable(rounds) if entry is not None]


def tables() -> list[dict[str, Any]]:
    """The tables of facts, in the order of their file names."""
    found = sorted((files("prompts") / "facts").iterdir(), key=lambda entry: entry.name)
    return [tomllib.loads(entry.read_text(encoding="utf-8")) for entry in found if entry.name.endswith(".toml")]


def drafts_of(table: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    """One draft per fact: id, subject, question, the right answer and three wrong ones."""
    drafts = []
    for relation in table["relation"]:
        for group, facts in relation["facts"].items():
            pool = [value for value in facts.values() if isinstance(value, str)]
            pool += relation.get("spare", {}).get(group, [])
            for key, value in facts.items():
                name = f"{relation['id']}-{slug(key)}"
                question = shuffled(relation["templates"], seed, name)[0].format(key=key)
                excluded = relation.get("also_true", {}).get(key, [])
                right, candidates = (value, pool) if isinstance(value, str) else (value[0], value[1:])
                wrong = wrong_answers(question, right, candidates, excluded, seed)
                drafts.append(
                    {"id": name, "subject": table["subject"], "question": question, "right": right, "wrong": wrong}
                )
    return drafts


def wrong_answers(question: str, right: str, candidates: list[str], excluded: list[str], seed: int) -> list[str]:
    """Three different wrong answers that are not excluded and do not stand in the question.

    Raises ValueError if the right answer stands in the question or fewer than three wrong answers are left.
    """
    if mentions(question, right):
        raise ValueError(f"{question!r} contains its own answer {right!r}; word it differently")
    taken = {right.casefold(), *(value.casefold() for value in excluded)}
    left = {value for value in candidates if value.casefold() not in taken and not mentions(question, value)}
    if len(left) < OPTIONS - 1:
        raise ValueError(f"{question!r} has only {len(left)} wrong answers; add some to its group or to spare")
    return shuffled(sorted(left), seed, question)[: OPTIONS - 1]


def item(draft: dict[str, Any], gold: int, seed: int) -> dict[str, Any]:
    """The finished item, its right answer at the position `gold`."""
    options = shuffled(draft["wrong"], seed, draft["id"], "options")
    options.insert(gold, draft["right"])
    return {
        "task": "assay",
        "id": draft["id"],
        "subject": draft["subject"],
        "question": draft["question"],
        "options": options,
        "gold": gold,
    }


def mentions(question: str, option: str) -> bool:
    """Whether the option stands in the question as whole words, in any case."""
    return re.search(rf"(?<!\w){re.escape(option)}(?!\w)", question, re.IGNORECASE) is not None


def shuffled(values: Iterable[Any], *salt: object) -> list[Any]:
    """The values in an order that depends only on the salt, the values and (for equal values) their places."""

    def digest(entry: tuple[int, Any]) -> str:
        value = entry[1]["id"] if isinstance(entry[1], dict) else entry[1]
        place = entry[0] if isinstance(value, int) else ""
        return hashlib.sha256(json.dumps([*salt, value, place]).encode()).hexdigest()

    return [value for _, value in sorted(enumerate(values), key=digest)]


def slug(key: str) -> str:
    """The key in lower case with hyphens, without a leading article: a part of an id."""
    bare = re.sub(r"^(a|an|the)\s+", "", key.casefold())
    return re.sub(r"[^a-z0-9]+", "-", bare).strip("-")


def main() -> None:
    """Write `prompts/items.jsonl` afresh."""
    path = Path(str(files("prompts"))) / "items.jsonl"
    made = items()
    path.write_text("".join(json.dumps(entry) + "\n" for entry in made), encoding="utf-8")
    print(f"{path}: {len(made)} items in {len({entry['subject'] for entry in made})} subjects")


if __name__ == "__main__":
    main()
