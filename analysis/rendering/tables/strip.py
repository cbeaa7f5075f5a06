"""The evidence strip: whether the numbers below can be trusted, before any of them is read.

In: a ReviewReport. Out: Tiles of plain text, each with the place in the page where its rows are.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analysis.decision.gate_estimates import primary_judge
from analysis.judged.games import TurnClass
from analysis.rendering.sentences.numbers import apart, count_of, number
from analysis.rendering.sentences.writing import counts
from analysis.rendering.tables.cards import duration
from analysis.rendering.tables.evidence import evidence_counts
from analysis.review.exhibits import TEXT_SIGNS
from analysis.review.review_report import ReviewReport
from analysis.summaries.panel import PANEL
from ledger.measures import MEASURES

State = Literal["good", "noted", "poor", "plain"]
SIGNS: dict[State, str] = {"good": "✓", "noted": "•", "poor": "✗", "plain": ""}
READINGS = {
    "unreadable": ("unreadable", "contradictory", "out_of_range"),
    "refused": ("refused", "filtered"),
    "truncated": ("truncated",),
    "failed": ("failed", "skipped", "missing"),
}


@dataclass(frozen=True)
class Tile:
    """One thing to know; `target` is a section's id, or a filter of the answers such as `show=inconsistent`."""

    name: str
    value: str
    state: State
    description: str
    target: str


def evidence_strip(report: ReviewReport) -> tuple[Tile, ...]:
    """Coverage, signs in the texts, what became of the judgments, the judge's inconsistency, cost and time.

    Exams stand in the panels.
    """
    judged = (*_readings(report), _inconsistency(report)) if report.judges else ()
    return (_coverage(report), *_written(report), *judged, _cost(report), _time(report))


def _coverage(report: ReviewReport) -> Tile:
    """The least covered kind of record of any model."""
    rows = [(what, row) for what, found in evidence_counts(report).items() for row in found.values() if row.planned]
    lowest = min(rows, key=lambda row: row[1].share or 0.0, default=None)
    if lowest is None:
        return Tile("coverage", "nothing was planned", "poor", "no record", "evidence")
    what, row = lowest
    share, floor = row.share or 0.0, report.coverage_floor
    state: State = "good" if share == 1 else "noted" if share >= floor else "poor"
    value, _ = apart("coverage", share, floor if share < floor else 1.0)
    description = f"lowest: {what} of {row.model}; floor {number('coverage', floor)}"
    return Tile("coverage", value, state, description, "evidence")


def _written(report: ReviewReport) -> Iterator[Tile]:
    """The candidate that shows each foremost sign in most turns more than the baseline."""
    candidates = [each for each in report.writing if each.role == "candidate"]
    for known in (each for each in MEASURES if each.verb and each.headline):
        rows = [(each.model, row) for each in candidates if (row := each.row(known.name)).estimate.value is not None]
        if not rows:
            continue
        model, most = max(rows, key=lambda each: each[1].estimate.value or 0.0)
        worse = (most.estimate.value or 0.0) > 0
        state: State = "poor" if worse and most.seen else "noted" if most.model else "good"
        value = counts(most).partition(",")[0] if most.model else "none"
        words = f"{model} {known.verb} in {counts(most)}" if most.model else f"no candidate {known.verb}"
        show = known.name if known.name in TEXT_SIGNS else "truncated"
        yield Tile(known.label, value, state, words, f"show={show}")


def _readings(report: ReviewReport) -> Iterator[Tile]:
    """What became of every planned rating and game."""
    outcomes: Counter[str] = Counter()
    for judge in report.judges:
        if judge.name != PANEL:
            for row in judge.coverage:
                outcomes.update(row.outcomes if row.scope == "all" else {})
    planned = sum(outcomes.values())
    for name, of in READINGS.items():
        count = sum(outcomes[outcome] for outcome in of)
        most = (1 - report.coverage_floor) * planned
        state: State = "good" if not count else "noted" if count <= most else "poor"
        yield Tile(name, str(count), state, f"{count_of(count, planned)} ratings and games", f"show={name}")


def _inconsistency(report: ReviewReport) -> Tile:
    """The primary judge's over all candidates; a panel has no positions to change its mind with."""
    judge = primary_judge([each for each in report.judges if each.name != PANEL], "win_change")
    classes: Counter[TurnClass] = Counter()
    for each in judge.games if judge else ():
        if each.role == "candidate":
            classes.update(each.scopes[0].classes)
    decided = sum(classes.values()) - classes[TurnClass.FAILED]
    if not judge or not decided:
        return Tile("judge inconsistency", "not measured", "plain", "no games in both orders", "games")
    share = classes[TurnClass.INCONSISTENT] / decided
    words = f"{classes[TurnClass.INCONSISTENT]} of {decided} verdicts of {judge.name} changed with the positions"
    return Tile("judge inconsistency", f"{100 * share:.1f} %", "noted" if share else "good", words, "show=inconsistent")


def _cost(report: ReviewReport) -> Tile:
    spent = [each.spent_usd for each in report.costs if each.spent_usd is not None]
    calls = sum(each.calls or 0 for each in report.costs)
    unpriced = any(each.calls and each.spent_usd is None for each in report.costs)
    more = " and more" if unpriced else ""
    value = f"${sum(spent):.2f}{more}" if spent else "not known" if calls else "no calls"
    return Tile("cost", value, "plain", f"{calls} calls; prices come from the config", "cards")


def _time(report: ReviewReport) -> Tile:
    seconds = [each.seconds for each in report.costs if each.seconds is not None]
    lost = sum(each.seconds is None for each in report.costs)
    description = (
        f"{lost} of {len(report.costs)} parts did not note it" if lost else "models and judges, one after another"
    )
    return Tile("time", duration(sum(seconds) if seconds else None), "plain", description, "cards")
