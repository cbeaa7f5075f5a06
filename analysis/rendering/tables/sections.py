"""The report's sections: which tables it has, in the order in which a reader asks.

In: a ReviewReport. Out: Sections of Tables, the same for the page and for the CSV files.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from analysis.rendering.sentences.numbers import NOT_MEASURED
from analysis.rendering.tables.cards import card_table, cost_table, input_table
from analysis.rendering.tables.choices import flip_table, loss_table, margin_table, overlap_table, subject_table
from analysis.rendering.tables.evidence import coverage_table, evidence_table, exam_table
from analysis.rendering.tables.judged import depth_tables
from analysis.rendering.tables.ladder import resolution_table
from analysis.rendering.tables.looked_at import identity_table, unseen_table
from analysis.rendering.tables.positive_control import TITLE as SENSITIVITY
from analysis.rendering.tables.positive_control import positive_tables
from analysis.rendering.tables.relations import relation_tables
from analysis.rendering.tables.review import (
    NO_FLOOR,
    Table,
    decision_table,
    game_scope_table,
    game_table,
    score_scope_table,
    score_table,
)
from analysis.rendering.tables.rollouts import rollout_position_table, rollout_table
from analysis.rendering.tables.solved import solved_tables
from analysis.rendering.tables.tails import option_tail_table, token_tail_table
from analysis.rendering.tables.tasks import task_table
from analysis.rendering.tables.traces import trace_table, vocabulary_table
from analysis.rendering.tables.trust import trust_tables
from analysis.rendering.tables.words import limit_table, method_table
from analysis.rendering.tables.writing import TITLE, likeness_table, writing_table
from analysis.review.review_report import ReviewReport
from analysis.summaries.judge_reports import JudgeReport

LABELS = frozenset(
    {
        "model",
        "role",
        "part",
        "judge",
        "judges",
        "of",
        "measure",
        "outcome",
        "against",
        "family",
        "damage",
        "items",
        "how",
        "turn",
    }
)
"""The columns that say what a row is about; all others say what was found."""
MOST_REASONS = 2
VOID = frozenset({"—", "0", "0 / 0", "none", NO_FLOOR, "0 of 0"})


@dataclass(frozen=True)
class Section:
    """A part of the report; without a table nothing in the review measures it."""

    id: str
    title: str
    tables: tuple[Table, ...]


def sections(report: ReviewReport) -> tuple[Section, ...]:
    """Every section, the decision first."""
    rated = [judge for judge in report.judges if judge.scores and judge.asked]
    compared = [judge for judge in report.judges if judge.games and judge.asked]
    return (
        Section("decision", "Decision", tuple(_decided(report))),
        *_written(report),
        Section("evidence", "Evidence", (evidence_table(report),)),
        *([Section("sensitivity", SENSITIVITY, positive)] if (positive := tuple(positive_tables(report))) else []),
        Section("scores", "Scores", tuple(_of(judge, score_table) for judge in rated)),
        Section("games", "Games", tuple(_of(judge, game_table) for judge in compared)),
        Section("flips", "Flips and KL", _choice_tables(report)),
        *([Section("solved", "What it solves", solved)] if (solved := tuple(solved_tables(report))) else []),
        Section("traces", "Token distributions", _token_tables(report)),
        Section("correlation", "Do the measures agree?", tuple(relation_tables(report))),
        Section("exam", "Can the judge be trusted?", tuple(_trust(report))),
        Section("parts", "Coverage and parts", tuple(_parts(report, rated, compared))),
        Section(
            "cards",
            "Judge card and reproducibility",
            (identity_table(report), card_table(report), cost_table(report), input_table(report)),
        ),
        Section("methods", "Method notes", (method_table(), limit_table(report))),
    )


def silence(table: Table) -> str | None:
    """One sentence for a table in which nothing was measured; None where something was."""
    if not table.rows:
        return f"{table.title.rstrip('?')}: {NOT_MEASURED}, nothing in this review measures it."
    values = [place for place, name in enumerate(table.header) if name not in LABELS]
    cells = [row[place] for row in table.rows for place in values]
    void = [text for text in cells if text.startswith(NOT_MEASURED)]
    if not void or not all(text.startswith(NOT_MEASURED) or text in VOID for text in cells):
        return None
    why = list(dict.fromkeys(filter(None, (text.removeprefix(NOT_MEASURED).lstrip(": ") for text in void))))
    more = [f"and {len(why) - MOST_REASONS} more"] if len(why) > MOST_REASONS else []
    return f"{table.title.rstrip('?')}: {NOT_MEASURED} {'; '.join([*why[:MOST_REASONS], *more])}".strip() + "."


def _decided(report: ReviewReport) -> Iterator[Table]:
    yield decision_table(report)
    yield from (table for table in (task_table(report), unseen_table(report)) if table.rows)


def _written(report: ReviewReport) -> Iterator[Section]:
    """What is worse in the texts, and apart from it what is different."""
    if report.writing:
        tables = (writing_table(report.writing, report.baseline), likeness_table(report.writing))
        yield Section("writing", TITLE, tables)


def _of(judge: JudgeReport, table: Callable[[JudgeReport], Table]) -> Table:
    return replace(table(judge), of=judge.name)


def _choice_tables(report: ReviewReport) -> tuple[Table, ...]:
    if not report.choices:
        return ()
    return (flip_table(report), loss_table(report), option_tail_table(report), margin_table(report))


def _token_tables(report: ReviewReport) -> tuple[Table, ...]:
    """A measure that was not run says so: its table stands there without a row."""
    vocabulary = (vocabulary_table(report),) if report.choices else ()
    tails = token_tail_table(report)
    traced = (trace_table(report), rollout_table(report)) if report.questions else ()
    rolled = (rollout_position_table(report), tails)
    return (*vocabulary, *traced, *(table for table in rolled if table.rows))


def _trust(report: ReviewReport) -> Iterator[Table]:
    for judge in report.judges:
        yield from (_of(judge, table) for table in (exam_table, resolution_table))
    yield from trust_tables(report.trust) if report.trust else ()


def _parts(report: ReviewReport, rated: list[JudgeReport], compared: list[JudgeReport]) -> Iterator[Table]:
    yield coverage_table(report)
    for judge in report.judges:
        yield from (replace(table, of=judge.name) for table in depth_tables(judge))
    yield from (_of(judge, score_scope_table) for judge in rated)
    yield from (_of(judge, game_scope_table) for judge in compared)
    if report.choices:
        yield subject_table(report)
    if report.overlaps:
        yield overlap_table(report)
