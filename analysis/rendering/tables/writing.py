"""What models write, as tables: degradation, and apart from it how far the texts differ.

In: WritingReports. Out: Tables of plain text, and the lines that open every format.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.numbers import probability
from analysis.rendering.sentences.writing import (
    NOTHING_SHOWN,
    counts,
    is_thought,
    seen_damage,
    seen_likeness,
    seen_thoughts,
    unseen_loops,
)
from analysis.rendering.tables.review import NO_FLOOR, NOISE_FLOOR, Table
from analysis.review.review_report import ReviewReport
from analysis.statistics.estimates import Estimate
from analysis.summaries.model_rows import control_row
from analysis.writing.paired_writing import WritingReport, WritingRow
from ledger.measure_facts import Kind
from ledger.measures import MEASURES, measure_of

HEADLINES = tuple(each.label for each in MEASURES if each.section == "writing" and each.headline)
TITLE = "What it writes"


def writing_lines(reports: Sequence[WritingReport]) -> Iterator[str]:
    """What is seen in the texts; empty where nobody wrote beside the baseline."""
    yield from damage_lines(reports)
    yield from seen_thoughts(reports)
    yield from seen_likeness(reports)


def damage_lines(reports: Sequence[WritingReport]) -> Iterator[str]:
    """What is seen of degradation, or that nothing is, and the loops that are not shown to be more than chance."""
    if any(each.role == "candidate" for each in reports):
        yield from list(seen_damage(reports)) or [NOTHING_SHOWN]
        yield from filter(None, [unseen_loops(reports)])


def shows_damage(report: ReviewReport) -> bool:
    """Whether any candidate is seen to write worse, or loops at all: a short format has the table of it only then."""
    return bool(unseen_loops(report.writing)) or any(True for _ in seen_damage(report.writing))


def writing_table(reports: Sequence[WritingReport], baseline: str) -> Table:
    """Each sign of degradation of every model against the baseline, with the control's change beside it."""
    caption = (
        f"From the texts alone, paired with {baseline}'s by question; no judge is asked. Seen: p at most 5 % "
        "after Holm over all measures and candidates. Said in words, and no gate unless a limit was declared."
    )
    header = ("model", "role", "measure", "turns, baseline's", "change", NOISE_FLOOR, "p", "Holm's p", "seen")
    rows = (
        (each.model, each.role, measure_of(row.measure).label, counts(row) or "—", cell(row.estimate), *rest)
        for each, row, rest in _rows(reports, "degradation")
    )
    return Table("writing", TITLE, caption, header, tuple(rows))


def brief_writing_table(report: ReviewReport) -> Table:
    """The foremost signs in one row a model: the change from the baseline with its interval and n."""
    rows = tuple(
        (each.model, *(_brief(row.estimate) for row in each.rows if measure_of(row.measure).label in HEADLINES))
        for each in report.writing
    )
    return Table("writing", TITLE, "Change from the baseline.", ("model", *HEADLINES), rows)


def likeness_table(reports: Sequence[WritingReport]) -> Table:
    """How far the texts of every model differ from the baseline's, the control's beside it."""
    caption = (
        "Different is not worse: these say that texts changed, never that they lost. A likeness is seen where its "
        "upper bound lies under the control's lower bound, after Holm; a length where its change from zero is."
    )
    header = ("model", "role", "measure", "value", NOISE_FLOOR, "p", "Holm's p", "seen")
    rows = (
        (each.model, each.role, measure_of(row.measure).label, _value(row), *rest)
        for each, row, rest in _rows(reports, "divergence")
    )
    return Table("likeness", "How far the texts differ", caption, header, tuple(rows))


def _rows(reports: Sequence[WritingReport], kind: Kind) -> Iterator[tuple[WritingReport, WritingRow, tuple[str, ...]]]:
    """Each row of a kind with what stands after its value: noise floor, p, Holm's p, seen."""
    control = control_row(reports)
    for each in reports:
        for row in each.rows:
            if measure_of(row.measure).kind != kind:
                continue
            if each.role != "candidate":
                yield each, row, ("—", probability(row.p), "—", "—")
                continue
            beside = control.find(row.measure) if control else None
            floor = cell(beside.estimate, with_n=False) if beside else NO_FLOOR
            seen = "yes" if row.seen else "no"
            yield each, row, (floor, probability(row.p), probability(row.holm_p), seen)


def _value(row: WritingRow) -> str:
    """A likeness; a change of thoughts stands behind what either side has."""
    return "; ".join(filter(None, [counts(row) if is_thought(row) else "", cell(row.estimate)]))


def _brief(estimate: Estimate) -> str:
    """Without the smallest effect that could have been found, so that three stand on a line."""
    return cell(replace(estimate, mde=None))
