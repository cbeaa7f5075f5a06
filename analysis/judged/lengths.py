"""Length: does the judge reward the longer answer, and what remains of a change between answers of equal length?

In: judged values and the answers' lengths in characters, by cell. Out: a panel of the wins, a length-controlled change.
Source: AlpacaEval's length control (tanh of the standardized difference of the lengths, read off at zero), fitted here
on the review's own pairs by least squares instead of a logistic model of a public leaderboard; MacKinnon and White 1985
(the jackknife error, HC3's cluster form).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.judged.games import TurnClass
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, Values
from analysis.statistics.estimates import ALPHA, Estimate, estimate_or_missing
from analysis.statistics.intervals import minimum_detectable_effect, share
from analysis.statistics.mean_bounds import student_quantile
from analysis.statistics.resampling import Floats
from ledger.errors import TooFewData

FEWEST_QUESTIONS = 4
Lengths = Mapping[Cell, int]


@dataclass(frozen=True)
class LengthPanel:
    """The consistent wins whose two answers differ in length: the longer answer's share, and a two-sided sign test.

    `mean_change` is the candidate's mean length minus the baseline's, in characters, over the cells that both answered.
    """

    longer_wins: Estimate
    longer: int
    decided: int
    p: float | None
    mean_change: float | None


def length_panel(classes: Mapping[Cell, TurnClass], differences: Lengths) -> LengthPanel:
    """How often a win or a loss went to the longer answer; classes and differences are seen from the candidate."""
    side = {TurnClass.WIN: 1, TurnClass.LOSS: -1}
    found = [side[each] * differences[cell] for cell, each in classes.items() if each in side and cell in differences]
    decided, longer = sum(gap != 0 for gap in found), sum(gap > 0 for gap in found)
    return LengthPanel(
        longer_wins=share("the longer answer's share", "wins", longer, decided),
        longer=longer,
        decided=decided,
        p=float(stats.binomtest(longer, decided).pvalue) if decided else None,
        mean_change=float(np.mean(list(differences.values()))) if differences else None,
    )


def length_points(changes: Values, lengths: Lengths) -> tuple[tuple[int, float], ...]:
    """(length, value) of each cell that has both, in the cells' order: what a scatter shows."""
    return tuple((lengths[cell], changes[cell]) for cell in sorted(changes.keys() & lengths.keys()))


def length_changes(baseline: Lengths, candidate: Lengths) -> dict[Cell, int]:
    """Candidate minus baseline in each cell that both have, in the cells' order."""
    return {cell: candidate[cell] - baseline[cell] for cell in sorted(baseline.keys() & candidate.keys())}


def length_controlled(measure: str, changes: Values, lengths: Lengths) -> Estimate:
    """The change that least squares expects between two answers of one length; interval by jackknife over questions.

    `lengths` are candidate minus baseline, characters. Answers that all differ by the same length tell nothing of
    their own: missing. Stands beside the raw change and never decides.
    """
    cells = sorted(changes.keys() & lengths.keys())

    def compute() -> Estimate:
        units = sorted({cell.unit for cell in cells})
        if len(units) < FEWEST_QUESTIONS:
            raise TooFewData(f"{measure} (questions)", len(units), FEWEST_QUESTIONS)
        gaps = np.array([lengths[cell] for cell in cells], dtype=np.float64)
        if gaps.std() <= 0:
            return Estimate(measure, "questions", len(units), missing=Cause(Kind.EQUAL_LENGTH_CHANGES))
        x = np.tanh(gaps / gaps.std())
        y = np.array([changes[cell] for cell in cells])
        place = {unit: index for index, unit in enumerate(units)}
        return _intercept(measure, x, y, np.array([place[cell.unit] for cell in cells]))

    return estimate_or_missing(measure, "questions", compute, len(changes) - len(cells))


def _intercept(measure: str, x: Floats, y: Floats, unit: np.ndarray) -> Estimate:
    """The line's height at x = 0, with the jackknife's error over units; t has units - 2 degrees of freedom."""
    n = int(unit.max()) + 1
    columns = np.column_stack([np.ones_like(x), x, y, x * x, x * y])
    sums = np.array([np.bincount(unit, column, minlength=n) for column in columns.T])
    whole = sums.sum(axis=1)
    value = float(_height(whole[:, np.newaxis])[0])
    rest = _height(whole[:, np.newaxis] - sums)
    error = float(np.sqrt((n - 1) / n * ((rest - rest.mean()) ** 2).sum()))
    if not np.isfinite(rest).all() or error <= 1e-12:
        why = Kind.NO_LENGTH_VARIATION if error <= 1e-12 else Kind.ONE_QUESTION_VARIES
        return Estimate(measure, "questions", n, missing=Cause(why))

    def bound(alpha: float, side: int) -> float:
        reach = student_quantile(alpha, n - 2) * error
        return value - reach if side == 0 else value + reach

    return Estimate(
        measure=measure,
        unit="questions",
        n=n,
        value=value,
        interval=(bound(ALPHA / 2, 0), bound(ALPHA / 2, 1)),
        lower_bounds=(bound(ALPHA, 0),),
        upper_bounds=(bound(ALPHA, 1),),
        sd=error * float(np.sqrt(n)),
        mde=minimum_detectable_effect(error * float(np.sqrt(n)), n),
        settings="least squares on tanh(length difference / its SD), jackknife over questions",
    )


def _height(sums: Floats) -> Floats:
    """Intercepts of lines from sums of 1, x, y, x², xy: (5, lines) → (lines,)."""
    count, x, y, squares, products = sums
    spread = count * squares - x * x
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((squares * y - x * products) / np.where(spread > 1e-12 * count * count, spread, np.nan))
