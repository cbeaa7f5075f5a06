"""Whether judges agree where it is close: agreement by the size of the gap between two answers, nothing merged away.

In: classes by place of several raters, the judges' rating changes by place. Out: GapAgreements and PanelSplits, each a
Wilson proportion with its n.
Source: MT-Bench, arXiv 2306.05685: the farther apart two answers are, the more a judge and people agree.

The gap of a place is the distance of the two answers' mean ratings over the judges that rated both; where nobody did,
the panel's margin: its wins less its losses, as a share of the verdicts of two judges or more. Places without either
keep a bin of their own. A rater's own word is in the gap, and most of all in a margin.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from analysis.judged.agreement import Classes, Place
from analysis.judged.games import WORTH, TurnClass, gap_bin
from analysis.statistics.estimates import Estimate
from analysis.statistics.intervals import share
from ledger.judgments import Mode

MARGINS = (0.0, 1 / 3, 2 / 3, 1.0)
SWAPPED = "itself, swapped"
POINTS, MARGIN, NO_GAP = "points", "margin", "none"
T = TypeVar("T")
Gap = tuple[str, float]
"""Of which kind, and the lower end of its bin."""


@dataclass(frozen=True)
class GapAgreement:
    """Two raters on the places of one bin of gaps, by their games or by their ratings.

    `gap` is the bin's least, in rating `points` (half points up, the last bin open) or as the panel's `margin`; the
    unit is `none` where nobody knows a gap. A judge `itself, swapped` is its two games of a place.
    """

    first: str
    second: str
    mode: Mode
    unit: str
    gap: float
    equal: Estimate


@dataclass(frozen=True)
class PanelSplit:
    """Of the places of one bin with verdicts of two judges or more, those where these are not all the same."""

    judges: tuple[str, ...]
    mode: Mode
    unit: str
    gap: float
    split: Estimate


def gaps(changes: Iterable[Mapping[Place, float]], judges: Iterable[Classes]) -> dict[Place, Gap]:
    """The bin of every place that has a gap; `changes` and `judges` are each judge's."""
    said, rated = _gathered(judges), _gathered(changes)
    margins = {place: [WORTH[each] - 0.5 for each in found] for place, found in said.items() if len(found) > 1}
    found = {place: (MARGIN, _floor(MARGINS, 2 * abs(_mean(worths)))) for place, worths in margins.items()}
    return found | {place: (POINTS, float(gap_bin(_mean(each)))) for place, each in rated.items()}


def gap_agreements(raters: Mapping[str, Classes], bins: Mapping[Place, Gap], mode: Mode) -> Iterator[GapAgreement]:
    """Every two raters, bin by bin."""
    for (first, one), (second, other) in combinations(raters.items(), 2):
        alike = {place: one[place] is other[place] for place in one.keys() & other.keys()}
        for (unit, gap), found in _binned(alike, bins):
            yield GapAgreement(first, second, mode, unit, gap, share("agreement", "verdicts", sum(found), len(found)))


def self_agreements(
    judge: str, classes: Mapping[Place, TurnClass], bins: Mapping[Place, Gap]
) -> Iterator[GapAgreement]:
    """One judge's two games of each place, bin by bin; `classes` are its own, inconsistent ones among them."""
    alike = {place: each is not TurnClass.INCONSISTENT for place, each in classes.items() if each in WORTH}
    for (unit, gap), found in _binned(alike, bins):
        equal = share("agreement", "verdicts", sum(found), len(found))
        yield GapAgreement(judge, SWAPPED, Mode.PAIR, unit, gap, equal)


def panel_splits(judges: Mapping[str, Classes], bins: Mapping[Place, Gap], mode: Mode) -> Iterator[PanelSplit]:
    """How often several judges do not all say the same, bin by bin."""
    said = _gathered(judges.values())
    split = {place: len({*found}) > 1 for place, found in said.items() if len(found) > 1}
    for (unit, gap), found in _binned(split, bins):
        yield PanelSplit((*judges,), mode, unit, gap, share("panel splits", "verdicts", sum(found), len(found)))


def _gathered(each: Iterable[Mapping[Place, T]]) -> dict[Place, list[T]]:
    found: dict[Place, list[T]] = {}
    for said in each:
        for place, value in said.items():
            found.setdefault(place, []).append(value)
    return found


def _binned(values: Mapping[Place, bool], bins: Mapping[Place, Gap]) -> list[tuple[Gap, list[bool]]]:
    found: dict[Gap, list[bool]] = {}
    for place, value in values.items():
        found.setdefault(bins.get(place, (NO_GAP, 0.0)), []).append(value)
    return sorted(found.items(), key=lambda each: ((POINTS, MARGIN, NO_GAP).index(each[0][0]), each[0][1]))


def _floor(ends: Sequence[float], value: float) -> float:
    return max(end for end in ends if end <= value + 1e-9)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
