"""What became of a judge's records, and how they were made: coverage, adversarial answers, the judge's card.

In: a judge's evidence. Out: Coverages, Causes and facts in words.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from analysis.evidence.run_evidence import JudgeEvidence, RunEvidence
from analysis.judged.exam import Exam
from analysis.judged.games import BOTH_VERDICTS, turn_classes, verdicts
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, Scope, scopes, turn_of, whole_and_turns
from analysis.statistics.coverage import Coverage, coverage_scopes
from analysis.summaries.model_reports import plain
from ledger.facts import JudgeFacts, JudgeSettings
from ledger.judgments import Mode, Order, Outcome

SCORED = frozenset({Outcome.SCORED.value})
LEAST_RATINGS = 40
"""Of two models' turns: fewer that are alike may be chance, or answers that are."""


def judged_coverage(judge: JudgeEvidence, evidence: RunEvidence, cells: Sequence[Cell]) -> Iterator[Coverage]:
    """Outcomes of every planned rating and game."""
    parts = [(scope.name, scope.holds) for scope in scopes(cells, evidence.categories)]
    if Mode.SINGLE in judge.config.modes:
        for model in evidence.models:
            ratings = judge.ratings.get(model.name, {})
            outcomes = {cell: rating.outcome.value for cell, rating in ratings.items()}
            yield from coverage_scopes("ratings", model.name, cells, outcomes, SCORED, parts)
    if Mode.PAIR in judge.config.modes:
        both = [(cell, order) for cell in cells for order in Order]
        for model in evidence.rivals:
            games = {key: game.outcome.value for key, game in judge.games.get(model.name, {}).items()}
            by_cell = [(scope.name, _about(scope)) for scope in scopes(cells, evidence.categories)]
            yield from coverage_scopes("games", model.name, both, games, SCORED, by_cell)


def _about(scope: Scope) -> Callable[[tuple[Cell, Order]], bool]:
    return lambda key: scope.holds(key[0])


def paired_coverage(judge: JudgeEvidence, evidence: RunEvidence, cells: Sequence[Cell]) -> Iterator[Coverage]:
    """What enters the comparison with the baseline: cells rated for both, question-turns with both verdicts."""
    parts = [(scope.name, scope.holds) for scope in whole_and_turns(cells)]
    baseline = judge.ratings.get(evidence.baseline.name, {})
    for model in evidence.rivals:
        if Mode.SINGLE in judge.config.modes:
            ratings = judge.ratings.get(model.name, {})
            outcomes = {
                cell: next((r.outcome.value for r in (baseline[cell], ratings[cell]) if r.score is None), "scored")
                for cell in baseline.keys() & ratings.keys()
            }
            yield from coverage_scopes("paired ratings", model.name, cells, outcomes, SCORED, parts)
        if Mode.PAIR in judge.config.modes:
            classes = turn_classes(verdicts(judge.games.get(model.name, {}).values()))
            found = {cell: each.value for cell, each in classes.items()}
            yield from coverage_scopes("question-turns", model.name, cells, found, BOTH_VERDICTS, parts)


def adversarial_answers(judge: JudgeEvidence, evidence: RunEvidence) -> Iterator[Cause]:
    """One cause per model here whose answers do what a judge must not fall for."""
    facts, prompts = JudgeFacts.of(judge.manifest).answers, JudgeSettings.of(judge.manifest).prompts or ""
    apart = evidence.config.positive_names
    for model, found in sorted(each for each in facts.items() if each[0] not in apart):
        names = {"judge": judge.config.name, "prompts": prompts}
        yield Cause(Kind.ADVERSARIAL_ANSWERS, model, tuple(found), dict(found), names)


def failed_judgments(judge: JudgeEvidence, *, redacted: bool) -> Iterator[Cause]:
    """One cause per reason why judgments have no answer, in the endpoint's own words unless these are left out."""
    for failure in JudgeFacts.of(judge.manifest).failures:
        names = {} if redacted else {"words": failure.words}
        yield Cause(Kind.JUDGMENTS_FAILED, judge.config.name, numbers={"judgments": failure.judgments}, names=names)


def judge_card(judge: JudgeEvidence) -> tuple[tuple[str, str], ...]:
    """What was set and what was learned, as plain words."""
    if not judge.manifest:
        return (("manifest", "missing"),)
    facts: dict[str, Any] = {**judge.manifest.settings, **judge.manifest.facts}
    shown = [(name, plain(facts[name])) for name in sorted(facts) if name not in JudgeFacts.shown_apart]
    return (*shown, ("sessions", str(len(judge.manifest.sessions))))


def one_rating(judge: JudgeEvidence, exam: Exam) -> Iterator[Cause]:
    """Whether a judge that passed no exam rated everything alike, which would look like no change at all."""
    every = (rating.score for of_model in judge.ratings.values() for rating in of_model.values())
    scores = [score for score in every if score is not None]
    if exam.state != "passed" and len(scores) >= LEAST_RATINGS and len({*scores}) == 1:
        numbers = {"ratings": len(scores), "score": scores[0]}
        yield Cause(Kind.ONE_RATING, judge.config.name, numbers=numbers)


def judged_cells(judge: JudgeEvidence, evidence: RunEvidence) -> list[Cell]:
    """The planned question-turns and samples, once for each of the judge's repeats."""
    return [cell._replace(repeat=repeat) for cell in evidence.cells for repeat in range(judge.config.repeats)]


def scored_values(judge: JudgeEvidence, model: str, cells: Sequence[Cell]) -> dict[Cell, float]:
    """One model's scores in the turns of these cells: imported files may hold more repeats than planned."""
    turns = set(map(turn_of, cells))
    scores = {cell: rating.score for cell, rating in sorted(judge.ratings.get(model, {}).items())}
    return {cell: score for cell, score in scores.items() if score is not None and turn_of(cell) in turns}
