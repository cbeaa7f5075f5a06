"""The report's tables, as words: decision, warnings, scores, games. Every format prints these same cells.

In: a ReviewReport. Out: Tables of plain text; escaping is each format's own duty.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.decision.decisions import PRECEDENCE, Decision
from analysis.judged.games import PositionBias, TurnClass
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.clauses import clause, clauses, part
from analysis.rendering.sentences.decisions import advice, sentence
from analysis.rendering.sentences.numbers import limit_number, number, optional, probability, unsigned
from analysis.review.review_report import ReviewReport
from analysis.statistics.estimates import Estimate
from analysis.summaries.judge_reports import JudgeReport, ModelGames, ModelScores
from analysis.summaries.model_rows import control_row

NOISE_FLOOR = "noise floor (control)"
NO_FLOOR = "no control"
CLASS_LABELS = {each: "inconsistent" if each is TurnClass.INCONSISTENT else each.value for each in TurnClass}
MOST_CANDIDATES = 5  # whose decisions open a format
SHAPES = {"SHIP": "●", "HOLD": "■", "INCONCLUSIVE": "◆", "UNFIT": "▲"}
SHOWN = "Its ratings and games are shown, but they decide nothing."
SPARED = "It was asked for no ratings and no games."
WEAK_JUDGE = "The judge {name} is too weak to be trusted: {reasons}. {rest} Flips and KL do not depend on it."
NO_EXAM = "The judge {name} sat no exam that could be marked ({reasons}). {rest} Flips and KL do not depend on it."
UNEXAMINED = (
    "NOT EXAMINED: the config switches the exam of the judge {name} off. Nothing shows that it can tell a good answer "
    "from a bad one; whoever signs this review vouches for the judge."
)
EXAM_WARNINGS = {"failed": WEAK_JUDGE, "missing": NO_EXAM, "not examined": UNEXAMINED}
"""What is said of a judge by the state of its exam; of one that passed, nothing."""


@dataclass(frozen=True)
class Table:
    """A table of the report: `id` is its kind, `of` the judge where each has one, every row as long as the header."""

    id: str
    title: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    of: str = ""


def decision_table(report: ReviewReport) -> Table:
    """Each candidate's word, the primary measure beside its noise floor, each limit, and what would settle it."""
    floor = cell(report.control_primary, with_n=False) if report.control_primary else NO_FLOOR
    return Table(
        "decision",
        "Decision",
        f"Primary measure {report.primary}, margin {unsigned(report.primary, report.margin)}; "
        f"one-sided bounds. Family-wise: {report.family_wise}.",
        (
            "candidate",
            "decision",
            report.primary,
            "lower bound",
            "upper bound",
            NOISE_FLOOR,
            *(f"{measure} (limit {limit_number(measure, most)})" for measure, most in report.limits),
            "what would settle it",
        ),
        tuple(decision_row(decision, floor) for decision in report.decisions),
    )


def ranked(decided: Sequence[Decision]) -> list[Decision]:
    """The decisions in the config's order; where they are too many for one look, those that weigh most come first."""
    if len(decided) <= MOST_CANDIDATES:
        return list(decided)
    return sorted(decided, key=lambda decision: PRECEDENCE.index(decision.word))


def foremost(decided: Sequence[Decision]) -> list[Decision]:
    """Those that open a format."""
    return ranked(decided)[:MOST_CANDIDATES]


def warnings(report: ReviewReport) -> tuple[str, ...]:
    """What must be said aloud about judges, and about choices that cannot be compared; empty where all is well."""
    return (*judge_warnings(report), *choice_warnings(report))


def judge_warnings(report: ReviewReport) -> tuple[str, ...]:
    """What must be said aloud about judges."""
    sentences = []
    for judge in report.judges:
        if judge.exam.state in EXAM_WARNINGS:
            reasons = clauses(judge.exam.reasons) or "no mark"
            rest = SHOWN if judge.asked else SPARED
            sentences.append(EXAM_WARNINGS[judge.exam.state].format(name=judge.name, reasons=reasons, rest=rest))
        if judge.exam.small:
            sentences.append(f"The judge {judge.name} sat {clause(judge.exam.small)}.")
        sentences += [f"The judged part of {judge.name} is unfit: {clause(fault)}" for fault in judge.faults]
        sentences += map(clause, judge.tricks)
    return tuple(sentences)


def choice_warnings(report: ReviewReport) -> tuple[str, ...]:
    """Choices that cannot be compared, where the candidate's decision does not say why."""
    said = {each.candidate: sentence(each) for each in report.decisions}
    found = [(each.model, each.fault) for each in report.choices if each.fault]
    faults = [(model, fault) for model, fault in found if part(fault) not in said.get(model, "")]
    return tuple(f"The choices of {model} cannot be compared: {clause(fault)}" for model, fault in faults)


def score_table(judge: JudgeReport) -> Table:
    """Ratings and their change, the control's change beside every candidate's."""
    control = control_row(judge.scores)
    floor = control.scopes[0].change if control else None
    return Table(
        "scores",
        f"Scores by {judge.name}",
        "Mean of the scored turn ratings, 1 to 10, with 95 % intervals over questions; p by sign flips.",
        ("model", "role", "rating", "rating_change", NOISE_FLOOR, "p", "Holm's p"),
        tuple(_score_row(each, floor) for each in judge.scores),
    )


def score_scope_table(judge: JudgeReport) -> Table:
    """Rating and change of every model in each turn and category."""
    floors = {row.scope: row.change for each in judge.scores if each.role == "control" for row in each.scopes}
    rows = [
        (
            each.model,
            row.scope,
            cell(row.rating),
            _change(row.change, each.role),
            _floor_cell(floors.get(row.scope), each.role),
        )
        for each in judge.scores
        for row in each.scopes[1:]
    ]
    return Table(
        "score-parts",
        f"Scores by turn and category, {judge.name}",
        "Categories hold few questions: they are shown, never gated.",
        ("model", "part", "rating", "rating_change", NOISE_FLOOR),
        tuple(rows),
    )


def game_table(judge: JudgeReport) -> Table:
    """The five classes, win_score and win_change, and how much the positions decided."""
    control = control_row(judge.games)
    floor = control.scopes[0].win_change if control else None
    return Table(
        "games",
        f"Games by {judge.name}",
        "Each question-turn is played in both orders. Inconsistent: the judge changed its verdict with them.",
        (
            *("model", "role", *CLASS_LABELS.values(), "win_score", "win_change", NOISE_FLOOR),
            *("judge inconsistency", "first position's share", "swapped picks to first / second position"),
        ),
        tuple(_game_row(each, floor) for each in judge.games),
    )


def game_scope_table(judge: JudgeReport) -> Table:
    """The classes and win_score of every rival in each turn and category."""
    return Table(
        "game-parts",
        f"Games by turn and category, {judge.name}",
        "Categories hold few questions: they are shown, never gated.",
        ("model", "part", *CLASS_LABELS.values(), "win_score"),
        tuple(
            (each.model, row.scope, *(str(row.classes[kind]) for kind in TurnClass), cell(row.win_score))
            for each in judge.games
            for row in each.scopes[1:]
        ),
    )


def decision_row(decision: Decision, floor: str) -> tuple[str, ...]:
    """A candidate's word, primary measure, bounds and limits."""
    measure = decision.primary.estimate.measure
    bounds = (decision.lower_bound, decision.upper_bound)
    low, high = (optional(bound, lambda value: number(measure, value)) for bound in bounds)
    return (
        decision.candidate,
        f"{SHAPES[decision.word]} {decision.word}",
        cell(decision.primary.estimate),
        low,
        high,
        floor,
        *(cell(limit.estimate) for limit in decision.limits),
        advice(decision) or "—",
    )


def _score_row(each: ModelScores, floor: Estimate | None) -> tuple[str, ...]:
    whole = each.scopes[0]
    return (
        each.model,
        each.role,
        cell(whole.rating),
        _change(whole.change, each.role),
        _floor_cell(floor, each.role),
        "—" if each.role == "baseline" else probability(each.p),
        probability(each.holm_p) if each.role == "candidate" else "—",
    )


def _change(change: Estimate | None, role: str) -> str:
    return "—" if role == "baseline" else cell(change)


def _game_row(each: ModelGames, floor: Estimate | None) -> tuple[str, ...]:
    whole, bias = each.scopes[0], each.bias
    return (
        each.model,
        each.role,
        *(str(whole.classes[kind]) for kind in TurnClass),
        cell(whole.win_score),
        cell(whole.win_change),
        _floor_cell(floor, each.role),
        cell(bias.flips),
        cell(bias.first_seat),
        swapped_picks_cell(bias),
    )


def swapped_picks_cell(bias: PositionBias) -> str:
    """Pairs in which the first position was picked twice, and the second, and the p of their sign test."""
    sign = f" ({probability(bias.p)})" if bias.p is not None else ""
    return f"{bias.toward_first} / {bias.toward_second}{sign}"


def _floor_cell(floor: Estimate | None, role: str) -> str:
    if role != "candidate":
        return "—"
    return cell(floor, with_n=False) if floor else NO_FLOOR
