"""The random draws behind bootstrap intervals and permutation tests, drawn once for each number of units.

In: a number of units and a seeded generator. Out: how often each unit stands in each resample, and signs.
One draw is shared by all models and measures of n units: candidates see the same resampled questions, and 34 models
cost a few matrix products.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

RESAMPLES = 10_000
MOST_UNITS = 2_000
CHUNK_RESAMPLES = 1_000


@dataclass(frozen=True)
class Resampling:
    """`counts[b, i]`: how often unit i stands in resample b; `signs[b, i]`: -1 or 1; `exact`: all sign patterns."""

    n: int
    counts: NDArray[np.uint16]
    signs: NDArray[np.int8]
    exact: bool

    def totals(self, columns: Floats) -> Floats:
        """Sums over resampled units; columns: (units, measures) → (resamples, measures)."""
        return _products(self.counts, columns)

    def signed_totals(self, sums: Floats) -> Floats:
        """Totals of sums (units,) under each sign pattern; (patterns,)."""
        return _products(self.signs, sums)


def resampling(n: int, generator: np.random.Generator, resamples: int = RESAMPLES) -> Resampling:
    """Draw resamples of n units with replacement, and sign patterns.

    All 2**n sign patterns stand there once where they are no more than the resamples; then `exact` is true.
    """
    picks = generator.integers(0, n, size=(resamples, n))
    rows = np.arange(resamples)[:, np.newaxis] * n
    counts = np.bincount((picks + rows).ravel(), minlength=resamples * n).reshape(resamples, n).astype(np.uint16)
    exact = n < 63 and 2**n <= resamples
    if exact:
        bits = (np.arange(2**n)[:, np.newaxis] >> np.arange(n)) & 1
    else:
        bits = generator.integers(0, 2, size=(resamples, n), dtype=np.int8)
    return Resampling(n, counts, (2 * bits - 1).astype(np.int8), exact)


def _products(rows: NDArray[np.uint16] | NDArray[np.int8], columns: Floats) -> Floats:
    """The matrix product, by chunks in floating point: integer matrices have no fast one."""
    starts = range(0, len(rows), CHUNK_RESAMPLES)
    return np.concatenate([rows[start : start + CHUNK_RESAMPLES].astype(np.float64) @ columns for start in starts])


@dataclass
class Resamplings:
    """One Resampling for each n, made when first asked for; the seed and n alone decide it, not the order of asking."""

    seed: int
    resamples: int = RESAMPLES
    made: dict[int, Resampling] = field(default_factory=dict)

    def of(self, n: int) -> Resampling | None:
        """The draws for n units; None where there is nothing to resample (n < 2) or n is so large that t is exact."""
        if not 2 <= n <= MOST_UNITS:
            return None
        if n not in self.made:
            self.made[n] = resampling(n, self.generator(n), self.resamples)
        return self.made[n]

    def generator(self, salt: int) -> np.random.Generator:
        """A generator that the review's seed and this number decide."""
        return np.random.default_rng([abs(self.seed), int(self.seed < 0), salt])
