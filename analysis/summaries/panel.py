"""Several judges as one: more than half of the configured panel decides, else nobody does.

In: the judges' evidence and reports. Out: a JudgeReport of the panel, made the same way as any judge's.
Source: the rule of Inspect's graders since 2026 (more than half of the whole panel, otherwise unscored).

A judge that failed its exam, or whose records are mixed or stale, abstains and still counts as a member; so does one
that was inconsistent, or gave no verdict. However often a member was asked about a turn, it has one word there: the
mean of its ratings, and the class that more than half of its verdicts have, else it is undecided. A rating of the panel
is the mean of its members' where more than half of them rated. Where most members gave a verdict and none has more than
half, the panel is undecided: the class `inconsistent`, worth a half.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from analysis.evidence.run_evidence import JudgeEvidence, RunEvidence
from analysis.judged.exam import Exam
from analysis.judged.games import PositionBias, TurnClass, turn_classes, verdicts
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, by_turn, turn_of
from analysis.statistics.estimates import not_measured
from analysis.statistics.resampling import Resamplings
from analysis.summaries.judge_reports import JudgeReport, judge_report
from ledger.judge_config import JudgeConfig
from ledger.judgments import Game, Mode, Order, Outcome, Rating, Winner

PANEL = "panel"
NO_POSITIONS = Cause(Kind.PANEL_HAS_NO_POSITIONS)
WITHOUT_POSITIONS = PositionBias(
    first_seat=not_measured("first position's share", "decisive games", NO_POSITIONS),
    flips=not_measured("judge inconsistency", "question-turns", NO_POSITIONS),
    toward_first=0,
    toward_second=0,
    p=None,
)
GAMES: dict[TurnClass, tuple[Winner | None, Winner | None]] = {
    TurnClass.WIN: (Winner.CANDIDATE, Winner.CANDIDATE),
    TurnClass.TIE: (Winner.TIE, Winner.TIE),
    TurnClass.LOSS: (Winner.BASELINE, Winner.BASELINE),
    TurnClass.INCONSISTENT: (Winner.BASELINE, Winner.CANDIDATE),
    TurnClass.FAILED: (None, None),
}


def panel_report(evidence: RunEvidence, reports: Sequence[JudgeReport], draws: Resamplings) -> JudgeReport:
    """The panel's scores and games over the members that may be believed."""
    members, trusted = evidence.judges, _trusted(evidence, reports)
    judged = panel_evidence(evidence, reports)
    abstaining = ", ".join(judge.config.name for judge in members if judge not in trusted) or "none"
    card = (
        ("members", ", ".join(judge.config.name for judge in members)),
        ("abstain as a whole", abstaining),
        ("inconsistent", "no class has more than half of the panel: undecided"),
    )
    report = judge_report(judged, evidence, draws)
    # Its made-up games would show a bias and an inconsistency that no judge has.
    games = tuple(replace(each, bias=WITHOUT_POSITIONS, gaps=()) for each in report.games)
    return replace(report, games=games, exam=_exam(len(trusted), reports), card=card)


def panel_evidence(evidence: RunEvidence, reports: Sequence[JudgeReport]) -> JudgeEvidence:
    """The panel as if it were one judge: its mean ratings, and games that give each question-turn its class."""
    members, trusted = evidence.judges, _trusted(evidence, reports)
    modes = [mode for mode in Mode if any(mode in judge.config.modes for judge in members)]
    config = JudgeConfig.model_validate({"model": PANEL, "modes": modes, "exam": False})
    baseline = evidence.baseline.name
    games = {model.name: _games(model.name, baseline, members, trusted) for model in evidence.rivals}
    return JudgeEvidence(
        config=config,
        ratings={model.name: _ratings(model.name, members, trusted) for model in evidence.models},
        games=games,
        exam=(),
        manifest=None,
        faults=(),
        contests={(baseline, rival): found for rival, found in games.items()},
    )


def _trusted(evidence: RunEvidence, reports: Sequence[JudgeReport]) -> list[JudgeEvidence]:
    """The members that may be believed, by their own reports."""
    return [judge for judge, report in zip(evidence.judges, reports, strict=True) if not report.unfit]


def majority(classes: Sequence[TurnClass | None], members: int) -> TurnClass:
    """What the panel says where its members said these; None for one that abstains as a whole."""
    given = [each for each in classes if each is not None and each is not TurnClass.FAILED]
    for each, count in Counter(each for each in given if each is not TurnClass.INCONSISTENT).items():
        if 2 * count > members:
            return each
    return TurnClass.INCONSISTENT if 2 * len(given) > members else TurnClass.FAILED


def _ratings(model: str, members: Sequence[JudgeEvidence], trusted: Sequence[JudgeEvidence]) -> dict[Cell, Rating]:
    count = sum(Mode.SINGLE in judge.config.modes for judge in members)
    found: dict[Cell, Rating] = {}
    said = [by_turn(_scored(judge, model)) for judge in trusted]
    for cell in sorted({turn_of(cell) for judge in members for cell in judge.ratings.get(model, {})}):
        scores = [each[cell] for each in said if cell in each]
        decided = 2 * len(scores) > count
        outcome = Outcome.SCORED if decided else Outcome.FAILED
        mean = sum(scores) / len(scores) if decided else None
        found[cell] = Rating(**_about(cell), model=model, outcome=outcome, score=mean)
    return found


def _scored(judge: JudgeEvidence, model: str) -> dict[Cell, float]:
    """A member's ratings of a model, by turn and repeat."""
    ratings = judge.ratings.get(model, {}).items()
    return {cell: rating.score for cell, rating in ratings if rating.score is not None}


def members_classes(judge: JudgeEvidence, rival: str) -> dict[Cell, TurnClass]:
    """A member's word on each turn, of all its repeats that have a verdict."""
    found: dict[Cell, list[TurnClass]] = {}
    for cell, each in turn_classes(verdicts(judge.games.get(rival, {}).values())).items():
        found.setdefault(turn_of(cell), []).extend([each] if each is not TurnClass.FAILED else [])
    return {turn: majority(classes, len(classes)) for turn, classes in found.items()}


def _games(
    rival: str, baseline: str, members: Sequence[JudgeEvidence], trusted: Sequence[JudgeEvidence]
) -> dict[tuple[Cell, Order], Game]:
    count = sum(Mode.PAIR in judge.config.modes for judge in members)
    classes = [members_classes(judge, rival) for judge in trusted]
    found: dict[tuple[Cell, Order], Game] = {}
    for cell in sorted({turn_of(cell) for judge in members for cell, _ in judge.games.get(rival, {})}):
        said = majority([each.get(cell) for each in classes], count)
        for order, winner in zip(Order, GAMES[said], strict=True):
            outcome = Outcome.SCORED if winner else Outcome.FAILED
            contest: dict[str, Any] = {"baseline": baseline, "candidate": rival, "order": order}
            found[cell, order] = Game(**_about(cell), **contest, outcome=outcome, winner=winner)
    return found


def _about(cell: Cell) -> dict[str, Any]:
    place = {"source": cell.source, "question": cell.question, "sample": cell.sample, "turn": cell.turn}
    return {"judge": PANEL, "prompt_digest": PANEL, "repeat": cell.repeat, **place}


def _exam(trusted: int, reports: Sequence[JudgeReport]) -> Exam:
    """The panel sits no exam of its own: more than half of it must have passed theirs."""
    missing = not_measured("exam", "questions", Cause(Kind.PANEL_SITS_NO_EXAM))
    unexamined = all(report.exam.state == "not examined" for report in reports)
    enough = 2 * trusted > len(reports)
    few = Cause(Kind.FEW_TRUSTED_JUDGES, numbers={"trusted": trusted, "judges": len(reports)})
    reasons = () if enough else (few,)
    state = "not examined" if unexamined and enough else "passed" if enough else "failed"
    return Exam(state, missing, 0.0, (), (), reasons, {})
