"""The report's tables of solved tasks, as words: accuracy, flips beyond the noise of repeats, answers that nobody read.

In: a ReviewReport. Out: Tables of plain text.
"""

from collections.abc import Iterator
from dataclasses import replace

from analysis.benchmarks.solved_rows import SolvedRow
from analysis.benchmarks.unread import Unread
from analysis.rendering.sentences.cells import cell, value_cell
from analysis.rendering.sentences.numbers import number, optional, probability
from analysis.rendering.tables.review import NOISE_FLOOR, Table
from analysis.review.review_report import ReviewReport
from analysis.summaries.model_reports import ItemReport

KINDS = {"cut": "cut", "thoughts": "thoughts alone", "empty": "empty", "unparsed": "nothing extracted"}
NONE = "—"


def solved_tables(report: ReviewReport) -> Iterator[Table]:
    """What there is of solved tasks: their scores, what was never read, and pass@k where items have repeats."""
    rows = [(each, row) for each in report.choices for row in each.solved if row.scope.shown]
    if rows:
        yield _scores(report, rows)
        yield _unread(report, rows)
    if repeated := [pair for pair in rows if pair[1].pass_at]:
        yield _pass_at(report, repeated)


def _scores(report: ReviewReport, rows: list[tuple[ItemReport, SolvedRow]]) -> Table:
    floors = {(row.scope, row.scoring): row for each in report.choices if each.role == "control" for row in each.solved}
    header = ("model", "role", "items", "accuracy", "accuracy_change", "flips", "excess flips", "within each model")
    rest = (NOISE_FLOOR, "right→wrong", "wrong→right", "p of a loss")
    caption = (
        f"Answers that a program checked, against {report.baseline}. Of several answers to an item accuracy is the "
        "mean, flips are how often answers of the two models differ, within how often two of one model do, and excess "
        "flips what of the flips that does not explain."
    )
    found = tuple(_score_row(each, row, floors.get((row.scope, row.scoring))) for each, row in rows)
    return Table("solved", "Solved tasks", caption, (*header, *rest), found)


def _score_row(each: ItemReport, row: SolvedRow, floor: SolvedRow | None) -> tuple[str, ...]:
    moved = row.transitions if row.flips.value is not None else None
    beside = cell(floor.flips, with_n=False) if floor and each.role == "candidate" else NONE
    return (
        each.model,
        each.role,
        f"{row.n}{repeats_text(row.repeats)} ({row.scope.task}, {row.scoring})",
        f"{value_cell(row.accuracy)}, baseline {value_cell(row.accuracy_baseline)}",
        cell(row.accuracy_change),
        cell(row.flips, with_n=False),
        cell(row.excess_flips, with_n=False) if max(row.repeats) > 1 else NONE,
        _within(row),
        beside,
        str(moved.right_to_wrong) if moved else NONE,
        str(moved.wrong_to_right) if moved else NONE,
        probability(row.loss_p if row.exact_p is None else row.exact_p),
    )


def repeats_text(repeats: tuple[int, int]) -> str:
    """How many answers each item has: one number where both models have as many, else the baseline's first."""
    own, other = repeats
    return "" if repeats == (1, 1) else f" × {own}" if own == other else f" × {own} and {other}"


def _within(row: SolvedRow) -> str:
    """How often two answers of one model differ: the candidate's, and the baseline's."""
    sides = (row.within_candidate, row.within_baseline)
    if sides == (None, None):
        return NONE
    own, other = (optional(side, lambda value: number("flips", value)) for side in sides)
    return f"{own}, baseline {other}"


def _unread(report: ReviewReport, rows: list[tuple[ItemReport, SolvedRow]]) -> Table:
    header = ("model", "items", "unread", f"unread, {report.baseline}", "new failures", "of these unread")
    caption = (
        "Answers that no program could check: cut at the limit of tokens, thoughts without an answer, empty, or with "
        "nothing that the filter could extract. They say nothing of what a model knows."
    )
    found = tuple(
        (
            each.model,
            f"{row.scope.task}, {row.scoring}",
            _counts(row.unread),
            _counts(row.unread_baseline),
            str(row.failures.answers),
            _counts(row.failures),
        )
        for each, row in rows
    )
    return Table("unread", "Was it read at all?", caption, header, found)


def _counts(found: Unread) -> str:
    told = [f"{count} {words}" for name, words in KINDS.items() if (count := getattr(found, name))]
    return f"{', '.join(told) or 'none'} of {found.answers}"


def _pass_at(report: ReviewReport, rows: list[tuple[ItemReport, SolvedRow]]) -> Table:
    header = ("model", "items", "one of", "pass@k", f"pass@k, {report.baseline}", "change")
    found = tuple(
        (
            each.model,
            f"{row.scope.task}, {row.scoring}",
            str(one.k),
            number("accuracy", one.candidate),
            number("accuracy", one.baseline),
            cell(replace(one.change, measure="accuracy_change"), with_n=False),
        )
        for each, row in rows
        for one in row.pass_at
    )
    caption = "The chance that at least one of k answers to an item is right, averaged over items."
    return Table("pass_at", "One right answer of several", caption, header, found)
