"""How a stage tells how far it is: it calls back, and the front door renders.

In: counts. Out: nothing; a stage that is given no callback is silent.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One state of one piece of work: `done` of `total` units, with a short note."""

    work: str
    done: int
    total: int
    note: str = ""


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Report to nobody."""
