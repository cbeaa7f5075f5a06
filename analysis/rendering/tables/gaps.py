"""Agreement by the size of the gap between two answers, as words: judges are least to be believed where it is close.

In: a TrustReport. Out: Tables of plain text, those that have a row.
"""

from collections.abc import Iterator

from analysis.judged.games import GAPS
from analysis.judged.gap_agreement import MARGIN, POINTS, GapAgreement, PanelSplit
from analysis.rendering.sentences.cells import cell
from analysis.rendering.tables.review import Table
from analysis.summaries.judge_trust import TrustReport
from ledger.judgments import Mode

KINDS = {Mode.SINGLE: "ratings", Mode.PAIR: "games"}
MARGIN_WORDS = {0.0: "none", 1 / 3: "a third", 2 / 3: "two thirds", 1.0: "whole"}
RULE = (
    "The gap is the distance of the two answers' mean ratings over all judges that rated both; where nobody did, the "
    "panel's margin, its wins less its losses as a share of its verdicts. A rater's own word is in it."
)
BY_GAP = (
    "Near-equal answers are where releases are decided, and where judges agree least. Itself, swapped: one verdict in "
    "both positions."
)


def gap_tables(trust: TrustReport) -> Iterator[Table]:
    """How far raters agree, and how often the panel splits, bin by bin."""
    if trust.gap_agreements:
        rows = tuple(
            (f"{each.first}, {each.second}", KINDS[each.mode], gap_words(each), cell(each.equal))
            for each in trust.gap_agreements
        )
        title = "Do they agree where it is close?"
        yield Table("gap-agreement", title, f"{BY_GAP} {RULE}", ("raters", "by", "gap", "equal"), rows)
    if trust.panel_splits:
        rows = tuple(
            (", ".join(each.judges), KINDS[each.mode], gap_words(each), cell(each.split)) for each in trust.panel_splits
        )
        caption = f"Pairs of answers on which two judges or more gave a verdict, and not all the same one. {RULE}"
        header = ("judges", "by", "gap", "the panel splits")
        yield Table("panel-splits", "Where does the panel split?", caption, header, rows)


def gap_words(each: GapAgreement | PanelSplit) -> str:
    """A bin of gaps."""
    if each.unit == POINTS:
        return f"{each.gap:.0f} points{' or more' if each.gap == GAPS[-1] else ''}"
    return f"margin {MARGIN_WORDS[each.gap]}" if each.unit == MARGIN else "not known: nobody rated both"
