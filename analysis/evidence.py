"""What a run folder holds, read once, and what is wrong with it.

In: a config and a run folder. Out: Evidence in memory; stale inputs, mixed prompts and mixed judges become faults in
words, which make the judged part unfit, and lesser things become notes.
Several judges: each is read and reported on its own; the first that is used in the needed mode is the primary judge.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd

from analysis.cells import Cell, Unit, cell_of
from analysis.choices import ChoiceColumns, choice_columns
from analysis.inputs import Inputs, run_inputs, stale_inputs
from ledger.config import ReviewConfig
from ledger.errors import BadRecord, StaleInput
from ledger.judge_config import JudgeConfig
from ledger.judgments import ExamMark, Game, Label, Order, Rating
from ledger.manifests import Manifest, read_manifest
from ledger.records import Answer, Choice, Key, Question
from ledger.runs import RunFolder, control_of
from ledger.store import Store
from ledger.traces import OPTION_TOKENS, TraceArrays, read_traces

M = TypeVar("M", Answer, Choice)
J = TypeVar("J", Rating, Game)
S = TypeVar("S", Rating, Game, ExamMark)
COMPARED_SETTINGS = ("engine", "max_tokens", "seed", "styles")


@dataclass(frozen=True)
class ModelEvidence:
    """What one model wrote and picked; `role` is baseline, control or candidate."""

    name: str
    role: str
    family: str
    answers: tuple[Answer, ...]
    choices: ChoiceColumns
    manifest: Manifest | None
    traces: Mapping[Key, TraceArrays] = field(default_factory=dict)
    option_tokens: Mapping[Key, TraceArrays] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgeEvidence:
    """What one judge said. Records that several prompts claim are left out; `faults` make all of it unfit.

    `games` are each rival's against the baseline, `contests` all games by (baseline's seat, candidate's seat).
    """

    config: JudgeConfig
    ratings: dict[str, dict[Cell, Rating]]
    games: dict[str, dict[tuple[Cell, Order], Game]]
    exam: tuple[ExamMark, ...]
    manifest: Manifest | None
    faults: tuple[str, ...]
    contests: dict[tuple[str, str], dict[tuple[Cell, Order], Game]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunEvidence:
    """A whole run folder. `cells` are the planned question-turns and samples (repeat 0), `items` the planned items."""

    config: ReviewConfig
    models: tuple[ModelEvidence, ...]
    judges: tuple[JudgeEvidence, ...]
    questions: dict[Unit, Question]
    cells: tuple[Cell, ...]
    items: pd.MultiIndex
    notes: tuple[str, ...]
    labels: tuple[Label, ...] = ()
    inputs: Inputs = ()

    @property
    def baseline(self) -> ModelEvidence:
        """The baseline."""
        return self.models[0]

    @property
    def rivals(self) -> tuple[ModelEvidence, ...]:
        """The candidates in the config's order, then the control if there is one."""
        return self.models[1:]

    @property
    def comparisons(self) -> int:
        """How many steps Holm may take over the candidates; 1 where each candidate stands alone."""
        return len(self.config.candidate) if self.config.decision.family_wise == "holm" else 1

    @property
    def categories(self) -> dict[Unit, str]:
        """The category of each question."""
        return {unit: question.category for unit, question in self.questions.items()}


def read_evidence(config: ReviewConfig, run: RunFolder) -> RunEvidence:
    """Read every record of a review. Raises BadRecord or DuplicateKey for a broken file."""
    models = tuple(_models(config, run))
    questions, conflicts = _questions(models)
    samples = config.questions.samples if config.questions else 1
    cells = tuple(
        Cell(*unit, sample, turn, 0)
        for unit, question in sorted(questions.items())
        for sample in range(samples)
        for turn in range(1, len(question.turns) + 1)
    )
    judges = tuple(_judge(judge, run, config, conflicts) for judge in config.judge)
    items = all_items(models)
    notes, labels = tuple(_notes(config, models)), tuple(run.labels.records())
    return RunEvidence(config, models, judges, questions, cells, items, notes, labels, run_inputs(config, run))


def unmixed(records: Iterable[J]) -> tuple[list[J], int]:
    """The records whose key, prompt apart, occurs once; and how many were left out because several prompts claim it."""
    grouped: dict[Key, list[J]] = {}
    for each in records:
        judge, _prompt, *about = each.key
        grouped.setdefault((judge, *about), []).append(each)
    single = [group[0] for group in grouped.values() if len(group) == 1]
    return single, sum(len(group) for group in grouped.values() if len(group) > 1)


def identical_answers(before: ModelEvidence, after: ModelEvidence, planned: int) -> bool:
    """Whether two models wrote the same text for every planned question and sample, byte for byte."""
    old, new = (
        {answer.key[1:]: tuple(turn.text for turn in answer.turns) for answer in m.answers} for m in (before, after)
    )
    return bool(old) and len(old) >= planned and old == new


def _models(config: ReviewConfig, run: RunFolder) -> Iterator[ModelEvidence]:
    listed = [(config.baseline.name, "baseline", config.baseline.family)]
    listed += [(model.name, "candidate", model.family) for model in config.candidate]
    control = control_of(config.baseline.name)
    if config.baseline.control or run.generation(control).path.exists():
        listed.append((control, "control", ""))
    for name, role, family in listed:
        folder = run.generation(name)
        answers, choices = tuple(_own(folder.answers, name)), choice_columns(_own(folder.choices, name))
        traces = read_traces(folder.path, name) if config.questions and config.questions.traces else {}
        kept = any(task.vocabulary for task in config.task)
        tokens = read_traces(folder.path, name, OPTION_TOKENS) if kept else {}
        yield ModelEvidence(name, role, family, answers, choices, read_manifest(folder.path), traces, tokens)


def _own(store: Store[M], name: str) -> Iterator[M]:
    """The records of a model's folder; those of another model, copied in by hand, are refused. Raises BadRecord."""
    for line, record in enumerate(store.records(), start=1):
        if record.model != name:
            raise BadRecord(store.path, line, "model", f"{record.model}, but the folder is {name}'s")
        yield record


def _said_by(name: str, records: Iterable[S], others: Counter[str]) -> Iterator[S]:
    """What a judge itself said; what others did is left out, and counted in `others`."""
    for record in records:
        if record.judge == name:
            yield record
        else:
            others[record.judge] += 1


def all_items(models: Iterable[ModelEvidence]) -> pd.MultiIndex:
    """Every item that any model scored, in order."""
    found, *others = (model.choices.items for model in models)
    for items in others:
        if not found.equals(items):
            found = found.union(items)
    return found


def _questions(models: Iterable[ModelEvidence]) -> tuple[dict[Unit, Question], tuple[str, ...]]:
    """Every question that any model answered; and a sentence for each that two models saw differently."""
    found: dict[Unit, Question] = {}
    conflicts: set[str] = set()
    for model in models:
        for answer in model.answers:
            question = answer.question
            first = found.setdefault((question.source, question.id), question)
            if first.digest != question.digest:
                name = f"question {question.source}/{question.id} of {model.name}"
                remedy = "Generate the answers of all models from one question set."
                conflicts.add(str(StaleInput(name, first.digest, question.digest, remedy)))
    return found, tuple(sorted(conflicts))


def _judge(judge: JudgeConfig, run: RunFolder, config: ReviewConfig, conflicts: tuple[str, ...]) -> JudgeEvidence:
    name, folder, others = judge.name, run.judge(judge.name), Counter[str]()
    ratings, mixed_ratings = unmixed(_said_by(name, folder.ratings.records(), others))
    games, mixed_games = unmixed(_said_by(name, folder.games.records(), others))
    exam, manifest = tuple(_said_by(name, folder.exam.records(), others)), read_manifest(folder.path)
    baseline = config.baseline.name
    by_model: dict[str, dict[Cell, Rating]] = {}
    for rating in ratings:
        by_model.setdefault(rating.model, {})[cell_of(rating)] = rating
    contests: dict[tuple[str, str], dict[tuple[Cell, Order], Game]] = {}
    for game in games:
        contests.setdefault((game.baseline, game.candidate), {})[cell_of(game), game.order] = game
    by_rival = {rival: found for (first, rival), found in contests.items() if first == baseline}
    faults = [*conflicts, *(map(str, stale_inputs(manifest, run)) if manifest else ())]
    if mixed_ratings + mixed_games:
        faults.append(
            f"mixed prompts: {mixed_ratings} ratings and {mixed_games} games share their key with another prompt's; "
            "they are left out"
        )
    if not manifest and (ratings or games):
        faults.append("no manifest says how these judgments were made")
    if others:
        faults.append(f"mixed judges: {others.total()} records are those of {', '.join(sorted(others))}; left out")
    faults += _served_faults(manifest)
    return JudgeEvidence(judge, by_model, by_rival, exam, manifest, tuple(faults), contests)


def served_models(manifest: Manifest | None) -> list[str]:
    """The names that a judge's endpoint answered as; empty where it told none."""
    served = manifest.facts.get("served_models", {}) if manifest else {}
    return sorted(name for name in served if name != "unknown")


def _served_faults(manifest: Manifest | None) -> list[str]:
    names = served_models(manifest)
    return [f"mixed judges: the endpoint answered as {', '.join(names)}"] if len(names) > 1 else []


def _notes(config: ReviewConfig, models: tuple[ModelEvidence, ...]) -> Iterator[str]:
    controls = [model for model in models if model.role == "control"]
    if not controls:
        yield "There is no control run (control = false): nothing shows how far two runs of the baseline differ."
    elif not (controls[0].answers or len(controls[0].choices)):
        yield "The control run is missing: nothing shows how far two runs of the baseline differ."
    baseline = models[0].manifest
    for model in models[1:]:
        if not (baseline and model.manifest):
            continue
        for setting in COMPARED_SETTINGS:
            mine, theirs = model.manifest.settings.get(setting), baseline.settings.get(setting)
            if mine != theirs:
                yield f"{model.name} was run with {setting} {mine!r}, the baseline with {theirs!r}."
        for name in sorted(baseline.inputs.keys() & model.manifest.inputs.keys()):
            if baseline.inputs[name] != model.manifest.inputs[name]:
                yield f"{model.name} and the baseline were given different {name}."
    if len(config.judge) > 1 and not config.decision.panel:
        yield f"Several judges: each is reported on its own; {config.judge[0].name} is the primary judge."
