"""From measurements to gates: what decides about a candidate, and what keeps it from SHIP.

In: what judges and items said. Out: Evidence, one per candidate. Tasks are gates of their own (task_states.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from analysis.decision.gate_estimates import GATE_ESTIMATES, Measured, item_reasons, task_estimate
from analysis.decision.gate_words import Evidence, Gate
from analysis.decision.task_states import TaskGate, loss_p, shown_by_holm
from analysis.multiple_choice.flips import FlipResult
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA, Estimate
from analysis.statistics.paired_ratio import ratio_loss_p
from analysis.summaries.model_reports import TaskRow, task_rows
from analysis.summaries.model_rows import for_model
from ledger.decision_config import DecisionConfig, TaskRole, limited

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
        )
        for name, gates in tasks.items()
    )


def task_gates(measured: Measured, model: str) -> Iterator[TaskGate]:
    """Each task of a candidate at the margin of accuracy; unfit where the choices' evidence is."""
    report = for_model(measured.items, model)
    if report is None:
        return
    config, unfit = measured.config, item_reasons(report, measured, model)
    for row in task_rows(report):
        margins = config.task_margins(row.task)
        p = _loss_p(row.result, margins)
        if row.result.chance is None or p is None:
            continue
        other = row.norm if row.norm and row.norm.transitions != row.result.transitions else None
        norm_p = _loss_p(other, margins) if other else None
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
            norm=(other.accuracy_change, norm_p) if other and norm_p is not None else None,
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


def _loss_p(row: FlipResult, margins: Margins) -> float | None:
    """Of a loss beyond either margin: beyond the stricter one."""
    moved, (margin, relative) = row.transitions, margins
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
    """A baseline that guesses everywhere: a ruined model guesses as well, so no change says anything."""
    if not tasks or any(task.beats_chance for task in tasks):
        return []
    shares = {task.task: task.baseline.value or 0.0 for task in tasks}
    return [Cause(Kind.BASELINE_GUESSES, "accuracy", tuple(shares), shares)]
