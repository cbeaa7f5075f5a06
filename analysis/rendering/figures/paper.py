"""The figures of arXiv 2407.09141, from whatever runs a review has; one that cannot be drawn is left out.

In: a ReviewReport. Out: Plots and a RowChart. Shares and changes of accuracy are in percent and percentage points,
KL in nats.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from analysis.multiple_choice.flips import FlipResult
from analysis.multiple_choice.margins import EDGES, MarginGroup
from analysis.rendering.figures.plots import Plot, Point, Series
from analysis.rendering.figures.row_charts import Bar, ChartRow, RowChart
from analysis.rendering.tables.choices import scope_name
from analysis.review.review_report import ReviewReport
from analysis.statistics.estimates import Estimate
from analysis.statistics.item_scopes import ALL_ITEMS, ItemScope
from analysis.statistics.transitions import Transitions

FEWEST_DOTS = 2
MIDDLES = tuple(float(low + high) / 2 for low, high in pairwise(EDGES))
FLIPS, CHANGE = "flips (%)", "accuracy change (percentage points)"
Step = tuple[float, FlipResult, str]


@dataclass(frozen=True)
class Candidate:
    """A candidate with its rows under acc, by scope."""

    name: str
    rows: dict[ItemScope, FlipResult]


def paper_figures(report: ReviewReport) -> Iterator[Plot | RowChart]:
    """Every figure that the review's runs allow, in the paper's order; its scatter plots stand in relations.py."""
    found = tuple(candidates(report))
    yield from _change_against_flips(found)
    yield from _sweeps(report, found)
    yield from _kept_and_changed(found)
    yield from _right_and_wrong(found)
    yield from _moved(found)
    yield from _flips_beside_all(found)
    yield from _logprob_changes(report)


def candidates(report: ReviewReport) -> Iterator[Candidate]:
    """The candidates with choices that can be compared with the baseline's."""
    for each in report.choices:
        rows = {row.scope: row for row in each.results if row.scoring == "acc" and row.transitions.n}
        if each.role == "candidate" and ALL_ITEMS in rows:
            yield Candidate(each.model, rows)


def parts(candidates: tuple[Candidate, ...]) -> list[ItemScope]:
    """The tasks, or all items where there is one task."""
    scopes = dict.fromkeys(scope for each in candidates for scope in each.rows)
    return [scope for scope in scopes if scope.of_task] or [ALL_ITEMS]


def _change_against_flips(candidates: tuple[Candidate, ...]) -> Iterator[Plot]:
    """Figure 1: a dot per candidate and task."""
    series = tuple(
        Series(
            scope_name(scope),
            tuple(
                Point(*_percent(each.rows[scope].flips, each.rows[scope].accuracy_change), each.name)
                for each in candidates
                if scope in each.rows and each.rows[scope].accuracy_change.value is not None
            ),
        )
        for scope in parts(candidates)
    )
    if sum(len(each.points) for each in series) >= FEWEST_DOTS:
        note = "Flips that a nearly unchanged accuracy hides. A dot is a candidate."
        yield Plot("accuracy_change_against_flips", "Accuracy change against flips", note, FLIPS, CHANGE, series)


def _sweeps(report: ReviewReport, candidates: tuple[Candidate, ...]) -> Iterator[Plot]:
    """Figures 3 and 9: accuracy change and flips against how much of a thing was done, family by family."""
    made = dict(zip(report.candidates, zip(report.families, report.amounts, strict=True), strict=True))
    found = [(*made[each.name], each.rows[ALL_ITEMS], each.name) for each in candidates]
    for family in dict.fromkeys(family for family, amount, *_ in found if family and amount is not None):
        steps = [(amount, row, name) for of, amount, row, name in found if of == family and amount is not None]
        steps.sort(key=lambda step: step[0])
        if len(steps) < FEWEST_DOTS:
            continue

        def line(name: str, value: Callable[[FlipResult], float | None], steps: list[Step] = steps) -> Series:
            values = ((x, value(row), label) for x, row, label in steps)
            return Series(name, tuple(Point(x, 100 * y, label) for x, y, label in values if y is not None), "line")

        lines = (
            line("accuracy", lambda row: row.accuracy_change.value),
            line("flips", lambda row: row.flips.value),
            line("all flips", lambda row: row.all_flips.value),
        )
        note = "Accuracy change, flips and all flips on one axis; all items, acc."
        yield Plot(f"sweep_{family}", f"Sweep: {family}", note, family, "% of items", lines)


def _kept_and_changed(candidates: tuple[Candidate, ...]) -> Iterator[Plot]:
    """Figure 4: the baseline's top margin of the answers that stayed and of those that changed."""
    for each in candidates:
        found = each.rows[ALL_ITEMS].margins
        if found and found.changed.n:
            groups = (("kept", found.kept), ("changed", found.changed))
            title = f"Top margin of kept and changed answers, {each.name}"
            yield _histogram(f"top_margin_stay_change_{each.name}", title, groups)


def _right_and_wrong(candidates: tuple[Candidate, ...]) -> Iterator[Plot]:
    """The baseline's top margin where it is right and where it is wrong; it depends on no candidate."""
    for each in candidates[:1]:
        found = each.rows[ALL_ITEMS].margins
        if found and found.right.n and found.wrong.n:
            groups = (("right", found.right), ("wrong", found.wrong))
            yield _histogram("top_margin_correct_wrong", "Top margin of the baseline's right and wrong answers", groups)


def _histogram(id: str, title: str, groups: tuple[tuple[str, MarginGroup], ...]) -> Plot:
    series = tuple(
        Series(
            f"{name}, {group.n}",
            tuple(Point(x, 100 * count / group.n) for x, count in zip(MIDDLES, group.counts, strict=True) if group.n),
            "bars",
        )
        for name, group in groups
    )
    note = "Probability of the baseline's best option less that of its second; each group's bars add up to 100 %."
    return Plot(id, title, note, "top margin of the baseline", "% of the group", series)


def _moved(candidates: tuple[Candidate, ...]) -> Iterator[Plot]:
    """Figure 7: how far the options' probabilities moved, by the baseline's top margin."""
    series = []
    for each in candidates:
        found = each.rows[ALL_ITEMS].margins
        values = zip(MIDDLES, found.moved, strict=True) if found else ()
        points = tuple(Point(x, value) for x, value in values if value is not None)
        series.append(Series(each.name, points, "line"))
    if any(each.points for each in series):
        note = "Mean over the items in each twentieth of the margin."
        axes = ("top margin of the baseline", "sum of absolute probability changes")
        yield Plot(
            "probability_change_against_top_margin", "Probability change against top margin", note, *axes, tuple(series)
        )


def _flips_beside_all(candidates: tuple[Candidate, ...]) -> Iterator[RowChart]:
    """Figure 8: what wrong→other wrong adds."""
    rows = tuple(_moves(each.name, each.rows[ALL_ITEMS].transitions) for each in candidates)
    if rows:
        note = "All flips add the items that went from one wrong option to another."
        yield RowChart("flips_beside_all_flips", "Flips beside all flips", note, "% of items", rows, ends=(0.0, 100.0))


def _moves(name: str, moved: Transitions) -> ChartRow:
    flips, every = 100 * moved.flips / moved.n, 100 * moved.all_flips / moved.n
    bars = (
        Bar("flips", 0.0, flips, str(moved.flips)),
        Bar("wrong→other", flips, every, str(moved.wrong_to_other)),
    )
    return ChartRow(name, f"{moved.flips} flips, {moved.wrong_to_other} wrong→other of {moved.n}", bars=bars)


def _logprob_changes(report: ReviewReport) -> Iterator[Plot]:
    """The distribution of the change of each token's log-likelihood: losses and gains that perplexity cancels."""
    for each in report.traces:
        if each.role == "candidate" and each.positions and not each.fault:
            bins = len(each.logprob_counts)
            points = tuple(
                Point(each.logprob_reach * ((2 * i + 1) / bins - 1), 100 * count / each.positions)
                for i, count in enumerate(each.logprob_counts)
            )
            title = f"Change of the tokens' log-likelihood, {each.model}"
            note = f"{each.positions} tokens of the baseline's own answers; what lies beyond is in the outermost bars."
            axes = ("candidate minus baseline, nats", "% of the tokens")
            yield Plot(f"loglikelihood_difference_{each.model}", title, note, *axes, (Series("", points, "bars"),))


def _percent(x: Estimate, y: Estimate) -> tuple[float, float]:
    return 100 * (x.value or 0), 100 * (y.value or 0)
