"""How many questions or items a review needs before anything is run.

In: a measure, its margin, the wanted power. Out: sizes, one a supposed spread.
Source: arXiv 2605.28873: the spread of a paired change of accuracy is the root of the flip rate. The spreads of judged
changes are those seen in reviews by GPT-4: 1.9 to 2.6 rating points and 0.37 of a win a question.

A size is the number of units with which a candidate that has lost nothing is shown to lie above -margin.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.estimates import ALPHA
from analysis.intervals import minimum_detectable_effect, needed_units
from ledger.config import Primary

FLIP_RATES = (0.02, 0.05, 0.10, 0.20)
SPREADS: dict[Primary, tuple[float, ...]] = {"rating_change": (1.5, 2.0, 2.5), "win_change": (0.30, 0.37, 0.45)}
UNITS: dict[Primary, str] = {"rating_change": "questions", "win_change": "questions", "accuracy_change": "items"}


@dataclass(frozen=True)
class Size:
    """The units needed under one spread; None above a million. `mde`: the change that `units` find with 80 % power.

    `flips` is the share of items that flip, for accuracy; else `sd` is the spread of a question's change.
    """

    flips: float | None
    sd: float
    units: int | None
    mde: float | None


def sizes(measure: Primary, margin: float, power: float, comparisons: int = 1) -> Iterator[Size]:
    """One Size a spread; Holm over `comparisons` candidates begins at 5 % over their number."""
    spreads = (
        [(rate, math.sqrt(rate)) for rate in FLIP_RATES]
        if measure == "accuracy_change"
        else [(None, sd) for sd in SPREADS[measure]]
    )
    for flips, sd in spreads:
        units = needed_units(sd, margin, ALPHA / comparisons, power)
        yield Size(flips, sd, units, minimum_detectable_effect(sd, units) if units else None)
