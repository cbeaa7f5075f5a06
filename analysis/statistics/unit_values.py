"""Measures by unit, all candidates side by side, so that one resample of questions and items moves them together.

In: each candidate's sum and weight in each question or item. Out: (resamples, candidates) values of each measure.
Candidates share the baseline and the questions: resampling these once for all puts both into the intervals.
Source: DESIGN section 5; for more items than are resampled, the normal limit of the same bootstrap with the joint
covariance of all candidates and item measures.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.statistics.resampling import MOST_UNITS, Floats, Resamplings

NORMAL_SALT = 2_000_000  # beyond any number of units, apart from the permutations' salt
Sums = Mapping[Any, tuple[float, float]]


@dataclass(frozen=True)
class UnitTable:
    """One measure's sums and weights, each (units, candidates); a candidate without a unit has weight 0 there."""

    measure: str
    sums: Floats
    weights: Floats

    @property
    def values(self) -> Floats:
        """The measure of each candidate; NaN where it has no unit."""
        total = self.weights.sum(axis=0)
        return np.asarray(self.sums.sum(axis=0) / np.where(total > 0, total, np.nan))


def unit_table(measure: str, units: Sequence[Hashable], candidates: Sequence[Sums]) -> UnitTable:
    """A table over all planned units, in their order; what a candidate measured beyond them is not counted."""
    place = {unit: index for index, unit in enumerate(units)}
    sums, weights = np.zeros((len(units), len(candidates))), np.zeros((len(units), len(candidates)))
    for column, found in enumerate(candidates):
        for unit, (total, weight) in found.items():
            if unit in place:
                sums[place[unit], column], weights[place[unit], column] = total, weight
    return UnitTable(measure, sums, weights)


def resampled(tables: Sequence[UnitTable], draws: Resamplings) -> dict[str, Floats]:
    """Each measure's values in every resample, (resamples, candidates); the tables share their units."""
    if not tables or not len(tables[0].sums):
        return {}
    units = len(tables[0].sums)
    drawn = draws.of(units)
    if drawn is not None:
        found = {}
        for table in tables:
            totals = drawn.totals(np.hstack([table.sums, table.weights]))
            total, weight = np.hsplit(totals, 2)
            found[table.measure] = total / np.where(weight > 0, weight, np.nan)
        return found
    return _normal(tables, draws) if units > MOST_UNITS else {}


def _normal(tables: Sequence[UnitTable], draws: Resamplings) -> dict[str, Floats]:
    """Draws from the normal limit of the bootstrap of all columns together."""
    units, generator = len(tables[0].sums), draws.generator(NORMAL_SALT)
    values = np.concatenate([table.values for table in tables])
    residuals = np.hstack(
        [(t.sums - np.nan_to_num(t.values) * t.weights) / np.maximum(t.weights.sum(axis=0), 1) for t in tables]
    )
    covariance = residuals.T @ residuals * units / (units - 1)
    scale, axes = np.linalg.eigh(covariance)
    steps = generator.normal(size=(draws.resamples, len(scale))) * np.sqrt(np.maximum(scale, 0))
    parts = np.split(values + steps @ axes.T, len(tables), axis=1)
    return {table.measure: part for table, part in zip(tables, parts, strict=True)}
