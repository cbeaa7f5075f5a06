"""The report's drawings as plain shapes: stacked game classes, and one scatter of flips against a judged change.

In: a ReviewReport. Out: positions in user units, drawn by the template as SVG with classes and presentation attributes.
"""

from dataclasses import dataclass

from analysis.games import TurnClass
from analysis.gates import item_estimate, judged_estimate, primary_judge
from analysis.judge_reports import JudgeReport
from analysis.numbers import number
from analysis.review_report import OUTCOMES, ReviewReport

BAR_WIDTH = 600.0
PLOT_WIDTH, PLOT_HEIGHT, PLOT_EDGE = 420.0, 240.0, 46.0


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


@dataclass(frozen=True)
class Dot:
    """One candidate in a scatter."""

    label: str
    x: float
    y: float


@dataclass(frozen=True)
class Scatter:
    """Flips against a judged change; `zero` is the height of no change, if it lies inside."""

    outcome: str
    dots: tuple[Dot, ...]
    x_ends: tuple[str, str]
    y_ends: tuple[str, str]
    zero: float | None


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


def scatter(report: ReviewReport) -> Scatter | None:
    """Flips of all items (x) against the first judged change (y); None unless two candidates have both."""
    for outcome in OUTCOMES:
        judge = primary_judge(report.judges, outcome)
        points = []
        for candidate in report.candidates:
            choices = next((each for each in report.choices if each.model == candidate), None)
            x, y = item_estimate(choices, "flips").value, judged_estimate(judge, candidate, outcome).value
            if x is not None and y is not None:
                points.append((candidate, x, y))
        if len(points) > 1:
            return _drawn(outcome, points)
    return None


def _drawn(outcome: str, points: list[tuple[str, float, float]]) -> Scatter:
    xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
    (left, right), (low, high) = _ends(xs), _ends(ys)

    def across(value: float) -> float:
        return round(PLOT_EDGE + (PLOT_WIDTH - 2 * PLOT_EDGE) * (value - left) / (right - left), 2)

    def up(value: float) -> float:
        return round(PLOT_HEIGHT - PLOT_EDGE - (PLOT_HEIGHT - 2 * PLOT_EDGE) * (value - low) / (high - low), 2)

    return Scatter(
        outcome=outcome,
        dots=tuple(Dot(label, across(x), up(y)) for label, x, y in points),
        x_ends=(number("flips", left), number("flips", right)),
        y_ends=(number(outcome, low), number(outcome, high)),
        zero=up(0) if low <= 0 <= high else None,
    )


def _ends(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.01, high + 0.01)
