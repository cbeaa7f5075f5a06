"""Solutions as arrays, task by task: a million scores are no million objects.

In: Solution records, one at a time. Out: SolutionColumns.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.resampling import Bools, Floats, Ints
from ledger.digests import digest_of
from ledger.records import Finish
from ledger.solutions import Solution, scoring_name
from ledger.store import key_text

Names = NDArray[np.object_]
Marks = NDArray[np.uint64]


class TextState(IntEnum):
    """What became of a text before a program checked it."""

    NOT_TOLD = 0
    READ = 1
    CUT = 2
    THOUGHTS_ONLY = 3
    EMPTY = 4


@dataclass(frozen=True, eq=False)
class SolvedTask:
    """One model's solutions of one task, ordered by item; NaN and NOT_TOLD where a repeat is missing.

    items, subjects: (items,). documents, prompts: (items,), and texts: (items, repeats), are marks, 0 where nothing is
    known. scores, unparsed: (scorings, items, repeats); a score is 0 to 1. readings, characters: (items, repeats).
    `numbers`: of the repeats. `temperatures` of its answers, None where one is not told.
    """

    model: str
    task: str
    items: Names
    subjects: Names
    documents: Marks
    prompts: Marks
    scorings: tuple[str, ...]
    scores: Floats
    unparsed: Bools
    readings: NDArray[np.int8]
    texts: Marks
    characters: Ints
    numbers: tuple[int, ...]
    temperatures: frozenset[float | None]

    @property
    def sampled(self) -> bool:
        """Whether any answer is known to be drawn at a temperature."""
        return any(self.temperatures - {None})

    @property
    def held(self) -> Bools:
        """Which repeats are there; (items, repeats)."""
        return np.asarray(~np.isnan(self.scores).all(axis=0))

    def scored(self, scoring: str) -> Floats:
        """The scores under one scoring; (items, repeats). Raises ValueError for one that is not there."""
        return np.asarray(self.scores[self.scorings.index(scoring)])

    def taken(self, rows: Ints | Bools) -> "SolvedTask":
        """These items, in this order."""
        return replace(
            self,
            items=self.items[rows],
            subjects=self.subjects[rows],
            documents=self.documents[rows],
            prompts=self.prompts[rows],
            scores=self.scores[:, rows],
            unparsed=self.unparsed[:, rows],
            readings=self.readings[rows],
            texts=self.texts[rows],
            characters=self.characters[rows],
        )


@dataclass(frozen=True, eq=False)
class SolutionColumns:
    """One model's solutions by task; empty where it has none."""

    tasks: Mapping[str, SolvedTask] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many answers there are."""
        return sum(int(task.held.sum()) for task in self.tasks.values())

    @property
    def items(self) -> pd.MultiIndex:
        """Task and item of each row, in order."""
        held = sorted(self.tasks.items())
        names = np.repeat([name for name, _ in held], [len(task.items) for _, task in held])
        items = np.concatenate([task.items for _, task in held]) if held else np.array([], dtype=object)
        return pd.MultiIndex.from_arrays([names.astype(object), items], names=["task", "item"])

    @property
    def subjects(self) -> set[str]:
        """The names of the tasks' parts."""
        return {str(name) for task in self.tasks.values() for name in task.subjects}

    def without(self, names: Collection[str]) -> tuple["SolutionColumns", Counter[tuple[str, str]]]:
        """Without these tasks, parts and items (TASK/ITEM); how many items went, by task and name."""
        kept: dict[str, SolvedTask] = {}
        gone = Counter[tuple[str, str]]()
        for name, task in self.tasks.items():
            called = zip(task.subjects, task.items, strict=True)
            said = [
                next((each for each in (name, part, key_text((name, item))) if each in names), "")
                for part, item in called
            ]
            stays = np.array([not each for each in said], dtype=bool)
            gone.update((name, each) for each in said if each)
            if stays.any():
                kept[name] = task.taken(stays)
        return SolutionColumns(kept), gone


def solution_columns(solutions: Iterable[Solution]) -> SolutionColumns:
    """The columns of records in any order; each is let go once it is read."""
    drafts: dict[str, _Draft] = {}
    for each in solutions:
        if each.task not in drafts:
            drafts[each.task] = _Draft()
        drafts[each.task].add(each)
    return SolutionColumns({name: drafts.pop(name).task(name) for name in sorted(drafts)})


def repeat_means(scores: Floats) -> Floats:
    """The mean over the repeats that are there, NaN where none is; (items, repeats) to (items,)."""
    held = ~np.isnan(scores)
    counts = held.sum(axis=1)
    return np.where(counts, np.where(held, scores, 0.0).sum(axis=1) / np.maximum(counts, 1), np.nan)


def mark(digest: str) -> int:
    """The first 16 digits of a hash as a number: as good for telling two apart, and a tenth of the memory; 0 for none.

    What is no hexadecimal hash is hashed.
    """
    try:
        return int(digest[:16] or "0", 16)
    except ValueError:
        return int(digest_of(digest)[:16], 16)


class _Draft:
    """The records of one task, column by column, until all are read."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.subjects: list[str] = []
        self.documents, self.prompts = array("Q"), array("Q")
        self.rows, self.repeats = array("q"), array("q")
        self.scorings: dict[tuple[str, str], tuple[array[int], array[float], array[int]]] = {}
        self.readings, self.texts, self.characters = array("b"), array("Q"), array("q")
        self.temperatures, self.model = set[float | None](), ""

    def add(self, each: Solution) -> None:
        """Take one record; what it says of its item counts once."""
        row, self.model = len(self.rows), each.model
        code = self.codes.setdefault(each.item, len(self.codes))
        if code == len(self.subjects):
            self.subjects.append(each.subject)
            self.documents.append(mark(each.item_digest))
            self.prompts.append(mark(each.prompt_digest))
        self.rows.append(code)
        self.repeats.append(each.repeat)
        for score in each.scores:
            name = (score.metric, score.filter)
            if name not in self.scorings:
                self.scorings[name] = (array("q"), array("d"), array("b"))
            rows, values, unparsed = self.scorings[name]
            rows.append(row)
            values.append(score.value)
            unparsed.append(score.extracted == "")
        self.readings.append(_reading(each))
        self.texts.append(mark(each.written) if each.text is None or each.text.strip() else 0)
        self.characters.append(len(each.text or ""))
        self.temperatures.add(each.temperature)

    def task(self, name: str) -> SolvedTask:
        """All that was taken, as arrays."""
        items = np.array([*self.codes], dtype=object)
        order = np.argsort(items, kind="stable")
        place = np.empty(len(items), dtype=np.int64)
        place[order] = np.arange(len(items))
        held, codes = np.unique(np.array(self.repeats), return_inverse=True)
        at, size = (place[np.array(self.rows)], codes), (len(items), len(held))
        scores = np.full((len(self.scorings), *size), np.nan)
        unparsed = np.zeros(scores.shape, dtype=bool)
        for number, (rows, values, missed) in enumerate(self.scorings.values()):
            cells = tuple(each[np.array(rows)] for each in at)
            scores[number][cells], unparsed[number][cells] = values, missed

        def spread(values: "array[int]", dtype: type) -> NDArray[Any]:
            filled: NDArray[Any] = np.zeros(size, dtype=dtype)
            filled[at] = values
            return filled

        return SolvedTask(
            model=self.model,
            task=name,
            items=items[order],
            subjects=np.array(self.subjects, dtype=object)[order],
            documents=np.array(self.documents, dtype=np.uint64)[order],
            prompts=np.array(self.prompts, dtype=np.uint64)[order],
            scorings=tuple(scoring_name(*each) for each in self.scorings),
            scores=scores,
            unparsed=unparsed,
            readings=spread(self.readings, np.int8),
            texts=spread(self.texts, np.uint64),
            characters=spread(self.characters, np.int64),
            numbers=tuple(held.tolist()),
            temperatures=frozenset(self.temperatures),
        )


def _reading(each: Solution) -> TextState:
    if each.finish in (Finish.LENGTH, Finish.OVERFLOW):
        return TextState.CUT
    if each.finish is Finish.EMPTY or (each.text is not None and not each.text.strip()):
        return TextState.THOUGHTS_ONLY if each.thinking else TextState.EMPTY
    return TextState.READ if each.finish else TextState.NOT_TOLD
