"""What models write, as tables: degradation, and apart from it how far the texts differ.

In: a ReviewReport. Out: Tables of plain text, and the lines that open every format.
"""

from collections.abc import Iterator

from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.numbers import probability
from analysis.rendering.sentences.writing import NOTHING_SHOWN, counts, seen_damage, seen_likeness, unseen_loops
from analysis.rendering.tables.review import NO_FLOOR, NOISE_FLOOR, Table
from analysis.review.review_report import ReviewReport
from analysis.summaries.model_rows import control_row
from analysis.writing.paired_writing import WritingReport, WritingRow
from ledger.measure_facts import Kind
from ledger.measures import MEASURES, measure_of

HEADLINES = tuple(each.label for each in MEASURES if each.section == "writing" and each.headline)
TITLE = "What it writes"


def writing_lines(report: ReviewReport) -> Iterator[str]:
    """What is seen in the texts, or that nothing is; empty where nobody wrote beside the baseline."""
    candidates = [each for each in report.writing if each.role == "candidate"]
    if not candidates:
        return
    seen = list(seen_damage(report.writing))
    yield from seen or [NOTHING_SHOWN]
    yield from filter(None, [unseen_loops(report.writing)])
    yield from seen_likeness(report.writing)


def writing_table(report: ReviewReport) -> Table:
    """Each sign of degradation of every model against the baseline, with the control's change beside it."""
    caption = (
        f"From the texts alone, paired with {report.baseline}'s by question; no judge is asked. Seen: p at most 5 % "
        "after Holm over all measures and candidates. Said in words, and no gate unless a limit was declared."
    )
    header = ("model", "role", "measure", "turns, baseline's", "change", NOISE_FLOOR, "p", "Holm's p", "seen")
    rows = (
        (each.model, each.role, measure_of(row.measure).label, counts(row) or "—", cell(row.estimate), *rest)
        for each, row, rest in _rows(report, "degradation")
    )
    return Table("writing", TITLE, caption, header, tuple(rows))


def brief_writing_table(report: ReviewReport) -> Table:
    """The foremost signs in one row a model: counts, and the change with its interval."""
    rows = tuple(
        (each.model, *(_brief(row) for row in each.rows if measure_of(row.measure).label in HEADLINES))
        for each in report.writing
    )
    return Table("writing", TITLE, "Turns, or phrases, and the change from the baseline.", ("model", *HEADLINES), rows)


def likeness_table(report: ReviewReport) -> Table:
    """How far the texts of every model differ from the baseline's, the control's beside it."""
    caption = (
        "Different is not worse: these say that texts changed, never that they lost. A likeness is seen where its "
        "upper bound lies under the control's lower bound, after Holm; a length where its change from zero is."
    )
    header = ("model", "role", "measure", "value", NOISE_FLOOR, "p", "Holm's p", "seen")
    rows = (
        (each.model, each.role, measure_of(row.measure).label, cell(row.estimate), *rest)
        for each, row, rest in _rows(report, "divergence")
    )
    return Table("likeness", "How far the texts differ", caption, header, tuple(rows))


def _rows(report: ReviewReport, kind: Kind) -> Iterator[tuple[WritingReport, WritingRow, tuple[str, ...]]]:
    """Each row of a kind with what stands after its value: noise floor, p, Holm's p, seen."""
    control = control_row(report.writing)
    for each in report.writing:
        for row in each.rows:
            if measure_of(row.measure).kind != kind:
                continue
            if each.role != "candidate":
                yield each, row, ("—", probability(row.p), "—", "—")
                continue
            floor = cell(control.row(row.measure).estimate, with_n=False) if control else NO_FLOOR
            seen = "yes" if row.seen else "no"
            yield each, row, (floor, probability(row.p), probability(row.holm_p), seen)


def _brief(row: WritingRow) -> str:
    said = counts(row)
    return f"{said}: {cell(row.estimate)}" if said else cell(row.estimate)
