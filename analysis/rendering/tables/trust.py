"""How far to trust the judges, as words: steadiness, agreement with others and with people, corrected changes.

In: a ReviewReport. Out: Tables of plain text.
"""

from collections.abc import Iterator

from analysis.judged.agreement import Agreement
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.numbers import number, optional
from analysis.rendering.tables.review import Table
from analysis.summaries.judge_trust import TrustReport


def trust_tables(trust: TrustReport) -> Iterator[Table]:
    """The tables that have a row."""
    yield _steadiness(trust)
    if trust.agreements:
        yield _agreements(trust)
    if trust.calibrations:
        yield _calibrations(trust)


def _steadiness(trust: TrustReport) -> Table:
    rows = tuple(
        (
            each.judge,
            cell(each.same_rating),
            optional(each.rating_distance, lambda value: f"{value:.2f} points"),
            cell(each.same_class),
            cell(each.longer_wins),
        )
        for each in trust.steadiness
    )
    header = (
        "judge",
        "same rating when repeated",
        "mean distance",
        "same class when repeated",
        "the longer answer wins",
    )
    caption = (
        "Repeats show steadiness, not truth. The longer answer's share is of the pairs decided alike in both orders; "
        "half is no taste for length, but longer answers may also be better."
    )
    return Table("steadiness", "Does a judge agree with itself?", caption, header, rows)


def _agreements(trust: TrustReport) -> Table:
    rows = tuple(
        (
            f"{each.first}, {each.second}",
            kappa_cell(each),
            cell(each.equal),
            cell(each.decided),
        )
        for each in trust.agreements
    )
    alphas = [
        f"Krippendorff's alpha of {who}: {value:.2f}."
        for who, value in (("all judges", trust.alpha), ("judges and people", trust.alpha_with_people))
        if value is not None
    ]
    caption = " ".join(["Win, tie or loss; a verdict that changes with the positions counts as a tie.", *alphas])
    header = ("raters", "kappa", "equal", "equal where both decided")
    return Table("agreement", "Do the judges agree?", caption, header, rows)


def kappa_cell(each: Agreement) -> str:
    """Kappa with its interval and n, or why there is none."""
    if each.kappa is None:
        return "not defined"
    ends = [number("kappa", end) for end in each.interval or ()]
    return f"{number('kappa', each.kappa)}{f' [{ends[0]}, {ends[1]}]' if ends else ''} (n {each.n})"


def _calibrations(trust: TrustReport) -> Table:
    rows = tuple(
        (
            each.judge,
            each.candidate,
            str(each.labels),
            optional(each.raw, lambda value: number("win_change", value)),
            f"refused: {clause(each.refused)}" if each.refused else cell(each.corrected),
        )
        for each in trust.calibrations
    )
    caption = (
        f"{trust.labels} labels of people. The judge's win_change on all questions plus its mean error on the labeled "
        "ones (prediction-powered inference), shown beside the raw one; it decides nothing."
    )
    header = ("judge", "candidate", "labeled questions", "win_change", "corrected by labels")
    return Table("calibration", "Corrected by people's labels", caption, header, rows)
