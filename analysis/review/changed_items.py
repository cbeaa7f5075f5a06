"""Items that a candidate picks differently, with both models' probabilities, the surest of the baseline first.

In: evidence. Out: ChangedItems, at most MOST_ITEMS; no number of the report depends on them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import RunEvidence
from analysis.multiple_choice.choices import PairedChoices, paired_choices
from analysis.multiple_choice.distances import top_margin
from analysis.summaries.model_reports import unlike_baseline
from ledger.errors import UnlikeItem

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
    found: list[ChangedItem] = []
    count = 0
    for model in evidence.rivals:
        comparable = model.role == "candidate" and not unlike_baseline(model, evidence)
        pairs = _changed(evidence.baseline, model) if comparable else None
        if pairs is not None:
            count += len(pairs.before)
            found += _surest(pairs, model.name)
    found.sort(key=lambda each: (-each.margin, each.model, each.task, each.item))
    return tuple(found[:MOST_ITEMS]), max(0, count - MOST_ITEMS)


def _changed(baseline: ModelEvidence, candidate: ModelEvidence) -> PairedChoices | None:
    """The items that the two pick differently; None where there is none, or where they cannot be compared."""
    try:
        pairs = paired_choices(baseline.choices, candidate.choices)
    except UnlikeItem:
        return None  # the report says so where it compares the two
    rows = np.flatnonzero(pairs.before.picks("acc") != pairs.after.picks("acc"))
    return PairedChoices(pairs.before.taken(rows), pairs.after.taken(rows), 0) if len(rows) else None


def _surest(pairs: PairedChoices, model: str) -> Iterator[ChangedItem]:
    """Those of which the baseline was surest; never more than are shown."""
    rows = np.argsort(-top_margin(pairs.before.logprobs), kind="stable")[:MOST_ITEMS]
    before, after = pairs.before.taken(rows), pairs.after.taken(rows)
    margins, right = top_margin(before.logprobs), (before.right("acc"), after.right("acc"))
    probabilities = softmax(before.logprobs, axis=1), softmax(after.logprobs, axis=1)
    columns = [before.frame[name].tolist() for name in ("subject", "document", "options", "gold")]
    for row, ((task, item), subject, digest, options, gold) in enumerate(zip(before.items, *columns, strict=True)):
        old, new = (tuple(float(x) for x in side[row, :options]) for side in probabilities)
        yield ChangedItem(
            model=model,
            task=task,
            item=item,
            subject=subject,
            digest=digest,
            kind=RIGHT_TO_WRONG if right[0][row] else WRONG_TO_RIGHT if right[1][row] else WRONG_TO_OTHER,
            gold=gold,
            before=old,
            after=new,
            margin=float(margins[row]),
        )
