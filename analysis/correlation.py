"""Correlation across candidates: do flips, KL or accuracy say how much worse a candidate writes?

In: one outcome and one predictor value a candidate. Out: Spearman, Kendall and Pearson with permutation p.
Source: Bonett and Wright 2000 (interval of Spearman), Fieller 1957 (Kendall), Fisher z (Pearson);
scipy's own advice to permute below some hundred points.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.estimates import Estimate, estimate_or_missing
from analysis.resampling import RESAMPLES, Floats
from ledger.errors import TooFewData

EXACT_POINTS = 8
FEWEST_POINTS = 3
Z_95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Correlation:
    """One coefficient between an outcome and a predictor; its n, interval and p belong together.

    `leave_one_out` is the range of the coefficient when any one candidate is left out. `descriptive` is true where
    the candidates come from several families, so that the pooled p has no clear meaning.
    """

    outcome: str
    predictor: str
    method: str
    coefficient: Estimate
    p: float | None
    p_method: str
    leave_one_out: tuple[float, float] | None
    descriptive: bool


def correlations(
    outcome: str,
    predictor: str,
    points: Sequence[tuple[float, float]],
    families: Sequence[str],
    generator: np.random.Generator,
) -> tuple[Correlation, ...]:
    """Spearman, Kendall and Pearson between predictor and outcome; points: (candidates, 2) predictor, outcome.

    Fewer than three candidates, or a side without variation, give named missing rows.
    """
    order = sorted(range(len(points)), key=lambda index: points[index])
    x, y = (np.array([points[index][side] for index in order], dtype=np.float64) for side in (0, 1))
    descriptive = len(set(families)) > 1
    rows = []
    for method in METHODS:
        estimate = estimate_or_missing(method, "candidates", _estimator(method, x, y, outcome, predictor))
        known = estimate.value is not None
        p, p_method = permutation_p(method, x, y, generator) if known else (None, "")
        loo = leave_one_out(method, x, y) if known else None
        rows.append(Correlation(outcome, predictor, method, estimate, p, p_method, loo, descriptive))
    return tuple(rows)


def coefficient(method: str, x: Floats, y: Floats) -> float | None:
    """The coefficient (Kendall's is tau-b); None where a side does not vary."""
    if len(x) < 2 or not (np.ptp(x) and np.ptp(y)):
        return None
    return float(_paired_products(method, x, y[np.newaxis])[0])


def fisher_interval(method: str, r: float, n: int) -> tuple[float, float] | None:
    """95 % interval by Fisher's z; None for too few points (Spearman, Pearson: under 4; Kendall: under 5).

    A perfect r has no finite z: for ranks it is moved half a step toward the next value that n points can have; for
    Pearson there is no such step and no interval.
    """
    least = 5 if method == "kendall" else 4
    if n < least:
        return None
    steps = {"spearman": 6 / (n * (n * n - 1)), "kendall": 2 / (n * (n - 1)), "pearson": 0.0}
    edge = min(abs(r), 1 - steps[method])
    if edge >= 1 - 1e-12:
        return None
    variances = {"spearman": (1 + r * r / 2) / (n - 3), "kendall": 0.437 / (n - 4 or 1), "pearson": 1 / (n - 3)}
    middle, reach = math.copysign(math.atanh(edge), r), Z_95 * math.sqrt(variances[method])
    low, high = math.tanh(middle - reach), math.tanh(middle + reach)
    return (low if r > -1 + 1e-12 else -1.0, high if r < 1 - 1e-12 else 1.0)


def permutation_p(method: str, x: Floats, y: Floats, generator: np.random.Generator) -> tuple[float, str]:
    """Two-sided p over all orders of y for n ≤ 8, else over 10,000 seeded ones; and which of the two it was."""
    n = len(x)
    exact = n <= EXACT_POINTS
    if exact:
        orders = np.array(list(itertools.permutations(range(n))))
    else:
        orders = generator.permuted(np.tile(np.arange(n), (RESAMPLES, 1)), axis=1)
    observed = abs(float(_paired_products(method, x, y[np.newaxis])[0]))
    extreme = int((np.abs(_paired_products(method, x, y[orders])) >= observed - 1e-9).sum())
    if exact:
        return extreme / len(orders), "exact permutation"
    return (1 + extreme) / (1 + len(orders)), f"{len(orders)} permutations"


def leave_one_out(method: str, x: Floats, y: Floats) -> tuple[float, float] | None:
    """Smallest and largest coefficient with one point left out; None where leaving one out leaves no variation."""
    if len(x) <= FEWEST_POINTS:
        return None
    rest = [np.arange(len(x)) != index for index in range(len(x))]
    found = [coefficient(method, x[keep], y[keep]) for keep in rest]
    known = [value for value in found if value is not None]
    return (min(known), max(known)) if len(known) == len(found) else None


def _estimator(method: str, x: Floats, y: Floats, outcome: str, predictor: str) -> Callable[[], Estimate]:
    def compute() -> Estimate:
        n = len(x)
        if n < FEWEST_POINTS:
            raise TooFewData(f"correlation of {outcome} with {predictor} (candidates)", n, FEWEST_POINTS)
        value = coefficient(method, x, y)
        if value is None:
            still = predictor if not np.ptp(x) else outcome
            return Estimate(method, "candidates", n, missing=f"{still} is the same for all {n} candidates")
        interval = fisher_interval(method, value, n)
        why = None if interval else "too few points, or a perfect line"
        return Estimate(method, "candidates", n, value, interval, why, settings=f"{method}, Fisher z interval")

    return compute


def _paired_products(method: str, x: Floats, ys: Floats) -> Floats:
    """The coefficient of x with each row of ys: (n,), (rows, n) → (rows,)."""
    if method == "kendall":
        x_side = _pair_signs(x[np.newaxis])[0]
        y_side = _pair_signs(ys)
        scale = np.sqrt((x_side**2).sum() * (y_side**2).sum(axis=1))
        return np.asarray(y_side @ x_side / scale)
    if method == "spearman":
        x, ys = stats.rankdata(x), stats.rankdata(ys, axis=1)
    a, b = x - x.mean(), ys - ys.mean(axis=1, keepdims=True)
    return np.asarray(b @ a / np.sqrt((a @ a) * (b * b).sum(axis=1)))


def _pair_signs(rows: Floats) -> Floats:
    """Sign of the difference of every pair of columns: (rows, n) → (rows, pairs)."""
    left, right = np.triu_indices(rows.shape[1], k=1)
    return np.sign(rows[:, left] - rows[:, right])


METHODS = ("spearman", "kendall", "pearson")
