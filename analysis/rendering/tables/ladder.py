"""A judge's resolution as words: the bracket of each kind of damage, and a line for the short formats.

In: a ReviewReport, a JudgeReport. Out: Tables and lines of plain text.
"""

from analysis.rendering.sentences.cells import unmeasured
from analysis.rendering.sentences.ladder import KINDS, few_texts, resolution_words, sizes_words
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport
from analysis.statistics.causes import Kind
from analysis.summaries.judge_reports import JudgeReport

HEADER = ("damage", "finest passed", "coarsest failed", "open", "texts")
CAPTION = (
    "Good texts against the same ones with graded damage; seen: the intact one preferred in both orders, ties unseen. "
    "Passed: Wilson's one-sided 97.5 % lower bound is at least 75 %; failed: the upper one is under it. Each kind "
    "stops at its first rung that is not passed. It decides nothing unless exam_resolution demands it."
)


def resolution_table(judge: JudgeReport) -> Table:
    """The bracket of each kind; without a ladder, one row that says so."""
    rows = tuple(
        (
            KINDS[each.damage],
            few_texts(each) or sizes_words(each.damage, [each.finest_passed]),
            sizes_words(each.damage, [each.coarsest_failed]),
            sizes_words(each.damage, each.open),
            str(each.texts),
        )
        for each in judge.resolution
    )
    told = (("all kinds", resolution_told(judge), "—", "—", "—"),)
    return Table("resolution", f"Resolution of {judge.name}", CAPTION, HEADER, rows or told)


def resolution_told(judge: JudgeReport) -> str:
    """The bracket of every kind, that nothing was measured, or that this is a panel."""
    missing = judge.exam.whole.missing
    of_panel = missing is not None and missing.kind is Kind.PANEL_SITS_NO_EXAM
    return unmeasured(missing) if of_panel else resolution_words(judge.resolution)


def resolution_line(report: ReviewReport) -> str:
    """What every judge is shown to see, in one line; empty without a judge."""
    told = [f"{judge.name}: {resolution_told(judge)}" for judge in report.judges]
    return f"Resolution of judges: {'. '.join(told)}." if told else ""
