"""Choices as columns: a million of them are arrays, not objects; two models' side by side are the same items in one
order.

In: Choice records, one at a time. Out: ChoiceColumns, and PairedChoices, refused where an item differs.
"""

import sys
from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from analysis.statistics.resampling import Bools, Floats, Ints
from ledger.errors import UnlikeItem
from ledger.records import Choice

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

    def without(self, tasks: Collection[str]) -> "PairedChoices":
        """The items of all other tasks."""
        return PairedChoices(self.before.without(tasks), self.after.without(tasks), self.left_out)

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
