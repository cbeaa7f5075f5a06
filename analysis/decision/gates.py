"""From measurements to gates: what decides about a candidate, and what keeps it from SHIP.

In: what judges and items said. Out: Evidence, one per candidate. Tasks are gates of their own (task_states.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial

from analysis.benchmarks.solved_rows import SolvedRow
from analysis.decision.gate_estimates import (
    GATE_ESTIMATES,
    Measured,
    item_reasons,
    judged,
    judged_estimate,
    primary_judge,
    task_estimate,
)
from analysis.decision.gate_words import Evidence, Gate
from analysis.decision.task_states import OtherScore, TaskGate, loss_p, shown_by_holm
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA, Estimate
from analysis.statistics.item_rows import ItemRow
from analysis.statistics.paired_ratio import ratio_loss_p
from analysis.summaries.model_reports import TaskRow, task_rows
from analysis.summaries.model_rows import for_model
from ledger.decision_config import DecisionConfig, TaskRole, limited
from ledger.measures import MEASURES, measure_of

RUN_OTHERWISE = (Kind.SETTING_DIFFERS, Kind.INPUT_DIFFERS)
ROUNDING = 1e-9  # of a difference of two shares
Margins = tuple[float | None, float | None]
"""The acceptable loss, and the same as a share of the baseline."""


def decision_evidence(measured: Measured) -> tuple[Evidence, ...]:
    """Primary measure, limits and tasks of each candidate, and what keeps it from SHIP, in the config's order."""
    config = measured.config
    limits = sorted(config.decision.limits.items())
    tasks = {model.name: tuple(task_gates(measured, model.name)) for model in config.candidate}
    return tuple(
        Evidence(
            candidate=name,
            primary=gate(measured, name, config.primary, -config.margin),
            limits=tuple(gate(measured, name, measure, most) for measure, most in limits),
            tasks=gates,
            blockers=tuple(_blockers(measured, name, gates)),
            open_tasks_block=config.decision.blind_spots == "inconclusive",
            limited=measured.limited.get(name),
            judge=primary.name if (primary := primary_judge(measured.judges, config.primary)) else "",
            others=tuple(_other_judges(measured, name)),
            other_measures=tuple(_other_measures(measured, name)),
            beside=beside(measured.notes, name),
        )
        for name, gates in tasks.items()
    )


def beside(notes: Sequence[Cause], model: str) -> tuple[Cause, ...]:
    """Those of the notes that say how a model was run otherwise than the baseline."""
    return tuple(note for note in notes if note.kind in RUN_OTHERWISE and note.subject == model)


def _other_judges(measured: Measured, model: str) -> Iterator[tuple[str, Gate]]:
    """What each further judge says of a judged primary measure."""
    config = measured.config
    if (mode := measure_of(config.primary).mode) is None:
        return
    primary = primary_judge(measured.judges, config.primary)
    for judge in measured.judges:
        if judge is not primary and mode in judge.modes:
            estimate, reasons = judged(judge, config.primary, measured, model)
            yield judge.name, Gate(estimate, -config.margin, tuple(reasons))


def _other_measures(measured: Measured, model: str) -> Iterator[tuple[str, Gate]]:
    """What the primary judge says by the other judged measure, and so does a judge that has no other, however little
    that covers: games of the first turns alone are lost all the same.
    """
    mode = measure_of(measured.config.primary).mode
    primary = primary_judge(measured.judges, measured.config.primary)
    for measure in (each for each in MEASURES if mode and each.mode not in (None, mode) and each.margin):
        for judge in measured.judges:
            if measure.mode in judge.modes and (judge is primary or mode not in judge.modes):
                estimate = judged_estimate(judge, model, measure.name)
                yield judge.name, Gate(estimate, -(measure.margin or 0.0), tuple(judge.unfit))


def task_gates(measured: Measured, model: str) -> Iterator[TaskGate]:
    """Each task of a candidate at the margin of accuracy; unfit where the choices' evidence is."""
    report = for_model(measured.items, model)
    if report is None:
        return
    config, unfit = measured.config, item_reasons(report, measured, model)
    for row in task_rows(report):
        margins = config.task_margins(row.task)
        p = _loss_p(row.result, margins)
        if row.result.chance is None:  # no item of it is on both sides: what each has alone is named
            continue
        yield TaskGate(
            task=row.task,
            role=config.decision.role_of(row.task),
            change=replace(row.result.accuracy_change, identical=report.identical),
            threshold=None if margins[0] is None else -margins[0],
            recovery=row.result.recovery,
            recovery_threshold=None if margins[1] is None else 1 - margins[1],
            baseline=row.result.accuracy_baseline,
            expected=config.decision.expect.get(row.task),
            chance=row.result.chance,
            loss_p=p,
            unfit=Cause(Kind.TASK_UNFIT, row.task) if unfit else _unexpected(row, config.decision),
            scoring=row.result.scoring,
            others=tuple(_others(row, margins)),
            unread=tuple(_unread(row.result)),
            lost_parts=tuple(_lost_parts(row, margins)),
            worst_part=_worst_part(row),
        )


def _unexpected(row: TaskRow, decision: DecisionConfig) -> Cause | None:
    """A baseline that does not score what was declared, so that neither side's number means what it says."""
    expected, found = decision.expect.get(row.task), row.result.accuracy_baseline.value
    if expected is None or found is None or abs(found - expected) <= decision.expect_tolerance + ROUNDING:
        return None
    numbers = {"accuracy": found, "expected": expected, "tolerance": decision.expect_tolerance}
    return Cause(Kind.BASELINE_UNEXPECTED, row.task, numbers=numbers)


def _unread(row: ItemRow) -> Iterator[Cause]:
    """New failures, where half of them or more were never read: cut, thoughts alone, empty, nothing to extract."""
    if isinstance(row, SolvedRow) and row.failures.answers and 2 * row.failures.any >= row.failures.answers:
        counts = asdict(row.failures)
        yield Cause(Kind.FAILED_UNREAD, row.scope.task, numbers={"failures": counts.pop("answers"), **counts})


def _others(row: TaskRow, margins: Margins) -> Iterator[OtherScore]:
    """Each further scoring that guards, where its outcomes are others."""
    for other in row.others:
        same = other.transitions is not None and other.transitions == row.result.transitions
        if not same and (p := _loss_p(other, margins)) is not None:
            yield OtherScore(other.scoring, other.accuracy_change, other.recovery, p)


def _loss_p(row: ItemRow, margins: Margins) -> float | None:
    """Of a loss beyond either margin: beyond the stricter one."""
    if isinstance(row, SolvedRow) and row.loss_p is not None:
        return row.loss_p
    moved, (margin, relative) = row.transitions, margins
    if moved is None:
        return None
    found = [loss_p(moved.wrong_to_right, moved.right_to_wrong, moved.n, -margin)] if margin is not None else []
    found += [ratio_loss_p(moved.pairs, 1 - relative)] if relative is not None else []
    return min((p for p in found if p is not None), default=None)


def _worst_part(row: TaskRow) -> tuple[str, Estimate] | None:
    """The subject that lost most, however little that says of so few items."""
    lost = [(name, part.accuracy_change) for name, part in row.subjects if (part.accuracy_change.value or 0) < 0]
    return min(lost, key=lambda each: each[1].value or 0.0, default=None)


def _lost_parts(row: TaskRow, margins: Margins) -> Iterator[tuple[str, Estimate]]:
    """The subjects of a task whose loss is shown, corrected over them: named, because a group may hide them."""
    p_values = {name: p for name, part in row.subjects if (p := _loss_p(part, margins)) is not None}
    shown = shown_by_holm(p_values, ALPHA) if len(p_values) > 1 else set()
    yield from ((name, part.accuracy_change) for name, part in row.subjects if name in shown)


def _blockers(measured: Measured, model: str, tasks: Sequence[TaskGate]) -> Iterator[Cause]:
    """What says that there is only one model, or that a baseline is wrong; what was found and not compared."""
    yield from measured.alarms.get(model, ())
    for task in tasks:
        if task.unfit and task.unfit.kind is Kind.BASELINE_UNEXPECTED and task.role is not TaskRole.SHOWN:
            yield task.unfit
    yield from (each.cause for each in measured.unseen if each.candidate == model and each.blocks)


def gate(measured: Measured, model: str, name: str, threshold: float) -> Gate:
    """One measure of one model, or TASK.MEASURE, with every reason against its evidence."""
    task, measure = limited(name)
    read = partial(task_estimate, task, measure) if task else GATE_ESTIMATES[measure]
    estimate, reasons = read(measured, model)
    if measure == "accuracy_change":
        reasons = [*reasons, *_chance_reasons(list(task_gates(measured, model)))]
    return Gate(estimate, threshold, tuple(reasons), task)


def _chance_reasons(tasks: Sequence[TaskGate]) -> Sequence[Cause]:
    """A baseline that guesses everywhere, or nearly: a ruined model would lose no more than the margin."""
    if not tasks or any(task.shows_ruin or (task.beats_chance and task.change.identical) for task in tasks):
        return []
    shares = {task.task: task.baseline.value or 0.0 for task in tasks}
    return [Cause(Kind.BASELINE_GUESSES, "accuracy", tuple(shares), shares)]
