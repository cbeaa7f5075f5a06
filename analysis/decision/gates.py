"""From measurements to gates: what decides about a candidate, and what keeps it from SHIP.

In: what judges and items said. Out: Evidence, one per candidate. Tasks are gates of their own (task_states.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from analysis.decision.gate_estimates import GATE_ESTIMATES, Measured, item_reasons, item_report_of
from analysis.decision.gate_words import Evidence, Gate
from analysis.decision.task_states import TaskGate, loss_p
from analysis.statistics.formatting import number
from analysis.summaries.model_reports import task_rows


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
    """Each task of a candidate by acc, at the margin of accuracy; unfit where the choices' evidence is."""
    report = item_report_of(measured, model)
    threshold = -measured.config.margin_of("accuracy_change")
    fit = not item_reasons(report, measured, model)
    for row in task_rows(report) if report else ():
        moved = row.result.transitions
        change = replace(row.result.accuracy_change, identical=report.identical) if report else None
        if change is None or row.result.chance is None:
            continue
        yield TaskGate(
            task=row.task,
            change=change,
            threshold=threshold,
            baseline=row.result.accuracy_baseline,
            chance=row.result.chance,
            loss_p=loss_p(moved.wrong_to_right, moved.right_to_wrong, moved.n, threshold),
            fit=fit,
        )


def _blockers(measured: Measured, model: str) -> Iterator[str]:
    """What was found and not compared, and what says that there is only one model."""
    yield from measured.alarms.get(model, ())
    yield from (each.sentence for each in measured.unseen if each.candidate == model and each.blocks)


def gate(measured: Measured, model: str, measure: str, threshold: float) -> Gate:
    """One measure of one model with every reason against its evidence."""
    estimate, reasons = GATE_ESTIMATES[measure](measured, model)
    if measure == "accuracy_change":
        reasons = [*reasons, *_chance_reasons(list(task_gates(measured, model)))]
    return Gate(estimate, threshold, tuple(reasons))


def _chance_reasons(tasks: Sequence[TaskGate]) -> Sequence[str]:
    """A baseline that guesses everywhere: a ruined model guesses as well, so no change says anything."""
    if not tasks or any(task.beats_chance for task in tasks):
        return []
    shown = ", ".join(f"{task.task} {number('accuracy', task.baseline.value or 0.0)}" for task in tasks)
    return [f"the baseline itself is not shown to beat guessing on any task ({shown})"]
