"""Strengths of three or more models from all their games, the baseline at zero.

In: for each pair of models, what the second one won in each question. Out: one log-odds per model, with an interval.
Source: Bradley and Terry 1952; ties and inconsistent verdicts are half a win each; the error is the sandwich
estimate with questions as clusters (Liang and Zeger 1986), because one question's games are not independent. Ford 1957:
a finite fit needs a chain of wins from every model to every other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Unit
from analysis.statistics.estimates import ALPHA, Estimate, not_measured
from analysis.statistics.intervals import minimum_detectable_effect
from analysis.statistics.resampling import Floats

FEWEST_MODELS = 3
FEWEST_QUESTIONS = 5
STEPS = 100
LEAST_ERROR = 1e-12  # what is smaller is rounding
Results = Mapping[tuple[str, str], Mapping[Unit, tuple[float, float]]]
"""By (first, second) model and question: what the second won, and of how many question-turns."""


@dataclass(frozen=True)
class Strength:
    """One model: log-odds to beat the baseline, and the chance that they mean."""

    model: str
    strength: Estimate
    chance: float | None


def strengths(results: Results, baseline: str, models: Sequence[str]) -> tuple[Strength, ...]:
    """The baseline first, then the models as given; empty for fewer than three models with games.

    Games of a model that is not among them (one that the review no longer has) count for nothing.
    """
    asked = {baseline, *models}
    own = {pair: units for pair, units in results.items() if units and asked.issuperset(pair)}
    played = {name for pair in own for name in pair}
    names = [baseline, *(name for name in models if name in played)]
    if len(names) < FEWEST_MODELS or baseline not in played:
        return ()
    units = sorted({unit for found in own.values() for unit in found})
    wins, weights, columns = _arrays(own, names, units)
    if fault := _fault(wins, weights, columns, len(names), len(units)):
        return tuple(Strength(name, not_measured("strength", "questions", fault, len(units)), None) for name in names)
    fitted = _fitted(wins.sum(axis=0), weights.sum(axis=0), columns, len(names))
    errors = _errors(fitted, wins, weights, columns)
    return tuple(
        Strength(name, _estimate(float(value), float(error), len(units), first=name == baseline), float(expit(value)))
        for name, value, error in zip(names, fitted, errors, strict=True)
    )


def _arrays(results: Results, names: Sequence[str], units: Sequence[Unit]) -> tuple[Floats, Floats, np.ndarray]:
    """Wins and weights, each (units, pairs); the columns (pairs, 2) of the first and second model."""
    pairs = sorted(results)
    place = {unit: index for index, unit in enumerate(units)}
    wins, weights = np.zeros((len(units), len(pairs))), np.zeros((len(units), len(pairs)))
    for column, pair in enumerate(pairs):
        for unit, (won, count) in results[pair].items():
            wins[place[unit], column], weights[place[unit], column] = won, count
    return wins, weights, np.array([[names.index(name) for name in pair] for pair in pairs])


def _fault(wins: Floats, weights: Floats, columns: np.ndarray, models: int, units: int) -> Cause | None:
    """Why there is no finite fit; None if there is one."""
    if units < FEWEST_QUESTIONS:
        numbers = {"have": units, "need": FEWEST_QUESTIONS}
        return Cause(Kind.FEWER_THAN_NEEDED, numbers=numbers, names={"unit": "questions"})
    graph = np.zeros((models, models))
    for (first, second), won, count in zip(columns, wins.sum(axis=0), weights.sum(axis=0), strict=True):
        graph[second, first] += won
        graph[first, second] += count - won
    parts, _ = connected_components(graph, directed=True, connection="strong")
    return Cause(Kind.NO_FINITE_STRENGTH) if parts > 1 else None


def _fitted(wins: Floats, weights: Floats, columns: np.ndarray, models: int) -> Floats:
    """Newton's method on the likelihood; the first model stays at zero."""
    design, values = _design(columns, models), np.zeros(models - 1)
    for _ in range(STEPS):
        chance = expit(design @ values)
        gradient = design.T @ (wins - weights * chance)
        hessian = design.T @ (design * (weights * chance * (1 - chance))[:, np.newaxis])
        step = np.linalg.solve(hessian, gradient)
        values = values + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-12:
            break
    return np.concatenate([[0.0], values])


def _errors(fitted: Floats, wins: Floats, weights: Floats, columns: np.ndarray) -> Floats:
    """Sandwich errors over questions; the first model's is 0."""
    design, n = _design(columns, len(fitted)), len(wins)
    chance = expit(design @ fitted[1:])
    hessian = design.T @ (design * (weights.sum(axis=0) * chance * (1 - chance))[:, np.newaxis])
    scores = (wins - weights * chance) @ design
    bread = np.linalg.inv(hessian)
    covariance = bread @ (scores.T @ scores * n / (n - 1)) @ bread
    return np.concatenate([[0.0], np.sqrt(np.maximum(np.diag(covariance), 0))])


def _design(columns: np.ndarray, models: int) -> Floats:
    rows = np.zeros((len(columns), models))
    rows[np.arange(len(columns)), columns[:, 1]] += 1
    rows[np.arange(len(columns)), columns[:, 0]] -= 1
    return rows[:, 1:]


def _estimate(value: float, error: float, n: int, *, first: bool) -> Estimate:
    if first or error <= LEAST_ERROR:
        why = Kind.BASELINE_IS_ZERO if first else Kind.NO_VARIATION
        return Estimate("strength", "questions", n, value, missing=Cause(why))
    reach = float(stats.t.ppf(1 - ALPHA / 2, n - 1)) * error
    sd = error * float(np.sqrt(n))
    return Estimate(
        measure="strength",
        unit="questions",
        n=n,
        value=value,
        interval=(value - reach, value + reach),
        sd=sd,
        mde=minimum_detectable_effect(sd, n),
        settings="Bradley-Terry, sandwich error over questions",
    )
