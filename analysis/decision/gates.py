"""From measurements to gates: which estimates decide about a candidate, and whether their evidence is fit.

In: what judges and items said. Out: decision.Evidence, one a candidate.
A measure is unfit where its judge is not trusted, its inputs are stale or mixed, or its coverage lies under the floor,
overall or in a turn. Categories never gate. Tasks are gates of their own (task_states.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis.decision.gate_words import Evidence, Gate
from analysis.decision.task_states import TaskGate, loss_p
from analysis.evidence.unseen import Unseen
from analysis.multiple_choice.flips import FlipResult
from analysis.statistics.coverage import Coverage, shortfalls
from analysis.statistics.estimates import Estimate, not_measured
from analysis.statistics.formatting import number
from analysis.summaries.judge_reports import JudgeReport
from analysis.summaries.model_reports import ItemReport, task_rows
from analysis.token_distributions.trace_measures import TraceReport
from analysis.token_distributions.vocabulary_kl import VocabularyReport
from ledger.config import ReviewConfig

MODES = {"rating_change": "single", "win_change": "pair"}
PAIRED = {"rating_change": "paired ratings", "win_change": "question-turns"}
MISSING_MODEL = "no records of this model"


@dataclass(frozen=True)
class Measured:
    """What the gates are made from.

    `identical_answers` names the candidates whose texts equal the baseline's, `unfinished` has the sentences against
    answers and choices that were planned and made by no model. `unseen` is what was found and not compared, `alarms`
    has, by candidate, what says that it and the baseline are one model.
    """

    config: ReviewConfig
    judges: tuple[JudgeReport, ...]
    items: tuple[ItemReport, ...]
    traces: tuple[TraceReport, ...]
    vocabulary: tuple[VocabularyReport, ...]
    coverage: tuple[Coverage, ...]
    identical_answers: frozenset[str]
    unfinished: Mapping[str, tuple[str, ...]]
    unseen: tuple[Unseen, ...] = ()
    alarms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
    fit = not _item_reasons(report, measured, model)
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
    if measure in MODES:
        judge = primary_judge(measured.judges, measure)
        estimate = judged_estimate(judge, model, measure)
        estimate = replace(estimate, identical=estimate.value is not None and model in measured.identical_answers)
        reasons = _judge_reasons(judge, measured, model, measure)
    elif measure == "kl_vocabulary":
        read = next((each for each in measured.vocabulary if each.model == model), None)
        estimate = read.kl if read else not_measured(measure, "items", "not run (vocabulary = true)")
        reasons = _vocabulary_reasons(read, measured)
    elif measure == "kl_trace":
        traced = next((each for each in measured.traces if each.model == model), None)
        estimate = traced.kl if traced else not_measured(measure, "questions", "no traces")
        reasons = _trace_reasons(traced, measured)
    else:
        report = item_report_of(measured, model)
        estimate = item_estimate(report, measure)
        reasons = _item_reasons(report, measured, model)
        if measure == "accuracy_change":
            reasons = [*reasons, *_chance_reasons(list(task_gates(measured, model)))]
    return Gate(estimate, threshold, tuple(reasons))


def primary_judge(judges: Sequence[JudgeReport], measure: str) -> JudgeReport | None:
    """The first judge that is used in the measure's mode."""
    return next((judge for judge in judges if MODES[measure] in judge.modes), None)


def judged_estimate(judge: JudgeReport | None, model: str, measure: str) -> Estimate:
    """A judge's rating_change or win_change of one model over all question-turns."""
    if judge and measure == "rating_change":
        found = [each.scopes[0].change for each in judge.scores if each.model == model]
    else:
        found = [each.scopes[0].win_change for each in judge.games if each.model == model] if judge else []
    return (found[0] if found else None) or not_measured(measure, "questions", MISSING_MODEL if judge else "no judge")


def item_estimate(report: ItemReport | None, measure: str) -> Estimate:
    """One model's pooled accuracy_change, flips, all_flips (acc) or kl_options."""
    result = pooled(report)
    if report is None or result is None:
        reason = report.fault if report and report.fault else "no choices"
        return not_measured(measure, "items", reason)
    estimates = {
        "accuracy_change": result.accuracy_change,
        "flips": result.flips,
        "all_flips": result.all_flips,
        "kl_options": result.kl,
    }
    estimate = estimates[measure]
    return replace(estimate, identical=report.identical and estimate.value is not None)


def pooled(report: ItemReport | None) -> FlipResult | None:
    """The row over all items under acc."""
    return (
        next((each for each in report.results if (each.scope, each.scoring) == ("all", "acc")), None)
        if report
        else None
    )


def _judge_reasons(judge: JudgeReport | None, measured: Measured, model: str, measure: str) -> Iterable[str]:
    if judge is None:
        return [f"no judge measures {measure}"]
    rows = [row for row in judge.paired if row.model == model and row.kind == PAIRED[measure]]
    rows = [row for row in rows if row.planned] or rows[:1]
    short = [*shortfalls(rows, measured.config.decision.coverage)]
    short += measured.unfinished["answers"]
    return [*judge.unfit, *short] if rows else [*judge.unfit, f"no {PAIRED[measure]} of {model}"]


def _vocabulary_reasons(read: VocabularyReport | None, measured: Measured) -> Iterable[str]:
    if read is None or read.fault:
        return [f"kl_vocabulary: {read.fault if read else 'vocabulary = true is not set'}"]
    planned = read.items + read.missing
    if read.items < measured.config.decision.coverage * planned:
        return [f"only {read.items} of {planned} items have option tokens of {read.model} and the baseline"]
    return measured.unfinished["choices"]


def _trace_reasons(traced: TraceReport | None, measured: Measured) -> Iterable[str]:
    if traced is None or traced.fault:
        return [f"kl_trace: {traced.fault if traced else 'traces = true is not set'}"]
    planned = traced.turns + traced.missing
    if traced.turns < measured.config.decision.coverage * planned:
        return [
            f"only {traced.turns} of {planned} turns of the baseline's answers were traced by it and {traced.model}"
        ]
    return measured.unfinished["answers"]


def item_report_of(measured: Measured, model: str) -> ItemReport | None:
    """One model's choices against the baseline's."""
    return next((each for each in measured.items if each.model == model), None)


def _item_reasons(report: ItemReport | None, measured: Measured, model: str) -> Sequence[str]:
    if report and report.fault:
        return [report.fault]
    floor = measured.config.decision.coverage
    paired = [row for row in measured.coverage if row.model == model and row.kind == "paired choices"]
    return [*shortfalls(paired, floor), *measured.unfinished["choices"]] if paired else ["no [[task]] was configured"]


def _chance_reasons(tasks: Sequence[TaskGate]) -> Sequence[str]:
    """A baseline that guesses everywhere: a ruined model guesses as well, so no change says anything."""
    if not tasks or any(task.beats_chance for task in tasks):
        return []
    shown = ", ".join(f"{task.task} {number('accuracy', task.baseline.value or 0.0)}" for task in tasks)
    return [f"the baseline itself is not shown to beat guessing on any task ({shown})"]
