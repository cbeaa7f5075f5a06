"""Do the measures agree? Judged changes against flips, KL and accuracy, across candidates.

In: each candidate's outcomes and predictors, and their values in every resample. Out: coefficients with two intervals
(Fisher's, for the choice of candidates; the bootstrap's, for the noise of questions and items) and permutation p.
Source: DESIGN section 5; those of each coefficient stand in correlation.py.

Candidates of one family (bits, layers, noise) are exchangeable, those of several are not: with several the pooled p is
descriptive, and a second p permutes within families only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.correlation import (
    FEWEST_POINTS,
    METHODS,
    Orders,
    coefficient,
    fisher_interval,
    leave_one_out,
    orders,
    permutation_ps,
    row_coefficients,
)
from analysis.statistics.estimates import Estimate, estimate_or_missing
from analysis.statistics.multiple_testing import benjamini_hochberg
from analysis.statistics.resampling import Bools, Floats
from ledger.errors import TooFewData

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
    several families, so that the pooled p has no clear meaning; `within_p` then permutes within families. The
    `adjusted` p are Benjamini and Hochberg's over the grid of the scope.
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
    adjusted_p: float | None = None
    adjusted_within_p: float | None = None


@dataclass
class Chance:
    """What is drawn once and used by many rows: orders of the candidates, and coefficients in every resample.

    `outcomes` are those that will be asked for; chance comes from `generator` alone.
    """

    generator: Callable[[], np.random.Generator]
    outcomes: tuple[str, ...]
    made: dict[tuple[str, ...], tuple[Orders, bool]] = field(default_factory=dict)
    found: dict[tuple[bytes, str, str, str], Floats] = field(default_factory=dict)

    def of(self, families: tuple[str, ...]) -> tuple[Orders, bool]:
        """Orders that keep each candidate in its family."""
        if families not in self.made:
            self.made[families] = orders(families, self.generator())
        return self.made[families]

    def coefficients(
        self, candidates: Candidates, keep: Bools, outcome: str, names: Sequence[str], method: str
    ) -> None:
        """Fill `found` for some candidates: (keep, method, outcome, predictor) → (resamples,).

        Ranking and comparing is what costs: each measure is ranked once for all outcomes that these candidates have.
        """
        key, rows = keep.tobytes(), candidates.resampled
        wanted = [name for name in names if name in rows and (key, method, outcome, name) not in self.found]
        if outcome not in rows or not wanted or not keep.any():
            return
        held = [each for each in self.outcomes if each in rows and candidates.known(each)[keep].all()]
        made = row_coefficients(
            method, [rows[name][:, keep] for name in wanted], [rows[each][:, keep] for each in held]
        )
        for name, by_outcome in zip(wanted, made, strict=True):
            self.found |= {(key, method, each, name): row for each, row in zip(held, by_outcome, strict=True)}


def correlations(
    candidates: Candidates, outcome: str, predictors: Sequence[str], chance: Chance
) -> Iterator[Correlation]:
    """Every predictor against one outcome by every method: over all candidates, then within each family of three.

    The order of the candidates changes nothing. Fewer than three, or a side without variation, give named missing rows.
    """
    yield from _scope(ALL, candidates, np.ones(len(candidates.families), dtype=bool), outcome, predictors, chance)
    names = sorted(set(candidates.families))
    for family in names if len(names) > 1 else ():
        member = np.array([each == family for each in candidates.families])
        if candidates.known(outcome)[member].sum() >= FEWEST_POINTS:
            yield from _scope(family or "no family", candidates, member, outcome, predictors, chance)


def grid_adjusted(rows: Sequence[Correlation]) -> tuple[Correlation, ...]:
    """The rows with the adjusted p of their scope's grid: every outcome, predictor and method that was measured."""
    found = list(rows)
    for scope in dict.fromkeys(row.scope for row in rows):
        grid = [place for place, row in enumerate(found) if row.scope == scope]
        pooled = benjamini_hochberg([found[place].p for place in grid])
        within = benjamini_hochberg([found[place].within_p for place in grid])
        for place, p, within_p in zip(grid, pooled, within, strict=True):
            found[place] = replace(found[place], adjusted_p=p, adjusted_within_p=within_p)
    return tuple(found)


def _scope(
    scope: str, candidates: Candidates, member: Bools, outcome: str, predictors: Sequence[str], chance: Chance
) -> Iterator[Correlation]:
    """Predictors that the same candidates have are computed together."""
    groups: dict[bytes, list[str]] = {}
    for predictor in predictors:
        groups.setdefault((member & candidates.known(outcome, predictor)).tobytes(), []).append(predictor)
    found: dict[tuple[str, str], Correlation] = {}
    for key, names in groups.items():
        keep = np.frombuffer(key, dtype=bool)
        part = _ordered(candidates.part(keep), outcome, names)
        for method in METHODS:
            chance.coefficients(candidates, keep, outcome, names, method)
            ends = {name: percentiles(chance.found.get((key, method, outcome, name))) for name in names}
            found |= {(name, method): row for name, row in _rows(scope, part, outcome, ends, method, chance)}
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
    scope: str, part: Candidates, outcome: str, ends: Mapping[str, Interval | None], method: str, chance: Chance
) -> Iterator[tuple[str, Correlation]]:
    y, several, names = part.values[outcome], len(set(part.families)) > 1, list(ends)
    estimates = {
        name: estimate_or_missing(method, "candidates", _estimator(method, part.values[name], y, outcome, name))
        for name in names
    }
    known = [name for name in names if estimates[name].value is not None]
    pooled, how = dict.fromkeys(known, 1.0), ""
    within: dict[str, float] = {}
    if known:
        xs = np.array([part.values[name] for name in known])
        found, how = permutation_ps(method, xs, y, chance.of(("",) * len(y)))
        pooled = dict(zip(known, found, strict=True))
        if several:
            within = dict(zip(known, permutation_ps(method, xs, y, chance.of(part.families))[0], strict=True))
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
                bootstrap=ends[name] if measured else None,
                p=pooled.get(name),
                p_method=how if measured else "",
                within_p=within.get(name),
                leave_one_out=leave_one_out(method, part.values[name], y) if measured else None,
                descriptive=several,
            ),
        )


def percentiles(values: Floats | None) -> Interval | None:
    """2.5 and 97.5 %; None where one resample in twenty has no coefficient, or where all have the same."""
    if values is None:
        return None
    kept = values[np.isfinite(values)]
    if len(kept) < (1 - MOST_LOST) * len(values) or not len(kept):
        return None
    low, high = np.quantile(kept, (0.025, 0.975))
    return (float(low), float(high)) if low < high else None


def _estimator(method: str, x: Floats, y: Floats, outcome: str, predictor: str) -> Callable[[], Estimate]:
    def compute() -> Estimate:
        n = len(x)
        if n < FEWEST_POINTS:
            raise TooFewData(f"correlation of {outcome} with {predictor} (candidates)", n, FEWEST_POINTS)
        value = coefficient(method, x, y)
        if value is None:
            still = predictor if not np.ptp(x) else outcome
            return Estimate(method, "candidates", n, missing=Cause(Kind.SAME_FOR_ALL, still, numbers={"n": n}))
        interval = fisher_interval(method, value, n)
        why = None if interval else Cause(Kind.TOO_FEW_OR_PERFECT, names={"unit": "points"})
        return Estimate(method, "candidates", n, value, interval, why, settings=f"{method}, Fisher z interval")

    return compute
