"""What could not be read, told once for all equal cases: a count and a few of the lines.

In: notes, one a line. Out: sentences.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

EXAMPLES = 3
NOT_UTF8 = "not UTF-8: convert it (iconv -t UTF-8)"


class Notes:
    """Notes on files, gathered while they are read; `lines` counts those that name a line."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], list[int]] = {}

    def add(self, file: str, what: str, line: int | None = None) -> None:
        """A fault of a file, or of one of its lines; `file` may be empty."""
        self.found.setdefault((file, what), []).extend([] if line is None else [line])

    @property
    def lines(self) -> int:
        """How many lines could not be read."""
        return len(list(chain(*self.found.values())))

    def told(self) -> tuple[str, ...]:
        """Every note, equal ones as one."""
        return tuple(_sentences(self.found.items()))


def _sentences(found: Iterable[tuple[tuple[str, str], list[int]]]) -> Iterator[str]:
    for (file, what), lines in found:
        if not lines:
            yield f"{file}: {what}" if file else what
        elif len(lines) == 1:
            yield f"{file}, line {lines[0]}: {what}"
        else:
            shown = ", ".join(map(str, lines[:EXAMPLES]))
            more = f" and {len(lines) - EXAMPLES} more" if len(lines) > EXAMPLES else ""
            yield f"{file}, {len(lines)} lines ({shown}{more}): {what}"
