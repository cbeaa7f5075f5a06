"""FastChat's files of answers: whose they are, and what stands in them.

In: model_answer files, the names that judgments have. Out: a ModelFile per model.
Source: FastChat 0.2.36 `gen_model_answer.py`, `common.py`: it calls a model by its file's name and judges choices[0]
of the last row of a question. People rename files: a name that judgments know goes first.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.sources.fastchat_fields import question_id, stated
from assay.sources.fastchat_folders import FastChatFolder
from assay.sources.fastchat_notes import Notes
from assay.sources.lines import Row, json_objects, not_text

Turns = tuple[str, ...]


@dataclass(frozen=True)
class ModelFile:
    """What a model answered: every row of each question, in the file's order. Without a path, read out of prompts.

    `unread` lines are no answers; `choices` counts those beyond the first of a question.
    """

    path: Path | None
    rows: Mapping[str, list[Turns]]
    unread: int = 0
    choices: int = 0

    @property
    def last(self) -> dict[str, Turns]:
        """The row of each question that FastChat judges."""
        return {id: rows[-1] for id, rows in self.rows.items()}


def answer_files(folder: FastChatFolder, judged: Collection[str], notes: Notes) -> dict[str, ModelFile]:
    """Each model's file by the model's name; a file without any answer is none."""
    read = {path: _answer_file(path, folder.name(path), notes) for path in folder.answers}
    told = {path: names_in(path, folder.name(path), ids) for path, (ids, held) in read.items() if held.rows}
    shared = Counter(names[-1] for names in told.values())
    found: dict[str, ModelFile] = {}
    for path, names in told.items():
        known = [name for name in names if name in judged and (name != names[-1] or shared[name] == 1)]
        name = next((each for each in [*known, *names] if each not in found), None)
        if name is None:
            notes.add(folder.name(path), "another file has answers of this model; not read")
        else:
            found[name] = read[path][1]
    return dict(sorted(found.items()))


def names_in(path: Path, name: str, ids: Collection[str]) -> list[str]:
    """What a file's model may be called, the likeliest first: by its path, its file, and last what its rows say."""
    nested = name.removesuffix(path.suffix)
    return list(dict.fromkeys([nested, path.stem, path.stem.replace("__", "/"), *(ids if len(ids) == 1 else ())]))


def reference_rows(path: Path, notes: Notes) -> dict[str, Turns]:
    """The reference answers in a file."""
    return _answer_file(path, path.name, notes)[1].last


def json_rows(path: Path, name: str, notes: Notes) -> Iterator[Row]:
    """The objects of a JSONL file with their line numbers; a line that is none is noted, and a file that is no text."""
    if fault := not_text(path):
        notes.add(name, fault)
        return
    yield from json_objects(path, lambda number, why: notes.add(name, why, number))


def turns_of(said: object) -> Turns:
    """The texts of a list. Raises TypeError where there are none."""
    if not isinstance(said, list) or not said:
        raise TypeError("no list of turns")
    return tuple(map(stated, said))


def _answer_file(path: Path, name: str, notes: Notes) -> tuple[set[str], ModelFile]:
    """What the rows call the model, and choices[0] of each row. Faults are noted."""
    rows: dict[str, list[Turns]] = {}
    ids, choices, before = set[str](), 0, notes.lines
    for number, row in json_rows(path, name, notes):
        try:
            rows.setdefault(question_id(row), []).append(turns_of(row["choices"][0]["turns"]))
        except (KeyError, IndexError, TypeError):
            notes.add(name, "not an answer of FastChat's", number)
        else:
            ids |= _model_ids(row)
            choices += len(row["choices"]) - 1
    rows = {id: found for id, found in rows.items() if found}
    return ids, ModelFile(path, rows, notes.lines - before, choices)


def _model_ids(row: Mapping[str, Any]) -> set[str]:
    return {row["model_id"]} if isinstance(row.get("model_id"), str) else set()
