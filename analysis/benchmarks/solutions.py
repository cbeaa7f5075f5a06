"""Solutions as arrays, task by task: a million scores are no million objects.

In: arrays of one model's solutions, which solution_columns.py reads. Out: SolvedTask, SolutionColumns; parts of them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.resampling import Bools, Floats, Ints
from ledger.store import key_text

Names = NDArray[np.object_]
Marks = NDArray[np.uint64]
PerRepeat = NDArray[Any]


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

    @cached_property
    def copied(self) -> bool:
        """Whether drawn answers to each item are one text, again and again: a run made twice under one seed."""
        several = self.held.sum(axis=1) > 1
        if not self.sampled or not several.any():
            return False
        first = np.where(self.held, self.texts, 0).max(axis=1, keepdims=True)
        return bool(((self.texts == first) | ~self.held)[several].all() and first[several].all())

    @cached_property
    def distinct(self) -> "SolvedTask":
        """The first answers alone where the others are copies of them."""
        return self.with_repeats(self.numbers[:1], lambda values: values[..., :1]) if self.copied else self

    @property
    def held(self) -> Bools:
        """Which repeats are there; (items, repeats)."""
        return np.asarray(~np.isnan(self.scores).all(axis=0))

    def scored(self, scoring: str) -> Floats:
        """The scores under one scoring; (items, repeats). Raises ValueError for one that is not there."""
        return np.asarray(self.scores[self.scorings.index(scoring)])

    def with_repeats(self, numbers: tuple[int, ...], change: Callable[[PerRepeat], PerRepeat]) -> "SolvedTask":
        """The same with other repeats: `change` is made to each array whose last axis they are."""
        return replace(
            self,
            scores=change(self.scores),
            unparsed=change(self.unparsed),
            readings=change(self.readings),
            texts=change(self.texts),
            characters=change(self.characters),
            numbers=numbers,
        )

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


def repeat_means(scores: Floats) -> Floats:
    """The mean over the repeats that are there, NaN where none is; (items, repeats) to (items,)."""
    held = ~np.isnan(scores)
    counts = held.sum(axis=1)
    return np.where(counts, np.where(held, scores, 0.0).sum(axis=1) / np.maximum(counts, 1), np.nan)
