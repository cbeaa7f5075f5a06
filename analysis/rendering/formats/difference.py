"""The formats of a difference of two runs: lines and tables for a terminal, Markdown of at most 40 lines, JSON.

In: a RunDifference. Out: parts that the front door renders, and diff.md and diff.json; text from outside stays text.
"""

from collections.abc import Iterator
from pathlib import Path

from analysis.rendering.formats.data import report_json
from analysis.rendering.formats.markdown import MOST_LINES, fitted_tables, short_line
from analysis.rendering.formats.terminal import titled, visible_part
from analysis.rendering.sentences.decisions import sentence
from analysis.rendering.tables.difference import (
    change_table,
    decision_table,
    flip_table,
    game_table,
    ground_line,
    identical_line,
    notes,
    rating_table,
    run_line,
)
from analysis.rendering.tables.review import Table
from analysis.run_diff.run_difference import RunDifference
from ledger.store import write_atomically

MARKDOWN, DATA = "diff.md", "diff.json"
MOST_NOTES = 6


def difference_summary(difference: RunDifference) -> tuple[Table | str, ...]:
    """The baseline's change first, the decisions last; a table's title stands in its first header."""
    return tuple(visible_part(part) for part in _parts(difference))


def difference_markdown(difference: RunDifference) -> str:
    """The ground, notes, decisions, ratings, flips and games; the rest stands in diff.json."""
    texts = [run_line(difference), ground_line(difference), identical_line(difference), *notes(difference)]
    lines = [short_line(text) for text in texts if text]
    more = len(lines) - MOST_NOTES
    lines = [*lines[:MOST_NOTES], *([f"{more} more notes in {DATA}."] if more > 0 else [])]
    page = [f"## {short_line(f'{difference.before.name} → {difference.after.name}')}", "", *(f"- {x}" for x in lines)]
    wanted = (decision_table(difference), rating_table(difference), flip_table(difference), game_table(difference))
    tables = [(table, table.header) for table in wanted if table.rows]
    page += fitted_tables(tables, MOST_LINES - len(page) - 2, DATA)
    return "\n".join([*page, "", f"Made {short_line(difference.made_at)}. Everything else: {DATA}."]) + "\n"


def write_difference(difference: RunDifference, folder: Path) -> list[Path]:
    """Write diff.md and diff.json; their paths."""
    formats = {MARKDOWN: difference_markdown(difference), DATA: report_json(difference)}
    for name, text in formats.items():
        write_atomically(folder / name, text)
    return [folder / name for name in formats]


def _parts(difference: RunDifference) -> Iterator[Table | str]:
    yield run_line(difference)
    yield ground_line(difference)
    yield from filter(None, [identical_line(difference)])
    wanted = (rating_table, flip_table, game_table, change_table, decision_table)
    *measured, decided = (titled(make(difference)) for make in wanted)
    yield from (table for table in measured if table.rows)
    yield from (f"Note: {text}" for text in notes(difference))
    if decided.rows:
        yield decided
        yield decision_table(difference).caption
    if difference.judged:
        yield from _new_words(difference)


def _new_words(difference: RunDifference) -> Iterator[str]:
    """Why a candidate's word is another one in B."""
    for model in difference.models:
        old, new = model.decision_before, model.decision_after
        if old and new and old.word is not new.word:
            yield f"{old.word} → {new.word}: {sentence(new)}"
