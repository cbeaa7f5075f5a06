"""A judge's resolution as words: the bracket of each kind of damage, and a line for the short formats.

In: a ReviewReport, a JudgeReport. Out: Tables and lines of plain text.
"""

from analysis.rendering.sentences.ladder import KINDS, NO_LADDER, few_texts, resolution_words, sizes_words
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport
from analysis.summaries.judge_reports import JudgeReport

HEADER = ("damage", "finest passed", "coarsest failed", "open", "texts")
CAPTION = (
    "Good texts against the same ones with graded damage; seen: the intact one preferred in both orders, ties unseen. "
    "Passed: Wilson's one-sided 97.5 % lower bound is at least 75 %; failed: the upper one is under it. Each kind "
    "stops at its first rung that is not passed. It decides nothing unless exam_resolution demands it."
)


def resolution_table(judge: JudgeReport) -> Table:
    """The bracket of each kind; without a ladder, the one row that says so."""
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
    unmeasured = (("all kinds", NO_LADDER, "—", "—", "—"),)
    return Table("resolution", f"Resolution of {judge.name}", CAPTION, HEADER, rows or unmeasured)


def resolution_line(report: ReviewReport) -> str:
    """What every judge is shown to see, in one line; empty without a judge."""
    told = [f"{judge.name}: {resolution_words(judge.resolution)}" for judge in report.judges]
    return f"Resolution of judges: {'. '.join(told)}." if told else ""
