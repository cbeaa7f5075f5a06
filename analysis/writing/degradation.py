"""What is wrong with a text by itself: loops, repetition, cut-offs, nothing at all, broken pieces, a wrong script.

In: a turn as it was written. Out: a number for each measure of degradation, None where it cannot be told.
Source: seq-rep-4, Welleck et al. 2019, arXiv 1908.04319: one minus the share of different four-word phrases among all;
the rest are rules of our own, stated where they stand (loops.py, faults.py, scripts.py).
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from analysis.statistics.cells import Cell
from analysis.writing.faults import faults
from analysis.writing.loops import Loop, loop_of
from analysis.writing.pieces import grams, pieces, words
from analysis.writing.scripts import in_wrong_script
from ledger.records import Finish

FILLERS = "\u2800\u3164\u115f\u1160\uffa0"
"""Characters without ink that Unicode counts as letters or symbols: a Braille blank, Hangul fillers."""


@dataclass(frozen=True)
class WrittenTurn:
    """One turn of one model; `asked` are the user's turns up to it, `finish` is None where nobody tells how it ended.

    `thinking` is what stood before the text, None where there was none.
    """

    text: str
    asked: tuple[str, ...]
    finish: Finish | None
    thinking: str | None = None

    @cached_property
    def pieces(self) -> list[str]:
        """The text in pieces."""
        return pieces(self.text)

    @property
    def loop(self) -> Loop | None:
        """The text's loop."""
        return loop_of(self.text, self.pieces)

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of what is broken in it."""
        return faults(self.text, self.asked, self.thinking, cut=self.finish is Finish.LENGTH)


def is_visible(text: str) -> bool:
    """Whether a text has a character that can be seen: none of blanks, controls, lone marks of letters and fillers."""
    return any(each not in FILLERS and unicodedata.category(each)[0] not in "ZCM" for each in text)


def repetition(found: Sequence[str]) -> float | None:
    """How many of a text's four-word phrases repeat an earlier one: 0 to 1; None for fewer than four words."""
    said = words(found)
    phrases = len(said) - 3
    return 1 - len(set(grams(said))) / phrases if phrases > 0 else None


def _unfinished(turn: WrittenTurn) -> float | None:
    return None if turn.finish is None else float(turn.finish is Finish.LENGTH)


DEGRADATION: Mapping[str, Callable[[WrittenTurn], float | None]] = {
    "loops": lambda turn: float(turn.loop is not None),
    "repetition": lambda turn: repetition(turn.pieces),
    "unfinished": _unfinished,
    "empty": lambda turn: float(not is_visible(turn.text)),
    "broken": lambda turn: float(bool(turn.faults)),
    "wrong_script": lambda turn: float(in_wrong_script(turn.text, turn.asked)),
}
"""Each measure of degradation of one text, by its name in the registry."""


def degradation_values(turns: Iterable[tuple[Cell, WrittenTurn]]) -> dict[str, dict[Cell, float]]:
    """Each measure's values by cell; a cell where it cannot be told is left out."""
    found: dict[str, dict[Cell, float]] = {name: {} for name in DEGRADATION}
    for cell, turn in turns:
        for name, of in DEGRADATION.items():
            value = of(turn)
            if value is not None:
                found[name][cell] = value
    return found
