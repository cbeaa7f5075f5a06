"""How far judges agree with each other and with people, and what people's labels say of a judge's numbers.

In: classes (win, tie, loss) by cell of several raters. Out: Agreements, Krippendorff's alpha, Calibrations, Votes.
Source: Cohen 1960, Krippendorff 2004 (nominal alpha); Angelopoulos et al. 2023 (prediction-powered inference: the
judge's mean on everything, corrected by its mean error where people labeled). MT-Bench (arXiv 2306.05685) counts a
verdict that changes with the positions as a tie; so does this. Chance agrees often: kappa is the number to read.
Ratings are compared by the sign of the candidate's minus the baseline's on the same turn, as FastChat's
compute_agreement.py reads them.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import stats

from analysis.judged.games import WORTH, TurnClass, win_score, win_values
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, Unit, Values, by_question
from analysis.statistics.estimates import Estimate, not_measured, shifted
from analysis.statistics.intervals import share
from analysis.statistics.question_means import paired_changes
from analysis.statistics.resampling import MOST_UNITS, Floats, Resamplings
from ledger.judgments import Label, Mode, Winner

HUMAN = "people"
CLASSES = (TurnClass.WIN, TurnClass.TIE, TurnClass.LOSS)
FEWEST_LABELS = 5
EQUAL = 1e-9  # ratings have a decimal or two; means over repeats are not exact
Place = tuple[str, Cell]
"""A rival and a cell."""
Classes = Mapping[Place, TurnClass]


@dataclass(frozen=True)
class Agreement:
    """Two raters on the places that both judged: share of equal classes, the same among decided ones, Cohen's kappa.

    `by`: judges by their games, or by their ratings. `interval` of kappa is 95 %, over questions: a percentile
    bootstrap, over 2,000 a jackknife, for a perfect kappa Wilson's; None without a kappa, and where no resample moves
    it.
    """

    first: str
    second: str
    n: int
    equal: Estimate
    decided: Estimate
    kappa: float | None
    interval: tuple[float, float] | None
    by: Mode = Mode.PAIR

    @property
    def better_than_chance(self) -> bool:
        """Whether the interval of kappa lies above zero."""
        return self.interval is not None and self.interval[0] > 0


@dataclass(frozen=True)
class Votes:
    """What people say of one candidate, without a judge: each place once, by its majority; `votes` are all of them."""

    candidate: str
    votes: int
    raters: int
    classes: dict[TurnClass, int]
    win_change: Estimate


@dataclass(frozen=True)
class Calibration:
    """One candidate's win_change by a judge, corrected by people's labels; `refused` says why there is none."""

    judge: str
    candidate: str
    labels: int
    raw: float | None
    corrected: Estimate
    refused: Cause | None


def classes(found: Mapping[Cell, TurnClass], rival: str) -> dict[Place, TurnClass]:
    """A judge's classes as one rater's: an inconsistent pair is a tie, a failed one no verdict."""
    counted = {cell: TurnClass.TIE if each is TurnClass.INCONSISTENT else each for cell, each in found.items()}
    return {(rival, cell): each for cell, each in counted.items() if each is not TurnClass.FAILED}


def rating_classes(baseline: Values, candidate: Values, rival: str) -> dict[Place, TurnClass]:
    """A judge's ratings as one rater's: who was rated higher on a turn, over its repeats; a tie where nobody was."""
    changes = paired_changes(baseline, candidate)
    signs = {1: TurnClass.WIN, 0: TurnClass.TIE, -1: TurnClass.LOSS}
    return {(rival, cell): signs[(change > EQUAL) - (change < -EQUAL)] for cell, change in changes.items()}


def by_rater(labels: Sequence[Label]) -> list[Classes]:
    """Each person's own verdicts."""
    said: dict[str, list[Label]] = {}
    for label in labels:
        said.setdefault(label.rater, []).append(label)
    return [people(own) for own in said.values()]


def votes(labels: Sequence[Label], candidate: str, draws: Resamplings) -> Votes:
    """One candidate's votes; the interval of win_change is over questions."""
    own = [label for label in labels if label.candidate == candidate]
    found = {cell: each for (_, cell), each in people(own).items()}
    counts = Counter(found.values())
    change = shifted(win_score(win_values(found), draws), "win_change", -0.5)
    return Votes(candidate, len(own), len({label.rater for label in own}), {k: counts[k] for k in CLASSES}, change)


def people(labels: Sequence[Label]) -> dict[Place, TurnClass]:
    """What most raters of a place said; a tie where no class has more votes than any other."""
    votes: dict[Place, Counter[TurnClass]] = {}
    named = {Winner.CANDIDATE: TurnClass.WIN, Winner.TIE: TurnClass.TIE, Winner.BASELINE: TurnClass.LOSS}
    for label in labels:
        place = (label.candidate, Cell(label.source, label.question, label.sample, label.turn, 0))
        votes.setdefault(place, Counter())[named[label.winner]] += 1
    return {place: _majority(counted) for place, counted in votes.items()}


def agreements(raters: Mapping[str, Classes], draws: Resamplings, by: Mode = Mode.PAIR) -> Iterator[Agreement]:
    """Every two raters that share a place."""
    for (first, one), (second, other) in combinations(raters.items(), 2):
        if shared := sorted(one.keys() & other.keys()):
            pairs = [(one[place], other[place]) for place in shared]
            yield replace(agreement(first, second, pairs, _units(shared), draws), by=by)


def agreement(
    first: str, second: str, pairs: Sequence[tuple[TurnClass, TurnClass]], units: Sequence[int], draws: Resamplings
) -> Agreement:
    """Two raters; `units` number the questions, whose places are resampled together."""
    a, b = (np.array([CLASSES.index(pair[side]) for pair in pairs]) for side in (0, 1))
    decided = (a != 1) & (b != 1)
    tables = np.zeros((max(units) + 1, 3, 3))
    np.add.at(tables, (np.array(units), a, b), 1)
    kappa = float(_kappas(tables.sum(axis=0)[np.newaxis])[0])
    return Agreement(
        first=first,
        second=second,
        n=len(pairs),
        equal=share("agreement", "verdicts", int((a == b).sum()), len(a)),
        decided=share("agreement", "verdicts", int((a == b)[decided].sum()), int(decided.sum())),
        kappa=kappa if math.isfinite(kappa) else None,
        interval=_kappa_interval(kappa, tables, draws) if math.isfinite(kappa) else None,
    )


def krippendorff_alpha(raters: Sequence[Classes]) -> float | None:
    """Nominal alpha over all raters and places, missing verdicts allowed; None where nothing can be compared."""
    places = sorted({place for rater in raters for place in rater})
    coincidence = np.zeros((3, 3))
    for place in places:
        counts = np.bincount([CLASSES.index(rater[place]) for rater in raters if place in rater], minlength=3)
        if (m := counts.sum()) > 1:
            coincidence += (np.outer(counts, counts) - np.diag(counts)) / (m - 1)
    totals, n = coincidence.sum(axis=1), coincidence.sum()
    expected = (n**2 - (totals**2).sum()) / (n - 1) if n > 1 else 0.0
    observed = n - np.trace(coincidence)
    return float(1 - observed / expected) if expected > 0 else None


def calibration(
    judge: str, candidate: str, own: Classes, labels: Classes, with_people: Agreement | None
) -> Calibration:
    """win_change corrected by prediction-powered inference; refused for a judge that is no better than chance."""
    mine, seen = (
        {cell: WORTH[each] for (name, cell), each in said.items() if name == candidate} for said in (own, labels)
    )
    own_means = _question_means(mine)
    gaps = _question_means({cell: seen[cell] - mine[cell] for cell in mine.keys() & seen.keys()})
    values, errors = (np.array(list(each.values())) for each in (own_means, gaps))
    raw = float(values.mean()) - 0.5 if len(values) else None
    refused = None
    if len(errors) < FEWEST_LABELS:
        refused = Cause(Kind.FEW_LABELS, judge, numbers={"labels": len(errors), "need": FEWEST_LABELS})
    elif with_people is None or not with_people.better_than_chance:
        refused = Cause(Kind.NO_BETTER_THAN_CHANCE, judge)
    if refused or raw is None:
        why = refused or Cause(Kind.NO_VERDICTS, judge)
        missing = not_measured("win_change", "questions", why, n=len(errors))
        return Calibration(judge, candidate, len(errors), raw, missing, why)
    value = raw + float(errors.mean())
    # The labeled questions are among all: where the judge is too high, its error is low.
    shared = np.cov([own_means[unit] for unit in gaps], errors)[0, 1]
    variance = values.var(ddof=1) / len(values) + errors.var(ddof=1) / len(errors) + 2 * shared / len(values)
    half = float(stats.t.ppf(0.975, len(errors) - 1)) * math.sqrt(max(0.0, variance))
    ends = (value - half, value + half) if half > 1e-12 else None
    lacking = None if ends else Cause(Kind.NO_VARIATION)
    found = Estimate("win_change", "questions", len(errors), value, ends, lacking, settings="PPI, t")
    return Calibration(judge, candidate, len(errors), raw, found, None)


def _kappa_interval(kappa: float, tables: Floats, draws: Resamplings) -> tuple[float, float] | None:
    """By bootstrap over the questions' tables, (questions, 3, 3); by jackknife where they are too many to resample.

    A perfect kappa is perfect in every resample: there the share of equal classes has Wilson's bound over questions.
    """
    n = len(tables)
    if kappa == 1:
        chance = float(((tables.sum(axis=(0, 1)) / tables.sum()) ** 2).sum())
        least = n / (n + float(stats.norm.ppf(0.975)) ** 2)  # Wilson's lower end for n of n
        return (least - chance) / (1 - chance), 1.0
    if n > MOST_UNITS:
        rest = _kappas(tables.sum(axis=0) - tables)
        reach = float(stats.norm.ppf(0.975) * np.sqrt((n - 1) / n * ((rest - rest.mean()) ** 2).sum()))
        return (max(-1.0, kappa - reach), min(1.0, kappa + reach)) if math.isfinite(reach) else None
    drawn = draws.of(n)
    kappas = _kappas(drawn.totals(tables.reshape(n, 9)).reshape(-1, 3, 3)) if drawn else np.array([])
    kappas = kappas[np.isfinite(kappas)]
    if not len(kappas):
        return None
    low, high = np.quantile(kappas, (0.025, 0.975))
    return (float(low), float(high)) if low < high else None


def _kappas(tables: Floats) -> Floats:
    """Cohen's kappa of each table, (tables, 3, 3); NaN where both raters always said the same one class."""
    n = tables.sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.trace(tables, axis1=1, axis2=2) / n
        expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n**2
        return np.asarray((observed - expected) / (1 - expected))


def _majority(votes: Counter[TurnClass]) -> TurnClass:
    (first, count), *rest = votes.most_common()
    return first if not rest or count > rest[0][1] else TurnClass.TIE


def _units(places: Sequence[Place]) -> list[int]:
    numbers: dict[Unit, int] = {}
    return [numbers.setdefault(cell.unit, len(numbers)) for _, cell in places]


def _question_means(values: Values) -> dict[Unit, float]:
    return {unit: total / count for unit, (total, count) in by_question(values).items()}
