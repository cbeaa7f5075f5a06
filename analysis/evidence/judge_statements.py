"""Which of a judge's records are read: its own, of the models that are looked at, each said by one prompt.

In: a judge's records as they lie. Out: the same without strangers' and doubtful ones, with their counts.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

from ledger.judgments import ExamMark, Game, LadderMark, Rating
from ledger.records import Key

J = TypeVar("J", Rating, Game)
S = TypeVar("S", Rating, Game, ExamMark, LadderMark)


def unmixed(records: Iterable[J]) -> tuple[list[J], int]:
    """The records whose key, prompt apart, occurs once; and how many were left out because several prompts claim it."""
    grouped: dict[Key, list[J]] = {}
    for each in records:
        judge, _prompt, *about = each.key
        grouped.setdefault((judge, *about), []).append(each)
    single = [group[0] for group in grouped.values() if len(group) == 1]
    return single, sum(len(group) for group in grouped.values() if len(group) > 1)


def said_by(name: str, records: Iterable[S], others: Counter[str]) -> Iterator[S]:
    """What a judge itself said; what others did is left out, and counted in `others`."""
    for record in records:
        if record.judge == name:
            yield record
        else:
            others[record.judge] += 1


def without_models(records: Iterable[J], apart: Collection[str]) -> Iterator[J]:
    """The records that speak of none of these models."""
    for record in records:
        about = {record.model} if isinstance(record, Rating) else {record.baseline, record.candidate}
        if about.isdisjoint(apart):
            yield record
