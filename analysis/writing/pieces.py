"""A text in pieces: words, marks, and single characters of scripts without blanks between words.

In: a text. Out: its pieces in order, with their places where they are asked for.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby

MOST_LETTERS = 64
"""Letters of a piece: a longer run of letters without a blank is several pieces, so that one can be seen to repeat."""
LIST_MARKER = "#"
# Kana, Han, Thai, Lao, Myanmar, Khmer, Tibetan: a blank does not tell their words apart.
BLANKLESS = "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"


def _signs() -> str:
    """Vowel signs, accents and other marks that belong to the letter before them, as ranges of a pattern."""
    marks = [code for code in range(0x10000) if unicodedata.category(chr(code))[0] == "M"]
    runs = [[code for _, code in run] for _, run in groupby(enumerate(marks), lambda pair: pair[1] - pair[0])]
    return "".join(f"\\u{run[0]:04x}-\\u{run[-1]:04x}" for run in runs)


_SIGNS = _signs()
_PIECES = re.compile(
    rf"[^\W\d_{BLANKLESS}](?:[^\W_{BLANKLESS}]|(?![{BLANKLESS}])[{_SIGNS}]){{0,{MOST_LETTERS - 1}}}|"
    rf"(?m:^[ \t]*\d+[.)](?=[ \t]))|[^\W_{BLANKLESS}]{{1,{MOST_LETTERS}}}|\S"
)


def pieces(text: str) -> list[str]:
    """Every piece; the numbers that count a list's lines are one and the same piece."""
    return [_plain(piece) for piece in _PIECES.findall(text)]


def places(text: str) -> list[tuple[int, int]]:
    """Where each piece begins and ends, in characters."""
    return [found.span() for found in _PIECES.finditer(text)]


def words(found: Sequence[str]) -> list[str]:
    """The pieces that are words, digits or characters of a script without blanks."""
    return [piece for piece in found if piece[0].isalnum()]


def grams(found: Sequence[str], n: int = 4) -> Iterator[tuple[str, ...]]:
    """Every n pieces that stand side by side."""
    return zip(*(found[start:] for start in range(n)), strict=False)


def _plain(piece: str) -> str:
    return LIST_MARKER if len(piece) > 1 and piece[-1] in ".)" else piece
