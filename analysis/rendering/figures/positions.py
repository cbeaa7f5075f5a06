"""Do the positions decide, is a judge inconsistent only where answers are alike, does the longer answer win?

In: a JudgeReport. Out: figures; without games there is none.
"""

from collections.abc import Iterator, Sequence

from analysis.judged.games import GAPS
from analysis.rendering.figures.forests import share_row
from analysis.rendering.figures.plots import Plot, Point, Series
from analysis.rendering.figures.row_charts import ChartRow, Line, RowChart
from analysis.summaries.judge_reports import JudgeReport, ModelGames

HALF = (Line(50.0, "half"),)
WHOLE = (0.0, 100.0)


def position_figures(judge: JudgeReport) -> Iterator[RowChart | Plot]:
    """Positions and inconsistency of every rival, inconsistency by the ratings' distance, wins of the longer answer."""
    played = [each for each in judge.games if each.bias.flips.value is not None]
    if not played:
        return
    rows = [row for each in played for row in _position_rows(each)]
    note = (
        "A judge that looks at the answers alone gives the first position half of its wins and is rarely inconsistent."
    )
    yield RowChart(f"positions_{judge.name}", f"Positions and {judge.name}", note, "%", tuple(rows), HALF, WHOLE)
    yield from _inconsistency_by_gap(judge.name, played)
    longer = [(each, each.lengths.longer_wins) for each in played if each.lengths.longer_wins.value is not None]
    if longer:
        title = f"How often {judge.name} prefers the longer answer"
        note = "Of the pairs decided alike in both orders; longer answers may also be better ones."
        drawn = tuple(share_row(each.model, estimate, part=each.role == "control") for each, estimate in longer)
        yield RowChart(f"longer_wins_{judge.name}", title, note, "% of wins", drawn, HALF, WHOLE)


def _inconsistency_by_gap(judge: str, played: Sequence[ModelGames]) -> Iterator[Plot]:
    gaps = [(gap, [each.gaps[place] for each in played if each.gaps]) for place, gap in enumerate(GAPS)]
    counts = [(gap, sum(x.flips for x in found), sum(x.n for x in found)) for gap, found in gaps]
    if not any(n for _, _, n in counts):
        return
    points = tuple(Point(i, 100 * flips / n, f"{flips} of {n}") for i, (_, flips, n) in enumerate(counts) if n)
    note = (
        "Among near-equals inconsistency is no harm; where the judge itself rates two answers far apart it is alarming."
    )
    yield Plot(
        id=f"inconsistency_by_gap_{judge}",
        title=f"{judge}'s inconsistency by the distance of its ratings",
        note=note,
        x_label="distance of the two ratings (points)",
        y_label="% of question-turns judged inconsistently",
        series=(Series("", points, "bars"),),
        names=tuple(f"{gap}{' and more' if gap == GAPS[-1] else ''}" for gap in GAPS),
    )


def _position_rows(each: ModelGames) -> Iterator[ChartRow]:
    yield share_row(f"{each.model}, first position", each.bias.first_seat, part=each.role == "control")
    yield share_row(f"{each.model}, inconsistent", each.bias.flips, part=each.role == "control")
