"""What each model picked and wrote, apart from any judge: flips and KL against the baseline, coverage, its card.

In: evidence. Out: one ItemReport per rival, coverage of answers and choices, and the facts of each model's manifest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.benchmarks.paired_tasks import EqualTexts, PairedTask, paired_tasks
from analysis.benchmarks.solved_rows import SolvedRow, SolvedRules, solved_rows
from analysis.evidence.model_evidence import ModelEvidence, mixed_tasks, planned_records
from analysis.evidence.prompt_differences import unlike_item
from analysis.evidence.run_evidence import RunEvidence
from analysis.multiple_choice.choices import paired_choices
from analysis.multiple_choice.flips import ChoiceComparison, FlipResult, choice_comparison
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, scopes
from analysis.statistics.coverage import Coverage, counted, coverage_scopes
from analysis.statistics.item_rows import ItemRow, benchmark_losses
from analysis.statistics.item_scopes import ALL_ITEMS, ItemScope
from analysis.statistics.losses import LossTests
from analysis.statistics.resampling import Resamplings
from analysis.summaries.item_pool import PooledRow, pooled_row
from ledger.conditions import unlike_condition
from ledger.config import ReviewConfig
from ledger.errors import UnlikeItem
from ledger.facts import ModelFacts, ModelSettings
from ledger.records import Finish

PAIRED_ITEMS = "paired items"
WRITTEN = frozenset({Finish.STOP.value, Finish.LENGTH.value})


@dataclass(frozen=True)
class ItemReport:
    """What one rival picked and solved against the baseline; `fault` says why it could not be compared at all.

    `equal`: of each task that both have choices of, the items whose log-probabilities are all equal, and all items;
    `equal_texts` the same of what both solved. `identical` where everything is, and texts are long enough. `results`
    are the rows of choices, `solved` those of solved tasks, `pool` that of all items that decide where some are solved.
    """

    model: str
    role: str
    equal: tuple[tuple[str, tuple[int, int]], ...] = ()
    equal_texts: tuple[EqualTexts, ...] = ()
    results: tuple[FlipResult, ...] = ()
    solved: tuple[SolvedRow, ...] = ()
    pool: PooledRow | None = None
    losses: tuple[LossTests, ...] = ()
    identical: bool = False
    fault: Cause | None = None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that both have items of."""
        return (*(task for task, _ in self.equal), *(each.task for each in self.equal_texts))

    @property
    def rows(self) -> tuple[ItemRow, ...]:
        """The rows of choices and of solved tasks."""
        return (*self.results, *self.solved)


@dataclass(frozen=True)
class ModelCard:
    """What made one model's records, in plain words."""

    model: str
    role: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TaskRow:
    """One task of an ItemReport: by the scoring that decides, by others that guard too, and its subjects."""

    task: str
    result: ItemRow
    others: tuple[ItemRow, ...]
    subjects: tuple[tuple[str, ItemRow], ...]


def task_rows(report: ItemReport) -> Iterator[TaskRow]:
    """Every task of a rival; where there is one task alone, its rows are those of all items."""
    for task in report.tasks:
        own = [row for row in report.rows if row.scope == ItemScope(task)]
        own = own or [row for row in report.results if row.scope == ALL_ITEMS]
        subjects = tuple(
            (row.scope.subject, row) for row in report.rows if row.main and row.scope.task == task and row.scope.subject
        )
        if found := next((row for row in own if row.main), None):
            yield TaskRow(task, found, tuple(row for row in own if not row.main and row.guards), subjects)


@dataclass(frozen=True)
class ItemRules:
    """What a review declares about items: Holm's steps, the margin of the pool and those of tasks, what is shown alone,
    by which score tasks decide, and whether a control shows the noise of sampling.
    """

    comparisons: int
    margin: float
    task_margins: Callable[[str], tuple[float | None, float | None]]
    alone: tuple[str, ...]
    deciding: Mapping[str, tuple[str, str]]
    control: bool

    @classmethod
    def of(cls, config: ReviewConfig, comparisons: int, *, control: bool) -> "ItemRules":
        """Those of a config."""
        decision, margin = config.decision, config.margin_of("accuracy_change")
        return cls(comparisons, margin, config.task_margins, decision.shown, decision.deciding, control)


def item_report(rival: ModelEvidence, evidence: RunEvidence, draws: Resamplings) -> ItemReport:
    """What one rival picked and solved; different items under one name are a fault, not a crash."""
    if unlike := unlike_baseline(rival, evidence):
        return ItemReport(rival.name, rival.role, fault=unlike)
    control = any(model.role == "control" and model.solutions.tasks for model in evidence.models)
    rules = ItemRules.of(evidence.config, evidence.comparisons, control=control)
    try:
        return compared_items(evidence.baseline, rival, rules, draws)
    except UnlikeItem as error:
        sides = (evidence.baseline.manifest, rival.manifest)
        return ItemReport(rival.name, rival.role, fault=unlike_item(error, *sides, redacted=evidence.redacted))


def compared_items(before: ModelEvidence, after: ModelEvidence, rules: ItemRules, draws: Resamplings) -> ItemReport:
    """Choices and solutions of two models, side by side. Raises UnlikeItem where they saw different things."""
    pairs = paired_choices(before.choices, after.choices)
    tasks = list(paired_tasks(before.solutions, after.solutions, rules.deciding))
    picked = choice_comparison(pairs, draws, rules.comparisons, rules.margin, rules.alone, several=bool(tasks))
    solved, texts = tuple(_solved(tasks, rules, draws)), tuple(task.equal for task in tasks)
    some, counting = bool(len(pairs.before)), [task for task in tasks if task.task not in rules.alone]
    pool = pooled_row(pairs.without(rules.alone), counting, draws, rules.comparisons, control=rules.control)
    return ItemReport(
        model=after.name,
        role=after.role,
        equal=pairs.equal,
        equal_texts=texts,
        results=picked.results if some or not tasks else (),
        solved=solved,
        pool=pool if tasks else None,
        losses=_losses(picked, [row for row in solved if row.scope.task not in rules.alone], rules.margin),
        identical=(pairs.identical or not some) and all(each.proves for each in texts) and bool(some or texts),
    )


def _solved(tasks: Sequence[PairedTask], rules: ItemRules, draws: Resamplings) -> Iterator[SolvedRow]:
    for task in tasks:
        own = SolvedRules(rules.comparisons, rules.task_margins(task.task), rules.control)
        yield from solved_rows(task, draws, own)


def _losses(picked: ChoiceComparison, solved: Sequence[SolvedRow], margin: float) -> tuple[LossTests, ...]:
    """Over benchmarks of both kinds; a solved task counts by its deciding score, beside acc and acc_norm alike."""
    main = [row for row in solved if row.main]
    if not main:
        return picked.losses
    found: dict[str, list[ItemRow]] = {}
    for row in picked.results:
        if row.n and row.scope.task:
            found.setdefault(row.scoring, []).append(row)
    tests = (benchmark_losses(name, [*rows, *main], margin) for name, rows in (found or {main[0].scoring: []}).items())
    return tuple(each for each in tests if each)


def unlike_baseline(rival: ModelEvidence, evidence: RunEvidence) -> Cause | None:
    """Why a rival's choices and tokens are not compared with the baseline's: other conditions; None where they are."""
    found = unlike_condition(evidence.baseline.manifest, rival.manifest, evidence.config.decision.allow_different)
    if found is None:
        return None
    name, other, own = found
    return Cause(Kind.CONDITION_DIFFERS, name, names={"own": own, "other": other})


def model_coverage(evidence: RunEvidence) -> Iterator[Coverage]:
    """Answers by how their turns ended, and items, of every model; PAIRED_ITEMS are what is compared."""
    parts = [(scope.name, scope.holds) for scope in scopes(evidence.cells, evidence.categories)]
    tasks = evidence.tasks
    baseline = evidence.items.isin(evidence.baseline.scored)
    for model in evidence.models:
        if _writes(model, evidence):
            finishes = {
                Cell(answer.question.source, answer.question.id, answer.sample, turn, 0): each.finish.value
                for answer in model.answers
                for turn, each in enumerate(answer.turns, start=1)
            }
            yield from coverage_scopes("answers", model.name, evidence.cells, finishes, WRITTEN, parts)
        held = evidence.items.isin(model.scored)
        for task in tasks:
            of_task = evidence.items.get_level_values("task") == task
            kind = "solutions" if task in evidence.solved - model.picked else "choices"
            yield counted(kind, model.name, f"task {task}", held[of_task])
        if tasks and model is not evidence.baseline:
            mixed = mixed_tasks(model, evidence.baseline) + mixed_tasks(evidence.baseline, model)
            alike = ~evidence.items.get_level_values("task").isin(mixed)
            yield counted(PAIRED_ITEMS, model.name, "all", held & baseline & alike)


def unfinished(evidence: RunEvidence, kind: str) -> tuple[Cause, ...]:
    """A cause if no model has all the `answers`, `choices` or `solutions` that the manifests say were planned.

    Coverage counts what any model did; a review whose every model stopped at the same half would look complete.
    """
    found = len(evidence.questions) * evidence.samples
    if kind == "choices":
        tasks = {task for model in evidence.models for task in model.picked}
        found = int(evidence.items.get_level_values("task").isin(list(tasks)).sum())
    if kind == "solutions":
        found = max((len(model.solutions) for model in evidence.models), default=0)
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
