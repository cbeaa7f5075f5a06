"""The one object behind every format of the report: each number that any of them prints stands here once.

In: the evidence of a run folder, the time. Out: a frozen ReviewReport, the same for the same records in any order.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from analysis.correlations.across_candidates import Correlation
from analysis.correlations.beyond_accuracy import Partial, Stronger
from analysis.correlations.relations import Extras, relations
from analysis.correlations.within_candidate import Within
from analysis.decision.decisions import EXIT_CODES, Decision, decisions, overall
from analysis.decision.gate_estimates import primary_judge
from analysis.decision.gate_words import Word
from analysis.decision.gates import decision_evidence, gate
from analysis.evidence.costs import Cost, costs
from analysis.evidence.identities import Identity, identities
from analysis.evidence.inputs import Inputs
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.unseen_rows import Unseen
from analysis.review.measurements import measurements, shared_flips
from analysis.review.not_looked_at import not_looked_at
from analysis.review.positive_controls import PositiveControl, SmallestSeen, positive_controls, smallest_seen
from analysis.statistics.causes import Cause
from analysis.statistics.coverage import Coverage
from analysis.statistics.estimates import Estimate
from analysis.statistics.overlaps import Overlap
from analysis.statistics.resampling import RESAMPLES, Resamplings
from analysis.summaries.judge_reports import JudgeReport
from analysis.summaries.judge_trust import TrustReport, trust_report
from analysis.summaries.model_reports import (
    ItemReport,
    ModelCard,
    model_card,
)
from analysis.token_distributions.rollout_measures import RolloutReport
from analysis.token_distributions.trace_measures import TraceReport
from analysis.token_distributions.vocabulary_kl import VocabularyReport
from analysis.writing.paired_writing import WritingReport
from ledger.config import ReviewConfig
from ledger.manifests import assay_version
from ledger.measures import measure_of


class ReviewReport(BaseModel):
    """Everything that a review found.

    `control_primary` is the control's value of the primary measure: the noise floor, a reference that decides nothing.
    `coverage` are answers and choices; ratings, games and exam are counted in each judge's part. `unseen` is what was
    found and not compared, `leave_out` what the config leaves out on purpose, `not_looked_at` what nobody measured.
    `positive_controls` stand apart: nothing else here knows of them but `costs` and `inputs`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: int = 6
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
    task_margin: float
    limits: tuple[tuple[str, float], ...]
    family_wise: str
    coverage_floor: float
    leave_out: tuple[str, ...]
    allow_different: tuple[str, ...]
    same_name: str
    identical: str
    blind_spots: str
    word: Word
    exit_code: int
    questions: int
    question_source: str | None
    items: int
    identical_answers: tuple[str, ...]
    redacted: bool
    decisions: tuple[Decision, ...]
    unseen: tuple[Unseen, ...]
    not_looked_at: tuple[tuple[str, Cause], ...]
    identities: tuple[Identity, ...]
    control_primary: Estimate | None
    judges: tuple[JudgeReport, ...]
    trust: TrustReport | None
    choices: tuple[ItemReport, ...]
    traces: tuple[TraceReport, ...]
    vocabulary: tuple[VocabularyReport, ...]
    rollouts: tuple[RolloutReport, ...]
    writing: tuple[WritingReport, ...]
    overlaps: tuple[Overlap, ...]
    correlations: tuple[Correlation, ...]
    divergences: tuple[Correlation, ...]
    partials: tuple[Partial, ...]
    stronger: tuple[Stronger, ...]
    within: tuple[Within, ...]
    coverage: tuple[Coverage, ...]
    models: tuple[ModelCard, ...]
    costs: tuple[Cost, ...]
    inputs: Inputs
    notes: tuple[Cause, ...]
    positive_controls: tuple[PositiveControl, ...]
    smallest_seen: tuple[SmallestSeen, ...]

    @property
    def primary_judge(self) -> JudgeReport | None:
        """The judge behind the primary measure, or the first one where items decide."""
        judged = measure_of(self.primary).mode is not None
        return primary_judge(self.judges, self.primary) if judged else next(iter(self.judges), None)


def report_from(evidence: RunEvidence, made_at: str, resamples: int = RESAMPLES) -> ReviewReport:
    """Measure and decide everything that evidence allows; all chance comes from the config's seed."""
    config, draws, extras = evidence.config, Resamplings(evidence.config.seed, resamples), Extras()
    measured = measurements(evidence, draws, extras)
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
        items=int((~evidence.items.get_level_values("task").isin(config.decision.shown)).sum()),
        identical_answers=extras.echoes,
        redacted=evidence.redacted,
        decisions=found,
        unseen=measured.unseen,
        not_looked_at=not_looked_at(evidence, measured.judges),
        identities=identities(evidence),
        control_primary=gate(measured, control.name, config.primary, -config.margin).estimate if control else None,
        judges=measured.judges,
        trust=trust_report(evidence, draws) if evidence.judges or evidence.labels else None,
        choices=measured.items,
        traces=measured.traces,
        vocabulary=measured.vocabulary,
        rollouts=measured.rollouts,
        writing=measured.writing,
        overlaps=tuple(shared_flips(evidence, extras)),
        **vars(related),
        coverage=measured.coverage,
        models=tuple(model_card(model) for model in evidence.models),
        costs=tuple(costs(evidence)),
        inputs=evidence.inputs,
        notes=tuple(note for note in evidence.notes if not any(note in each.beside for each in found)),
        positive_controls=(damaged := positive_controls(evidence, draws)),
        smallest_seen=smallest_seen(damaged),
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
        "task_margin": config.margin_of("accuracy_change"),
        "limits": tuple(sorted(config.decision.limits.items())),
        "family_wise": config.decision.family_wise,
        "coverage_floor": config.decision.coverage,
        "leave_out": config.decision.leave_out,
        "allow_different": config.decision.allow_different,
        "same_name": config.decision.same_name,
        "identical": config.decision.identical,
        "blind_spots": config.decision.blind_spots,
        "question_source": config.questions.source if config.questions else None,
    }
