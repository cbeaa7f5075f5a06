"""Temperatures and seeds.

In: a category; a question, sample and turn; an item and repeat. Out: MT-Bench's temperature; a seed that every model
shares, so that sampling noise is shared between baseline and candidates. The control gets other seeds.
Source: FastChat's llm_judge for the temperatures (by category, 0.7 where it is unknown).
"""

from ledger.digests import digest_of
from ledger.records import Key, Question

TEMPERATURES = {
    "writing": 0.7,
    "roleplay": 0.7,
    "stem": 0.1,
    "humanities": 0.1,
    "extraction": 0.0,
    "math": 0.0,
    "coding": 0.0,
    "reasoning": 0.0,
}
UNKNOWN_CATEGORY = 0.7


def temperature_of(category: str) -> float:
    """The sampling temperature of a category."""
    return TEMPERATURES.get(category, UNKNOWN_CATEGORY)


def turn_seed(review_seed: int, question: Question, sample: int, turn: int, *, control: bool = False) -> int:
    """A seed in [0, 2^31) for one turn; turns count from 1."""
    return _seed([review_seed, question.source, question.id, sample, turn], control=control)


def repeat_seed(review_seed: int, item: Key, repeat: int, *, control: bool = False) -> int:
    """A seed in [0, 2^31) for one answer to an item; repeats count from 0."""
    return _seed([review_seed, "item", *item, repeat], control=control)


def _seed(name: list[str | int], *, control: bool) -> int:
    return int(digest_of([*name, "control" if control else "paired"])[:8], 16) & 0x7FFFFFFF
