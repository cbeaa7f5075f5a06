"""How far to trust the judges, as words: steadiness, agreement with others and with people, corrected changes.

In: a ReviewReport. Out: Tables of plain text.
"""

from collections.abc import Iterator

from analysis.judged.agreement import HUMAN, Agreement
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.numbers import number, optional
from analysis.rendering.tables.gaps import KINDS, gap_tables
from analysis.rendering.tables.review import CLASS_LABELS, Table
from analysis.summaries.judge_trust import TrustReport
from ledger.judgments import Mode

KIND_CAPTIONS = {
    Mode.SINGLE: "By ratings: whose answer was rated higher on the same turn; equal ratings are a tie.",
    Mode.PAIR: "By games: win, tie or loss; a verdict that changes with the positions counts as a tie.",
}


def trust_tables(trust: TrustReport) -> Iterator[Table]:
    """The tables that have a row."""
    if trust.steadiness:
        yield _steadiness(trust)
    if trust.votes:
        yield _votes(trust)
    if trust.agreements:
        yield _agreements(trust)
    yield from gap_tables(trust)
    if trust.calibrations:
        yield _calibrations(trust)


def vote_lines(trust: TrustReport | None) -> Iterator[str]:
    """What people say of each candidate that they voted on, and how far each judge agrees with them, in a line."""
    if trust is None:
        return
    for each in trust.votes:
        if each.votes:
            counts = ", ".join(f"{CLASS_LABELS[kind]} {count}" for kind, count in each.classes.items())
            told = f"votes {each.votes}, raters {each.raters}: {counts}; win_change {cell(each.win_change)}"
            yield f"People on {each.candidate} ({told})."
    agreed = [each for each in trust.agreements if each.second == HUMAN]
    if agreed:
        told = "; ".join(f"{each.first} by {KINDS[each.by]} {kappa_cell(each)}" for each in agreed)
        yield f"Kappa of judges with people: {told}."


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
            KINDS[each.by],
            kappa_cell(each),
            cell(each.equal),
            cell(each.decided),
        )
        for each in trust.agreements
    )
    known = (
        ("all judges' games", trust.alpha),
        ("judges' games and people", trust.alpha_with_people),
        ("all judges' ratings", trust.alpha_of_ratings),
        ("judges' ratings and people", trust.alpha_of_ratings_with_people),
    )
    alphas = [_alpha(who, value) for who, value in known if value is not None]
    caption = " ".join([*(KIND_CAPTIONS[by] for by in Mode if by in {each.by for each in trust.agreements}), *alphas])
    header = ("raters", "by", "kappa", "equal", "equal where both decided")
    return Table("agreement", "Do the judges agree?", caption, header, rows)


def _alpha(who: str, value: float) -> str:
    return f"Krippendorff's alpha of {who}: {value:.2f}."


def _votes(trust: TrustReport) -> Table:
    rows = tuple(
        (each.candidate, str(each.votes), str(each.raters), *map(str, each.classes.values()), cell(each.win_change))
        for each in trust.votes
    )
    caption = (
        "Imported votes. Each question, sample and turn counts once, by the majority of its votes; where no side has "
        "more, it is a tie. They decide nothing."
    )
    if trust.alpha_of_people is not None:
        caption = f"{caption} {_alpha('people among themselves', trust.alpha_of_people)}"
    header = ("candidate", "votes", "raters", "win", "tie", "loss", "win_change by people")
    return Table("votes", "What do people say?", caption, header, rows)


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
