"""The tables of what a mean KL hides: quantiles, the largest, infinite ones, and the other direction.

In: a ReviewReport. Out: Tables of plain text.
"""

from collections.abc import Iterator

from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.numbers import NOT_MEASURED, number
from analysis.rendering.tables.choices import scope_name
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport
from analysis.statistics.estimates import Estimate
from analysis.statistics.mean_distance import Tail
from ledger.measures import measure_of

HEADER = (
    *("model", "measure", "of", "mean", "median", "95 %", "99 %", "maximum", "infinite"),
    "the other way",
)
CAPTION = (
    "What the mean is made of, in nats; the quantiles are values that were seen. The other way, the two models are "
    "exchanged. An infinite one, where the candidate gives no chance to what the baseline does, counts as the largest "
    "finite one against a limit: it may break the limit, and never keeps it."
)


def option_tail_table(report: ReviewReport) -> Table:
    """The distances between options, over all items and each task."""
    rows = tuple(
        _row(each.model, name, scope_name(row.scope), row.distance(name), found)
        for each in report.choices
        for row in each.results
        for name, found in row.tails
    )
    return Table("tails", "What the mean KL of the options hides", CAPTION, HEADER, rows)


def token_tail_table(report: ReviewReport) -> Table:
    """KL over the vocabulary, item by item, and along the answers, token by token."""
    return Table("token-tails", "What the mean KL of the tokens hides", CAPTION, HEADER, tuple(_token_rows(report)))


def _token_rows(report: ReviewReport) -> Iterator[tuple[str, ...]]:
    for each in report.vocabulary:
        if each.tail:
            yield _row(each.model, "kl_vocabulary", "items", each.kl, each.tail)
    for traced in report.traces:
        if traced.tail:
            yield _row(traced.model, "kl_trace", "tokens", traced.kl, traced.tail)
    for read in report.rollouts:
        if read.tail:
            yield _row(read.model, "kl_rollout", "tokens", read.kl, read.tail)


def _row(model: str, measure: str, of: str, mean: Estimate, found: Tail) -> tuple[str, ...]:
    def nats(value: float | None) -> str:
        return number(measure, value) if value is not None else "infinite" if found.n else NOT_MEASURED

    quantiles = (found.median, found.p95, found.p99, found.maximum)
    back = cell(found.reverse, with_n=False) if found.reverse else "—"
    counted = f"{found.infinite} of {found.n}"
    return (model, measure_of(measure).label, of, cell(mean, with_n=False), *map(nats, quantiles), counted, back)
