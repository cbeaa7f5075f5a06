"""Temperatures and seeds.

In: a category; a question, sample and turn. Out: MT-Bench's temperature, and a seed that is the same for every model,
so that sampling noise is shared between baseline and candidates. The control gets other seeds.
Source: FastChat's llm_judge for the temperatures (by category, 0.7 where it is unknown).
"""

from ledger.digests import digest_of
from ledger.records import Question

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
    name = [review_seed, question.source, question.id, sample, turn, "control" if control else "paired"]
    return int(digest_of(name)[:8], 16) & 0x7FFFFFFF
