"""The report's tables of agreement, as words: correlations, what accuracy leaves over, and each candidate's own items.

In: a ReviewReport. Out: Tables of plain text.
"""

from collections.abc import Iterator, Sequence

from analysis.correlations.across_candidates import ALL, Correlation
from analysis.correlations.beyond_accuracy import Stronger
from analysis.correlations.relations import JUDGED
from analysis.correlations.within_candidate import Within
from analysis.decision.gate_estimates import primary_judge
from analysis.rendering.sentences.cells import cell, unmeasured
from analysis.rendering.sentences.numbers import NOT_MEASURED, number, optional, probability
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport


def relation_tables(report: ReviewReport) -> Iterator[Table]:
    """Across candidates, given accuracy, and within each candidate; tables without a row are left out but the first."""
    yield correlation_table(report)
    found = (_family_table(report), _given_table(report), _within_table(report), _divergence_table(report))
    yield from (table for table in found if table.rows)


def correlation_table(report: ReviewReport) -> Table:
    """One row per outcome and predictor; the coefficient, its intervals, n, p and leave-one-out range in one cell."""
    rows = [(outcome, predictor, *cells) for outcome, predictor, _, *cells in _rows(report.correlations, whole=True)]
    rows += list(_untrusted(report))
    if not rows:
        rows = [("a judged outcome", "flips, KL, accuracy", *[f"{NOT_MEASURED}: no judge rated or compared"] * 3)]
    note = ""
    if any(each.descriptive for each in report.correlations):
        note = (
            " The candidates come from several families: the pooled p is descriptive, the second permutes within them."
        )
    return Table(
        "correlation",
        "Do the measures agree?",
        "Across candidates: each loss in what they write, judged or seen in the texts, against what they pick. First "
        "interval: other candidates (Fisher's z); second: other questions and items, drawn once for all candidates "
        f"(bootstrap). Adjusted p: Benjamini and Hochberg's over this table.{note}",
        ("outcome", "against", "Spearman", "Kendall", "Pearson"),
        tuple(rows),
    )


def _untrusted(report: ReviewReport) -> Iterator[tuple[str, ...]]:
    """A judged change whose judge may not be believed is correlated with nothing."""
    for outcome in JUDGED:
        judge = primary_judge(report.judges, outcome)
        if judge and judge.unfit:
            lacking = f"{NOT_MEASURED}: the word of {judge.name} does not count"
            yield (outcome, "flips, KL, accuracy", *[lacking] * 3)


def strongest_correlation(report: ReviewReport) -> str:
    """The largest measured coefficient in words, and out of how many it was picked; empty if none was measured."""
    found = [each for each in report.correlations if each.scope == ALL and each.coefficient.value is not None]
    if not found:
        return ""
    most = max(found, key=lambda each: abs(each.coefficient.value or 0))
    pooled = ", several families: descriptive" if most.descriptive else ""
    return (
        f"Strongest of {len(found)} correlations: {most.outcome} against {most.predictor}, {most.method} "
        f"{_correlation_cell(most)} (its intervals are not corrected for the picking{pooled})."
    )


def _rows(correlations: Sequence[Correlation], *, whole: bool) -> Iterator[tuple[str, ...]]:
    grouped: dict[tuple[str, str, str], list[Correlation]] = {}
    for each in correlations:
        if (each.scope == ALL) == whole:
            grouped.setdefault((each.outcome, each.predictor, each.scope), []).append(each)
    yield from ((*about, *(_correlation_cell(each) for each in found)) for about, found in grouped.items())


def _family_table(report: ReviewReport) -> Table:
    return Table(
        "correlation-families",
        "Within each family",
        "Families of three candidates and more; those of one family (bits, layers, noise) are exchangeable.",
        ("outcome", "against", "family", "Spearman", "Kendall", "Pearson"),
        tuple(_rows(report.correlations, whole=False)),
    )


def _given_table(report: ReviewReport) -> Table:
    """What a predictor says beyond accuracy_change, and whether it says more."""
    stronger = {(each.outcome, each.predictor): each for each in report.stronger}
    return Table(
        "correlation-given",
        "Beyond accuracy",
        "Spearman with accuracy_change held constant; and the predictor's strength minus that of accuracy_change, with "
        "a bootstrap interval over questions and items and Williams' p over candidates.",
        ("outcome", "against", "given accuracy_change", "stronger than accuracy_change by"),
        tuple(
            (
                each.outcome,
                each.predictor,
                cell(each.coefficient),
                _stronger_cell(stronger[each.outcome, each.predictor]),
            )
            for each in report.partials
        ),
    )


def _divergence_table(report: ReviewReport) -> Table:
    """Apart from the others: what differs more in one way differs more in another, and nothing of it is worse."""
    return Table(
        "correlation-divergence",
        "Divergence against divergence",
        "Likeness of the texts against flips, KL and accuracy. Two measures of difference that agree show that models "
        "differ; they cannot show that one is worse.",
        ("outcome", "against", "Spearman", "Kendall", "Pearson"),
        tuple((outcome, against, *cells) for outcome, against, _, *cells in _rows(report.divergences, whole=True)),
    )


def _within_table(report: ReviewReport) -> Table:
    return Table(
        "within",
        "Item by item, question by question",
        "The chance that a flipped item has a higher KL than one that did not flip (AUC; 0.5: none); and Spearman of "
        "a question's kl_trace with its rating_change (negative: what moved most got worse).",
        (
            *("model", "role", "KL finds flips", "flipped items", "kl_trace and rating_change"),
            *("the same by category", "KL and flips by subject"),
        ),
        tuple(_within_row(each) for each in report.within),
    )


def _within_row(each: Within) -> tuple[str, ...]:
    p = f"; {probability(each.p)}" if each.p is not None else ""
    return (
        *(each.model, each.role, cell(each.kl_finds_flips), str(each.flips)),
        *(f"{cell(each.trace_and_change)}{p}", cell(each.by_category), cell(each.by_subject)),
    )


def _stronger_cell(each: Stronger) -> str:
    if each.missing:
        return unmeasured(each.missing)
    value = optional(each.difference, lambda found: number("spearman", found))
    ends = [number("spearman", end) for end in each.bootstrap or ()]
    interval = f"[{ends[0]}, {ends[1]}]" if ends else "[no interval]"
    return f"{value} {interval} (n {each.n}; {probability(each.p)})"


def _correlation_cell(each: Correlation) -> str:
    if each.coefficient.value is None:
        return cell(each.coefficient)
    parts = [cell(each.coefficient)]
    for name, ends in (("bootstrap", each.bootstrap), ("leaving one out", each.leave_one_out)):
        if ends:
            low, high = (number(each.method, end) for end in ends)
            parts.append(f"{name} {low} to {high}")
    parts.append(f"{probability(each.p)} (adjusted {probability(each.adjusted_p)}), {each.p_method}")
    if each.within_p is not None:
        parts.append(f"within families {probability(each.within_p)} (adjusted {probability(each.adjusted_within_p)})")
    return "; ".join(parts)
