"""The report's second look at a judge's scores and games: missing judgments, length, strengths of several models.

In: a JudgeReport. Out: Tables of plain text.
"""

from collections.abc import Iterator

from analysis.judged.lengths import LengthPanel
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.numbers import bounds_cell, number, optional, probability
from analysis.rendering.tables.review import Table
from analysis.summaries.judge_reports import JudgeReport, ModelGames, ModelScores

EXTREMES = "missing-data bounds"


def score_depth_table(judge: JudgeReport) -> Table:
    """Missing-data bounds of ratings, the change at equal length, and FastChat's average where it differs."""
    caption = (
        "Missing-data bounds suppose nothing about missing ratings. At equal length: what least squares on this "
        "review's own pairs leaves of the change when both answers have one length; shown beside the raw change, never "
        "decisive."
    )
    header = ("model", f"rating {EXTREMES}", f"rating_change {EXTREMES}")
    rest = ("rating_change at equal length", "FastChat's average")
    title = f"Scores by {judge.name}: what is missing, and length"
    return Table("score-depth", title, caption, (*header, *rest), tuple(map(_score_row, judge.scores)))


def game_depth_table(judge: JudgeReport) -> Table:
    """Missing-data bounds of games, whether length wins, and the change at equal length."""
    caption = "A judge that rewards length gives consistent wins to the longer answer more often than half of the time."
    header = ("model", f"win_score {EXTREMES}", "the longer answer wins", "longer by (characters)")
    title = f"Games by {judge.name}: what is missing, and length"
    rows = tuple(map(_game_row, judge.games))
    return Table("game-depth", title, caption, (*header, "win_change at equal length"), rows)


def strength_table(judge: JudgeReport) -> Table:
    """Bradley-Terry strengths; without a row where there are fewer than three models with games."""
    return Table(
        "strengths",
        f"Strengths from all games by {judge.name}",
        "Bradley-Terry log-odds against the baseline, which is zero; ties and inconsistent pairs are half a win each.",
        ("model", "strength", "chance to beat the baseline"),
        tuple(
            (each.model, cell(each.strength), optional(each.chance, lambda chance: f"{100 * chance:.1f} %"))
            for each in judge.strengths
        ),
    )


def depth_tables(judge: JudgeReport) -> Iterator[Table]:
    """Those of the three that have rows."""
    found = (score_depth_table(judge), game_depth_table(judge), strength_table(judge))
    yield from (table for table in found if table.rows)


def longer_cell(lengths: LengthPanel) -> str:
    """How often the longer answer wins, of how many, and the p of their sign test."""
    sign = f"; {lengths.longer} of {lengths.decided}, {probability(lengths.p)}" if lengths.decided else ""
    return f"{cell(lengths.longer_wins)}{sign}"


def _score_row(each: ModelScores) -> tuple[str, ...]:
    baseline = each.role == "baseline"
    return (
        each.model,
        bounds_cell("rating", each.bounds),
        "—" if baseline else bounds_cell("rating_change", each.change_bounds),
        "—" if each.controlled is None else cell(each.controlled),
        _fastchat(each),
    )


def _fastchat(each: ModelScores) -> str:
    """FastChat's own mean: of files that were imported, over every row; else over sample 0 and repeat 0."""
    ours = each.scopes[0].rating.value
    if each.fastchat is None or ours is None:
        return optional(each.fastchat, lambda value: number("rating", value))
    over = "every row" if each.of_rows else "sample 0, repeat 0"
    return "the same" if abs(each.fastchat - ours) < 1e-9 else f"{number('rating', each.fastchat)} ({over})"


def _game_row(each: ModelGames) -> tuple[str, ...]:
    return (
        each.model,
        bounds_cell("win_score", each.bounds),
        longer_cell(each.lengths),
        optional(each.lengths.mean_change, lambda mean: f"{mean:+.0f}".replace("-", "−")),
        cell(each.controlled),
    )
