"""Coverage: of what was planned, how much has a usable record, and what became of the rest.

In: planned keys and the outcome of each that has a record. Out: counts overall, by turn and by category.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.causes import Cause, Kind

K = TypeVar("K", bound=Hashable)
MISSING = "missing"
SCORED = "scored"


@dataclass(frozen=True)
class Coverage:
    """How much of one part is there.

    `outcomes` count every planned key once, `missing` ones included; `unusable` are those that are not `scored`.
    """

    kind: str
    model: str
    scope: str
    planned: int
    scored: int
    outcomes: dict[str, int]
    unusable: dict[str, int]

    @property
    def share(self) -> float | None:
        """Scored of planned; None where nothing was planned."""
        return self.scored / self.planned if self.planned else None


def coverage(
    kind: str, model: str, scope: str, planned: Iterable[K], outcomes: Mapping[K, str], usable: frozenset[str]
) -> Coverage:
    """Count what became of each planned key; records that nobody planned are not counted."""
    found = dict(sorted(Counter(outcomes.get(key, MISSING) for key in planned).items()))
    rest = {outcome: count for outcome, count in found.items() if outcome not in usable}
    total = sum(found.values())
    return Coverage(kind, model, scope, total, total - sum(rest.values()), found, rest)


def counted(kind: str, model: str, scope: str, held: NDArray[np.bool_]) -> Coverage:
    """The same where a record is usable if it is there; `held`: (planned,)."""
    scored, missing = int(held.sum()), int((~held).sum())
    rest = {MISSING: missing} if missing else {}
    return Coverage(kind, model, scope, len(held), scored, rest | ({SCORED: scored} if scored else {}), dict(rest))


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


def shortfalls(rows: Iterable[Coverage], floor: float) -> list[Cause]:
    """A cause for each row whose share lies under the floor; nothing planned is a shortfall too."""
    causes = []
    for row in rows:
        names = {"what": row.kind, "scope": row.scope}
        if row.share is None:
            causes.append(Cause(Kind.NOTHING_PLANNED, row.model, names=names))
        elif row.share < floor:
            numbers = {"usable": row.scored, "planned": row.planned, "floor": floor}
            causes.append(Cause(Kind.UNDER_COVERAGE, row.model, numbers=numbers, names=names))
    return causes
