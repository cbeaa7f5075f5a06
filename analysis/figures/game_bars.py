"""Stacked bars of the five game classes.

In: a judge's games. Out: positions in user units, drawn by the template as SVG with classes.
"""

from dataclasses import dataclass

from analysis.games import TurnClass
from analysis.judge_reports import JudgeReport

BAR_WIDTH = 600.0


@dataclass(frozen=True)
class Segment:
    """One class in a stacked bar."""

    kind: str
    x: float
    width: float
    count: int


@dataclass(frozen=True)
class Bar:
    """One rival's question-turns by class."""

    label: str
    segments: tuple[Segment, ...]
    words: str


def game_bars(judge: JudgeReport) -> tuple[Bar, ...]:
    """A bar for each rival that played; all bars are equally long."""
    bars = []
    for each in judge.games:
        classes = each.scopes[0].classes
        total = sum(classes.values())
        if not total:
            continue
        segments, x = [], 0.0
        for kind in TurnClass:
            width = BAR_WIDTH * classes[kind] / total
            segments.append(Segment(kind.value, round(x, 2), round(width, 2), classes[kind]))
            x += width
        words = ", ".join(f"{classes[kind]} {kind}" for kind in TurnClass)
        bars.append(Bar(each.model, tuple(segments), words))
    return tuple(bars)
