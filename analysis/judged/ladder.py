"""A judge's resolution: the smallest damage of each kind that it is shown to see, and the largest that it misses.

In: the ladder's marks. Out: for each kind the share seen on every rung, with Wilson intervals, and the bracket.
The unit is a text, seen where the intact one won in both orders; when a rung is passed is decided in ledger/ladder.py.
The texts are few and Assay's own: a bracket is of them, not of all answers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate
from analysis.statistics.intervals import share
from ledger.judgments import Damage, LadderMark
from ledger.ladder import FEWEST_TEXTS, SIZES, RungState, rung_counts


@dataclass(frozen=True)
class LadderRung:
    """One kind of damage at one size: of how many texts it was seen; texts without both verdicts are left out."""

    size: float
    texts: int
    seen: Estimate
    state: RungState


@dataclass(frozen=True)
class Resolution:
    """One kind's ladder, its rungs from coarse to fine; with fewer texts than `needs` none of them can be passed.

    `finest_passed` is the smallest damage that the judge is shown to see, all larger ones with it; `coarsest_failed`
    the largest that it is shown to miss more often than it may; at the sizes in `open` its verdicts show neither.
    """

    damage: Damage
    texts: int
    needs: int
    finest_passed: float | None
    coarsest_failed: float | None
    open: tuple[float, ...]
    rungs: tuple[LadderRung, ...]


def resolutions(marks: Iterable[LadderMark]) -> tuple[Resolution, ...]:
    """Each kind's ladder; none where no ladder was planned."""
    rungs: dict[tuple[Damage, float], list[LadderMark]] = {}
    for mark in marks:
        rungs.setdefault((mark.damage, mark.size), []).append(mark)
    if not rungs:
        return ()
    return tuple(
        _resolution(damage, {size: rungs.get((damage, size), []) for size in SIZES[damage]}) for damage in Damage
    )


def unresolved(found: Sequence[Resolution], demanded: Mapping[Damage, float]) -> Iterator[Cause]:
    """A cause for each kind of damage of which no rung as fine as demanded is passed."""
    finest = {each.damage: each.finest_passed for each in found}
    for damage, size in demanded.items():
        passed = finest.get(damage)
        if passed is None or passed > size:
            known = {} if passed is None else {"passed": passed}
            yield Cause(Kind.EXAM_RESOLUTION, numbers={"demanded": size, **known}, names={"damage": damage.value})


def _resolution(damage: Damage, by_size: Mapping[float, Sequence[LadderMark]]) -> Resolution:
    rungs = tuple(_rung(damage, size, marks) for size, marks in by_size.items())
    sizes = {state: [rung.size for rung in rungs if rung.state is state] for state in RungState}
    return Resolution(
        damage=damage,
        texts=max(rung.texts for rung in rungs),
        needs=FEWEST_TEXTS,
        finest_passed=min((rung.size for rung in takewhile(_is_passed, rungs)), default=None),
        coarsest_failed=max(sizes[RungState.FAILED], default=None),
        open=tuple(sizes[RungState.OPEN]),
        rungs=rungs,
    )


def _is_passed(rung: LadderRung) -> bool:
    return rung.state is RungState.PASSED


def _rung(damage: Damage, size: float, marks: Sequence[LadderMark]) -> LadderRung:
    counts = rung_counts(marks)
    heard = counts.texts - counts.missing
    seen = share(f"exam {damage} {size:g}", "texts", counts.seen, heard, left_out=counts.missing)
    return LadderRung(size, counts.texts, seen, counts.state)
