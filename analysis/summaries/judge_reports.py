"""What each judge found: scores, games, exam and the facts of its card.

In: evidence. Out: one JudgeReport per judge, with every number of its part of the review.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import JudgeEvidence, RunEvidence
from analysis.judged.bounds import Bounds, change_bounds, rating_bounds, win_bounds
from analysis.judged.exam import Exam, exam_result
from analysis.judged.games import (
    GapInconsistency,
    Played,
    PositionBias,
    inconsistency_by_gap,
    played_scopes,
    position_bias,
    turn_classes,
    verdicts,
    win_values,
)
from analysis.judged.ladder import Resolution, resolutions, unresolved
from analysis.judged.lengths import LengthPanel, length_controlled, length_panel, length_points
from analysis.judged.scores import ScoredScope, fastchat_average, rating_change_p, scored_scopes
from analysis.judged.strengths import Strength, strengths
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, by_question, scopes, turn_of
from analysis.statistics.coverage import MISSING, Coverage
from analysis.statistics.estimates import Estimate
from analysis.statistics.multiple_testing import holm
from analysis.statistics.question_means import paired_changes
from analysis.statistics.resampling import Resamplings
from analysis.summaries.judge_records import (
    adversarial_answers,
    failed_judgments,
    judge_card,
    judged_cells,
    judged_coverage,
    one_rating,
    paired_coverage,
    scored_values,
)
from ledger.facts import JudgeFacts
from ledger.judgments import Mode


@dataclass(frozen=True)
class ModelScores:
    """One model's ratings by scope; p values are of the whole rating_change, Holm's over the candidates.

    `bounds` and `change_bounds` are where rating and change would lie if all missing judgments were as bad, or as good,
    as they can be; None where none is missing. `controlled` is the change between answers of one length. `fastchat` is
    what FastChat's show_result would print: the mean over sample 0 and repeat 0; of an import, over the score fields of
    every row of its files (`of_rows`). `points` are each rating's change and
    by how many characters its answer is longer than the baseline's.
    """

    model: str
    role: str
    scopes: tuple[ScoredScope, ...]
    p: float | None
    holm_p: float | None
    bounds: Bounds | None
    change_bounds: Bounds | None
    controlled: Estimate | None
    fastchat: float | None
    of_rows: bool
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class ModelGames:
    """One rival's games against the baseline by scope, and how much positions and lengths decided; else as ModelScores.

    `gaps`: how often the judge was inconsistent, by how far apart it rated the two answers.
    """

    model: str
    role: str
    scopes: tuple[Played, ...]
    bias: PositionBias
    bounds: Bounds | None
    lengths: LengthPanel
    controlled: Estimate
    gaps: tuple[GapInconsistency, ...]


@dataclass(frozen=True)
class JudgeReport:
    """All about one judge; its ratings and games decide only if `unfit` is empty. `resolution` is its ladder."""

    name: str
    modes: tuple[Mode, ...]
    exam: Exam
    faults: tuple[Cause, ...]
    scores: tuple[ModelScores, ...]
    games: tuple[ModelGames, ...]
    coverage: tuple[Coverage, ...]
    paired: tuple[Coverage, ...]
    card: tuple[tuple[str, str], ...]
    tricks: tuple[Cause, ...]
    failures: tuple[Cause, ...]
    strengths: tuple[Strength, ...] = ()
    prompts: tuple[tuple[str, str], ...] = ()
    resolution: tuple[Resolution, ...] = ()

    @property
    def unfit(self) -> tuple[Cause, ...]:
        """Why its word does not count; empty if it does."""
        if self.exam.state in ("failed", "missing"):
            return (*self.faults, Cause(Kind.JUDGE_UNTRUSTED, self.name, causes=self.exam.reasons))
        return self.faults

    @property
    def asked(self) -> bool:
        """Whether any rating or game is there, whatever became of it; one that fails its exam may be spared."""
        return not self.coverage or any(set(row.outcomes) - {MISSING} for row in self.coverage)


def judge_report(judge: JudgeEvidence, evidence: RunEvidence, draws: Resamplings) -> JudgeReport:
    """Everything that one judge's records say."""
    decision, cells = evidence.config.decision, judged_cells(judge, evidence)
    resolution = resolutions(judge.ladder)
    exam = exam_result(
        judge.exam,
        judge.config.modes,
        decision.exam_lower_bound,
        decision.exam_part_share,
        decision.coverage,
        configured=judge.config.exam,
        categories=evidence.categories,
        unresolved=unresolved(resolution, decision.exam_resolution),
    )
    modes = judge.config.modes
    return JudgeReport(
        name=judge.config.name,
        modes=modes,
        exam=exam,
        faults=(*judge.faults, *one_rating(judge, exam)),
        scores=_scores(judge, evidence, cells, draws) if Mode.SINGLE in modes else (),
        games=_games(judge, evidence, cells, draws) if Mode.PAIR in modes else (),
        coverage=tuple(judged_coverage(judge, evidence, cells)),
        paired=tuple(paired_coverage(judge, evidence, cells)),
        card=judge_card(judge),
        tricks=tuple(adversarial_answers(judge, evidence)),
        failures=tuple(failed_judgments(judge, redacted=evidence.redacted)),
        strengths=_strengths(judge, evidence, cells) if Mode.PAIR in modes else (),
        prompts=tuple(JudgeFacts.of(judge.manifest).prompt_texts.items()),
        resolution=resolution,
    )


def _scores(
    judge: JudgeEvidence, evidence: RunEvidence, cells: Sequence[Cell], draws: Resamplings
) -> tuple[ModelScores, ...]:
    parts, comparisons = scopes(cells, evidence.categories), evidence.comparisons
    values = {model.name: scored_values(judge, model.name, cells) for model in evidence.models}
    baseline = values[evidence.baseline.name]
    p_values = {
        model.name: None if model is evidence.baseline else rating_change_p(baseline, values[model.name], draws)
        for model in evidence.models
    }
    candidates = [model.name for model in evidence.models if model.role == "candidate"]
    adjusted = dict(zip(candidates, holm([p_values[name] for name in candidates]), strict=True))
    theirs, rows = JudgeFacts.of(judge.manifest).fastchat_averages, []
    for model in evidence.models:
        first = model is evidence.baseline
        found = scored_scopes(baseline, values[model.name], parts, draws, comparisons, is_baseline=first)
        mine = values[model.name]
        changes = paired_changes(baseline, mine)
        lengths = _length_changes(evidence, model, changes)
        controlled = length_controlled("rating_change", changes, lengths)
        rows.append(
            ModelScores(
                model=model.name,
                role=model.role,
                scopes=found,
                p=p_values[model.name],
                holm_p=adjusted.get(model.name),
                bounds=rating_bounds(cells, mine),
                change_bounds=None if first else change_bounds(cells, baseline, mine),
                controlled=None if first else controlled,
                fastchat=theirs.get(model.name) if theirs else fastchat_average(mine),
                of_rows=bool(theirs),
                points=() if first else length_points(changes, lengths),
            )
        )
    return tuple(rows)


def _games(
    judge: JudgeEvidence, evidence: RunEvidence, cells: Sequence[Cell], draws: Resamplings
) -> tuple[ModelGames, ...]:
    parts, planned = scopes(cells, evidence.categories), set(map(turn_of, cells))
    rows = []
    for model in evidence.rivals:
        games = [game for (cell, _), game in judge.games.get(model.name, {}).items() if turn_of(cell) in planned]
        found = verdicts(games)
        classes, lengths = turn_classes(found), _length_changes(evidence, model, found)
        changes = {cell: worth - 0.5 for cell, worth in win_values(classes).items()}
        ratings = [scored_values(judge, name, cells) for name in (evidence.baseline.name, model.name)]
        rows.append(
            ModelGames(
                model=model.name,
                role=model.role,
                scopes=played_scopes(classes, parts, draws, evidence.comparisons),
                bias=position_bias(found),
                bounds=win_bounds(cells, found),
                lengths=length_panel(classes, lengths),
                controlled=length_controlled("win_change", changes, lengths),
                gaps=inconsistency_by_gap(classes, paired_changes(*ratings)),
            )
        )
    return tuple(rows)


def _strengths(judge: JudgeEvidence, evidence: RunEvidence, cells: Sequence[Cell]) -> tuple[Strength, ...]:
    """Of all models that played, from every game that was planned between any two of them."""
    planned, results = set(map(turn_of, cells)), {}
    for pair, games in judge.contests.items():
        found = verdicts(game for (cell, _), game in games.items() if turn_of(cell) in planned)
        results[pair] = by_question(win_values(turn_classes(found)))
    return strengths(results, evidence.baseline.name, [model.name for model in evidence.rivals])


def _length_changes(evidence: RunEvidence, model: ModelEvidence, cells: Iterable[Cell]) -> dict[Cell, int]:
    """The model's length minus the baseline's, in characters, in each cell that both answered."""
    mine, theirs = answer_lengths(model), answer_lengths(evidence.baseline)
    first = ((cell, turn_of(cell)) for cell in sorted(cells))
    return {cell: mine[place] - theirs[place] for cell, place in first if place in mine and place in theirs}


def answer_lengths(model: ModelEvidence) -> dict[Cell, int]:
    """The characters of each of a model's answers' turns."""
    return {
        Cell(answer.question.source, answer.question.id, answer.sample, turn, 0): len(each.text)
        for answer in model.answers
        for turn, each in enumerate(answer.turns, start=1)
    }
