"""What each measure of the registry is read from, and what stands against its evidence.

In: what judges, items, texts and traces said. Out: for a measure and a model, an Estimate, and every reason why it may
not decide. A measure is unfit where its judge is not trusted, its inputs are stale or mixed, or its coverage lies under
the floor, overall or in a turn. Categories never gate.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from analysis.evidence.unseen_rows import Unseen
from analysis.multiple_choice.distances import ITEM_DISTANCES
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.coverage import Coverage, shortfalls
from analysis.statistics.estimates import Estimate, not_measured
from analysis.statistics.item_rows import ItemRow
from analysis.statistics.item_scopes import ALL_ITEMS
from analysis.summaries.judge_reports import JudgeReport
from analysis.summaries.model_reports import PAIRED_ITEMS, ItemReport, task_rows
from analysis.summaries.model_rows import for_model
from analysis.token_distributions.rollout_measures import RolloutReport
from analysis.token_distributions.trace_measures import TraceReport
from analysis.token_distributions.vocabulary_kl import VocabularyReport
from analysis.writing.paired_writing import WritingReport
from ledger.config import ReviewConfig
from ledger.judgments import Mode
from ledger.measures import MEASURES, measure_of

WRITTEN_SECTIONS = ("writing", "thoughts", "likeness")
PAIRED: Mapping[Mode | None, str] = {Mode.SINGLE: "paired ratings", Mode.PAIR: "question-turns"}


@dataclass(frozen=True)
class Measured:
    """What the gates are made from.

    `identical_answers` names the candidates whose texts equal the baseline's and are long enough to prove it,
    `unfinished` has what stands against answers and choices that were planned and made by no model. `unseen` is what
    was found and not compared, `alarms` has, by candidate, what says that it and the baseline are one model, `limited`
    what of either was cut with --limit, `notes` what a reader should know and what decides nothing.
    """

    config: ReviewConfig
    judges: tuple[JudgeReport, ...]
    items: tuple[ItemReport, ...]
    traces: tuple[TraceReport, ...]
    vocabulary: tuple[VocabularyReport, ...]
    writing: tuple[WritingReport, ...]
    coverage: tuple[Coverage, ...]
    identical_answers: frozenset[str]
    unfinished: Mapping[str, tuple[Cause, ...]]
    unseen: tuple[Unseen, ...] = ()
    alarms: Mapping[str, tuple[Cause, ...]] = field(default_factory=dict)
    limited: Mapping[str, Cause] = field(default_factory=dict)
    notes: tuple[Cause, ...] = ()
    rollouts: tuple[RolloutReport, ...] = ()


Read = tuple[Estimate, Sequence[Cause]]


def primary_judge(judges: Sequence[JudgeReport], measure: str) -> JudgeReport | None:
    """The first judge that is used in the measure's mode."""
    return next((judge for judge in judges if measure_of(measure).mode in judge.modes), None)


def judged_estimate(judge: JudgeReport | None, model: str, measure: str) -> Estimate:
    """A judge's rating_change or win_change of one model over all question-turns."""
    if judge is None:
        return not_measured(measure, "questions", Cause(Kind.NO_JUDGE, measure))
    found: Estimate | None
    if measure == "rating_change":
        scores = for_model(judge.scores, model)
        found = scores.scopes[0].change if scores else None
    else:
        games = for_model(judge.games, model)
        found = games.scopes[0].win_change if games else None
    return found or not_measured(measure, "questions", Cause(Kind.NO_RECORDS, model))


def item_estimate(report: ItemReport | None, measure: str) -> Estimate:
    """One model's measure over all items that decide."""
    result = pooled(report)
    if report is None or result is None:
        fault = report.fault if report else None
        return not_measured(measure, "items", fault or Cause(Kind.NO_CHOICES))
    if not result.n and report.tasks:
        return not_measured(measure, "items", Cause(Kind.NOTHING_POOLED))
    return _of_rows(report, [result, *(row for row in report.results if row.main and row.scope == ALL_ITEMS)], measure)


def task_estimate(task: str, measure: str, measured: Measured, model: str) -> Read:
    """The same of one task, and what stands against it."""
    report = for_model(measured.items, model)
    row = next((each for each in task_rows(report) if each.task == task), None) if report else None
    missing = not_measured(measure, "items", Cause(Kind.NO_CHOICES))
    estimate = _of_rows(report, [row.result], measure) if report and row else missing
    return estimate, item_reasons(report, measured, model)


def _of_rows(report: ItemReport, rows: Sequence[ItemRow], measure: str) -> Estimate:
    """The first row's that has the measure: distances are of choices alone."""
    found = (estimate for row in rows if (estimate := row.estimate(measure)) is not None)
    estimate = next(found, None) or not_measured(measure, "items", Cause(Kind.NO_CHOICES))
    return replace(estimate, identical=report.identical and estimate.value is not None)


def pooled(report: ItemReport | None) -> ItemRow | None:
    """The row over all items that decide, by the scoring that decides."""
    if report is None:
        return None
    return report.pool or next((row for row in report.results if row.main and row.scope == ALL_ITEMS), None)


def item_reasons(report: ItemReport | None, measured: Measured, model: str) -> Sequence[Cause]:
    """What stands against a model's choices."""
    if report and report.fault:
        return [report.fault]
    floor = measured.config.decision.coverage
    paired = [row for row in measured.coverage if row.model == model and row.kind == PAIRED_ITEMS]
    lacking = (*measured.unfinished["choices"], *measured.unfinished["solutions"])
    return [*shortfalls(paired, floor), *lacking] if paired else [Cause(Kind.NO_TASK)]


def _judged(measure: str, measured: Measured, model: str) -> Read:
    return judged(primary_judge(measured.judges, measure), measure, measured, model)


def judged(judge: JudgeReport | None, measure: str, measured: Measured, model: str) -> Read:
    """A measure as one judge has it, and what stands against that."""
    estimate = judged_estimate(judge, model, measure)
    estimate = replace(estimate, identical=estimate.value is not None and model in measured.identical_answers)
    return estimate, [*_judge_reasons(judge, measured, model, measure)]


def _picked(measure: str, measured: Measured, model: str) -> Read:
    report = for_model(measured.items, model)
    return item_estimate(report, measure), item_reasons(report, measured, model)


def _vocabulary(measured: Measured, model: str) -> Read:
    read = for_model(measured.vocabulary, model)
    estimate = read.kl if read else not_measured("kl_vocabulary", "items", Cause(Kind.NO_OPTION_TOKENS, model))
    return estimate, [*_vocabulary_reasons(read, measured)]


def _traced(measured: Measured, model: str) -> Read:
    traced = for_model(measured.traces, model)
    estimate = traced.kl if traced else not_measured("kl_trace", "questions", Cause(Kind.NO_TRACES, model))
    return estimate, [*_trace_reasons(traced, measured)]


def _written(measure: str, measured: Measured, model: str) -> Read:
    written = for_model(measured.writing, model)
    row = written.find(measure) if written else None
    if written is None or row is None:
        absent = Cause(Kind.NO_THOUGHTS if written else Kind.NO_ANSWERS, model)
        return not_measured(measure, "questions", absent), [Cause(Kind.UNMEASURED, measure, causes=(absent,))]
    # Equal texts may have ended otherwise, or followed other thoughts: then this measure's own change is not zero.
    estimate = replace(row.estimate, identical=row.estimate.value == 0 and model in measured.identical_answers)
    if estimate.missing and estimate.value is None:
        return estimate, [Cause(Kind.UNMEASURED, measure, causes=(estimate.missing,))]
    floor = measured.config.decision.coverage
    return estimate, [*shortfalls(written.coverage, floor), *measured.unfinished["answers"]]


def _rolled(measure: str, measured: Measured, model: str) -> Read:
    """What no gate may hold: a mean over tokens that falls in loops would be kept low by damage."""
    read = for_model(measured.rollouts, model)
    if read is None or read.fault:
        missing = not_measured(measure, "questions", Cause(Kind.NO_ROLLOUTS, model))
        return missing, [_unmeasured(measure, read.fault if read else None, "rollouts")]
    return read.surprise if measure == "surprise" else read.kl, []


def _judge_reasons(judge: JudgeReport | None, measured: Measured, model: str, measure: str) -> Iterable[Cause]:
    if judge is None:
        return [Cause(Kind.NO_MEASURING_JUDGE, measure)]
    what = PAIRED[measure_of(measure).mode]
    rows = [row for row in judge.paired if row.model == model and row.kind == what]
    rows = [row for row in rows if row.planned] or rows[:1]
    short = [*shortfalls(rows, measured.config.decision.coverage)]
    short += measured.unfinished["answers"]
    return [*judge.unfit, *short] if rows else [*judge.unfit, Cause(Kind.NOTHING_PAIRED, model, names={"what": what})]


def _vocabulary_reasons(read: VocabularyReport | None, measured: Measured) -> Iterable[Cause]:
    if read is None or read.fault:
        return [_unmeasured("kl_vocabulary", read.fault if read else None, "vocabulary")]
    planned = read.items + read.missing
    if read.items < measured.config.decision.coverage * planned:
        return [Cause(Kind.FEW_OPTION_TOKENS, read.model, numbers={"items": read.items, "planned": planned})]
    return measured.unfinished["choices"]


def _trace_reasons(traced: TraceReport | None, measured: Measured) -> Iterable[Cause]:
    if traced is None or traced.fault:
        return [_unmeasured("kl_trace", traced.fault if traced else None, "traces")]
    planned = traced.turns + traced.missing
    if traced.turns < measured.config.decision.coverage * planned:
        return [Cause(Kind.FEW_TRACED_TURNS, traced.model, numbers={"traced": traced.turns, "planned": planned})]
    return measured.unfinished["answers"]


def _unmeasured(measure: str, fault: Cause | None, setting: str) -> Cause:
    """A measure that cannot be read: by its fault, or because nobody asked for it."""
    return Cause(Kind.UNMEASURED, measure, causes=(fault or Cause(Kind.NOT_SET, setting),))


GATE_ESTIMATES: Mapping[str, Callable[[Measured, str], Read]] = {
    **{measure.name: partial(_judged, measure.name) for measure in MEASURES if measure.mode},
    **{
        name: partial(_picked, name)
        for name in ("accuracy_change", "flips", "all_flips", "excess_flips", "failed_answers")
    },
    **{name: partial(_picked, name) for name in ITEM_DISTANCES},
    **{measure.name: partial(_written, measure.name) for measure in MEASURES if measure.section in WRITTEN_SECTIONS},
    "kl_vocabulary": _vocabulary,
    "kl_trace": _traced,
    **{name: partial(_rolled, name) for name in ("kl_rollout", "surprise")},
}
"""Each measure of the registry, and how its estimate is read."""
