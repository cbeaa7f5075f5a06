"""What the review can see, as words: which measures saw a model that is known to be damaged, and how large that is.

In: a ReviewReport. Out: Tables and lines of plain text; nothing where no positive control was declared.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from analysis.rendering.sentences.cells import cell, unmeasured, value_cell
from analysis.rendering.sentences.clauses import clause, clauses
from analysis.rendering.sentences.numbers import NOT_MEASURED
from analysis.rendering.tables.review import NOISE_FLOOR, Table
from analysis.review.positive_controls import SIZES, PositiveControl, Sight, Sighting, SmallestSeen
from analysis.review.review_report import ReviewReport
from ledger.measures import measure_of

TITLE = "Positive control: what this review can see"
BLIND = "this review could not have seen damage of that size there"
BELOW = "Where a smaller one was not seen, this review could not have seen damage of that size."
CAVEAT = "One draw is not power, and noise is not 4 bits: other damage of this size may be seen elsewhere, or nowhere."
RULE = (
    "Seen: a change's 95 % interval lies wholly on the worse side of zero, a distance's above the control's, a "
    "likeness's below it; each measure by itself, so that of twenty one may see by chance. It decides nothing."
)
WORDS = {Sight.SEEN: "yes", Sight.UNSEEN: "no", Sight.NO_CONTROL: "no control to hold it against"}


def judged_lines(report: ReviewReport) -> tuple[str, ...]:
    """Whether judges saw it; for the first screen."""
    return tuple(_lines(report, lambda measure: measure_of(measure).mode is not None))


def written_lines(report: ReviewReport) -> tuple[str, ...]:
    """Whether a sign of damage in the texts shows it; for the first screen."""
    return tuple(_lines(report, lambda measure: measure_of(measure).section == "writing"))


def missing_lines(report: ReviewReport) -> Iterator[str]:
    """The positive controls that show nothing, and why."""
    for each in report.positive_controls:
        why = clause(each.fault) if each.fault else clauses(each.alarms)
        if not each.counts:
            yield f"Positive control {each.model} shows nothing: {why}. What this review can see is not known from it."


def positive_lines(report: ReviewReport) -> tuple[str, ...]:
    """All that saw it and all that did not, and what that does not say, for the short formats."""
    told = tuple(_lines(report, _is_told))
    missing = " ".join(missing_lines(report))
    return (*filter(None, [missing]), *told, *([CAVEAT] if told else []))


def _is_told(measure: str) -> bool:
    """Whether a short format speaks of it: what judges say, damage, and the foremost distances."""
    known = measure_of(measure)
    return bool(known.mode) or known.kind == "degradation" or known.headline or measure in SIZES


def positive_tables(report: ReviewReport) -> Iterator[Table]:
    """How large each is, which measures saw it, and of several the smallest that each saw."""
    if not report.positive_controls:
        return
    yield _size_table(report.positive_controls)
    yield _sighting_table(report.positive_controls)
    if report.smallest_seen:
        yield _smallest_table(report)


def _lines(report: ReviewReport, tells: Callable[[str], bool]) -> Iterator[str]:
    """Of one control all that these measures say, of several the smallest that each saw."""
    counted = [each for each in report.positive_controls if each.counts]
    sightings = [(each, [row for row in each.sightings if tells(row.measure)]) for each in counted]
    if counted[1:]:
        rungs = [row for row in report.smallest_seen if tells(row.measure)]
        unknown = dict.fromkeys(_name(row) for _, rows in sightings for row in rows)
        told = "; ".join(_rungs(rungs, counted, [name for name in unknown if name not in {*map(_name, rungs)}]))
        below = f" {BELOW}" if any(row.model and row.not_seen for row in rungs) else ""
        sightings = []
        if told:
            yield f"Smallest positive control that was seen: {told}.{below}"
    for each, rows in sightings:
        if told := "; ".join(_told(rows)):
            yield f"Positive control {each.model} ({_size(each)}): {told}."


def _rungs(rungs: Sequence[SmallestSeen], counted: Sequence[PositiveControl], unknown: list[str]) -> Iterator[str]:
    """Each control that is the smallest for some measure, in their order, then what saw none, and what said nothing."""
    by = next((row.by for row in rungs if row.by), "")
    for each in sorted(counted, key=lambda each: dict(each.sizes)[by].value or 0.0) if by else counted:
        names = [_name(row) + _larger(row) for row in rungs if row.model == each.model]
        if names:
            yield f"{each.model} ({_size(each, brief=True)}) by {', '.join(names)}"
    if blind := [_name(row) for row in rungs if row.model is None]:
        yield f"none by {', '.join(blind)}: {BLIND}"
    if unknown:
        yield f"{Sight.UNFIT} or {Sight.NOT_MEASURED}: {', '.join(unknown)}"


def _larger(row: SmallestSeen) -> str:
    return f" (but not {', '.join(row.larger)})" if row.larger else ""


def _told(rows: Iterable[Sighting]) -> Iterator[str]:
    by_sight: dict[Sight, list[str]] = {}
    for row in rows:
        by_sight.setdefault(row.sight, []).append(_name(row))
    if seen := by_sight.get(Sight.SEEN):
        yield f"seen by {', '.join(seen)}"
    if unseen := by_sight.get(Sight.UNSEEN):
        yield f"not seen by {', '.join(unseen)}: {BLIND}"
    for sight in (Sight.UNFIT, Sight.NO_CONTROL, Sight.NOT_MEASURED):
        if others := by_sight.get(sight):
            yield f"{sight}: {', '.join(others)}"


def _name(row: Sighting | SmallestSeen) -> str:
    label = measure_of(row.measure).label
    return f"{label} of {row.judge}" if row.judge else label


def _size(each: PositiveControl, *, brief: bool = False) -> str:
    """What of its size was measured; in brief one KL, and flips."""
    told = [f"{measure_of(name).label} {value_cell(size)}" for name, size in each.sizes if size.value is not None]
    told = [*dict.fromkeys((told[0], told[-1]))] if brief and told else told
    return ", ".join(told) or f"its size is {NOT_MEASURED}"


def _size_table(found: Iterable[PositiveControl]) -> Table:
    rows = tuple(
        (each.model, each.scheme or "given", *(cell(size) for _, size in each.sizes), _state(each)) for each in found
    )
    names = [measure_of(name).label for name, _ in next(iter(found)).sizes]
    caption = f"A model that is known to be damaged, run and judged beside the candidates and never shipped. {CAVEAT}"
    return Table("positive-sizes", "How large the damage is", caption, ("model", "made by", *names, "counts"), rows)


def _state(each: PositiveControl) -> str:
    return "yes" if each.counts else f"no: {clause(each.fault) if each.fault else clauses(each.alarms)}"


def _sighting_table(found: Iterable[PositiveControl]) -> Table:
    header = ("model", "measure", "judge", "value", NOISE_FLOOR, "seen")
    rows = tuple(
        (
            each.model,
            measure_of(row.measure).label,
            row.judge or "—",
            cell(row.estimate),
            cell(row.floor, with_n=False) if row.floor else "—",
            _seen(row),
        )
        for each in found
        for row in each.sightings
    )
    return Table("positive-control", "Which measures saw it?", RULE, header, rows)


def _seen(row: Sighting) -> str:
    if row.sight is Sight.UNFIT:
        return f"unfit: {clauses(row.reasons)}"
    return WORDS.get(row.sight, unmeasured(row.estimate.missing))


def _smallest_table(report: ReviewReport) -> Table:
    by = next((row.by for row in report.smallest_seen if row.by), "")
    order = (
        f"by measured {measure_of(by).label}"
        if by
        else "in the order of the config, because no KL was measured for all of them"
    )
    caption = f"Of several positive controls, {order}. {BLIND[:1].upper()}{BLIND[1:]}, of what it did not see."
    rows = tuple(
        (measure_of(row.measure).label, row.judge or "—", row.model or "none", ", ".join(row.not_seen) or "—")
        for row in report.smallest_seen
    )
    header = ("measure", "judge", "smallest seen", "not seen")
    return Table("smallest-seen", "The smallest that each measure saw", caption, header, rows)
