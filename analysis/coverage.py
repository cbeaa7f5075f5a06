"""Coverage: of what was planned, how much has a usable record, and what became of the rest.

In: planned keys and the outcome of each that has a record. Out: counts overall, by turn and by category.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from analysis.numbers import count_of

K = TypeVar("K", bound=Hashable)
MISSING = "missing"


@dataclass(frozen=True)
class Coverage:
    """How much of one part is there; `outcomes` count every planned key once, `missing` ones included."""

    kind: str
    model: str
    scope: str
    planned: int
    scored: int
    outcomes: dict[str, int]

    @property
    def share(self) -> float | None:
        """Scored of planned; None where nothing was planned."""
        return self.scored / self.planned if self.planned else None


def coverage(
    kind: str, model: str, scope: str, planned: Iterable[K], outcomes: Mapping[K, str], usable: frozenset[str]
) -> Coverage:
    """Count what became of each planned key; records that nobody planned are not counted."""
    found = Counter(outcomes.get(key, MISSING) for key in planned)
    scored = sum(count for outcome, count in found.items() if outcome in usable)
    return Coverage(kind, model, scope, found.total(), scored, dict(sorted(found.items())))


def coverage_scopes(
    kind: str,
    model: str,
    planned: Sequence[K],
    outcomes: Mapping[K, str],
    usable: frozenset[str],
    parts: Sequence[tuple[str, Callable[[K], bool]]],
) -> Iterator[Coverage]:
    """One Coverage for each named part of the plan."""
    for name, holds in parts:
        yield coverage(kind, model, name, [key for key in planned if holds(key)], outcomes, usable)


def shortfalls(rows: Iterable[Coverage], floor: float) -> list[str]:
    """A sentence for each row whose share lies under the floor; nothing planned is a shortfall too."""
    sentences = []
    for row in rows:
        if row.share is None:
            sentences.append(f"no {row.kind} of {row.model} were planned or found ({row.scope})")
        elif row.share < floor:
            left = ", ".join(f"{count} {name}" for name, count in row.outcomes.items())
            sentences.append(
                f"{row.kind} of {row.model}, {row.scope}: {count_of(row.scored, row.planned)} are usable, "
                f"under the floor of {100 * floor:.0f} % ({left})"
            )
    return sentences
