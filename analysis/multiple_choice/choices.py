"""Choices as columns: a million of them are arrays, not objects; two models' side by side are the same items in one
order.

In: Choice records, one at a time. Out: ChoiceColumns, and PairedChoices, refused where an item differs.
"""

import sys
from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.resampling import Bools, Floats
from ledger.errors import UnlikeItem
from ledger.records import Choice

Ints = NDArray[np.int64]
Scoring = Literal["acc", "acc_norm"]
SCORINGS: tuple[Scoring, ...] = ("acc", "acc_norm")
NAMES = ("task", "item", "subject", "document", "prompt")
NUMBERS = ("options", "gold", "acc", "acc_norm")


@dataclass(frozen=True, eq=False)
class ChoiceColumns:
    """One model's choices, ordered by task and item; `model` is empty where it has none.

    `frame`: indexed by task and item; subject, document and prompt (digests), number of options, gold, and the pick
    under each scoring. `logprobs`: (items, most options), nats; -inf for none, and where an item has fewer options.
    """

    model: str
    frame: pd.DataFrame
    logprobs: Floats

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def items(self) -> pd.MultiIndex:
        """Task and item of each row."""
        index = self.frame.index
        assert isinstance(index, pd.MultiIndex)
        return index

    @property
    def gold(self) -> Ints:
        """The right option of each item."""
        return self.frame["gold"].to_numpy()

    def picks(self, scoring: Scoring) -> Ints:
        """The picked option of each item."""
        return self.frame[scoring].to_numpy()

    def right(self, scoring: Scoring) -> Bools:
        """Whether each pick is right."""
        return np.asarray(self.picks(scoring) == self.gold)

    def taken(self, rows: Ints) -> "ChoiceColumns":
        """These rows, in this order; as wide as their widest item."""
        frame = self.frame.iloc[rows]
        return ChoiceColumns(self.model, frame, self.logprobs[rows, : frame["options"].max() if len(rows) else 0])

    def without(self, tasks: Collection[str]) -> "ChoiceColumns":
        """The rows of all other tasks; itself where it has none of these."""
        rest = ~self.items.get_level_values("task").isin(list(tasks))
        return self if rest.all() else self.taken(np.flatnonzero(rest))


@dataclass(frozen=True, eq=False)
class PairedChoices:
    """Items that both models scored, row by row; `left_out` counts items that only one scored."""

    before: ChoiceColumns
    after: ChoiceColumns
    left_out: int

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that both have items of, by name."""
        return tuple(self.before.items.get_level_values("task").unique())

    @property
    def equal(self) -> tuple[tuple[str, tuple[int, int]], ...]:
        """By task: the items of which both models' log-probabilities are all equal to the last bit, and all items."""
        same = (self.before.logprobs == self.after.logprobs).all(axis=1)
        tasks = self.before.items.get_level_values("task")
        return tuple((task, (int(same[tasks == task].sum()), int((tasks == task).sum()))) for task in self.tasks)

    @property
    def identical(self) -> bool:
        """Whether both models gave every option of every item the same log-probability, to the last bit."""
        return (
            bool(len(self.before)) and not self.left_out and np.array_equal(self.before.logprobs, self.after.logprobs)
        )


def choice_columns(choices: Iterable[Choice]) -> ChoiceColumns:
    """The columns of records in any order; each is let go once it is read."""
    names: dict[str, list[str]] = {name: [] for name in NAMES}
    numbers = {name: array("q") for name in NUMBERS}
    flat, model = array("d"), ""
    for each in choices:
        model = each.model
        texts = (sys.intern(each.task), each.item, sys.intern(each.subject), each.item_digest, each.prompt_digest)
        for name, text in zip(NAMES, texts, strict=True):
            names[name].append(text)
        counts = (len(each.logprobs), each.gold, each.picked, each.picked_norm)
        for name, number in zip(NUMBERS, counts, strict=True):
            numbers[name].append(number)
        flat.extend(-np.inf if value is None else value for value in each.logprobs)
    columns = {name: pd.array(names.pop(name), dtype="str") for name in NAMES}
    frame = pd.DataFrame({**columns, **{name: np.array(numbers[name]) for name in NUMBERS}})
    order = frame[["task", "item"]].sort_values(["task", "item"], kind="stable").index.to_numpy()
    logprobs = _padded(np.array(flat), frame["options"].to_numpy())
    return ChoiceColumns(model, frame.iloc[order].set_index(["task", "item"]), logprobs[order])


def paired_choices(before: ChoiceColumns, after: ChoiceColumns) -> PairedChoices:
    """The items that both scored. Raises UnlikeItem where the two saw different things."""
    if before.items.equals(after.items):
        found = PairedChoices(before, after, 0)
    else:
        place = after.items.get_indexer(before.items)
        shared = np.flatnonzero(place >= 0)
        left_out = len(before) + len(after) - 2 * len(shared)
        found = PairedChoices(before.taken(shared), after.taken(place[shared]), left_out)
    for field in ("document", "prompt"):
        _refuse_unlike(found, field)
    return found


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


def scopes(choices: ChoiceColumns, alone: Collection[str] = ()) -> Iterator[tuple[ItemScope, Ints]]:
    """All rows, then each task's (if several), then each subject's (if a task has several): scope and row numbers.

    The tasks that stand `alone` are in no pool: what is shown by itself must not decide through all items.
    """
    tasks = _grouped(choices.items.get_level_values("task").to_numpy())
    subjects = choices.frame["subject"].to_numpy()
    pooled = [rows for task, rows in tasks.items() if task not in alone]
    yield ALL_ITEMS, np.sort(np.concatenate(pooled)) if pooled else np.arange(0)
    if len(tasks) > 1 or len(pooled) < len(tasks):
        yield from ((ItemScope(task), rows) for task, rows in tasks.items())
    parts = [
        (ItemScope(task, subject), rows[within])
        for task, rows in tasks.items()
        for subject, within in _grouped(subjects[rows]).items()
    ]
    if len(parts) > len(tasks):
        yield from parts


def _grouped(names: NDArray[np.object_]) -> dict[str, Ints]:
    """The places of each name, by name."""
    codes, found = pd.factorize(names, sort=True)
    ends = np.cumsum(np.bincount(codes, minlength=len(found)))
    return (
        dict(zip(map(str, found), np.split(np.argsort(codes, kind="stable"), ends[:-1]), strict=True))
        if len(found)
        else {}
    )


def _refuse_unlike(pairs: PairedChoices, field: str) -> None:
    """Another document, or the same one shown in another prompt, cannot be compared; older records hash no prompt."""
    first, second = (side.frame[field].to_numpy() for side in (pairs.before, pairs.after))
    unlike = first != second
    if field == "prompt":
        unlike &= (first != "") & (second != "")
    for row in np.flatnonzero(unlike)[:1]:
        task, item = pairs.after.items[row]
        raise UnlikeItem(field, task, item, pairs.after.model, str(first[row]), str(second[row]))


def _padded(flat: Floats, lengths: Ints) -> Floats:
    """Rows of different lengths as one array, (items, most options), -inf beyond a row's own."""
    padded = np.full((len(lengths), lengths.max() if len(lengths) else 0), -np.inf)
    padded[np.arange(padded.shape[1]) < lengths[:, np.newaxis]] = flat
    return padded
