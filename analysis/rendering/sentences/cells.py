"""Estimates as cells of a table: the value with its interval and n, or why there is none.

In: Estimates. Out: short texts, the same in every format of the report.
"""

from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.numbers import NOT_MEASURED, number, span, unsigned
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate
from ledger.measures import is_change


def cell(estimate: Estimate | None, *, with_n: bool = True) -> str:
    """Value, interval, n, and for a change that is not significant the minimum detectable effect, in one cell."""
    if estimate is None:
        return NOT_MEASURED
    if estimate.value is None:
        few = estimate.needs is not None
        return f"{NOT_MEASURED} (n {estimate.n}, needs {estimate.needs})" if few else unmeasured(estimate.missing)
    parts = [number(estimate.measure, estimate.value)]
    parts.append(interval(estimate))
    notes = [f"n {estimate.n}"] if with_n else []
    if estimate.identical:
        notes.append("identical records")
    if is_change(estimate.measure) and not estimate.significant and estimate.mde:
        notes.append(f"MDE {unsigned(estimate.measure, estimate.mde)}")
    return " ".join([*parts, *([f"({', '.join(notes)})"] if notes else [])])


def value_cell(estimate: Estimate | None) -> str:
    """The value alone, in its unit."""
    if estimate is None or estimate.value is None:
        return NOT_MEASURED
    return number(estimate.measure, estimate.value)


def interval(estimate: Estimate) -> str:
    """The two-sided 95 % interval in brackets, in the value's unit, or why there is none."""
    if estimate.interval is None:
        return f"[no interval: {clause(estimate.missing) if estimate.missing else NOT_MEASURED}]"
    return span(estimate.measure, estimate.interval)


def unmeasured(cause: Cause | None) -> str:
    """`not measured` and why; infinite values were measured."""
    if cause and cause.kind is Kind.INFINITE:
        return clause(cause)
    return f"{NOT_MEASURED}: {clause(cause)}" if cause else NOT_MEASURED
