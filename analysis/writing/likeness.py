"""How far two texts differ: divergence, which says nothing of which is worse.

In: the baseline's text and a candidate's. Out: a number for each measure of likeness.
Source: ROUGE-L, Lin 2004, with equal weights of precision and recall and whole texts in place of sentences: twice the
longest common subsequence over both lengths, which rapidfuzz calls the normalized similarity by insertions and
deletions. Over words without case, and over characters where a script has no blanks.
"""

import math
from collections.abc import Callable, Mapping

from rapidfuzz.distance import Indel, Prefix

from analysis.writing.pieces import pieces, words


def log_length_ratio(before: str, after: str) -> float | None:
    """The logarithm of the second text's characters over the first's; None where either is empty."""
    return math.log(len(after) / len(before)) if before.strip() and after.strip() else None


def same_text(before: str, after: str) -> float:
    """1 where the texts are equal to the last character, else 0."""
    return float(before == after)


def first_difference(before: str, after: str) -> float:
    """How much of the longer text stands before the first difference; 1 where there is none."""
    longer = max(len(before), len(after))
    return Prefix.similarity(before, after) / longer if longer else 1.0


def similarity(before: str, after: str) -> float:
    """ROUGE-L of two texts: 1 where all words are the same, in the same order; over marks where neither has a word."""
    if before == after:
        return 1.0
    one, other = (pieces(text) for text in (before, after))
    if any(map(words, (one, other))):  # texts of marks alone have no words to be alike in
        one, other = ([word.lower() for word in words(found)] for found in (one, other))
    return float(Indel.normalized_similarity(one, other))


LIKENESS: Mapping[str, Callable[[str, str], float | None]] = {
    "log_length_ratio": log_length_ratio,
    "same_text": same_text,
    "first_difference": first_difference,
    "similarity": similarity,
}
"""Each measure of divergence between two texts, by its name in the registry."""
