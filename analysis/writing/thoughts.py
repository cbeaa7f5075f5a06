"""What a model thinks before it answers: how often, how much, whether thoughts loop, and whether they ever end.

In: a turn as it was written. Out: a number for each measure.

A turn without thoughts counts as zero of each, so that one in which only one of two models thought is a difference and
no gap. How much is told in characters, because a record counts the tokens of a whole turn and not those of its
thoughts; and as a mean change, because a ratio has no value where one side did not think. Longer thoughts are no worse
ones; thoughts that loop, or that no answer follows, are. The mark that ends thoughts is not on record: they are taken
as never closed where nothing stands behind them.
"""

from collections.abc import Callable, Iterable, Mapping

from analysis.statistics.cells import Cell, Values
from analysis.writing.degradation import WrittenTurn
from analysis.writing.loops import loop_of
from analysis.writing.pieces import pieces

THINKS = "thoughts"


def _loops(thinking: str) -> bool:
    return loop_of(thinking, pieces(thinking)) is not None


THOUGHTS: Mapping[str, Callable[[WrittenTurn], float]] = {
    THINKS: lambda turn: float(turn.thinking is not None),
    "thought_characters": lambda turn: float(len(turn.thinking or "")),
    "thought_loops": lambda turn: float(_loops(turn.thinking or "")),
    "thought_unclosed": lambda turn: float(turn.thinking is not None and not turn.text.strip()),
}
"""Each measure of the thoughts of one turn, by its name in the registry."""


def thought_values(turns: Iterable[tuple[Cell, WrittenTurn]]) -> dict[str, dict[Cell, float]]:
    """Each measure's values by cell."""
    found: dict[str, dict[Cell, float]] = {name: {} for name in THOUGHTS}
    for cell, turn in turns:
        for name, of in THOUGHTS.items():
            found[name][cell] = of(turn)
    return found


def any_thoughts(sides: Iterable[Mapping[str, Values]], cells: Iterable[Cell]) -> bool:
    """Whether either side thought in one of these turns; without, nothing of thoughts is measured."""
    held = list(cells)
    return any(side.get(THINKS, {}).get(cell) for side in sides for cell in held)
