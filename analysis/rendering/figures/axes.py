"""An axis: its ends, the round numbers on it, and the columns of the legend below. Every kind of figure uses these.

In: values. Out: ends, and ticks at places on paper. All lengths are in user units of the SVG.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

PAPER_WIDTH = 560
CHARACTER_WIDTH = 6.9  # of the usual words
MOST_TICKS = 6
LEGENDS = ((11, 5, 97), (26, 2, 242))  # names of so many characters: so many per line, so far apart
SMALLEST_SPAN = 1e-6  # of the values; less is no difference that an axis could show


@dataclass(frozen=True)
class Frame:
    """What the axes enclose."""

    left: float
    right: float
    top: float
    bottom: float

    @property
    def center(self) -> float:
        """Halfway from left to right, a whole number."""
        return (self.left + self.right) // 2

    @property
    def middle(self) -> float:
        """Halfway from top to bottom, a whole number."""
        return (self.top + self.bottom) // 2


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    place: float
    text: str


def ticks(low: float, high: float) -> list[float]:
    """Round numbers that span low to high: steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / MOST_TICKS))
    step = next(step * power for step in (1, 2, 5, 10) if span / (step * power) <= MOST_TICKS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def axis_ends(values: Sequence[float], *, zero: bool) -> tuple[float, float]:
    """Where an axis begins and ends; zero is drawn in where it is near, or a bar's foot."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    elif low > 0 and low < (high - low):
        low = 0.0
    if high - low > SMALLEST_SPAN * max(abs(low), abs(high), SMALLEST_SPAN):
        return low, high
    return low - abs(low) / 10 - 1e-3, high + abs(high) / 10 + 1e-3


def legend_columns(names: Sequence[str]) -> tuple[int, int]:
    """How many names a line of a legend takes, and how far apart they stand; longer names get wider columns."""
    longest = max(map(len, names), default=0)
    found = next((row for row in LEGENDS if longest <= row[0]), LEGENDS[-1])
    return found[1], found[2]
