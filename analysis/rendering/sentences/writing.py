"""What models write, in words: what is seen of each, and how often.

In: WritingReports. Out: sentences and short texts, the same in every format of the report.
"""

import math
from collections.abc import Iterator, Sequence

from analysis.rendering.sentences.numbers import number
from analysis.summaries.model_rows import control_row
from analysis.writing.paired_writing import WritingReport, WritingRow
from ledger.forms import Form
from ledger.measures import is_change, measure_of

DIFFERENT = "Different is not worse"
NOTHING_SHOWN = "No sign of degradation is shown beyond chance."
NOTHING_WRITTEN = "No text of a candidate stands beside one of the baseline's."


def seen_damage(reports: Sequence[WritingReport]) -> Iterator[str]:
    """What is seen of each candidate's degradation, one sentence a measure, the candidates in their order."""
    for each in _candidates(reports):
        yield from _damages(each)


def first_damage(reports: Sequence[WritingReport]) -> Iterator[str]:
    """The first of these sentences of each candidate, and how many more there are of it."""
    for each in _candidates(reports):
        first, *more = [*_damages(each)] or [""]
        if first:
            yield (
                f"{first[:-1]} ({len(more)} more {'sign' if len(more) == 1 else 'signs'} in the report)."
                if more
                else first
            )


def seen_likeness(reports: Sequence[WritingReport]) -> Iterator[str]:
    """The candidates that are seen to write something else than the control, in one sentence; of lengths another."""
    control = control_row(reports)
    apart = [
        f"{each.model} ({', '.join(parts)})"
        for each in _candidates(reports)
        if (parts := [_likeness(row, control) for row in each.rows if row.seen and not is_change(row.measure)])
    ]
    lengths = [f"{each.model} {text}" for each in _candidates(reports) for row in each.rows if (text := _length(row))]
    if apart:
        yield f"{DIFFERENT}, but further from the baseline than the control: {'; '.join(apart)}."
    if lengths:
        yield f"{DIFFERENT}, but longer or shorter than the baseline: {', '.join(lengths)}."


def seen_thoughts(reports: Sequence[WritingReport]) -> Iterator[str]:
    """How much more or less than the baseline the candidates think, where that is seen, in one sentence."""
    rows = [(each.model, row) for each in _candidates(reports) for row in each.rows if row.seen and is_thought(row)]
    if rows:
        yield f"{DIFFERENT}, but {'; '.join(_damage(model, row) for model, row in rows)}."


def is_thought(row: WritingRow) -> bool:
    """Whether it says how often or how much a model thinks, and nothing of damage."""
    known = measure_of(row.measure)
    return known.section == "thoughts" and known.kind == "divergence"


def unseen_loops(reports: Sequence[WritingReport]) -> str:
    """Loops of candidates that are not shown to be more than chance; empty where there are none."""
    rows = [(each.model, each.row("loops")) for each in _candidates(reports)]
    found = [f"{model} {counts(row)}" for model, row in rows if row.model and not row.seen]
    return f"Loops, not shown beyond chance with all tests counted (Holm): {'; '.join(found)}." if found else ""


def counts(row: WritingRow) -> str:
    """How many turns on either side, or the means of what is no count; empty for a likeness."""
    if row.baseline is None or row.model is None:
        return ""
    if not measure_of(row.measure).verb:
        return f"{_level(row, row.model)}, baseline {_level(row, row.baseline)}"
    return f"{_turns(row, row.model)} of {row.turns}, baseline {_turns(row, row.baseline)}"


def _damages(report: WritingReport) -> Iterator[str]:
    for row in report.rows:
        if row.seen and measure_of(row.measure).kind == "degradation" and (said := _damage(report.model, row)):
            yield f"{said}."


def _candidates(reports: Sequence[WritingReport]) -> list[WritingReport]:
    return [each for each in reports if each.role == "candidate"]


def _damage(model: str, row: WritingRow) -> str:
    """What is seen; empty where it is so little that both numbers read the same."""
    known, before, after = measure_of(row.measure), row.baseline or 0.0, row.model or 0.0
    if not known.verb:
        levels = _level(row, after), _level(row, before)
        less = ": less, which is not better by itself" if after < before and known.kind == "degradation" else ""
        return f"{model}: {levels[0]} {known.words}, the baseline {levels[1]}{less}" if levels[0] != levels[1] else ""
    return f"{model} {known.verb} in {_turns(row, after)} of {row.turns} turns, the baseline in {_turns(row, before)}"


def _likeness(row: WritingRow, control: WritingReport | None) -> str:
    floor = control.row(row.measure).estimate.value if control else None
    known = measure_of(row.measure)
    beside = "" if floor is None else f" against {number(known.name, floor)}"
    return f"{known.label} {number(known.name, row.estimate.value or 0.0)}{beside}"


def _length(row: WritingRow) -> str:
    """By how much, for a length that is seen to change; empty for anything else."""
    if not row.seen or not _is_length(row) or row.estimate.value is None:
        return ""
    more = math.expm1(row.estimate.value)
    return f"{'+' if more > 0 else '−'}{_share(abs(more))}"


def _turns(row: WritingRow, share: float) -> int:
    return round(share * row.turns)


def _is_length(row: WritingRow) -> bool:
    return measure_of(row.measure).section == "likeness" and is_change(row.measure)


def _level(row: WritingRow, mean: float) -> str:
    """What is no count, on one side."""
    return f"{mean:.0f}" if measure_of(row.measure).form is Form.CHARACTERS_CHANGE else _share(mean)


def _share(share: float) -> str:
    return number("coverage", share)
