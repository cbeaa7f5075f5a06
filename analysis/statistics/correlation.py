"""One correlation: coefficient, interval, permutation p, leave-one-out range; row by row for resampled values.

In: values of two measures, one per candidate. Out: numbers. The room correlations/ says what is correlated with what.
Source: Bonett and Wright 2000 (interval of Spearman), Fieller 1957 (Kendall), Fisher z (Pearson); Williams 1959 as
Steiger 1980 gives it (two correlations that share a variable); scipy's own advice to permute below some hundred points.
"""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate
from analysis.statistics.resampling import RESAMPLES, Floats

METHODS = ("spearman", "kendall", "pearson")
MOST_ORDERS = math.factorial(8)
FEWEST_POINTS = 3
MOST_VALUES = 1_000_000
Z_95 = float(stats.norm.ppf(0.975))
Orders = NDArray[np.int64]


def coefficient(method: str, x: Floats, y: Floats) -> float | None:
    """The coefficient (Kendall's is tau-b); None where a side does not vary."""
    if len(x) < 2 or not (np.ptp(x) and np.ptp(y)):
        return None
    return float((unit_rows(method, x[np.newaxis]) * unit_rows(method, y[np.newaxis])).sum())


def unit_rows(method: str, rows: Floats) -> Floats:
    """Rows of length one whose products are the coefficient: (rows, n) → (rows, n or pairs); NaN without variation."""
    if method == "kendall":
        return _pair_signs(rows)
    values = stats.rankdata(rows, axis=1) if method == "spearman" else rows
    centered = values - values.mean(axis=1, keepdims=True)
    length = np.sqrt((centered * centered).sum(axis=1, keepdims=True))
    flat = length <= 1e-12 * np.maximum(1e-300, np.abs(rows).max(axis=1, keepdims=True, initial=0))
    return np.asarray(centered / np.where(flat, np.nan, length))


def _pair_signs(rows: Floats) -> Floats:
    """Which of each pair of points is higher, scaled to length one; from small ranks, as memory costs most."""
    left, right = np.triu_indices(rows.shape[1], k=1)
    unknown = np.asarray(np.isnan(rows).any(axis=1))
    ranks = stats.rankdata(np.where(unknown[:, np.newaxis], 0, rows), axis=1, method="dense").astype(np.int16)
    columns = np.ascontiguousarray(ranks.T)
    signs = np.sign(columns[left] - columns[right]).astype(np.int8)
    untied = np.count_nonzero(signs, axis=0)
    return np.asarray((signs / np.where(unknown | (untied == 0), np.nan, np.sqrt(untied))).T)


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


def rank_correlation(xs: Sequence[float], ys: Sequence[float]) -> Estimate:
    """Spearman's coefficient over candidates, and Fisher's interval for other candidates."""
    x, y, n = np.array(xs), np.array(ys), len(xs)
    if n < FEWEST_POINTS:
        return Estimate("spearman", "candidates", n, missing=Cause(Kind.TOO_FEW_DATA), needs=FEWEST_POINTS)
    rho = coefficient("spearman", x, y)
    if rho is None:
        return Estimate("spearman", "candidates", n, missing=Cause(Kind.SIDE_IS_CONSTANT))
    ends = fisher_interval("spearman", rho, n)
    return Estimate("spearman", "candidates", n, rho, ends, None if ends else Cause(Kind.TOO_FEW))


def orders(groups: Sequence[str], generator: np.random.Generator) -> tuple[Orders, bool]:
    """Orders of the points that keep each in its group: all of them up to 8!, else 10,000 seeded ones; and if all."""
    places = [np.flatnonzero([each == name for each in groups]) for name in dict.fromkeys(groups)]
    count = math.prod(math.factorial(len(group)) for group in places)
    exact = count <= MOST_ORDERS
    rows = count if exact else RESAMPLES
    found = np.tile(np.arange(len(groups)), (rows, 1))
    if exact:
        for row, parts in enumerate(itertools.product(*(itertools.permutations(group) for group in places))):
            for group, part in zip(places, parts, strict=True):
                found[row, group] = part
    else:
        for group in places:
            found[:, group] = generator.permuted(np.tile(group, (rows, 1)), axis=1)
    return found, exact


def permutation_ps(method: str, xs: Floats, y: Floats, permuted: tuple[Orders, bool]) -> tuple[list[float], str]:
    """Two-sided p of each row of xs (predictors, n) over orders of y; and which orders these are."""
    found, exact = permuted
    units = unit_rows(method, xs).T
    own = unit_rows(method, y[np.newaxis])[0]
    observed, extreme = np.abs(own @ units), np.zeros(len(xs), dtype=np.int64)
    for chunk in chunks(len(found), len(y)):
        rows = unit_rows(method, y[found[chunk]]) if method == "kendall" else own[found[chunk]]
        extreme += (np.abs(rows @ units) >= observed - 1e-9).sum(axis=0)
    if exact:
        return [int(count) / len(found) for count in extreme], "exact permutation"
    return [(1 + int(count)) / (1 + len(found)) for count in extreme], f"{len(found)} permutations"


def row_coefficients(method: str, xs: Sequence[Floats], ys: Sequence[Floats]) -> Floats:
    """The coefficient of each x with each y in each resample; each (resamples, n) → (xs, ys, resamples)."""
    rows, points = ys[0].shape
    found = np.empty((len(xs), len(ys), rows))
    for chunk in chunks(rows, points):
        own = [unit_rows(method, y[chunk]) for y in ys]
        for row, x in enumerate(xs):
            units = unit_rows(method, x[chunk])
            for column, y in enumerate(own):
                found[row, column, chunk] = np.einsum("ij,ij->i", units, y)
    return found


def chunks(rows: int, points: int) -> Iterator[slice]:
    """Slices of rows, so that the pairs of points in one fit into some ten megabytes."""
    step = max(64, MOST_VALUES // max(1, points * (points - 1) // 2))
    yield from (slice(at, at + step) for at in range(0, rows, step))


def leave_one_out(method: str, x: Floats, y: Floats) -> tuple[float, float] | None:
    """Smallest and largest coefficient with one point left out; None where leaving one out leaves no variation."""
    if len(x) <= FEWEST_POINTS:
        return None
    rest = [np.arange(len(x)) != index for index in range(len(x))]
    found = [coefficient(method, x[keep], y[keep]) for keep in rest]
    known = [value for value in found if value is not None]
    return (min(known), max(known)) if len(known) == len(found) else None


def partial(xy: float, xz: float, yz: float) -> float | None:
    """The correlation of x and y given z, from the three; None where z explains one of them wholly."""
    rest = (1 - xz * xz) * (1 - yz * yz)
    return float(np.clip((xy - xz * yz) / math.sqrt(rest), -1, 1)) if rest > 1e-12 else None


def williams_p(first: float, second: float, between: float, n: int) -> float | None:
    """Two-sided p that two correlations with one outcome are equal; `between` is that of the two predictors.

    None for fewer than four points, or where the formula has no finite value (a perfect correlation). The test is
    Pearson's; on ranks it is an approximation.
    """
    if n < 4 or max(map(abs, (first, second, between))) > 1 - 1e-9:
        return None
    determinant = 1 - first**2 - second**2 - between**2 + 2 * first * second * between
    mean = (first + second) / 2
    spread = 2 * (n - 1) / (n - 3) * determinant + mean**2 * (1 - between) ** 3
    if spread <= 1e-12:
        return None
    t = (first - second) * math.sqrt((n - 1) * (1 + between) / spread)
    return float(2 * stats.t.sf(abs(t), n - 3))
