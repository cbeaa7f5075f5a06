"""What changed in one model between two runs: ratings, choices, games side by side, both decisions; B minus A.

In: the model as A and as B have it, and both runs. Out: a frozen ModelDifference.
Ratings are paired by question and choices by item, as a candidate's are with its baseline's. Games are not paired
between runs: each run's win_change against its own baseline stands beside the other's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from analysis.decision.decisions import Decision
from analysis.evidence.model_evidence import ModelEvidence, identical_answers
from analysis.evidence.run_evidence import JudgeEvidence, RunEvidence
from analysis.judged.games import Played
from analysis.judged.scores import ScoredScope, rating, rating_change_p, scored_scopes
from analysis.review.review_report import ReviewReport
from analysis.run_diff.run_changes import Changed, changed_settings
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import scopes
from analysis.statistics.estimates import Estimate
from analysis.statistics.resampling import Resamplings
from analysis.summaries.judge_records import judged_cells, scored_values
from analysis.summaries.model_reports import ItemReport, ItemRules, compared_items
from analysis.summaries.model_rows import for_model
from ledger.conditions import unlike_condition
from ledger.judgments import Judgment, Mode

Place = TypeVar("Place")
Pair = tuple[ModelEvidence, ModelEvidence]
Judges = tuple[JudgeEvidence, JudgeEvidence]


@dataclass(frozen=True)
class RatingDifference:
    """One judge's ratings of a model: A's mean, B's mean and the change by scope, the sign-flip p of the whole."""

    judge: str
    before: Estimate
    scopes: tuple[ScoredScope, ...]
    p: float | None
    identical: bool


@dataclass(frozen=True)
class GamesBeside:
    """One judge's games of a model, each run's against its own baseline; None where a run has none."""

    judge: str
    before: Played | None
    after: Played | None


@dataclass(frozen=True)
class ModelDifference:
    """One model in both runs; `records` says of each kind of record whether A's and B's are identical."""

    before: str
    after: str
    role: str
    records: dict[str, bool]
    ratings: tuple[RatingDifference, ...]
    choices: ItemReport | None
    games: tuple[GamesBeside, ...]
    decision_before: Decision | None
    decision_after: Decision | None
    changed: tuple[Changed, ...]

    @property
    def identical(self) -> bool:
        """Whether all that can be compared is identical."""
        return bool(self.records) and all(self.records.values())


@dataclass(frozen=True)
class Runs:
    """Two runs that may be compared: their evidence, their own reports, and the judges whose numbers are compared."""

    evidence: tuple[RunEvidence, RunEvidence]
    reports: tuple[ReviewReport, ReviewReport]
    judges: tuple[Judges, ...]
    draws: Resamplings


def model_difference(pair: Pair, choices: ItemReport | None, runs: Runs) -> ModelDifference:
    """Everything that both runs say of one model; `choices` are from choice_difference."""
    first, second = pair
    old, new = runs.reports
    rated = (judges for judges in runs.judges if all(Mode.SINGLE in judge.config.modes for judge in judges))
    return ModelDifference(
        before=first.name,
        after=second.name,
        role=first.role,
        records=dict(_records(pair, choices, runs.judges)),
        ratings=tuple(_rating_difference(pair, judges, runs) for judges in rated),
        choices=choices,
        games=tuple(_games_beside(pair, runs)) if runs.judges else (),
        decision_before=_decision(old, first.name),
        decision_after=_decision(new, second.name),
        changed=changed_settings(first.manifest, second.manifest),
    )


def choice_difference(pair: Pair, before: RunEvidence, after: RunEvidence, draws: Resamplings) -> ItemReport | None:
    """B's items against A's; other conditions than both reviews allow are a fault. Raises StaleInput."""
    first, second = pair
    if not (len(first.scored) or len(second.scored)):
        return None
    allowed = set(before.config.decision.allow_different) & set(after.config.decision.allow_different)
    if unlike := unlike_condition(first.manifest, second.manifest, allowed):
        name, old, new = unlike
        fault = Cause(Kind.CONDITION_DIFFERS_BETWEEN_RUNS, name, names={"before": old, "after": new})
        return ItemReport(second.name, second.role, fault=fault)
    rules = replace(ItemRules.of(after.config, 1, control=False), alone=())
    return compared_items(first, second, rules, draws)


def _records(pair: Pair, choices: ItemReport | None, judges: tuple[Judges, ...]) -> Iterator[tuple[str, bool]]:
    """Each kind of record that either run has of this model, and whether both have the same."""
    first, second = pair
    if first.answers or second.answers:
        yield "answers", identical_answers(first, second, planned=1)
    if choices:
        yield "choices", choices.identical
    for old, new in judges:
        ratings = old.ratings.get(first.name, {}), new.ratings.get(second.name, {})
        if any(ratings):
            yield f"ratings by {old.config.name}", _same(*ratings)
        games = old.games.get(first.name, {}), new.games.get(second.name, {})
        if any(games):
            yield f"games by {old.config.name}", _same(*games)


def _rating_difference(pair: Pair, judges: Judges, runs: Runs) -> RatingDifference:
    first, second = judges
    before, after = runs.evidence
    cells = judged_cells(first, before), judged_cells(second, after)
    old, new = scored_values(first, pair[0].name, cells[0]), scored_values(second, pair[1].name, cells[1])
    parts = scopes({*cells[0], *cells[1]}, before.categories | after.categories)
    identical = _same(first.ratings.get(pair[0].name, {}), second.ratings.get(pair[1].name, {}))
    rows = scored_scopes(old, new, parts, runs.draws, 1, is_baseline=False)
    return RatingDifference(
        judge=first.config.name,
        before=rating(old, runs.draws),
        scopes=tuple(replace(row, change=_marked(row.change, identical)) for row in rows),
        p=rating_change_p(old, new, runs.draws),
        identical=identical,
    )


def _marked(change: Estimate | None, identical: bool) -> Estimate | None:
    return change and replace(change, identical=identical and change.value is not None)


def _same(before: Mapping[Place, Judgment], after: Mapping[Place, Judgment]) -> bool:
    """Whether a judge was asked the same in every place and said the same, byte for byte."""
    old, new = (
        {place: (each.prompt_digest, each.outcome, each.verdict, each.reply) for place, each in side.items()}
        for side in (before, after)
    )
    return bool(old) and old == new


def _games_beside(pair: Pair, runs: Runs) -> Iterator[GamesBeside]:
    """Of every judge, a panel among them, that compared this model with a baseline."""
    for judge in dict.fromkeys(judge.name for report in runs.reports for judge in report.judges):
        old, new = (_played(report, judge, each.name) for report, each in zip(runs.reports, pair, strict=True))
        if old or new:
            yield GamesBeside(judge, old, new)


def _played(report: ReviewReport, judge: str, model: str) -> Played | None:
    found = for_model((each for asked in report.judges if asked.name == judge for each in asked.games), model)
    return found.scopes[0] if found else None


def _decision(report: ReviewReport, candidate: str) -> Decision | None:
    return next((each for each in report.decisions if each.candidate == candidate), None)
