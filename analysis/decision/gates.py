"""From measurements to gates: what decides about a candidate, and what keeps it from SHIP.

In: what judges and items said. Out: Evidence, one per candidate. Tasks are gates of their own (task_states.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from analysis.decision.gate_estimates import GATE_ESTIMATES, Measured, item_reasons
from analysis.decision.gate_words import Evidence, Gate
from analysis.decision.task_states import TaskGate, loss_p, shown_by_holm
from analysis.multiple_choice.flips import FlipResult
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA, Estimate
from analysis.summaries.model_reports import TaskRow, task_rows
from analysis.summaries.model_rows import for_model


def decision_evidence(measured: Measured) -> tuple[Evidence, ...]:
    """Primary measure, limits and tasks of each candidate, and what keeps it from SHIP, in the config's order."""
    config = measured.config
    limits = sorted(config.decision.limits.items())
    return tuple(
        Evidence(
            candidate=model.name,
            primary=gate(measured, model.name, config.primary, -config.margin),
            limits=tuple(gate(measured, model.name, measure, most) for measure, most in limits),
            tasks=tuple(task_gates(measured, model.name)),
            blockers=tuple(_blockers(measured, model.name)),
            open_tasks_block=config.decision.blind_spots == "inconclusive",
        )
        for model in config.candidate
    )


def task_gates(measured: Measured, model: str) -> Iterator[TaskGate]:
    """Each task of a candidate at the margin of accuracy; unfit where the choices' evidence is."""
    report = for_model(measured.items, model)
    if report is None:
        return
    threshold = -measured.config.margin_of("accuracy_change")
    fit = not item_reasons(report, measured, model)
    for row in task_rows(report):
        p = _loss_p(row.result, threshold)
        if row.result.chance is None or p is None:
            continue
        other = row.norm if row.norm and row.norm.transitions != row.result.transitions else None
        norm_p = _loss_p(other, threshold) if other else None
        yield TaskGate(
            task=row.task,
            change=replace(row.result.accuracy_change, identical=report.identical),
            threshold=threshold,
            baseline=row.result.accuracy_baseline,
            chance=row.result.chance,
            loss_p=p,
            fit=fit,
            norm=(other.accuracy_change, norm_p) if other and norm_p is not None else None,
            lost_parts=tuple(_lost_parts(row, threshold)),
            worst_part=_worst_part(row),
        )


def _loss_p(row: FlipResult, threshold: float) -> float | None:
    moved = row.transitions
    return loss_p(moved.wrong_to_right, moved.right_to_wrong, moved.n, threshold)


def _worst_part(row: TaskRow) -> tuple[str, Estimate] | None:
    """The subject that lost most, however little that says of so few items."""
    lost = [(name, part.accuracy_change) for name, part in row.subjects if (part.accuracy_change.value or 0) < 0]
    return min(lost, key=lambda each: each[1].value or 0.0, default=None)


def _lost_parts(row: TaskRow, threshold: float) -> Iterator[tuple[str, Estimate]]:
    """The subjects of a task whose loss is shown, corrected over them: named, because a group may hide them."""
    p_values = {name: p for name, part in row.subjects if (p := _loss_p(part, threshold)) is not None}
    shown = shown_by_holm(p_values, ALPHA) if len(p_values) > 1 else set()
    yield from ((name, part.accuracy_change) for name, part in row.subjects if name in shown)


def _blockers(measured: Measured, model: str) -> Iterator[Cause]:
    """What was found and not compared, and what says that there is only one model."""
    yield from measured.alarms.get(model, ())
    yield from (each.cause for each in measured.unseen if each.candidate == model and each.blocks)


def gate(measured: Measured, model: str, measure: str, threshold: float) -> Gate:
    """One measure of one model with every reason against its evidence."""
    estimate, reasons = GATE_ESTIMATES[measure](measured, model)
    if measure == "accuracy_change":
        reasons = [*reasons, *_chance_reasons(list(task_gates(measured, model)))]
    return Gate(estimate, threshold, tuple(reasons))


def _chance_reasons(tasks: Sequence[TaskGate]) -> Sequence[Cause]:
    """A baseline that guesses everywhere: a ruined model guesses as well, so no change says anything."""
    if not tasks or any(task.beats_chance for task in tasks):
        return []
    shares = {task.task: task.baseline.value or 0.0 for task in tasks}
    return [Cause(Kind.BASELINE_GUESSES, "accuracy", tuple(shares), shares)]
