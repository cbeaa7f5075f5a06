"""What speaks for a judge beside its exam: does it agree with itself, with others, with people; does it like length?

In: evidence. Out: a TrustReport. Repeats show steadiness, not truth: a judge may be steadily wrong.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from analysis.evidence.run_evidence import JudgeEvidence, RunEvidence
from analysis.judged.agreement import (
    HUMAN,
    Agreement,
    Calibration,
    Classes,
    Place,
    Votes,
    agreements,
    by_rater,
    calibration,
    classes,
    krippendorff_alpha,
    people,
    rating_classes,
    votes,
)
from analysis.judged.games import TurnClass, turn_classes, verdicts
from analysis.judged.gap_agreement import (
    Gap,
    GapAgreement,
    PanelSplit,
    gap_agreements,
    gaps,
    panel_splits,
    self_agreements,
)
from analysis.judged.lengths import length_changes, length_panel
from analysis.statistics.cells import Cell
from analysis.statistics.estimates import Estimate
from analysis.statistics.intervals import share
from analysis.statistics.question_means import paired_changes
from analysis.statistics.resampling import Resamplings
from analysis.summaries.judge_reports import answer_lengths
from ledger.judgments import Mode

T = TypeVar("T")


@dataclass(frozen=True)
class Steadiness:
    """One judge over its repeats, and its taste for length.

    `same_rating`, `same_class`: share of pairs of repeats with the same rating, or the same of the five classes;
    `rating_distance` their mean distance in points. `longer_wins`: of the pairs decided alike in both orders, how many
    went to the longer answer (first repeat; equally long ones left out).
    """

    judge: str
    same_rating: Estimate
    rating_distance: float | None
    same_class: Estimate
    longer_wins: Estimate


@dataclass(frozen=True)
class TrustReport:
    """All of a review's judges, and its people. The alphas are Krippendorff's, nominal, over all judges by their games
    or their ratings, with people as one more rater, and over people alone; None with fewer than two raters.
    """

    steadiness: tuple[Steadiness, ...]
    agreements: tuple[Agreement, ...]
    alpha: float | None
    alpha_with_people: float | None
    labels: int
    calibrations: tuple[Calibration, ...]
    alpha_of_ratings: float | None
    alpha_of_ratings_with_people: float | None
    alpha_of_people: float | None
    votes: tuple[Votes, ...]
    gap_agreements: tuple[GapAgreement, ...]
    panel_splits: tuple[PanelSplit, ...]


def trust_report(evidence: RunEvidence, draws: Resamplings) -> TrustReport:
    """Everything that the records, and the labels if there are any, say of the judges."""
    labels, single = people(evidence.labels), by_rater(evidence.labels)
    raters, scorers = (_raters(evidence, classes_of) for classes_of in (_rater, _scorer))
    found = _agreements(raters, labels, draws, Mode.PAIR)
    with_people = {each.first: each for each in found if each.second == HUMAN}
    candidates = [model.name for model in evidence.candidates]
    calibrated = (
        calibration(name, candidate, said, labels, with_people.get(name))
        for name, said in raters.items()
        for candidate in candidates
        if labels
    )
    near = gaps((_changes(judge, evidence) for judge in evidence.judges), raters.values())
    return TrustReport(
        steadiness=tuple(_steadiness(judge, evidence) for judge in evidence.judges),
        agreements=(*found, *_agreements(scorers, labels, draws, Mode.SINGLE)),
        alpha=_alpha(raters.values()),
        alpha_with_people=_alpha([*raters.values(), labels]) if labels else None,
        labels=len(evidence.labels),
        calibrations=tuple(calibrated),
        alpha_of_ratings=_alpha(scorers.values()),
        alpha_of_ratings_with_people=_alpha([*scorers.values(), labels]) if labels else None,
        alpha_of_people=_alpha(single),
        votes=tuple(votes(evidence.labels, name, draws) for name in candidates if labels),
        gap_agreements=tuple(_by_gap(evidence, raters, scorers, labels, near)),
        panel_splits=(*panel_splits(raters, near, Mode.PAIR), *panel_splits(scorers, near, Mode.SINGLE)),
    )


def _by_gap(
    evidence: RunEvidence,
    raters: dict[str, Classes],
    scorers: dict[str, Classes],
    labels: Classes,
    near: Mapping[Place, Gap],
) -> Iterator[GapAgreement]:
    """Judges with themselves, with each other and with people, by how far apart two answers are."""
    people_too = {HUMAN: labels} if labels else {}
    for judge in evidence.judges:
        own = {
            (model.name, cell): each
            for model in evidence.rivals
            for cell, each in _classes(judge, model.name).items()
            if cell.repeat == 0
        }
        yield from self_agreements(judge.config.name, own, near)
    yield from gap_agreements({**raters, **people_too}, near, Mode.PAIR)
    yield from gap_agreements({**scorers, **people_too}, near, Mode.SINGLE)


def _changes(judge: JudgeEvidence, evidence: RunEvidence) -> dict[Place, float]:
    """Every rival's changes in rating, over the judge's repeats."""
    scores = _scores(judge)
    before = scores.get(evidence.baseline.name, {})
    return {
        (model.name, cell): change
        for model in evidence.rivals
        for cell, change in paired_changes(before, scores.get(model.name, {})).items()
    }


def _scores(judge: JudgeEvidence) -> dict[str, dict[Cell, float]]:
    """Every model's ratings that have a score."""
    return {
        name: {cell: rating.score for cell, rating in found.items() if rating.score is not None}
        for name, found in judge.ratings.items()
    }


def _raters(
    evidence: RunEvidence, classes_of: Callable[[JudgeEvidence, RunEvidence], dict[Place, TurnClass]]
) -> dict[str, Classes]:
    """The judges that said anything of this kind."""
    said = {judge.config.name: classes_of(judge, evidence) for judge in evidence.judges}
    return {name: found for name, found in said.items() if found}


def _agreements(raters: dict[str, Classes], labels: Classes, draws: Resamplings, by: Mode) -> tuple[Agreement, ...]:
    return tuple(agreements({**raters, HUMAN: labels} if labels else raters, draws, by))


def _alpha(raters: Iterable[Classes]) -> float | None:
    held = list(raters)
    return krippendorff_alpha(held) if len(held) > 1 else None


def _scorer(judge: JudgeEvidence, evidence: RunEvidence) -> dict[Place, TurnClass]:
    """The signs of every rival's changes in rating."""
    scores = _scores(judge)
    before, said = scores.get(evidence.baseline.name, {}), dict[Place, TurnClass]()
    for model in evidence.rivals:
        said |= rating_classes(before, scores.get(model.name, {}), model.name)
    return said


def _rater(judge: JudgeEvidence, evidence: RunEvidence) -> dict[Place, TurnClass]:
    """The first repeat of every rival's games."""
    said: dict[Place, TurnClass] = {}
    for model in evidence.rivals:
        found = {cell: each for cell, each in _classes(judge, model.name).items() if cell.repeat == 0}
        said |= classes(found, model.name)
    return said


def _classes(judge: JudgeEvidence, rival: str) -> dict[Cell, TurnClass]:
    return turn_classes(verdicts(judge.games.get(rival, {}).values()))


def _steadiness(judge: JudgeEvidence, evidence: RunEvidence) -> Steadiness:
    ratings: list[tuple[float, float]] = []
    for found in judge.ratings.values():
        scores = {cell: rating.score for cell, rating in found.items() if rating.score is not None}
        ratings += _repeated(scores)
    games = [
        pair
        for model in evidence.rivals
        for pair in _repeated({c: k for c, k in _classes(judge, model.name).items() if k is not TurnClass.FAILED})
    ]
    longer, decided = _length_taste(judge, evidence)
    distances = [abs(one - other) for one, other in ratings]
    return Steadiness(
        judge=judge.config.name,
        same_rating=share(
            "same rating", "pairs of repeats", sum(not distance for distance in distances), len(distances)
        ),
        rating_distance=sum(distances) / len(distances) if distances else None,
        same_class=share("same class", "pairs of repeats", sum(a is b for a, b in games), len(games)),
        longer_wins=share("longer wins", "decided pairs", longer, decided),
    )


def _repeated(values: Mapping[Cell, T]) -> Iterator[tuple[T, T]]:
    """Every two repeats of one cell."""
    grouped: dict[Cell, list[T]] = {}
    for cell in sorted(values):
        grouped.setdefault(cell._replace(repeat=0), []).append(values[cell])
    for group in grouped.values():
        yield from combinations(group, 2)


def _length_taste(judge: JudgeEvidence, evidence: RunEvidence) -> tuple[int, int]:
    """Of the first repeat's decided pairs of unequal length, how many went to the longer answer; and how many are."""
    before = answer_lengths(evidence.baseline)
    panels = [
        length_panel(_classes(judge, model.name), length_changes(before, answer_lengths(model)))
        for model in evidence.rivals
    ]
    return sum(each.longer for each in panels), sum(each.decided for each in panels)
