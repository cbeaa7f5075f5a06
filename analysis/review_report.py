"""The one object behind every face of the report: each number that any of them prints stands here once.

In: the evidence of a run folder, the time. Out: a frozen ReviewReport, the same for the same records in any order.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from analysis.beyond_accuracy import Partial, Stronger
from analysis.correlations import Correlation
from analysis.costs import Cost, costs
from analysis.coverage import Coverage
from analysis.decision import EXIT_CODES, Decision, Word, decisions, overall
from analysis.estimates import Estimate
from analysis.evidence import ModelEvidence, RunEvidence, identical_answers
from analysis.gates import Measured, decision_evidence, gate, primary_judge
from analysis.inputs import Inputs
from analysis.judge_reports import JudgeReport, judge_report
from analysis.judge_trust import TrustReport, trust_report
from analysis.model_reports import (
    ItemReport,
    ModelCard,
    item_report,
    model_card,
    model_coverage,
    unfinished,
    unlike_baseline,
)
from analysis.overlaps import Overlap, overlaps
from analysis.panel import panel_report
from analysis.relations import OUTCOMES, Extras, relations
from analysis.resampling import RESAMPLES, Resamplings
from analysis.trace_measures import TraceReport, trace_report
from analysis.vocabulary_kl import VocabularyReport, vocabulary_report
from analysis.within_candidate import Within
from ledger.config import ReviewConfig
from ledger.manifests import assay_version


class ReviewReport(BaseModel):
    """Everything that a review found.

    `control_primary` is the control's value of the primary measure: the noise floor, a reference that decides nothing.
    `coverage` are answers and choices; ratings, games and exam are counted in each judge's part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: int = 3
    assay_version: str
    name: str
    made_at: str
    config_digest: str
    seed: int
    resamples: int
    baseline: str
    control: str | None
    candidates: tuple[str, ...]
    families: tuple[str, ...]
    amounts: tuple[float | None, ...]
    primary: str
    margin: float
    limits: tuple[tuple[str, float], ...]
    family_wise: str
    coverage_floor: float
    word: Word
    exit_code: int
    questions: int
    question_source: str | None
    items: int
    identical_answers: tuple[str, ...]
    decisions: tuple[Decision, ...]
    control_primary: Estimate | None
    judges: tuple[JudgeReport, ...]
    trust: TrustReport | None
    choices: tuple[ItemReport, ...]
    traces: tuple[TraceReport, ...]
    vocabulary: tuple[VocabularyReport, ...]
    overlaps: tuple[Overlap, ...]
    correlations: tuple[Correlation, ...]
    partials: tuple[Partial, ...]
    stronger: tuple[Stronger, ...]
    within: tuple[Within, ...]
    coverage: tuple[Coverage, ...]
    models: tuple[ModelCard, ...]
    costs: tuple[Cost, ...]
    inputs: Inputs
    notes: tuple[str, ...]

    @property
    def primary_judge(self) -> JudgeReport | None:
        """The judge behind the primary measure, or the first one where items decide."""
        judged = self.primary in OUTCOMES
        return primary_judge(self.judges, self.primary) if judged else next(iter(self.judges), None)


def report_from(evidence: RunEvidence, made_at: str, resamples: int = RESAMPLES) -> ReviewReport:
    """Measure and decide everything that evidence allows; all chance comes from the config's seed."""
    config, draws, extras = evidence.config, Resamplings(evidence.config.seed, resamples), Extras()
    measured = _measured(evidence, draws, extras)
    related = relations(evidence, measured, extras, draws)
    found = decisions(decision_evidence(measured), config.decision.family_wise)
    word = overall(found)
    control = next((model for model in evidence.rivals if model.role == "control"), None)
    return ReviewReport(
        **_declared(config),
        assay_version=assay_version(),
        made_at=made_at,
        resamples=resamples,
        control=control.name if control else None,
        word=word,
        exit_code=EXIT_CODES[word],
        questions=len(evidence.questions),
        items=len(evidence.items),
        identical_answers=tuple(sorted(measured.identical_answers)),
        decisions=found,
        control_primary=gate(measured, control.name, config.primary, -config.margin).estimate if control else None,
        judges=measured.judges,
        trust=trust_report(evidence, draws) if evidence.judges else None,
        choices=measured.items,
        traces=measured.traces,
        vocabulary=measured.vocabulary,
        overlaps=tuple(_overlaps(evidence, measured)),
        correlations=related.correlations,
        partials=related.partials,
        stronger=related.stronger,
        within=related.within,
        coverage=measured.coverage,
        models=tuple(model_card(model) for model in evidence.models),
        costs=tuple(costs(evidence)),
        inputs=evidence.inputs,
        notes=evidence.notes,
    )


def _declared(config: ReviewConfig) -> dict[str, Any]:
    """What stood in the config before the run, by the report's names."""
    return {
        "name": config.name,
        "config_digest": config.digest,
        "seed": config.seed,
        "baseline": config.baseline.name,
        "candidates": tuple(model.name for model in config.candidate),
        "families": tuple(model.family for model in config.candidate),
        "amounts": tuple(model.amount for model in config.candidate),
        "primary": config.primary,
        "margin": config.margin,
        "limits": tuple(sorted(config.decision.limits.items())),
        "family_wise": config.decision.family_wise,
        "coverage_floor": config.decision.coverage,
        "question_source": config.questions.source if config.questions else None,
    }


def _measured(evidence: RunEvidence, draws: Resamplings, extras: Extras) -> Measured:
    """All that the gates are made from; `extras` takes what only the correlations need."""
    asked = evidence.config.task
    return Measured(
        config=evidence.config,
        judges=tuple(_judges(evidence, draws)),
        items=tuple(item_report(rival, evidence, draws) for rival in evidence.rivals) if asked else (),
        traces=tuple(_traces(evidence, draws, extras)),
        vocabulary=tuple(_vocabulary(evidence, draws, extras)),
        coverage=tuple(model_coverage(evidence)),
        identical_answers=frozenset(_identical(evidence)),
        unfinished={kind: unfinished(evidence, kind) for kind in ("answers", "choices")},
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
    planned = {
        (*answer.key[1:], turn)
        for answer in evidence.baseline.answers
        for turn, written in enumerate(answer.turns, start=1)
        if written.text
    }
    for rival in evidence.rivals:
        refusal = _refusal(rival, evidence, "traces_refused")
        sides = (evidence.baseline.traces, rival.traces)
        report, extras.traces[rival.name] = trace_report(
            rival.name, rival.role, *sides, draws, evidence.comparisons, refusal, planned
        )
        yield report


def _overlaps(evidence: RunEvidence, measured: Measured) -> Iterator[Overlap]:
    """Of the candidates whose choices can be compared with the baseline's."""
    sound = {each.model for each in measured.items if each.role == "candidate" and not each.fault}
    yield from overlaps(evidence.baseline.choices, ((m.name, m.choices) for m in evidence.rivals if m.name in sound))


def _vocabulary(evidence: RunEvidence, draws: Resamplings, extras: Extras) -> Iterator[VocabularyReport]:
    """The option tokens of every rival, where a task asks for them."""
    tasks = {task.task for task in evidence.config.task if task.vocabulary}
    if not tasks:
        return
    planned = [item for item in evidence.items if item[0] in tasks]
    for rival in evidence.rivals:
        refusal = _refusal(rival, evidence, "vocabulary_refused")
        sides = (evidence.baseline.option_tokens, rival.option_tokens)
        report, extras.vocabulary[rival.name] = vocabulary_report(
            rival.name, rival.role, *sides, draws, evidence.comparisons, refusal, planned
        )
        yield report


def _refusal(rival: ModelEvidence, evidence: RunEvidence, fact: str) -> str:
    """Why a rival's tokens are not compared: its manifest's own word, or the conditions they were read under."""
    told = str(rival.manifest.facts.get(fact, "")) if rival.manifest else ""
    return told or unlike_baseline(rival, evidence)


def _identical(evidence: RunEvidence) -> Iterator[str]:
    samples = evidence.config.questions.samples if evidence.config.questions else 1
    planned = len(evidence.questions) * samples
    for model in evidence.rivals:
        if identical_answers(evidence.baseline, model, planned):
            yield model.name
