"""Do flips and KL say more than accuracy does?

In: the candidates' measures. Out: what a predictor says with accuracy_change held constant, and how much stronger its
correlation with a judged change is than that of accuracy_change.
Source: Williams 1959 as Steiger 1980 gives it, over candidates; a bootstrap over questions and items beside it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.correlations.across_candidates import Candidates, Chance, Interval, percentiles
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.correlation import FEWEST_POINTS, coefficient, fisher_interval, partial, williams_p
from analysis.statistics.estimates import Estimate, estimate_or_missing
from analysis.statistics.resampling import Floats
from ledger.errors import TooFewData

GIVEN = "accuracy_change"


@dataclass(frozen=True)
class Partial:
    """Spearman's coefficient of outcome and predictor with accuracy_change held constant."""

    outcome: str
    predictor: str
    coefficient: Estimate


@dataclass(frozen=True)
class Stronger:
    """Whether a predictor's correlation with an outcome is stronger than that of accuracy_change.

    `difference` is of Spearman's absolute values, `bootstrap` its interval over questions and items, `p` Williams' test
    over candidates; `missing` says why there is none.
    """

    outcome: str
    predictor: str
    n: int
    difference: float | None
    bootstrap: Interval | None
    p: float | None
    missing: Cause | None


def partials(candidates: Candidates, outcome: str, predictors: Sequence[str]) -> Iterator[Partial]:
    """Each predictor but accuracy_change itself, given accuracy_change."""
    for predictor in predictors:
        if predictor == GIVEN:
            continue
        keep = candidates.known(outcome, predictor, GIVEN)
        x, y, z = (candidates.values[name][keep] for name in (predictor, outcome, GIVEN))
        yield Partial(outcome, predictor, estimate_or_missing("spearman", "candidates", _partial(x, y, z)))


def stronger(candidates: Candidates, outcome: str, predictors: Sequence[str], chance: Chance) -> Iterator[Stronger]:
    """Each predictor against accuracy_change as a predictor of the same outcome."""
    for predictor in predictors:
        if predictor != GIVEN:
            yield _stronger(candidates, outcome, predictor, chance)


def _partial(x: Floats, y: Floats, z: Floats) -> Callable[[], Estimate]:
    def compute() -> Estimate:
        n = len(x)
        if n < FEWEST_POINTS + 1:
            raise TooFewData("partial correlation (candidates)", n, FEWEST_POINTS + 1)
        xy, xz, yz = (coefficient("spearman", *pair) for pair in ((x, y), (x, z), (y, z)))
        value = None if xy is None or xz is None or yz is None else partial(xy, xz, yz)
        if value is None:
            why = Cause(Kind.CONSTANT_OR_SAME_ORDER, GIVEN, numbers={"n": n})
            return Estimate("spearman", "candidates", n, missing=why)
        interval = fisher_interval("spearman", value, n - 1)
        return Estimate(
            "spearman",
            "candidates",
            n,
            value,
            interval,
            None if interval else Cause(Kind.TOO_FEW, names={"unit": "points"}),
        )

    return compute


def _stronger(candidates: Candidates, outcome: str, predictor: str, chance: Chance) -> Stronger:
    keep = candidates.known(outcome, predictor, GIVEN)
    n = int(keep.sum())
    x, y, z = (candidates.values[name][keep] for name in (predictor, outcome, GIVEN))
    xy, zy, xz = (coefficient("spearman", *pair) if n > 1 else None for pair in ((x, y), (z, y), (x, z)))
    if n < FEWEST_POINTS + 1 or xy is None or zy is None or xz is None:
        least = FEWEST_POINTS + 1
        few = Cause(Kind.FEWER_THAN_NEEDED, numbers={"have": n, "need": least}, names={"unit": "candidates"})
        why = few if n < least else Cause(Kind.A_MEASURE_IS_CONSTANT)
        return Stronger(outcome, predictor, n, None, None, None, why)
    # Both correlations turned positive, so that their strengths are compared and not their signs.
    turn = np.sign(xy) * np.sign(zy) or 1.0
    p = williams_p(abs(xy), abs(zy), float(turn * xz), n)
    chance.coefficients(candidates, keep, outcome, [predictor, GIVEN], "spearman")
    rows = [chance.found.get((keep.tobytes(), "spearman", outcome, name)) for name in (predictor, GIVEN)]
    drawn = None if rows[0] is None or rows[1] is None else np.abs(rows[0]) - np.abs(rows[1])
    return Stronger(outcome, predictor, n, abs(xy) - abs(zy), percentiles(drawn), p, None)
