"""What a run folder holds, read once, and what is wrong with it.

In: a config and a run folder. Out: Evidence in memory; stale inputs, mixed prompts and mixed judges become faults,
which make the judged part unfit, and lesser things become notes.
Several judges: each is read and reported on its own; the first that is used in the needed mode is the primary judge.
"""

import difflib
import operator
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import pandas as pd

from analysis.evidence.inputs import Inputs, run_inputs, stale_inputs
from analysis.evidence.judge_statements import said_by, unmixed, without_models
from analysis.evidence.model_evidence import ModelEvidence, all_items, model_evidence, stranger_names, without
from analysis.evidence.notes import notes_of
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, Unit, cell_of
from ledger.config import ReviewConfig
from ledger.errors import ConfigError
from ledger.facts import JudgeFacts, JudgeSettings
from ledger.judge_config import JudgeConfig
from ledger.judgments import ExamMark, Game, Label, LadderMark, Order, Rating
from ledger.manifests import Manifest, read_manifest
from ledger.records import Question
from ledger.runs import RunFolder


@dataclass(frozen=True)
class JudgeEvidence:
    """What one judge said. Records that several prompts claim are left out; `faults` make all of it unfit.

    `games` are each rival's against the baseline, `contests` all games by (baseline's position, candidate's position).
    """

    config: JudgeConfig
    ratings: dict[str, dict[Cell, Rating]]
    games: dict[str, dict[tuple[Cell, Order], Game]]
    exam: tuple[ExamMark, ...]
    manifest: Manifest | None
    faults: tuple[Cause, ...]
    contests: dict[tuple[str, str], dict[tuple[Cell, Order], Game]] = field(default_factory=dict)
    ladder: tuple[LadderMark, ...] = ()


@dataclass(frozen=True)
class RunEvidence:
    """A whole run folder. `cells` are the planned question-turns and samples (repeat 0), `items` the planned items.

    `dropped` counts, by task and name, the items that the config leaves out: they are in no model's records here;
    `dropped_records` counts those.
    `strangers` are models whose records lie in the folder and that the config does not name. `redacted`: no text of a
    prompt may be told. `positive` is the same folder with the positive controls in the candidates' place.
    """

    config: ReviewConfig
    models: tuple[ModelEvidence, ...]
    judges: tuple[JudgeEvidence, ...]
    questions: dict[Unit, Question]
    cells: tuple[Cell, ...]
    items: pd.MultiIndex
    notes: tuple[Cause, ...]
    labels: tuple[Label, ...] = ()
    inputs: Inputs = ()
    dropped: Mapping[tuple[str, str], int] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()
    redacted: bool = False
    dropped_records: Mapping[str, int] = field(default_factory=dict)
    positive: "RunEvidence | None" = None

    @property
    def baseline(self) -> ModelEvidence:
        """The baseline."""
        return self.models[0]

    @property
    def rivals(self) -> tuple[ModelEvidence, ...]:
        """The candidates in the config's order, then the control if there is one."""
        return self.models[1:]

    @property
    def candidates(self) -> tuple[ModelEvidence, ...]:
        """The candidates in the config's order."""
        return tuple(model for model in self.models if model.role == "candidate")

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that the config asks for, then those that records have besides."""
        asked = [task.task for task in self.config.task]
        return tuple(dict.fromkeys([*asked, *self.items.get_level_values("task").unique()]))

    @property
    def solved(self) -> frozenset[str]:
        """The tasks that any model solved items of."""
        return frozenset(task for model in self.models for task in model.solutions.tasks)

    @property
    def samples(self) -> int:
        """How many answers the review asks for each question."""
        return self.config.questions.samples if self.config.questions else 1

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
    whole = tuple(model_evidence(config, run))
    _refuse_unknown(config.decision.leave_out, whole)
    evidence = _evidence(config, run, whole, config.positive_names)
    if not config.positive_control:
        return evidence
    other, rivals = config.of_positive_controls, tuple(model.name for model in config.candidate)
    return replace(evidence, positive=_evidence(other, run, tuple(model_evidence(other, run)), rivals))


def _evidence(
    config: ReviewConfig, run: RunFolder, whole: tuple[ModelEvidence, ...], apart: Collection[str]
) -> RunEvidence:
    """All that is not of the models `apart`: nothing of these is counted, mixed, stale or strange here."""
    cut = [without(model, config.decision.leave_out) for model in whole]
    models = tuple(model for model, *_ in cut)
    dropped = reduce(operator.or_, (counts for _, counts, _ in cut), Counter[tuple[str, str]]())
    records = reduce(operator.or_, (counts for *_, counts in cut), Counter[str]())
    questions, conflicts = _questions(models)
    samples = config.questions.samples if config.questions else 1
    cells = tuple(
        Cell(*unit, sample, turn, 0)
        for unit, question in sorted(questions.items())
        for sample in range(samples)
        for turn in range(1, len(question.turns) + 1)
    )
    judges = tuple(_judge(judge, run, config, conflicts, apart) for judge in config.judge)
    items = all_items(models)
    notes, labels = tuple(notes_of(config, models)), tuple(run.labels.records())
    inputs = run_inputs(config, run)
    strangers = tuple(name for name in stranger_names(run, whole) if name not in apart)
    return RunEvidence(
        config,
        models,
        judges,
        questions,
        cells,
        items,
        notes,
        labels,
        inputs,
        dropped,
        strangers,
        dropped_records=records,
    )


def _refuse_unknown(names: Sequence[str], models: Iterable[ModelEvidence]) -> None:
    """Stop where `leave_out` names what is not there. Raises ConfigError."""
    known = set().union(*(model.names for model in models)) if names else set()
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=3)
            remedy = f"Did you mean {', '.join(near)}?" if near else "It takes the exact names that a report gives."
            raise ConfigError(
                f"`leave_out` names {name!r}, and nothing here is called so", where="decision", remedy=remedy
            )


def _questions(models: Iterable[ModelEvidence]) -> tuple[dict[Unit, Question], tuple[Cause, ...]]:
    """Every question that any model answered; and a cause for each that two models saw differently."""
    found: dict[Unit, Question] = {}
    conflicts: set[tuple[str, str, str]] = set()
    for model in models:
        for answer in model.answers:
            question = answer.question
            first = found.setdefault((question.source, question.id), question)
            if first.digest != question.digest:
                name = f"question {question.source}/{question.id} of {model.name}"
                conflicts.add((name, first.digest, question.digest))
    return found, tuple(_stale(Kind.STALE_QUESTION, *conflict) for conflict in sorted(conflicts))


def _judge(
    judge: JudgeConfig, run: RunFolder, config: ReviewConfig, conflicts: tuple[Cause, ...], apart: Collection[str]
) -> JudgeEvidence:
    name, folder, others = judge.name, run.judge(judge.name), Counter[str]()
    ratings, mixed_ratings = unmixed(said_by(name, without_models(folder.ratings.records(), apart), others))
    games, mixed_games = unmixed(said_by(name, without_models(folder.games.records(), apart), others))
    exam, manifest = tuple(said_by(name, folder.exam.records(), others)), read_manifest(folder.path)
    ladder = tuple(said_by(name, folder.ladder.records(), others))
    baseline = config.baseline.name
    by_model: dict[str, dict[Cell, Rating]] = {}
    for rating in ratings:
        by_model.setdefault(rating.model, {})[cell_of(rating)] = rating
    contests: dict[tuple[str, str], dict[tuple[Cell, Order], Game]] = {}
    for game in games:
        contests.setdefault((game.baseline, game.candidate), {})[cell_of(game), game.order] = game
    by_rival = {rival: found for (first, rival), found in contests.items() if first == baseline}
    stale = stale_inputs(manifest, run, apart) if manifest else ()
    faults = [*conflicts, *(_stale(Kind.STALE_RECORDS, each.name, each.recorded, each.present) for each in stale)]
    if mixed_ratings + mixed_games:
        numbers = {"ratings": mixed_ratings, "games": mixed_games}
        faults.append(Cause(Kind.MIXED_PROMPTS, name, numbers=numbers))
    if not manifest and (ratings or games):
        faults.append(Cause(Kind.NO_MANIFEST, name))
    if others:
        faults.append(Cause(Kind.MIXED_JUDGES, name, tuple(sorted(others)), {"records": others.total()}))
    faults += [*_served_faults(name, manifest), *_declared_otherwise(judge, manifest)]
    return JudgeEvidence(judge, by_model, by_rival, exam, manifest, tuple(faults), contests, ladder)


def _declared_otherwise(judge: JudgeConfig, manifest: Manifest | None) -> list[Cause]:
    """What of a judge's records the config no longer says, as after an amended one; imports have their own names."""
    recorded = JudgeSettings.of(manifest)
    if recorded.model is None or recorded.files is not None:
        return []
    now = {"model": judge.model or judge.serve, "form": judge.form, "repeats": judge.repeats}
    now |= {} if judge.temperature is None else {"temperature": judge.temperature}
    others = [f"{name} {was}" for name, said in now.items() if (was := getattr(recorded, name)) not in (None, said)]
    return [Cause(Kind.JUDGED_OTHERWISE, judge.name, tuple(others))] if others else []


def _stale(kind: Kind, name: str, recorded: str, present: str) -> Cause:
    """What changed after it was used, with both hashes."""
    return Cause(kind, name, names={"recorded": recorded, "present": present})


def served_models(manifest: Manifest | None) -> list[str]:
    """The names that a judge's endpoint answered as; empty where it told none."""
    return sorted(name for name in JudgeFacts.of(manifest).served_models if name != "unknown")


def _served_faults(judge: str, manifest: Manifest | None) -> list[Cause]:
    names, mixed = served_models(manifest), JudgeFacts.of(manifest).mixed_parameters
    several = [Cause(Kind.MIXED_SERVED_MODELS, judge, tuple(names))] if len(names) > 1 else []
    return [*several, *([Cause(Kind.MIXED_PARAMETERS, judge, mixed)] if mixed else [])]
