"""A table drawn in Markdown; every format that writes Markdown draws it here.

In: a header, rows and what escapes a cell. Out: lines.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence


def pipe_table(header: Sequence[str], rows: Iterable[Sequence[str]], cell: Callable[[str], str]) -> Iterator[str]:
    """The header, the line under it and a line for each row."""
    yield _line(map(cell, header))
    yield "|" + " --- |" * len(header)
    yield from (_line(map(cell, row)) for row in rows)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
