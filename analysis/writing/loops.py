"""Loops: a passage that a text says again and again, one copy right after the other.

In: a text and its pieces. Out: the longest Loop, or None.

The rule, over pieces (words, marks, and characters where a script has no blanks): a text loops where a passage stands
at least three times in a row up to its end, of which a last word may be cut short, and LEAST_COPIED of its pieces only
repeat those of the copy before; or, where the text goes on after it, four times with half as many again. A passage
without a letter, or with the bars of a table, needs twice as many at the end and four times as many inside, where one
without a word of two letters does too, because matrices, boards, sums and cells repeat; one of marks alone needs three
and eight times as many, because rules and frames of tables do, and twice as many in a text that has nothing else. Up to
eight letters or digits that stand 32 times in a row without a blank are a loop by themselves. The numbers that count a
list's lines are one piece: a list of equal lines loops, one of others does not. A passage counts by its exact words:
rows that differ in a cell are no copies.

Linear in length: periods are found by hashing every four pieces (the distance to where they stood last), and the few
most frequent ones are checked piece by piece. docs/writing.md tells what the rule finds in real answers, and its false
alarms.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analysis.statistics.resampling import Ints
from analysis.writing.pieces import places

LEAST_COPIED = 32
COPIES_AT_THE_END, COPIES_INSIDE = 3, 4
INSIDE = 1.5  # times as many copied pieces, where the text goes on
TABULAR_AT_THE_END, TABULAR_INSIDE = 2.0, 4.0
MARKS_AT_THE_END, MARKS_INSIDE, NOTHING_ELSE = 3.0, 8.0, 2.0
BAR, FIRST_BLANKLESS = "|", "\u0e00"
UNBROKEN = 64  # letters and digits without a blank between them
_UNBROKEN = re.compile(rf"[^\W_]{{{UNBROKEN}}}")
_AGAIN = re.compile(r"([^\W_]{1,8}?)\1{31,}")
MOST_PERIODS = 6
GRAM = 4


@dataclass(frozen=True)
class Loop:
    """A passage of `period` pieces that stands `copies` times from character `start` to `end`, the first one counted.

    `again` is the character at which the second copy begins.
    """

    start: int
    again: int
    end: int
    period: int
    copies: float


def loop_of(text: str, found: Sequence[str]) -> Loop | None:
    """The loop of the most pieces; `found` are the text's pieces."""
    if _UNBROKEN.search(text) and (again := _AGAIN.search(text)):
        start, size = again.start(), len(again[1])
        return Loop(start, start + size, again.end(), 1, (again.end() - start) / size)
    if len(found) < LEAST_COPIED + GRAM:
        return None
    distances, numbers = _distances(found)
    if np.count_nonzero(distances) < LEAST_COPIED - GRAM:
        return None
    counts = np.bincount(distances)
    counts[0] = 0
    most = np.argsort(-counts, kind="stable")[:MOST_PERIODS]
    runs = [_longest_run(numbers, int(period)) for period in most if counts[period]]
    held = [run for run in runs if _loops(found, *run)]
    if not held:
        return None
    first, copied, period = max(held, key=lambda run: (run[1], -run[2]))
    at, last = places(text), first + copied + period - 1
    return Loop(at[first][0], at[first + period][0], at[last][1], period, (copied + period) / period)


def _distances(found: Sequence[str]) -> tuple[Ints, Ints]:
    """From every four pieces back to where they stood last, 0 where they never did; and each piece as a number."""
    names: dict[str, int] = {}
    numbers = np.fromiter((names.setdefault(piece, len(names)) for piece in found), np.int64, len(found))
    codes = np.zeros(len(found) - GRAM + 1, dtype=np.int64)
    for place in range(GRAM):  # may overflow: two grams with one code are told apart where a period is checked
        codes = codes * len(names) + numbers[place : place + len(codes)]
    known: dict[int, int] = {}
    distances: list[int] = []
    for place, code in enumerate(codes.tolist()):
        distances.append(place - known.get(code, place))
        known[code] = place
    return np.array(distances, dtype=np.int64), numbers


def _longest_run(numbers: Ints, period: int) -> tuple[int, int, int]:
    """Where the longest stretch begins whose pieces repeat those one period before, how many do, and the period."""
    same = np.concatenate([[False], numbers[period:] == numbers[:-period], [False]])
    edges = np.flatnonzero(same[1:] != same[:-1])
    stretches = [(start, end - start) for start, end in pairwise(edges.tolist())][::2]
    first, copied = max(stretches, key=lambda each: each[1], default=(0, 0))
    return first, copied, period


def _loops(found: Sequence[str], first: int, copied: int, period: int) -> bool:
    passage, left = found[first : first + period], len(found) - (first + copied + period)
    ends = left == 0 or (left == 1 and found[-1][0].isalnum())
    needed = LEAST_COPIED * _weight(passage, found, ends=ends) * (1 if ends else INSIDE)
    copies = COPIES_AT_THE_END if ends else COPIES_INSIDE
    return copied >= needed and copied + period >= copies * period


def _weight(passage: Sequence[str], found: Sequence[str], *, ends: bool) -> float:
    """How many times as much a passage of these pieces must repeat; a text of marks alone has no table to rule."""
    if any(piece[0].isalnum() for piece in passage):
        prose = BAR not in passage and any(_is_word(piece) or (ends and piece[0].isalpha()) for piece in passage)
        return 1.0 if prose else TABULAR_AT_THE_END if ends else TABULAR_INSIDE
    if not any(piece[0].isalnum() for piece in found):
        return NOTHING_ELSE
    return MARKS_AT_THE_END if ends else MARKS_INSIDE


def _is_word(piece: str) -> bool:
    """Whether a piece is a word: letters, more than one where a script has blanks; single ones are cells of a board."""
    return piece[0].isalpha() and (len(piece) > 1 or piece[0] >= FIRST_BLANKLESS)
