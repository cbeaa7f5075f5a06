"""The report on a terminal: a few plain tables that the front door renders.

In: a ReviewReport. Out: tables with title, header and rows of text.
"""

from dataclasses import replace

from analysis.detail_tables import flip_table
from analysis.report_tables import (
    Table,
    decision_table,
    evidence_table,
    exam_mark,
    game_table,
    judge_warnings,
    score_table,
)
from analysis.report_text import visible
from analysis.review_report import ReviewReport

FLIP_COLUMNS = ("model", "items", "accuracy_change", "flips", "all flips", "KL (options)")
SCORE_COLUMNS = ("model", "rating", "rating_change", "p")
GAME_COLUMNS = ("model", "win", "tie", "loss", "flip", "failed", "win_change")
DECISION_COLUMNS = ("candidate", "decision", "lower bound", "noise floor (control)", "why", "what would settle it")


def summary_tables(report: ReviewReport) -> tuple[Table, ...]:
    """Evidence, scores, games, flips, warnings, and the decision last, where a terminal's reader looks."""
    tables = [_incomplete(evidence_table(report))]
    for judge in report.judges:
        tables += [_columns(score_table(judge), SCORE_COLUMNS)] if judge.scores else []
        tables += [_columns(game_table(judge), GAME_COLUMNS)] if judge.games else []
    if report.choices:
        tables.append(_columns(flip_table(report), FLIP_COLUMNS))
    said = [(judge.name, exam_mark(judge)) for judge in report.judges]
    said += [("warning", text) for text in judge_warnings(report)]
    said += [("note", text) for text in report.notes]
    if said:
        tables.append(Table("warnings", "Judge and notes", "", ("about", "text"), tuple(said)))
    decided = decision_table(report)
    measure = decided.header[2]
    tables.append(_columns(decided, (*DECISION_COLUMNS[:2], measure, *DECISION_COLUMNS[2:])))
    return tuple(_visible(table) for table in tables)


def _incomplete(table: Table) -> Table:
    """The rows that are not a complete count, and one row for all that are."""
    kept = [row for row in table.rows if not _is_complete(row[3])]
    complete = ("all other counts", "", "", "complete", f"{len(table.rows) - len(kept)} counts")
    return replace(table, rows=(*kept, complete))


def _is_complete(usable: str) -> bool:
    done, _, rest = usable.partition(" of ")
    return done == rest.partition(" ")[0]


def _columns(table: Table, names: tuple[str, ...]) -> Table:
    places = [table.header.index(name) for name in names]
    return replace(table, header=names, rows=tuple(tuple(row[place] for place in places) for row in table.rows))


def _visible(table: Table) -> Table:
    rows = tuple(tuple(visible(text) for text in row) for row in table.rows)
    return replace(table, title=visible(table.title), rows=rows)
