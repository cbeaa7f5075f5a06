"""Which items a row is about: all that decide, one task, or one subject of a task.

In: the task and subject of each item. Out: ItemScopes, each with the places of its items.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.resampling import Ints

Names = NDArray[np.object_]


@dataclass(frozen=True, order=True)
class ItemScope:
    """Which items a row is about: all that decide, those of a task, or those of a subject of a task."""

    task: str = ""
    subject: str = ""

    @property
    def of_task(self) -> bool:
        """Whether it is a whole task, one of several."""
        return bool(self.task) and not self.subject

    @property
    def shown(self) -> bool:
        """Whether tables show it whole: all items, or a task. Subjects have a table of their own."""
        return not self.subject

    def __str__(self) -> str:
        return f"{self.task}: {self.subject}" if self.subject else f"task {self.task}" if self.task else "all"


ALL_ITEMS = ItemScope()


def item_scopes(
    tasks: Names, subjects: Names, alone: Collection[str] = (), *, several: bool = False
) -> Iterator[tuple[ItemScope, Ints]]:
    """Scope and row numbers: all rows, each task's (if `several`, or there are), then each subject's (if several).

    tasks, subjects: (items,). The tasks that stand `alone` are in no pool: what is shown by itself must not decide
    through all items.
    """
    of_task = _grouped(tasks)
    pooled = [rows for task, rows in of_task.items() if task not in alone]
    yield ALL_ITEMS, np.sort(np.concatenate(pooled)) if pooled else np.arange(0)
    if several or len(of_task) > 1 or len(pooled) < len(of_task):
        yield from ((ItemScope(task), rows) for task, rows in of_task.items())
    parts = [
        (ItemScope(task, subject), rows[within])
        for task, rows in of_task.items()
        for subject, within in _grouped(subjects[rows]).items()
    ]
    if len(parts) > len(of_task):
        yield from parts


def _grouped(names: Names) -> dict[str, Ints]:
    """The places of each name, by name."""
    codes, found = pd.factorize(names, sort=True)
    ends = np.cumsum(np.bincount(codes, minlength=len(found)))
    return (
        dict(zip(map(str, found), np.split(np.argsort(codes, kind="stable"), ends[:-1]), strict=True))
        if len(found)
        else {}
    )
