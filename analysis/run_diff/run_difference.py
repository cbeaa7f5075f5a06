"""What changed between two runs: each model of B against the same model of A, the baseline first, B minus A.

In: the evidence of two runs. Out: a frozen RunDifference, the one object behind its formats; or a refusal where they
did not ask and judge alike. The baseline's own change says whether the runs share a ground; it is never subtracted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from analysis.decision.gate_words import Word
from analysis.evidence.run_evidence import RunEvidence
from analysis.review.review_report import ReviewReport, report_from
from analysis.run_diff.like_runs import refuse_unlike_runs
from analysis.run_diff.matched_models import matches
from analysis.run_diff.model_difference import Judges, ModelDifference, Runs, choice_difference, model_difference
from analysis.run_diff.run_changes import Changed, changed_rules
from analysis.statistics.causes import Cause
from analysis.statistics.resampling import RESAMPLES, Resamplings


@dataclass(frozen=True)
class Side:
    """One of the two runs; `unfit` has each judge and the causes against it."""

    name: str
    config_digest: str
    word: Word
    primary: str
    margin: float
    questions: int
    items: int
    unfit: tuple[tuple[str, tuple[Cause, ...]], ...]


class RunDifference(BaseModel):
    """Everything that two runs differ in; `judged` is false where the judged part was left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: int = 2
    made_at: str
    seed: int
    resamples: int
    judged: bool
    before: Side
    after: Side
    models: tuple[ModelDifference, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    rules: tuple[Changed, ...]

    @property
    def identical(self) -> bool:
        """Whether both runs have the same models with the same records."""
        return not (self.only_before or self.only_after) and all(model.identical for model in self.models)


def run_difference(
    before: RunEvidence,
    after: RunEvidence,
    made_at: str,
    *,
    renamed: Mapping[str, str] | None = None,
    judged: bool = True,
    resamples: int = RESAMPLES,
) -> RunDifference:
    """Compare two runs; all chance comes from A's seed. Raises StaleInput or ConfigError where they are not alike."""
    refuse_unlike_runs(before, after, judged=judged)
    found = matches(before, after, renamed or {})
    draws = Resamplings(before.config.seed, resamples)
    choices = [choice_difference(pair, before, after, draws) for pair in found.pairs]  # refusals come before the work
    reports = report_from(before, made_at, resamples), report_from(after, made_at, resamples)
    runs = Runs((before, after), reports, _judges(before, after) if judged else (), draws)
    pairs = zip(found.pairs, choices, strict=True)
    return RunDifference(
        made_at=made_at,
        seed=draws.seed,
        resamples=resamples,
        judged=judged,
        before=_side(reports[0], judged),
        after=_side(reports[1], judged),
        models=tuple(model_difference(pair, chosen, runs) for pair, chosen in pairs),
        only_before=found.only_before,
        only_after=found.only_after,
        rules=changed_rules(before.config, after.config),
    )


def _judges(before: RunEvidence, after: RunEvidence) -> tuple[Judges, ...]:
    """Each judge of A with its namesake in B."""
    second = {judge.config.name: judge for judge in after.judges}
    return tuple((judge, second[judge.config.name]) for judge in before.judges)


def _side(report: ReviewReport, judged: bool) -> Side:
    judges = report.judges if judged else ()
    return Side(
        name=report.name,
        config_digest=report.config_digest,
        word=report.word,
        primary=report.primary,
        margin=report.margin,
        questions=report.questions,
        items=report.items,
        unfit=tuple((judge.name, judge.unfit) for judge in judges if judge.unfit),
    )
