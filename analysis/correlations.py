"""Do the measures agree? Judged changes against flips, KL and accuracy, across candidates.

In: each candidate's outcomes and predictors, and their values in every resample. Out: coefficients with two intervals
(Fisher's, for the choice of candidates; the bootstrap's, for the noise of questions and items), permutation p, what
remains given accuracy_change, and whether flips say more than accuracy does.
Source: DESIGN section 5; reference/paper.md 6.5.

Candidates of one family (bits, layers, noise) are exchangeable, those of several are not: with several the pooled p is
descriptive, and a second p permutes within families only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.correlation import (
    FEWEST_POINTS,
    METHODS,
    Orders,
    coefficient,
    fisher_interval,
    leave_one_out,
    orders,
    partial,
    permutation_ps,
    row_coefficients,
    williams_p,
)
from analysis.estimates import Estimate, estimate_or_missing
from analysis.resampling import Bools, Floats
from ledger.errors import TooFewData

GIVEN = "accuracy_change"
ALL = "all"
MOST_LOST = 0.05
Interval = tuple[float, float]


@dataclass(frozen=True)
class Candidates:
    """The candidates of a review: `values` by measure, (candidates,), NaN where not measured; `resampled` likewise,
    (resamples, candidates), where the units of a measure could be resampled.
    """

    families: tuple[str, ...]
    values: Mapping[str, Floats]
    resampled: Mapping[str, Floats]

    def known(self, *measures: str) -> Bools:
        """Which candidates have all these measures, (candidates,)."""
        return np.asarray(np.isfinite(np.array([self.values[each] for each in measures])).all(axis=0))

    def part(self, keep: Bools) -> "Candidates":
        """Some of the candidates."""
        return Candidates(
            tuple(name for name, held in zip(self.families, keep, strict=True) if held),
            {name: column[keep] for name, column in self.values.items()},
            {name: rows[:, keep] for name, rows in self.resampled.items()},
        )


@dataclass(frozen=True)
class Correlation:
    """One coefficient between an outcome and a predictor; its n, intervals and p belong together.

    `scope` is `all` or a family. `bootstrap` is the interval over resampled questions and items. `leave_one_out` is the
    range of the coefficient when any one candidate is left out. `descriptive` is true where the candidates come from
    several families, so that the pooled p has no clear meaning; `within_p` then permutes within families.
    """

    outcome: str
    predictor: str
    method: str
    scope: str
    coefficient: Estimate
    bootstrap: Interval | None
    p: float | None
    p_method: str
    within_p: float | None
    leave_one_out: Interval | None
    descriptive: bool


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
    missing: str | None


@dataclass
class Permutations:
    """Orders of the candidates, made once for each set of families; chance comes from `generator` alone."""

    generator: Callable[[], np.random.Generator]
    made: dict[tuple[str, ...], tuple[Orders, bool]] = field(default_factory=dict)

    def of(self, families: tuple[str, ...]) -> tuple[Orders, bool]:
        """Orders that keep each candidate in its family."""
        if families not in self.made:
            self.made[families] = orders(families, self.generator())
        return self.made[families]


def correlations(
    candidates: Candidates, outcome: str, predictors: Sequence[str], permutations: Permutations
) -> Iterator[Correlation]:
    """Every predictor against one outcome by every method: over all candidates, then within each family of three.

    The order of the candidates changes nothing. Fewer than three, or a side without variation, give named missing rows.
    """
    yield from _scope(ALL, candidates, outcome, predictors, permutations)
    names = sorted(set(candidates.families))
    for family in names if len(names) > 1 else ():
        member = np.array([each == family for each in candidates.families])
        part = candidates.part(member)
        if part.known(outcome).sum() >= FEWEST_POINTS:
            yield from _scope(family or "no family", part, outcome, predictors, permutations)


def partials(candidates: Candidates, outcome: str, predictors: Sequence[str]) -> Iterator[Partial]:
    """Each predictor but accuracy_change itself, given accuracy_change."""
    for predictor in predictors:
        if predictor == GIVEN:
            continue
        keep = candidates.known(outcome, predictor, GIVEN)
        x, y, z = (candidates.values[name][keep] for name in (predictor, outcome, GIVEN))
        yield Partial(outcome, predictor, estimate_or_missing("spearman", "candidates", _partial(x, y, z)))


def stronger(candidates: Candidates, outcome: str, predictors: Sequence[str]) -> Iterator[Stronger]:
    """Each predictor against accuracy_change as a predictor of the same outcome."""
    for predictor in predictors:
        if predictor != GIVEN:
            yield _stronger(candidates.part(candidates.known(outcome, predictor, GIVEN)), outcome, predictor)


def _scope(
    scope: str, candidates: Candidates, outcome: str, predictors: Sequence[str], permutations: Permutations
) -> Iterator[Correlation]:
    """Predictors that the same candidates have are computed together."""
    groups: dict[bytes, list[str]] = {}
    for predictor in predictors:
        groups.setdefault(candidates.known(outcome, predictor).tobytes(), []).append(predictor)
    found: dict[tuple[str, str], Correlation] = {}
    for names in groups.values():
        part = _ordered(candidates.part(candidates.known(outcome, names[0])), outcome, names)
        for method in METHODS:
            found |= {(name, method): row for name, row in _rows(scope, part, outcome, names, method, permutations)}
    yield from (found[name, method] for name in predictors for method in METHODS)


def _ordered(part: Candidates, outcome: str, names: Sequence[str]) -> Candidates:
    """The candidates in the order of their values, so that the config's order cannot change a permutation's p."""
    place = np.lexsort([*(part.values[name] for name in names[::-1]), part.values[outcome], np.array(part.families)])
    return Candidates(
        tuple(part.families[index] for index in place),
        {name: column[place] for name, column in part.values.items()},
        {name: rows[:, place] for name, rows in part.resampled.items()},
    )


def _rows(
    scope: str, part: Candidates, outcome: str, names: Sequence[str], method: str, permutations: Permutations
) -> Iterator[tuple[str, Correlation]]:
    y, several = part.values[outcome], len(set(part.families)) > 1
    estimates = {
        name: estimate_or_missing(method, "candidates", _estimator(method, part.values[name], y, outcome, name))
        for name in names
    }
    known = [name for name in names if estimates[name].value is not None]
    pooled, how = dict.fromkeys(known, 1.0), ""
    within: dict[str, float] = {}
    if known:
        xs = np.array([part.values[name] for name in known])
        found, how = permutation_ps(method, xs, y, permutations.of(("",) * len(y)))
        pooled = dict(zip(known, found, strict=True))
        if several:
            within = dict(zip(known, permutation_ps(method, xs, y, permutations.of(part.families))[0], strict=True))
    ends = _bootstraps(part, outcome, known, method)
    for name in names:
        measured = name in known
        yield (
            name,
            Correlation(
                outcome=outcome,
                predictor=name,
                method=method,
                scope=scope,
                coefficient=estimates[name],
                bootstrap=ends.get(name),
                p=pooled.get(name),
                p_method=how if measured else "",
                within_p=within.get(name),
                leave_one_out=leave_one_out(method, part.values[name], y) if measured else None,
                descriptive=several,
            ),
        )


def _bootstraps(part: Candidates, outcome: str, names: Sequence[str], method: str) -> dict[str, Interval]:
    drawn = [name for name in names if name in part.resampled]
    if outcome not in part.resampled or not drawn:
        return {}
    found = row_coefficients(method, [part.resampled[name] for name in drawn], part.resampled[outcome])
    ends = {name: _percentiles(row) for name, row in zip(drawn, found, strict=True)}
    return {name: each for name, each in ends.items() if each}


def _percentiles(values: Floats) -> Interval | None:
    """2.5 and 97.5 %; None where more than one resample in twenty has no coefficient."""
    kept = values[np.isfinite(values)]
    if len(kept) < (1 - MOST_LOST) * len(values) or not len(kept):
        return None
    low, high = np.quantile(kept, (0.025, 0.975))
    return float(np.clip(low, -1, 1)), float(np.clip(high, -1, 1))


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


def _partial(x: Floats, y: Floats, z: Floats) -> Callable[[], Estimate]:
    def compute() -> Estimate:
        n = len(x)
        if n < FEWEST_POINTS + 1:
            raise TooFewData("partial correlation (candidates)", n, FEWEST_POINTS + 1)
        xy, xz, yz = (coefficient("spearman", *pair) for pair in ((x, y), (x, z), (y, z)))
        value = None if xy is None or xz is None or yz is None else partial(xy, xz, yz)
        if value is None:
            why = f"a measure is the same for all {n} candidates, or {GIVEN} orders them as the other does"
            return Estimate("spearman", "candidates", n, missing=why)
        interval = fisher_interval("spearman", value, n - 1)
        return Estimate("spearman", "candidates", n, value, interval, None if interval else "too few points")

    return compute


def _stronger(part: Candidates, outcome: str, predictor: str) -> Stronger:
    n = len(part.families)
    x, y, z = (part.values[name] for name in (predictor, outcome, GIVEN))
    xy, zy, xz = (coefficient("spearman", *pair) if n > 1 else None for pair in ((x, y), (z, y), (x, z)))
    if n < FEWEST_POINTS + 1 or xy is None or zy is None or xz is None:
        why = f"{n} candidates, needs {FEWEST_POINTS + 1}" if n <= FEWEST_POINTS else "a measure does not vary"
        return Stronger(outcome, predictor, n, None, None, None, why)
    # Both correlations turned positive, so that their strengths are compared and not their signs.
    turn = np.sign(xy) * np.sign(zy) or 1.0
    p = williams_p(abs(xy), abs(zy), float(turn * xz), n)
    ends = None
    if {outcome, predictor, GIVEN} <= part.resampled.keys():
        drawn = [part.resampled[name] for name in (predictor, GIVEN)]
        first, second = np.abs(row_coefficients("spearman", drawn, part.resampled[outcome]))
        ends = _difference(first - second)
    return Stronger(outcome, predictor, n, abs(xy) - abs(zy), ends, p, None)


def _difference(values: Floats) -> Interval | None:
    kept = values[np.isfinite(values)]
    if len(kept) < (1 - MOST_LOST) * len(values) or not len(kept):
        return None
    low, high = np.quantile(kept, (0.025, 0.975))
    return float(low), float(high)
