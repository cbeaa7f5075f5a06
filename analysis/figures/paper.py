"""The figures of arXiv 2407.09141, from whatever runs a review has; one that cannot be drawn is left out.

In: a ReviewReport. Out: Plots. Shares and accuracy changes are in percent and percentage points, KL in nats.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from scipy import stats

from analysis.estimates import Estimate
from analysis.figures.plots import Plot, Point, Series
from analysis.flips import FlipResult
from analysis.gates import judged_estimate, primary_judge
from analysis.margins import EDGES, MarginGroup
from analysis.model_reports import ItemReport
from analysis.numbers import cell
from analysis.relations import OUTCOMES
from analysis.review_report import ReviewReport

FEWEST_DOTS = 2
MIDDLES = tuple(float(low + high) / 2 for low, high in pairwise(EDGES))
KL_NAMES = {"kl_options": "KL over the options", "kl_vocabulary": "KL over the vocabulary", "kl_trace": "KL (traces)"}
FLIPS, CHANGE = "flips (%)", "accuracy change (percentage points)"


@dataclass(frozen=True)
class _Candidate:
    """A candidate with its rows under acc, by scope."""

    name: str
    report: ItemReport
    rows: dict[str, FlipResult]


def figures(report: ReviewReport) -> tuple[Plot, ...]:
    """Every figure that the review's runs allow, in the paper's order."""
    candidates = tuple(_candidates(report))
    return (
        *_change_against_flips(candidates),
        *_flips_against_kl(report, candidates),
        *_sweeps(report, candidates),
        *_kept_and_changed(candidates),
        *_right_and_wrong(candidates),
        *_outcomes(report, candidates),
        *_moved(candidates),
        *_flips_beside_all(candidates),
        *_logprob_changes(report),
    )


def _candidates(report: ReviewReport) -> Iterator[_Candidate]:
    for each in report.choices:
        rows = {row.scope: row for row in each.results if row.scoring == "acc" and row.transitions.n}
        if each.role == "candidate" and "all" in rows:
            yield _Candidate(each.model, each, rows)


def _parts(candidates: tuple[_Candidate, ...]) -> list[str]:
    """The tasks, or all items where there is one task."""
    scopes = dict.fromkeys(scope for each in candidates for scope in each.rows)
    return [scope for scope in scopes if scope.startswith("task ")] or ["all"]


def _name(scope: str) -> str:
    return "all items" if scope == "all" else scope.removeprefix("task ")


def _change_against_flips(candidates: tuple[_Candidate, ...]) -> Iterator[Plot]:
    """Figure 1: a dot a candidate and task."""
    series = tuple(
        Series(
            _name(scope),
            tuple(
                Point(*_percent(each.rows[scope].flips, each.rows[scope].accuracy_change), each.name)
                for each in candidates
                if scope in each.rows and each.rows[scope].accuracy_change.value is not None
            ),
        )
        for scope in _parts(candidates)
    )
    if sum(len(each.points) for each in series) >= FEWEST_DOTS:
        note = "Flips that a nearly unchanged accuracy hides. A dot is a candidate."
        yield Plot("accuracy_change_against_flips", "Accuracy change against flips", note, FLIPS, CHANGE, series)


def _flips_against_kl(report: ReviewReport, candidates: tuple[_Candidate, ...]) -> Iterator[Plot]:
    """Figure 2: a plot a KL, a series a task; kl_trace has no tasks."""
    vocabulary = {each.model: {"all": each.kl, **_tasks(each.tasks)} for each in report.vocabulary if not each.fault}
    traces = {each.model: {"all": each.kl} for each in report.traces if not each.fault}
    options = {each.name: {scope: row.kl for scope, row in each.rows.items()} for each in candidates}
    for measure, found in (("kl_vocabulary", vocabulary), ("kl_options", options), ("kl_trace", traces)):
        parts = ["all"] if measure == "kl_trace" else _parts(candidates)
        series = []
        for scope in parts:
            points = []
            for each in candidates:
                x = found.get(each.name, {}).get(scope)
                if x is not None and x.value is not None and scope in each.rows:
                    y = each.rows[scope].flips.value
                    points.append(Point(x.value, 100 * (y or 0), each.name))
            series.append(Series(_name(scope), tuple(points)))
        if sum(len(each.points) for each in series) >= FEWEST_DOTS:
            note = f"A dot is a candidate. {_spearman(series)}"
            axis = f"{KL_NAMES[measure]}, nats"
            yield Plot(
                f"flips_against_{measure}", f"Flips against {KL_NAMES[measure]}", note, axis, FLIPS, tuple(series)
            )


def _tasks(tasks: tuple[tuple[str, Estimate], ...]) -> dict[str, Estimate]:
    return {f"task {name}": estimate for name, estimate in tasks}


def _sweeps(report: ReviewReport, candidates: tuple[_Candidate, ...]) -> Iterator[Plot]:
    """Figures 3 and 9: accuracy change and flips against how much of a thing was done, family by family."""
    amounts = dict(zip(report.candidates, zip(report.families, report.amounts, strict=True), strict=True))
    families = dict.fromkeys(family for family, amount in amounts.values() if amount is not None)
    for family in families:
        steps = (
            sorted(
                (amounts[each.name][1] or 0.0, each.rows["all"], each.name)
                for each in candidates
                if amounts[each.name][0] == family and amounts[each.name][1] is not None
            )
            if family
            else []
        )
        if len(steps) < FEWEST_DOTS:
            continue

        def line(
            name: str, value: Callable[[FlipResult], float | None], steps: list[tuple[float, FlipResult, str]] = steps
        ) -> Series:
            return Series(name, tuple(Point(x, 100 * (value(row) or 0), label) for x, row, label in steps), "line")

        lines = (
            line("accuracy", lambda row: row.accuracy_change.value),
            line("flips", lambda row: row.flips.value),
            line("all flips", lambda row: row.all_flips.value),
        )
        note = "Accuracy change, flips and all flips on one axis; all items, acc."
        yield Plot(f"sweep_{family}", f"Sweep: {family}", note, family, "% of items", lines)


def _kept_and_changed(candidates: tuple[_Candidate, ...]) -> Iterator[Plot]:
    """Figure 4: the baseline's top margin of the answers that stayed and of those that changed."""
    for each in candidates:
        found = each.rows["all"].margins
        if found and found.changed.n:
            groups = (("kept", found.kept), ("changed", found.changed))
            title = f"Top margin of kept and changed answers, {each.name}"
            yield _histogram(f"top_margin_stay_change_{each.name}", title, groups)


def _right_and_wrong(candidates: tuple[_Candidate, ...]) -> Iterator[Plot]:
    """The baseline's top margin where it is right and where it is wrong; it depends on no candidate."""
    for each in candidates[:1]:
        found = each.rows["all"].margins
        if found and found.right.n and found.wrong.n:
            groups = (("right", found.right), ("wrong", found.wrong))
            yield _histogram("top_margin_correct_wrong", "Top margin of the baseline's right and wrong answers", groups)


def _histogram(id: str, title: str, groups: tuple[tuple[str, MarginGroup], ...]) -> Plot:
    series = tuple(
        Series(
            f"{name}, {group.n}",
            tuple(Point(x, 100 * count / group.n) for x, count in zip(MIDDLES, group.counts, strict=True)),
            "bars",
        )
        for name, group in groups
    )
    note = "Probability of the baseline's best option less that of its second; each group's bars add up to 100 %."
    return Plot(id, title, note, "top margin of the baseline", "% of the group", series)


def _outcomes(report: ReviewReport, candidates: tuple[_Candidate, ...]) -> Iterator[Plot]:
    """Figure 6: what the judge says against flips and against the accuracy change."""
    for outcome in OUTCOMES:
        judge = primary_judge(report.judges, outcome)
        for measure, axis in (("flips", FLIPS), ("accuracy_change", CHANGE)):
            points = []
            for each in candidates:
                row = each.rows["all"]
                x = (row.flips if measure == "flips" else row.accuracy_change).value
                y = judged_estimate(judge, each.name, outcome).value if judge else None
                if x is not None and y is not None:
                    points.append(Point(100 * x, y, each.name))
            if len(points) >= FEWEST_DOTS:
                note = f"A dot is a candidate. {_coefficient(report, outcome, measure)}"
                title = f"{outcome} against {measure}"
                yield Plot(f"{outcome}_against_{measure}", title, note, axis, outcome, (Series("", tuple(points)),))


def _coefficient(report: ReviewReport, outcome: str, measure: str) -> str:
    """The rank correlation of the report's own table, with interval and n."""
    found = [
        each.coefficient
        for each in report.correlations
        if (each.outcome, each.predictor, each.method, each.scope) == (outcome, measure, "spearman", "all")
    ]
    return f"Spearman {cell(found[0])}." if found else ""


def _moved(candidates: tuple[_Candidate, ...]) -> Iterator[Plot]:
    """Figure 7: how far the options' probabilities moved, by the baseline's top margin."""
    series = []
    for each in candidates:
        found = each.rows["all"].margins
        values = zip(MIDDLES, found.moved, strict=True) if found else ()
        points = tuple(Point(x, value) for x, value in values if value is not None)
        series.append(Series(each.name, points, "line"))
    if any(each.points for each in series):
        note = "Mean over the items in each twentieth of the margin."
        axes = ("top margin of the baseline", "sum of absolute probability changes")
        yield Plot(
            "probability_change_against_top_margin", "Probability change against top margin", note, *axes, tuple(series)
        )


def _flips_beside_all(candidates: tuple[_Candidate, ...]) -> Iterator[Plot]:
    """Figure 8: what wrong→other wrong adds."""
    if not candidates:
        return
    measures: tuple[tuple[str, Callable[[FlipResult], Estimate]], ...] = (
        ("flips", lambda row: row.flips),
        ("all flips", lambda row: row.all_flips),
    )
    series = tuple(
        Series(
            name,
            tuple(Point(i, 100 * (value(each.rows["all"]).value or 0), each.name) for i, each in enumerate(candidates)),
            "bars",
        )
        for name, value in measures
    )
    names = tuple(each.name for each in candidates)
    note = "All flips add the items that went from one wrong option to another."
    yield Plot("flips_beside_all_flips", "Flips beside all flips", note, "candidate", "% of items", series, names)


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


def _spearman(series: list[Series]) -> str:
    """Rank correlations over the dots of each series, as far as three of them differ."""
    told = []
    for each in series:
        xs, ys = [p.x for p in each.points], [p.y for p in each.points]
        if len(set(xs)) > FEWEST_DOTS and len(set(ys)) > FEWEST_DOTS:
            told.append(f"{each.name} {stats.spearmanr(xs, ys).statistic:.2f} (n {len(xs)})")
    return f"Spearman: {', '.join(told)}." if told else ""
