"""The report as Markdown for a pull request: at most 40 lines, the same cells as the page.

In: a ReviewReport. Out: Markdown; text from outside cannot render, link or mention.
"""

from collections.abc import Iterator, Sequence

from analysis.detail_tables import flip_table
from analysis.report_tables import SHAPES, decision_table, evidence_table, game_table, judge_warnings, score_table
from analysis.report_text import markdown, visible
from analysis.review_report import ReviewReport

MOST_LINES = 40
MOST_ROWS = 4
MOST_CHARACTERS = 600
FLIP_COLUMNS = ("model", "items", "accuracy_change", "flips", "all flips", "KL (options)", "noise floor (control)")
SCORE_COLUMNS = ("model", "rating", "rating_change", "noise floor (control)", "p")
GAME_COLUMNS = ("model", "win", "tie", "loss", "flip", "failed", "win_change", "noise floor (control)")
DECISION_COLUMNS = ("candidate", "decision", "lower bound", "upper bound")


def report_markdown(report: ReviewReport) -> str:
    """Decision, evidence that falls short, scores, games and flips; the rest stands in report.html."""
    lines = [line for block in _blocks(report) for line in block][: MOST_LINES - 2]
    footer = f"Config {report.config_digest}, made {markdown(report.made_at)}. Everything else: report.html."
    return "\n".join([*lines, "", footer]) + "\n"


def _blocks(report: ReviewReport) -> Iterator[list[str]]:
    yield [f"## {SHAPES[report.word]} {report.word}: {markdown(report.name)}", ""]
    decided = decision_table(report)
    measure = decided.header[2]
    columns = (*DECISION_COLUMNS[:2], measure, *DECISION_COLUMNS[2:], decided.header[5])
    yield _table(decided.header, decided.rows, columns)
    yield [f"- {_short(decision.sentence)}" for decision in report.decisions[:MOST_ROWS]]
    yield [f"- {_short(decision.settle)}" for decision in report.decisions[:1] if decision.settle]
    yield [f"- **{_short(text)}**" for text in judge_warnings(report)[:2]]
    short = [row for row in evidence_table(report).rows if "missing" in row[4] or "failed" in row[4]]
    yield [f"- {markdown(f'{row[0]}, {row[1]} of {row[2]}: {row[3]}; {row[4]}')}" for row in short[:1]]
    judge = report.primary_judge
    if judge and judge.scores:
        scores = score_table(judge)
        yield ["", *_table(scores.header, scores.rows, SCORE_COLUMNS, most=3)]
    if judge and judge.games:
        games = game_table(judge)
        yield ["", *_table(games.header, games.rows, GAME_COLUMNS, most=3)]
    flips = flip_table(report)
    yield ["", *_table(flips.header, flips.rows, FLIP_COLUMNS, most=3)]


def _table(
    header: Sequence[str], rows: Sequence[Sequence[str]], columns: Sequence[str], most: int = MOST_ROWS
) -> list[str]:
    places = [header.index(column) for column in columns]
    lines = [" | ".join(["", *map(markdown, columns), ""]).strip(), "|" + " --- |" * len(columns)]
    for row in rows[:most]:
        lines.append(" | ".join(["", *(markdown(row[place]) for place in places), ""]).strip())
    if len(rows) > most:
        lines.append(f"| … {len(rows) - most} more in report.html |" + " |" * (len(columns) - 1))
    return lines


def _short(text: str) -> str:
    seen = visible(text)
    return markdown(seen if len(seen) <= MOST_CHARACTERS else seen[: MOST_CHARACTERS - 1] + "…")
