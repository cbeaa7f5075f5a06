"""The report on a terminal: a few narrow tables and plain lines that the front door renders, the decision last.

In: a ReviewReport. Out: tables with title, header and rows of text, and lines between them.
"""

from collections.abc import Iterator
from dataclasses import replace

from analysis.rendering.formats.labels import Ends, report_ends, shortened_apart
from analysis.rendering.formats.text import visible
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.decisions import advice, sentence
from analysis.rendering.tables.choices import HEADLINES, flip_table
from analysis.rendering.tables.evidence import exam_mark, incomplete_table, shortfall_line
from analysis.rendering.tables.looked_at import review_lines
from analysis.rendering.tables.positive_control import positive_lines
from analysis.rendering.tables.relations import strongest_correlation
from analysis.rendering.tables.review import (
    CLASS_LABELS,
    NOISE_FLOOR,
    SHAPES,
    Table,
    decision_table,
    game_table,
    score_table,
    warnings,
)
from analysis.rendering.tables.tasks import task_line
from analysis.rendering.tables.trust import vote_lines
from analysis.rendering.tables.writing import HEADLINES as WRITTEN
from analysis.rendering.tables.writing import TITLE, brief_writing_table, damage_lines, shows_damage
from analysis.review.review_report import ReviewReport
from analysis.summaries.judge_reports import JudgeReport

MOST_MODELS = 8
MOST_LABEL = 26  # characters of a name in a table; sentences have it whole
SCORE_COLUMNS = ("rating", "rating_change", "p")
GAME_COLUMNS = (*CLASS_LABELS.values(), "win_change")


def summary(report: ReviewReport) -> tuple[Table | str, ...]:
    """Evidence that falls short, scores, games, flips, texts, warnings, the decision and its sentences, in order.

    A table's title stands in its first header, over the models, so that it takes no line of its own; the decision needs
    none.
    """
    ends = report_ends(report)
    return tuple(_labeled(visible_part(part), ends) for part in _parts(report))


def _parts(report: ReviewReport) -> Iterator[Table | str]:
    incomplete = incomplete_table(report)
    if incomplete.rows and len(report.models) <= MOST_MODELS:
        yield titled(incomplete)
    yield shortfall_line(report)
    for judge in report.judges:
        if judge.asked:
            yield from _judged(judge)
    if report.choices:
        yield _columns(flip_table(report, brief=True), HEADLINES)
    if shows_damage(report):
        yield _columns(brief_writing_table(report), WRITTEN)
    yield from filter(None, [strongest_correlation(report)])
    yield from (f"Exam of {judge.name}: {exam_mark(judge)}." for judge in report.judges)
    yield from vote_lines(report.trust)
    yield from positive_lines(report)
    yield from (f"Warning: {text}" for text in warnings(report))
    yield from (f"Note: {clause(note)}" for note in report.notes)
    decided = decision_table(report)
    columns = _columns(decided, ("decision", report.primary, "lower bound", NOISE_FLOOR))
    yield replace(columns, header=(decided.header[0], *columns.header[1:]))
    if report.limits:
        first = decided.header.index(NOISE_FLOOR) + 1
        yield _columns(replace(decided, title="Limits"), decided.header[first : first + len(report.limits)])
    yield from (f"{SHAPES[each.word]} {each.word}: {sentence(each)}" for each in report.decisions)
    if said := " ".join(damage_lines(report.writing)):  # how far texts differ stands on the page
        yield f"{TITLE}: {said}"
    yield from _settling(report)
    yield from filter(None, (task_line(each, report.task_margin) for each in report.decisions))
    yield from review_lines(report)


def _judged(judge: JudgeReport) -> Iterator[Table | str]:
    """A judge's scores and games; scores that nobody has make a line, not a table."""
    rated = any(each.scopes[0].rating.value is not None for each in judge.scores)
    if judge.scores:
        unrated = f"Scores by {judge.name}: not measured for any model."
        yield _columns(score_table(judge), SCORE_COLUMNS) if rated else unrated
    if judge.games:
        yield _columns(game_table(judge), GAME_COLUMNS)


def _settling(report: ReviewReport) -> Iterator[str]:
    """What would settle each open decision; candidates that need the same share a line."""
    needs: dict[str, list[str]] = {}
    for each in report.decisions:
        if settle := advice(each):
            needs.setdefault(settle, []).append(each.candidate)
    yield from (f"{', '.join(names)}: {settle}" for settle, names in needs.items())


def _columns(table: Table, names: tuple[str, ...]) -> Table:
    """The first column under the table's title, and the named ones."""
    places = [0, *(table.header.index(name) for name in names)]
    rows = tuple(tuple(row[place] for place in places) for row in table.rows)
    return titled(replace(table, header=(table.header[0], *names), rows=rows))


def titled(table: Table) -> Table:
    """The table with its title in its first header."""
    return replace(table, header=(table.title, *table.header[1:]))


def visible_part(part: Table | str) -> Table | str:
    """A table or line whose texts hide nothing."""
    if isinstance(part, str):
        return visible(part)
    rows = tuple(tuple(visible(text) for text in row) for row in part.rows)
    return replace(part, title=visible(part.title), header=tuple(map(visible, part.header)), rows=rows)


def _labeled(part: Table | str, ends: Ends) -> Table | str:
    """A row's long name loses what all share, then its middle, so that no line breaks in it."""
    if isinstance(part, str):
        return part
    names = shortened_apart((row[0] for row in part.rows), MOST_LABEL, ends)
    return replace(part, rows=tuple((names[row[0]], *row[1:]) for row in part.rows))
