"""Items that a candidate picks differently, with both models' probabilities, the surest of the baseline first.

In: evidence. Out: ChangedItems, at most MOST_ITEMS; no number of the report depends on them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from analysis.choices import PairedChoices, paired_choices
from analysis.distances import top_margin
from analysis.evidence import ModelEvidence, RunEvidence
from analysis.resampling import Floats
from ledger.errors import StaleInput

MOST_ITEMS = 4000
RIGHT_TO_WRONG, WRONG_TO_RIGHT, WRONG_TO_OTHER = "right→wrong", "wrong→right", "wrong→other"


@dataclass(frozen=True)
class ChangedItem:
    """One item of one candidate; probabilities are renormalized over the options, in the item's order."""

    model: str
    task: str
    item: str
    subject: str
    digest: str
    kind: str
    gold: int
    before: tuple[float, ...]
    after: tuple[float, ...]
    margin: float


def changed_items(evidence: RunEvidence) -> tuple[tuple[ChangedItem, ...], int]:
    """The items of every candidate that can be compared, and how many more there are than are given."""
    candidates = [model for model in evidence.rivals if model.role == "candidate"]
    found = [item for model in candidates for item in _changed(evidence.baseline, model)]
    found.sort(key=lambda each: (-each.margin, each.model, each.task, each.item))
    return tuple(found[:MOST_ITEMS]), max(0, len(found) - MOST_ITEMS)


def _changed(baseline: ModelEvidence, candidate: ModelEvidence) -> Iterator[ChangedItem]:
    try:
        pairs = paired_choices(baseline.choices, candidate.choices)
    except StaleInput:
        return  # the report says so where it compares the two
    rows = np.flatnonzero(pairs.before.picks("acc") != pairs.after.picks("acc"))
    part = PairedChoices(pairs.before.taken(rows), pairs.after.taken(rows), 0)
    if not len(rows):
        return
    margins = top_margin(part.before.logprobs)
    before, after = _probabilities(part.before.logprobs), _probabilities(part.after.logprobs)
    right = part.before.right("acc"), part.after.right("acc")
    frame = part.before.frame
    for row, (task, item) in enumerate(part.before.items):
        count = int(frame["options"].iloc[row])
        yield ChangedItem(
            model=candidate.name,
            task=task,
            item=item,
            subject=frame["subject"].iloc[row],
            digest=frame["document"].iloc[row],
            kind=RIGHT_TO_WRONG if right[0][row] else WRONG_TO_RIGHT if right[1][row] else WRONG_TO_OTHER,
            gold=int(part.before.gold[row]),
            before=tuple(float(x) for x in before[row, :count]),
            after=tuple(float(x) for x in after[row, :count]),
            margin=float(margins[row]),
        )


def _probabilities(logprobs: Floats) -> Floats:
    return np.asarray(softmax(logprobs, axis=1))
