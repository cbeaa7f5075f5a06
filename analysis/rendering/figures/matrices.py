"""A matrix of every rater with every other: a number in each cell, darker where it is higher.

In: values by pair of names. Out: a Matrix; its numbers; its geometry for the SVG template.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from analysis.rendering.figures.axes import PAPER_WIDTH, Frame

LABELS, HEAD = 150, 30
CELL_HEIGHT = 46
WIDEST_CELL = 100.0
SMALL_CHARACTER = 4.8  # of the lines under the value: one that is wider than its cell is left to the table
_LINES = re.compile(r" (?=[\[(])")


@dataclass(frozen=True)
class Matrix:
    """A symmetric figure; `cells` holds value and words of each (name, name), the first being the row above."""

    id: str
    title: str
    note: str
    names: tuple[str, ...]
    cells: Mapping[tuple[str, str], tuple[float | None, str]]

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of its numbers."""
        return ("first", "second", "value")

    def numbers(self) -> Iterator[tuple[str | float | None, ...]]:
        """Unrounded, one pair per line."""
        yield from ((first, second, value) for (first, second), (value, _) in self.cells.items())

    @property
    def description_header(self) -> tuple[str, ...]:
        """The columns of its table."""
        return ("pair", "value")

    def descriptions(self) -> Iterator[tuple[str, ...]]:
        """The rows of its table."""
        yield from ((f"{first}, {second}", words) for (first, second), (_, words) in self.cells.items())


@dataclass(frozen=True)
class DrawnCell:
    """One square: how dark (0 to 1), and its lines of words: the value, its interval and its n where there is room."""

    x: float
    y: float
    shade: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class MatrixDrawing:
    """All that the template needs."""

    plot: Matrix
    frame: Frame
    height: float
    cell_width: float
    cell_height: float
    cells: tuple[DrawnCell, ...]
    columns: tuple[tuple[str, float], ...]
    rows: tuple[tuple[str, float], ...]


def matrix_drawing(matrix: Matrix) -> MatrixDrawing:
    """The geometry of a matrix in user units; the diagonal stays empty."""
    width = min(WIDEST_CELL, (PAPER_WIDTH - LABELS) / len(matrix.names))
    cells = []
    for row, first in enumerate(matrix.names):
        for column, second in enumerate(matrix.names):
            found = matrix.cells.get((first, second)) or matrix.cells.get((second, first))
            if row == column or not found:
                continue
            value, words = found
            value_words, *rest = _LINES.split(words)
            lines = (value_words, *(line for line in rest if SMALL_CHARACTER * len(line) <= width))
            shade = round(min(max(value or 0.0, 0.0), 1.0), 2)
            place = LABELS + column * width, HEAD + row * CELL_HEIGHT
            cells.append(DrawnCell(*place, shade, lines if value is not None else ("—",)))
    return MatrixDrawing(
        plot=matrix,
        frame=Frame(LABELS, PAPER_WIDTH, HEAD, HEAD + CELL_HEIGHT * len(matrix.names)),
        height=HEAD + CELL_HEIGHT * len(matrix.names) + 6,
        cell_width=width,
        cell_height=CELL_HEIGHT,
        cells=tuple(cells),
        columns=tuple((name, LABELS + (i + 0.5) * width) for i, name in enumerate(matrix.names)),
        rows=tuple((name, HEAD + (i + 0.5) * CELL_HEIGHT) for i, name in enumerate(matrix.names)),
    )
