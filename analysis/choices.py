"""Two models' choices side by side: the same items, in one order, as arrays.

In: Choice records of a baseline and of another model. Out: PairedChoices, refused where an item differs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.resampling import Floats
from ledger.errors import StaleInput
from ledger.records import Choice

Ints = NDArray[np.int64]
ItemKey = tuple[str, str]


@dataclass(frozen=True)
class PairedChoices:
    """Items that both models scored, ordered by task and item; `left_out` counts items that only one scored."""

    before: tuple[Choice, ...]
    after: tuple[Choice, ...]
    left_out: int

    def part(self, holds: Callable[[Choice], bool]) -> "PairedChoices":
        """The items whose choice satisfies a condition."""
        kept = [index for index, choice in enumerate(self.before) if holds(choice)]
        return PairedChoices(tuple(self.before[i] for i in kept), tuple(self.after[i] for i in kept), 0)

    @property
    def identical(self) -> bool:
        """Whether both models gave every option of every item the same log-probability, to the last bit."""
        same = all(b.logprobs == a.logprobs for b, a in zip(self.before, self.after, strict=True))
        return bool(self.before) and not self.left_out and same


def paired_choices(before: Iterable[Choice], after: Iterable[Choice]) -> PairedChoices:
    """The items that both scored. Raises StaleInput, naming item and field, where the two saw different things."""
    old, new = ({(c.task, c.item): c for c in choices} for choices in (before, after))
    shared = sorted(old.keys() & new.keys())
    for key in shared:
        _refuse_unlike(old[key], new[key])
    left_out = len(old.keys() | new.keys()) - len(shared)
    return PairedChoices(tuple(old[key] for key in shared), tuple(new[key] for key in shared), left_out)


def _refuse_unlike(old: Choice, new: Choice) -> None:
    """Another document, or the same one shown in another prompt, cannot be compared; older records hash no prompt."""
    for field, first, second in (
        ("document", old.item_digest, new.item_digest),
        ("prompt", old.prompt_digest, new.prompt_digest),
    ):
        if first != second and (field == "document" or (first and second)):
            raise StaleInput(
                f"{field} of item {new.task}/{new.item} of {new.model}",
                first,
                second,
                f"The two models were given different {field}s; make both models' choices again.",
            )


def padded_logprobs(choices: Iterable[Choice]) -> Floats:
    """Log-probabilities in nats, (items, most options); -inf for none, and where an item has fewer options."""
    rows = [choice.logprobs for choice in choices]
    padded = np.full((len(rows), max(map(len, rows), default=0)), -np.inf)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = [-np.inf if value is None else value for value in row]
    return padded
