"""The report as Markdown for a pull request: at most 40 lines, the same cells as the page.

In: a ReviewReport. Out: Markdown; text from outside cannot render, link or mention.
"""

import re
from collections.abc import Iterator, Sequence

from analysis.rendering.formats.markdown_tables import pipe_table
from analysis.rendering.formats.text import markdown, visible
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.decisions import advice, asides, verdict
from analysis.rendering.tables.choices import OF_PICKS, flip_table
from analysis.rendering.tables.evidence import shortfall_line
from analysis.rendering.tables.first_screen import headline
from analysis.rendering.tables.ladder import resolution_line
from analysis.rendering.tables.looked_at import review_lines
from analysis.rendering.tables.positive_control import positive_lines
from analysis.rendering.tables.review import (
    CLASS_LABELS,
    NOISE_FLOOR,
    Table,
    decision_table,
    foremost,
    game_table,
    score_table,
    warnings,
)
from analysis.rendering.tables.rollouts import rollout_line
from analysis.rendering.tables.tasks import task_line
from analysis.rendering.tables.trust import vote_lines
from analysis.rendering.tables.writing import TITLE, brief_writing_table, shows_damage, writing_lines
from analysis.review.review_report import ReviewReport
from analysis.statistics.causes import Kind
from ledger.measures import MEASURES

MOST_LINES = 40
ALOUD = (Kind.MUCH_UNREAD, Kind.COPIED_REPEATS)  # notes that change how every number of a task reads
MOST_CHARACTERS = 600
AROUND_TABLE = 4  # a blank line, two of header, one for the rows that are left out
PAGE = "report.html"
FLIP_COLUMNS = ("model", *OF_PICKS, NOISE_FLOOR)
SCORE_COLUMNS = ("model", "rating", "rating_change", NOISE_FLOOR, "p")
GAME_COLUMNS = ("model", *CLASS_LABELS.values(), "win_change", NOISE_FLOOR)
_NAMES = "|".join(re.escape(markdown(name)) for name in (*(each.name for each in MEASURES), "win_score") if "_" in name)
_MEASURES = re.compile(rf"\b({_NAMES})\b")


def report_markdown(report: ReviewReport) -> str:
    """Decision, warnings, evidence, scores, games and flips; the rest stands in report.html."""
    lines = [line for block in _opening(report) for line in block]
    lines += fitted_tables(list(_tables(report)), MOST_LINES - len(lines) - 2)
    footer = f"Config {report.config_digest}, made {markdown(report.made_at)}. Everything else: {PAGE}."
    return "\n".join([*lines, "", footer]) + "\n"


def _opening(report: ReviewReport) -> Iterator[list[str]]:
    yield [f"## {headline(report)}: {markdown(report.name)}", ""]
    decided = decision_table(report)
    shown = foremost(report.decisions)
    places = [report.decisions.index(decision) for decision in shown]
    table = Table(decided.id, "", "", decided.header, tuple(decided.rows[place] for place in places))
    yield _table_lines(table, decided.header[:-1], len(table.rows), len(decided.rows) - len(table.rows))
    yield [
        "",
        *(
            f"- {short_line(verdict(decision))} {_text(visible(task_line(decision, report.task_margin)))}"
            for decision in shown
        ),
        *(f"- {short_line(said)}" for said in map(asides, shown) if said),
    ]
    yield [f"- {short_line(settle)}" for settle in map(advice, shown) if settle][:1]
    yield [f"- {TITLE}: {short_line(said)}"] if (said := " ".join(writing_lines(report.writing))) else []
    yield [f"- {short_line(read)}"] if (read := rollout_line(report)) else []
    rest = (task_line(decision, report.task_margin) for decision in report.decisions if decision not in shown)
    others = " ".join(filter(None, rest))
    yield [f"- {_text(visible(line))}" for line in (*filter(None, [others]), *review_lines(report))]
    notes = [clause(note) for note in report.notes if note.kind in ALOUD]
    yield [f"- **{short_line(text)}**" for text in (*warnings(report)[:2], *notes[:2])]
    yield [f"- {short_line(shortfall_line(report))}"]
    yield [f"- {short_line(seen)}"] if (seen := resolution_line(report)) else []
    yield [f"- {short_line(' '.join(told))}"] if (told := list(vote_lines(report.trust))) else []
    yield [f"- {short_line(line)}" for line in positive_lines(report)]


def _tables(report: ReviewReport) -> Iterator[tuple[Table, tuple[str, ...]]]:
    """Scores and games of the primary judge if it rated and compared anything, flips, and signs of texts."""
    judge = report.primary_judge
    if judge and any(each.scopes[0].rating.value is not None for each in judge.scores):
        yield score_table(judge), SCORE_COLUMNS
    if judge and any(each.scopes[0].win_score.value is not None for each in judge.games):
        yield game_table(judge), GAME_COLUMNS
    if report.choices:
        yield flip_table(report, brief=True), FLIP_COLUMNS
    if shows_damage(report):
        written = brief_writing_table(report)
        yield written, written.header


def fitted_tables(tables: Sequence[tuple[Table, Sequence[str]]], lines: int, rest: str = PAGE) -> Iterator[str]:
    """The tables' columns in so many lines: each table may take an even share of what those before it left."""
    for index, (table, columns) in enumerate(tables):
        share = max(0, lines // (len(tables) - index) - AROUND_TABLE)
        shown = ["", *_table_lines(table, columns, share, rest=rest)]
        lines -= len(shown)
        yield from shown


def _table_lines(table: Table, columns: Sequence[str], most: int, left_out: int = 0, rest: str = PAGE) -> list[str]:
    """The first rows of these columns; a last line counts those that are left out and names the file that has them."""
    places = [table.header.index(column) for column in columns]
    lines = list(pipe_table(columns, ([row[place] for place in places] for row in table.rows[:most]), _text))
    left_out += max(0, len(table.rows) - most)
    if left_out:
        lines.append(f"| … {left_out} more in {rest} |" + " |" * (len(columns) - 1))
    return lines


def short_line(text: str) -> str:
    """Escaped text of a bearable length: where it is cut it ends with a word, so that no name stands there in part."""
    seen = visible(text)
    if len(seen) <= MOST_CHARACTERS:
        return _text(seen)
    start, _, _ = seen[:MOST_CHARACTERS].rpartition(" ")
    return _text(f"{start.rstrip(',;:')} …" if start else seen)


def _text(text: str) -> str:
    """Escaped text with the names of measures as code, so that they read as they are written."""
    return _MEASURES.sub(lambda found: "`" + found[0].replace("\\", "") + "`", markdown(text))
