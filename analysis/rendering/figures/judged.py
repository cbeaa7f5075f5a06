"""What the judges say, drawn: changes by part, the five classes, lengths, agreement.

In: a ReviewReport. Out: figures. Only the primary judge of each measure is drawn by category; every judge overall.
"""

from collections.abc import Iterable, Iterator, Sequence

from analysis.decision.gate_estimates import primary_judge
from analysis.judged.games import TurnClass
from analysis.rendering.figures.forests import by_judge, floor_row, forest
from analysis.rendering.figures.matrices import Matrix
from analysis.rendering.figures.plots import Plot, Point, Series
from analysis.rendering.figures.positions import position_figures
from analysis.rendering.figures.row_charts import Bar, ChartRow, RowChart
from analysis.rendering.tables.review import CLASS_LABELS
from analysis.rendering.tables.trust import kappa_cell
from analysis.review.review_report import ReviewReport
from analysis.summaries.judge_reports import JudgeReport
from analysis.summaries.model_rows import control_row
from ledger.judgments import Mode

AGREEMENTS = {
    Mode.PAIR: ("agreement", "Agreement of the judges"),
    Mode.SINGLE: ("agreement_of_ratings", "Agreement of the judges by their ratings"),
}


def score_figures(report: ReviewReport) -> Iterator[RowChart | Plot]:
    """Ratings: a forest per candidate, every judge's overall, and length against change."""
    judge = primary_judge(report.judges, "rating_change")
    if judge is None or all(each.scopes[0].rating.value is None for each in judge.scores):
        return
    control = control_row(judge.scores)
    floor = control.scopes[0].change if control else None
    yield from by_judge(report, "rating_change")
    for each in judge.scores:
        if each.role == "candidate":
            rows = [(part.scope, part.change) for part in each.scopes]
            yield forest(report, "rating_change", each.model, f"by {judge.name}", [*rows, *floor_row(floor)])
    points = tuple(Series(each.model, _dots(each.points), "dots") for each in judge.scores if each.points)
    if any(each.points for each in points):
        yield _length_plot("length_and_rating", f"Longer answers and {judge.name}'s ratings", "rating_change", points)


def game_figures(report: ReviewReport) -> Iterator[RowChart | Plot]:
    """Games: the five classes by rival and by category, a forest per candidate, positions, and length."""
    for every in report.judges:
        if _played(every):
            rows = [_classes(each.model, each.scopes[0].classes, part=each.role == "control") for each in every.games]
            yield _class_chart(f"classes_{every.name}", f"Games by {every.name}", rows)
    judge = primary_judge(report.judges, "win_change")
    if judge is None or not _played(judge):
        return
    control = control_row(judge.games)
    floor = control.scopes[0].win_change if control else None
    yield from by_judge(report, "win_change")
    for each in judge.games:
        if each.role == "candidate":
            parts = [_classes(part.scope, part.classes, part=part.scope != "all") for part in each.scopes]
            yield _class_chart(f"classes_by_part_{each.model}", f"Games of {each.model} by turn and category", parts)
            changes = [(part.scope, part.win_change) for part in each.scopes]
            yield forest(report, "win_change", each.model, f"by {judge.name}", [*changes, *floor_row(floor)])
    for every in report.judges:
        yield from position_figures(every)


def agreement_figures(report: ReviewReport) -> Iterator[Matrix]:
    """Every judge, and people, with every other; by games and by ratings."""
    for by, (id, title) in AGREEMENTS.items():
        found = [each for each in report.trust.agreements if each.by is by] if report.trust else []
        if found:
            names = tuple(dict.fromkeys(name for each in found for name in (each.first, each.second)))
            cells = {(each.first, each.second): (each.kappa, kappa_cell(each)) for each in found}
            note = "Cohen's kappa over win, tie and loss: 1 is full agreement, 0 what chance alone would give."
            yield Matrix(id, title, note, names, cells)


def _played(judge: JudgeReport) -> bool:
    return any(sum(each.scopes[0].classes.values()) for each in judge.games)


def _classes(label: str, classes: dict[TurnClass, int], *, part: bool) -> ChartRow:
    total = max(1, sum(classes.values()))
    bars, start = [], 0.0
    for kind in TurnClass:
        end = start + 100 * classes[kind] / total
        bars.append(Bar(CLASS_LABELS[kind], start, end, str(classes[kind])))
        start = end
    return ChartRow(
        label,
        ", ".join(f"{classes[kind]} {label}" for kind, label in CLASS_LABELS.items()),
        bars=tuple(bars),
        part=part,
    )


def _class_chart(id: str, title: str, rows: Sequence[ChartRow]) -> RowChart:
    note = "Inconsistent: the judge changed its verdict with the positions; failed: no verdict in one of the orders."
    return RowChart(id, title, note, "% of question-turns", tuple(rows), ends=(0.0, 100.0))


def _dots(points: Iterable[tuple[int, float]]) -> tuple[Point, ...]:
    return tuple(Point(float(x), y) for x, y in points)


def _length_plot(id: str, title: str, y_label: str, series: tuple[Series, ...]) -> Plot:
    note = "A dot is one turn of one question. If length alone pays, the dots rise from left to right."
    return Plot(id, title, note, "candidate's answer longer by (characters)", y_label, series)
