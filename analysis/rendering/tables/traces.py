"""The tables of token distributions: on the baseline's own answers, and at the tokens of options.

In: a ReviewReport. Out: a Table of plain text.
"""

from analysis.rendering.sentences.cells import cell, unmeasured
from analysis.rendering.sentences.numbers import number
from analysis.rendering.tables.review import NO_FLOOR, NOISE_FLOOR, Table
from analysis.review.review_report import ReviewReport
from analysis.summaries.model_rows import control_row
from analysis.token_distributions.trace_measures import TraceReport


def trace_table(report: ReviewReport) -> Table:
    """kl_trace with its K, same top token, log-likelihood and first divergence of every model, the control's beside."""
    control = control_row(report.traces)
    caption = (
        f"Every model reads {report.baseline}'s own answers token by token. KL is a lower bound: tokens that are not "
        "in both lists of the K most likely are one bucket."
    )
    header = ("model", "role", "turns", "KL (trace)", NOISE_FLOOR, "K", "same top token", "change of log-probability")
    rest = ("5, 50, 95 % quantiles", "turns that diverge", "first divergence (median token)")
    rows = tuple(_row(each, control) for each in report.traces)
    return Table("traces", "On the baseline's own answers", caption, (*header, *rest), rows)


def vocabulary_table(report: ReviewReport) -> Table:
    """kl_vocabulary, all tasks pooled and each task, with its K or as exact; the control's beside."""
    control = control_row(report.vocabulary)
    rows = []
    for each in report.vocabulary:
        if each.fault:
            rows.append((each.model, each.role, "—", unmeasured(each.fault), "—", "—"))
            continue
        how = "exact" if each.exact else f"lower bound, K = {each.top_k}"
        floors = {"all": control.kl, **dict(control.tasks)} if control else {}
        scopes = [("all", each.kl), *(each.tasks if len(each.tasks) > 1 else ())]
        for scope, estimate in scopes:
            beside = "—" if each.role != "candidate" else cell(floors.get(scope), with_n=False) if control else NO_FLOOR
            rows.append((each.model, each.role, scope, cell(estimate), beside, how))
    caption = f"KL({report.baseline} ‖ model) over the whole vocabulary at the options' tokens, the paper's measure."
    header = ("model", "role", "items", "KL (vocabulary)", NOISE_FLOOR, "how")
    return Table("vocabulary", "KL over the whole vocabulary", caption, header, tuple(rows))


def _row(each: TraceReport, control: TraceReport | None) -> tuple[str, ...]:
    if each.fault:
        return (each.model, each.role, "—", unmeasured(each.fault), *["—"] * 7)
    beside = "—" if each.role != "candidate" else cell(control.kl, with_n=False) if control else NO_FLOOR
    lost = f", {each.missing} missing" if each.missing else ""
    floored = f" (floor at {each.floored} positions)" if each.floored else ""
    return (
        each.model,
        each.role,
        f"{each.turns} ({each.positions} tokens){lost}",
        f"{cell(each.kl)}{floored}",
        beside,
        str(each.top_k),
        cell(each.same_top),
        cell(each.logprob_change),
        ", ".join(number("logprob_change", value) for value in each.logprob_quantiles),
        f"{each.diverged} of {each.turns}",
        "none" if each.first_divergence is None else f"{each.first_divergence:.0f}",
    )
