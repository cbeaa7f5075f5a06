"""What each model picked and wrote, apart from any judge: flips and KL against the baseline, coverage, its card.

In: evidence. Out: one ItemReport per rival, coverage of answers and choices, and the facts of each model's manifest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from analysis.evidence.model_evidence import ModelEvidence, planned_records
from analysis.evidence.prompt_differences import unlike_item
from analysis.evidence.run_evidence import RunEvidence
from analysis.multiple_choice.choices import ALL_ITEMS, ItemScope, paired_choices
from analysis.multiple_choice.flips import FlipResult, choice_comparison
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, scopes
from analysis.statistics.coverage import Coverage, counted, coverage_scopes
from analysis.statistics.losses import LossTests
from analysis.statistics.resampling import Resamplings
from ledger.conditions import unlike_condition
from ledger.errors import UnlikeItem
from ledger.facts import ModelFacts, ModelSettings
from ledger.records import Finish

WRITTEN = frozenset({Finish.STOP.value, Finish.LENGTH.value})


@dataclass(frozen=True)
class ItemReport:
    """One rival's choices against the baseline's; `fault` says why they could not be compared at all.

    `equal`: of each task that both have choices of, the items whose log-probabilities are all equal, and all items.
    `identical` where those of every option of every item are.
    """

    model: str
    role: str
    equal: tuple[tuple[str, tuple[int, int]], ...]
    results: tuple[FlipResult, ...]
    losses: tuple[LossTests, ...]
    identical: bool
    fault: Cause | None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that both have choices of."""
        return tuple(task for task, _ in self.equal)


@dataclass(frozen=True)
class ModelCard:
    """What made one model's records, in plain words."""

    model: str
    role: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TaskRow:
    """One task of an ItemReport: by acc, by acc_norm, and the subjects in it by acc."""

    task: str
    result: FlipResult
    norm: FlipResult | None
    subjects: tuple[tuple[str, FlipResult], ...]


def task_rows(report: ItemReport) -> Iterator[TaskRow]:
    """Every task of a rival; where there is one task alone, its rows are those of all items."""
    by_scope = {(row.scope, row.scoring): row for row in report.results}
    for task in report.tasks:
        scope = ItemScope(task) if (ItemScope(task), "acc") in by_scope else ALL_ITEMS
        subjects = tuple(
            (part.subject, row)
            for (part, scoring), row in by_scope.items()
            if scoring == "acc" and part.task == task and part.subject
        )
        if found := by_scope.get((scope, "acc")):
            yield TaskRow(task, found, by_scope.get((scope, "acc_norm")), subjects)


def item_report(rival: ModelEvidence, evidence: RunEvidence, draws: Resamplings) -> ItemReport:
    """Flips and KL of one rival; different items under one name are a fault, not a crash."""
    if unlike := unlike_baseline(rival, evidence):
        return ItemReport(rival.name, rival.role, (), (), (), False, unlike)
    try:
        pairs = paired_choices(evidence.baseline.choices, rival.choices)
    except UnlikeItem as error:
        sides = (evidence.baseline.manifest, rival.manifest)
        unlike = unlike_item(error, *sides, redacted=evidence.redacted)
        return ItemReport(rival.name, rival.role, (), (), (), False, unlike)
    margin, alone = evidence.config.margin_of("accuracy_change"), evidence.config.decision.shown
    found = choice_comparison(pairs, draws, evidence.comparisons, margin, alone)
    return ItemReport(rival.name, rival.role, pairs.equal, found.results, found.losses, pairs.identical, None)


def unlike_baseline(rival: ModelEvidence, evidence: RunEvidence) -> Cause | None:
    """Why a rival's choices and tokens are not compared with the baseline's: other conditions; None where they are."""
    found = unlike_condition(evidence.baseline.manifest, rival.manifest, evidence.config.decision.allow_different)
    if found is None:
        return None
    name, other, own = found
    return Cause(Kind.CONDITION_DIFFERS, name, names={"own": own, "other": other})


def model_coverage(evidence: RunEvidence) -> Iterator[Coverage]:
    """Answers by how their turns ended, and choices, of every model; `paired choices` are what is compared."""
    parts = [(scope.name, scope.holds) for scope in scopes(evidence.cells, evidence.categories)]
    tasks = evidence.tasks
    for model in evidence.models:
        if _writes(model, evidence):
            finishes = {
                Cell(answer.question.source, answer.question.id, answer.sample, turn, 0): each.finish.value
                for answer in model.answers
                for turn, each in enumerate(answer.turns, start=1)
            }
            yield from coverage_scopes("answers", model.name, evidence.cells, finishes, WRITTEN, parts)
        held = evidence.items.isin(model.choices.items)
        for task in tasks:
            of_task = evidence.items.get_level_values("task") == task
            yield counted("choices", model.name, f"task {task}", held[of_task])
        if tasks and model is not evidence.baseline:
            yield counted(
                "paired choices", model.name, "all", held & evidence.items.isin(evidence.baseline.choices.items)
            )


def unfinished(evidence: RunEvidence, kind: str) -> tuple[Cause, ...]:
    """A cause if no model has all the `answers` or `choices` that the manifests say were planned.

    Coverage counts what any model did; a review whose every model stopped at the same half would look complete.
    """
    samples = evidence.config.questions.samples if evidence.config.questions else 1
    found = {"answers": len(evidence.questions) * samples, "choices": len(evidence.items)}[kind]
    planned = max((planned_records(model, kind) for model in evidence.models), default=0)
    share = found / planned if planned else 1.0
    if share >= evidence.config.decision.coverage:
        return ()
    return (Cause(Kind.UNFINISHED, kind, numbers={"made": found, "planned": planned}),)


def _writes(model: ModelEvidence, evidence: RunEvidence) -> bool:
    """Whether the review asks this model for answers; without a judge it may ask the baseline alone."""
    asked = evidence.config.questions
    return asked is not None and (asked.answers == "all" or model is evidence.baseline)


def model_card(model: ModelEvidence) -> ModelCard:
    """The settings, inputs and machine of one model's manifest."""
    manifest = model.manifest
    if not manifest:
        return ModelCard(model.name, model.role, (("manifest", "missing"),))
    facts: list[tuple[str, str]] = [
        (name, plain(manifest.settings[name])) for name in ModelSettings.shown if name in manifest.settings
    ]
    told = sorted(manifest.facts.items())
    facts += [(name, plain(value)) for name, value in told if name not in ModelFacts.shown_apart]
    facts += [(f"digest of {name}", value) for name, value in sorted(manifest.inputs.items())]
    machine = manifest.environment
    facts += [("platform", f"{machine.platform}, Python {machine.python}"), ("packages", plain(machine.packages))]
    facts += [("code", machine.git or "not under git"), ("sessions", str(len(manifest.sessions)))]
    return ModelCard(model.name, model.role, tuple(facts))


def plain(value: Any) -> str:  # noqa: ANN401 - a manifest's value
    """A manifest's value as people read it."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(each)}" for key, each in sorted(value.items())) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    return "not known" if value is None else str(value)
