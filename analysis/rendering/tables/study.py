"""A study's variants as words: what each one changed, over all items and along the baseline's own answers.

In: a ReviewReport without a judge. Out: Tables of plain text, and the variants for findings.py.
"""

from dataclasses import dataclass
from math import exp

from analysis.decision.gate_estimates import pooled
from analysis.multiple_choice.flips import FlipResult
from analysis.rendering.sentences.cells import cell, interval, value_cell
from analysis.rendering.sentences.numbers import number
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport
from analysis.statistics.estimates import Estimate
from analysis.token_distributions.trace_measures import TraceReport

SMALL_CHANGE = 0.02  # the paper's accuracy changes


@dataclass(frozen=True)
class Variant:
    """One candidate, all items, by acc."""

    name: str
    family: str
    amount: float | None
    row: FlipResult
    vocabulary: Estimate | None
    trace: TraceReport | None

    @property
    def small(self) -> bool:
        """Whether its accuracy changed by no more than the paper's."""
        change = self.row.accuracy_change.value
        return change is not None and abs(change) <= SMALL_CHANGE


def variants(report: ReviewReport, role: str = "candidate") -> list[Variant]:
    """Every candidate (or the control) that has choices, in the config's order."""
    about = dict(zip(report.candidates, zip(report.families, report.amounts, strict=True), strict=True))
    vocabulary = {each.model: each.kl for each in report.vocabulary}
    traces = {each.model: each for each in report.traces}
    found = [(each, pooled(each)) for each in report.choices if each.role == role]
    return [
        Variant(each.model, *about.get(each.model, ("", None)), row, vocabulary.get(each.model), traces.get(each.model))
        for each, row in found
        if isinstance(row, FlipResult) and row.n
    ]


def variant_table(report: ReviewReport) -> Table:
    """Every variant, the control last."""
    rows = [_variant_row(each) for each in (*variants(report), *variants(report, "control"))]
    header = ("variant", "accuracy change", "flips", "all flips", "right→wrong, wrong→right")
    rest = ("KL over the options", "KL over the vocabulary", "KL along answers", "same top token")
    base = next((row.accuracy_baseline for each in report.choices if (row := pooled(each))), None)
    caption = f"Against {report.baseline}, accuracy {cell(base)}; 95 % intervals."
    return Table("variants", f"Every variant against {report.baseline}", caption, (*header, *rest), tuple(rows))


def token_table(report: ReviewReport) -> Table:
    """How far the log-likelihood of each token of the baseline's own answers moved."""
    rows = []
    for each in (*variants(report), *variants(report, "control")):
        trace = each.trace
        if trace and trace.logprob_change.value is not None:
            low, middle, high = (number("logprob_change", value) for value in trace.logprob_quantiles)
            factor = f"{exp(-trace.logprob_change.value):.3f}"
            rows.append((each.name, cell(trace.logprob_change, with_n=False), f"{low}, {middle}, {high}", factor))
    header = ("variant", "mean change", "5, 50, 95 % quantiles", "perplexity, times")
    title = f"Change of each token's log-likelihood against {report.baseline}"
    return Table("tokens", title, "Candidate minus baseline.", header, tuple(rows))


def _variant_row(each: Variant) -> tuple[str, ...]:
    moved, trace = each.row.transitions, each.trace
    return (
        each.name,
        _short(each.row.accuracy_change),
        _short(each.row.flips),
        _short(each.row.all_flips),
        f"{moved.right_to_wrong}, {moved.wrong_to_right}",
        _short(each.row.distance("kl_options")),
        _short(each.vocabulary),
        _short(trace.kl if trace else None),
        _short(trace.same_top if trace else None),
    )


def _short(estimate: Estimate | None) -> str:
    """Value and interval, without n and notes: every row has the same items."""
    ends = f" {interval(estimate)}" if estimate and estimate.interval else ""
    return value_cell(estimate) + ends
