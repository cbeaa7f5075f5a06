"""Scatter plots of one measure against another, a dot per candidate, with the coefficient, its interval and n inside.

In: a ReviewReport. Out: Plots. Source: arXiv 2407.09141, figures 2 (flips against KL) and 6 (flips and accuracy against
MT-Bench scores). Shares and accuracy changes are in percent and percentage points, KL in nats.
"""

from collections.abc import Iterator

from analysis.correlations.relations import JUDGED
from analysis.decision.gate_estimates import judged_estimate, primary_judge
from analysis.multiple_choice.distances import ITEM_DISTANCES
from analysis.multiple_choice.flips import FlipResult
from analysis.rendering.figures.paper import CHANGE, FEWEST_DOTS, FLIPS, Candidate, candidates, parts
from analysis.rendering.figures.plots import Plot, Point, Series
from analysis.rendering.sentences.cells import cell
from analysis.rendering.tables.choices import scope_name
from analysis.review.review_report import ReviewReport
from analysis.statistics.correlation import rank_correlation
from analysis.statistics.estimates import Estimate
from analysis.statistics.item_scopes import ALL_ITEMS, ItemScope
from ledger.forms import Form
from ledger.measures import MEASURES, measure_of

WORDS = {each.name: each.words for each in MEASURES if each.form is Form.NATS and "predictor" in each.roles}
ByScope = dict[ItemScope, Estimate]
Kls = dict[str, dict[str, ByScope]]


def relation_figures(report: ReviewReport) -> Iterator[Plot]:
    """Judged changes against flips, each KL and the accuracy change; then flips against each KL."""
    found = tuple(candidates(report))
    kls = _kls(report, found)
    yield from _outcomes(report, found, kls)
    yield from _flips_against_kl(found, kls)


def _kls(report: ReviewReport, found: tuple[Candidate, ...]) -> Kls:
    """The KLs by measure, candidate and scope; those along answers have no tasks."""
    read = [each for each in report.vocabulary if not each.fault]
    return {
        "kl_vocabulary": {
            each.model: {ALL_ITEMS: each.kl, **{ItemScope(name): kl for name, kl in each.tasks}} for each in read
        },
        **{name: _of_options(name, found) for name in ITEM_DISTANCES},
        **{
            name: {each.model: {ALL_ITEMS: each.kl} for each in along if not each.fault}
            for name, along in (("kl_trace", report.traces), ("kl_rollout", report.rollouts))
        },
    }


def _of_options(measure: str, found: tuple[Candidate, ...]) -> dict[str, ByScope]:
    """A distance between the options, by candidate and scope."""
    return {
        each.name: {scope: row.distance(measure) for scope, row in each.rows.items() if row.distances} for each in found
    }


def _flips_against_kl(found: tuple[Candidate, ...], kls: Kls) -> Iterator[Plot]:
    """A plot per KL, a series per task."""
    for measure, by_model in kls.items():
        series = []
        for scope in [ALL_ITEMS] if measure_of(measure).unit == "questions" else parts(found):
            points = []
            for each in found:
                x = by_model.get(each.name, {}).get(scope)
                if x is not None and x.value is not None and scope in each.rows:
                    points.append(Point(x.value, 100 * (each.rows[scope].flips.value or 0), each.name))
            series.append(Series(scope_name(scope), tuple(points)))
        if sum(len(each.points) for each in series) >= FEWEST_DOTS:
            yield Plot(
                id=f"flips_against_{measure}",
                title=f"Flips against {WORDS[measure]}",
                note="A dot is a candidate: does a moved distribution tell that answers change?",
                x_label=f"{WORDS[measure]}, nats",
                y_label=FLIPS,
                series=tuple(series),
                panel="; ".join(filter(None, map(_rank_correlation, series))),
            )


def _outcomes(report: ReviewReport, found: tuple[Candidate, ...], kls: Kls) -> Iterator[Plot]:
    """What the judge says against what the candidates pick."""
    axes = {"flips": FLIPS, "accuracy_change": CHANGE, **{name: f"{words}, nats" for name, words in WORDS.items()}}
    rows = {each.name: each.rows[ALL_ITEMS] for each in found}
    for outcome in JUDGED:
        judge = primary_judge(report.judges, outcome)
        for measure, axis in axes.items():
            points = []
            for name in report.candidates:
                y = judged_estimate(judge, name, outcome).value if judge else None
                x = _pick(measure, kls, rows.get(name), name)
                if x is not None and y is not None:
                    points.append(Point(x, y, name))
            if len(points) >= FEWEST_DOTS:
                title = f"{outcome} against {measure}"
                yield Plot(
                    id=f"{outcome}_against_{measure}",
                    title=title,
                    note="A dot is a candidate: does one that picks differently also write worse?",
                    x_label=axis,
                    y_label=outcome,
                    series=(Series("", tuple(points)),),
                    panel=_reported(report, outcome, measure),
                )


def _pick(measure: str, kls: Kls, row: FlipResult | None, name: str) -> float | None:
    """A candidate's value on the x axis, over all items."""
    if measure in kls:
        found = kls[measure].get(name, {}).get(ALL_ITEMS)
        return found.value if found else None
    if row is None:
        return None
    value = (row.flips if measure == "flips" else row.accuracy_change).value
    return None if value is None else 100 * value


def _reported(report: ReviewReport, outcome: str, measure: str) -> str:
    """The rank correlation of the report's own table, with interval and n."""
    about = (outcome, measure, "spearman", "all")
    found = [e for e in report.correlations if (e.outcome, e.predictor, e.method, e.scope) == about]
    return f"Spearman {cell(found[0].coefficient)}" if found else ""


def _rank_correlation(series: Series) -> str:
    """Over the dots of a series, as far as they differ."""
    found = rank_correlation([point.x for point in series.points], [point.y for point in series.points])
    return f"{series.name}: {cell(found)}" if found.value is not None else ""
