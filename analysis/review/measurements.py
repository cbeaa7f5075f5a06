"""Everything that is measured of a run, once: what gates read, and what the report shows.

In: the evidence of a run folder. Out: gates.Measured.
"""

from collections.abc import Collection, Iterator, Sequence

from analysis.correlations.relations import Compared, Extras
from analysis.decision.gate_estimates import Measured
from analysis.evidence.identities import one_model_alarms, wrote_enough
from analysis.evidence.model_evidence import ModelEvidence, identical_answers, limited_run
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.unseen import unseen
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.overlaps import Overlap, overlaps
from analysis.statistics.resampling import Resamplings
from analysis.summaries.item_pool import compared_scores
from analysis.summaries.judge_reports import JudgeReport, judge_report
from analysis.summaries.model_reports import (
    ItemReport,
    item_report,
    model_coverage,
    unfinished,
    unlike_baseline,
)
from analysis.summaries.model_rows import for_model
from analysis.summaries.panel import panel_report
from analysis.summaries.writing_reports import written_side_by_side
from analysis.token_distributions.rollout_measures import RolloutReport, rollout_report
from analysis.token_distributions.trace_measures import TraceReport, trace_report
from analysis.token_distributions.vocabulary_kl import VocabularyReport, vocabulary_report
from analysis.writing.paired_writing import WritingReport, writing_reports
from ledger.facts import ModelFacts, Refusal
from ledger.records import Key


def measurements(evidence: RunEvidence, draws: Resamplings, extras: Extras) -> Measured:
    """All that the gates are made from; `extras` takes what only the correlations and the report need."""
    items = tuple(item_report(rival, evidence, draws) for rival in evidence.rivals) if evidence.tasks else ()
    extras.compared = dict(_compared(evidence, items))
    echoes = [*_echoes(evidence)]
    extras.echoes = tuple(sorted(each.name for each in echoes))
    same_answers = frozenset(each.name for each in echoes if wrote_enough(each))
    return Measured(
        config=evidence.config,
        judges=tuple(_judges(evidence, draws)),
        items=items,
        traces=tuple(_traces(evidence, draws, extras)),
        rollouts=tuple(_rollouts(evidence, draws, extras)),
        vocabulary=tuple(_vocabulary(evidence, draws, extras)),
        writing=_writing(evidence, draws, extras),
        coverage=tuple(model_coverage(evidence)),
        identical_answers=same_answers,
        unfinished={kind: unfinished(evidence, kind) for kind in ("answers", "choices", "solutions")},
        notes=evidence.notes,
        unseen=unseen(evidence, {each.model: each.fault for each in items if each.fault}),
        alarms={model.name: tuple(_alarms(model, evidence, items, same_answers)) for model in evidence.candidates},
        limited={each.name: cut for each in evidence.candidates if (cut := limited_run((evidence.baseline, each)))},
    )


def _compared(evidence: RunEvidence, items: Sequence[ItemReport]) -> Iterator[tuple[str, Compared]]:
    sound = {each.model for each in items if not each.fault}
    for rival in evidence.rivals:
        if rival.name in sound:
            yield rival.name, compared_scores(evidence.baseline, rival, evidence.config.decision)


def _alarms(
    model: ModelEvidence, evidence: RunEvidence, items: Sequence[ItemReport], same_answers: Collection[str]
) -> Iterator[Cause]:
    """What says that a candidate and the baseline are one model."""
    found = for_model(items, model.name)
    same, texts = (dict(found.equal), found.equal_texts) if found else ({}, ())
    yield from one_model_alarms(
        model, evidence, same_choices=same, same_texts=texts, same_answers=model.name in same_answers
    )


def _judges(evidence: RunEvidence, draws: Resamplings) -> Iterator[JudgeReport]:
    """Every judge; where they are a panel, the panel before them, so that it decides."""
    reports = [judge_report(judge, evidence, draws) for judge in evidence.judges]
    if evidence.config.decision.panel:
        yield panel_report(evidence, reports, draws)
    yield from reports


def _traces(evidence: RunEvidence, draws: Resamplings, extras: Extras) -> Iterator[TraceReport]:
    """The traces of every rival, where the review asks for traces."""
    if not (evidence.config.questions and evidence.config.questions.traces):
        return
    planned = _written(evidence.baseline)
    for rival in evidence.rivals:
        refusal = _refusal(rival, evidence, Refusal.TRACES)
        sides = (evidence.baseline.traces, rival.traces)
        report, extras.traces[rival.name] = trace_report(
            rival.name, rival.role, *sides, draws, evidence.comparisons, refusal, planned
        )
        yield report


def _writing(evidence: RunEvidence, draws: Resamplings, extras: Extras) -> tuple[WritingReport, ...]:
    """The texts of every rival that wrote any."""
    sides = list(written_side_by_side(evidence))
    extras.writing = {side.model: side for side in sides}
    return writing_reports(sides, evidence.cells, draws, evidence.comparisons)


def _rollouts(evidence: RunEvidence, draws: Resamplings, extras: Extras) -> Iterator[RolloutReport]:
    """What every rival wrote, as it and the baseline read it, where the review asks for rollouts."""
    if not (evidence.config.questions and evidence.config.questions.rollouts):
        return
    baseline = evidence.baseline
    for rival in evidence.rivals:
        refusal = _refusal(rival, evidence, Refusal.ROLLOUTS)
        sides = (rival.rollouts.get(rival.name, {}), baseline.rollouts.get(rival.name, {}), baseline.traces)
        report, extras.rollouts[rival.name] = rollout_report(
            rival.name, rival.role, *sides, draws, evidence.comparisons, refusal, _written(rival)
        )
        yield report


def _written(model: ModelEvidence) -> set[Key]:
    """The turns that a model wrote any text in."""
    return {
        (*answer.key[1:], turn)
        for answer in model.answers
        for turn, written in enumerate(answer.turns, start=1)
        if written.text
    }


def shared_flips(evidence: RunEvidence, extras: Extras) -> Iterator[Overlap]:
    """Of the candidates whose items can be compared with the baseline's, among items that are right or wrong once."""
    candidates = {model.name for model in evidence.candidates}
    found = ((name, scores) for name, (_, scores) in extras.compared.items() if name in candidates)
    yield from overlaps(
        evidence.items, ((name, each.items[each.once], each.flipped[each.once]) for name, each in found)
    )


def _vocabulary(evidence: RunEvidence, draws: Resamplings, extras: Extras) -> Iterator[VocabularyReport]:
    """The option tokens of every rival, where a task asks for them."""
    tasks = {task.task for task in evidence.config.task if task.vocabulary}
    if not tasks:
        return
    planned = [item for item in evidence.items if item[0] in tasks]
    for rival in evidence.rivals:
        refusal = _refusal(rival, evidence, Refusal.VOCABULARY)
        sides = (evidence.baseline.option_tokens, rival.option_tokens)
        report, extras.vocabulary[rival.name] = vocabulary_report(
            rival.name,
            rival.role,
            *sides,
            draws,
            evidence.comparisons,
            refusal,
            planned,
            evidence.config.decision.shown,
        )
        yield report


def _refusal(rival: ModelEvidence, evidence: RunEvidence, what: Refusal) -> Cause | None:
    """Why a rival's tokens are not compared: its manifest's own word, or the conditions they were read under."""
    recorded = ModelFacts.of(rival.manifest).refusal(what)
    return Cause(Kind.RECORDED, names={"recorded": recorded}) if recorded else unlike_baseline(rival, evidence)


def _echoes(evidence: RunEvidence) -> Iterator[ModelEvidence]:
    """The rivals that wrote the baseline's own words throughout, however few."""
    planned = len(evidence.questions) * evidence.samples
    for model in evidence.rivals:
        if identical_answers(evidence.baseline, model, planned):
            yield model
