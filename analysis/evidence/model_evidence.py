"""What each model of a run wrote and picked, read once; what the config leaves out is not among it.

In: a config and a run folder. Out: one ModelEvidence per model, the baseline first.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import pandas as pd

from analysis.benchmarks.solution_columns import solution_columns
from analysis.benchmarks.solutions import SolutionColumns
from analysis.multiple_choice.choices import ChoiceColumns, choice_columns
from analysis.statistics.causes import Cause, Kind
from ledger.config import ReviewConfig
from ledger.errors import BadRecord
from ledger.facts import NOT_TOLD, ModelFacts
from ledger.manifests import Manifest, read_manifest
from ledger.records import Answer, Choice, Key
from ledger.runs import RunFolder, control_of
from ledger.solutions import Solution
from ledger.store import Store, key_text
from ledger.traces import OPTION_TOKENS, TraceArrays, read_traces

M = TypeVar("M", Answer, Choice, Solution)
ANSWERS, CALLS = "answers", "calls"
"""What `leave_out` calls answers that are not there, all together."""


@dataclass(frozen=True)
class ModelEvidence:
    """What one model wrote and picked; `role` is baseline, control or candidate.

    `traces` are along the baseline's answers, `rollouts` along each other author's.
    """

    name: str
    role: str
    family: str
    answers: tuple[Answer, ...]
    choices: ChoiceColumns
    manifest: Manifest | None
    traces: Mapping[Key, TraceArrays] = field(default_factory=dict)
    option_tokens: Mapping[Key, TraceArrays] = field(default_factory=dict)
    solutions: SolutionColumns = field(default_factory=SolutionColumns)
    rollouts: Mapping[str, Mapping[Key, TraceArrays]] = field(default_factory=dict)

    @property
    def scored(self) -> pd.MultiIndex:
        """Task and item of everything that it picked or solved."""
        solved = self.solutions.items
        return self.choices.items.append(solved) if len(solved) else self.choices.items

    @property
    def picked(self) -> frozenset[str]:
        """The tasks that it picked items of."""
        return frozenset(self.choices.items.get_level_values("task"))

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks that it picked or solved items of."""
        return self.picked | self.solutions.tasks.keys()

    @property
    def names(self) -> set[str]:
        """Every name that `leave_out` may say of it: tasks, their parts, items, and what its manifest passed over."""
        passed = self.manifest.left_out if self.manifest else ()
        told = {name for each in passed for name in (each.name, each.group, *each.items)}
        told |= set(ModelFacts.of(self.manifest).items_too_long)
        told |= {ANSWERS, CALLS, *(key_text(answer.question.key) for answer in self.answers)}
        own = {*self.tasks, *self.choices.frame["subject"], *self.solutions.subjects}
        return (told | own | {key_text(key) for key in self.scored}) - {""}


def mixed_tasks(picked: ModelEvidence, solved: ModelEvidence) -> list[str]:
    """Tasks that one model has only picked, and another only solved."""
    return sorted((picked.picked - picked.solutions.tasks.keys()) & (solved.solutions.tasks.keys() - solved.picked))


def planned_records(model: ModelEvidence, kind: str) -> int:
    """How many `answers` or `choices` its manifest says were planned; 0 where none does."""
    return int(getattr(ModelFacts.of(model.manifest).planned, kind))


def limited_run(sides: Iterable[ModelEvidence]) -> Cause | None:
    """What to run again in whole, as the logs of these models tell; None where none was cut with --limit."""
    found: dict[str, set[str]] = {}
    for side in sides:
        told = ModelFacts.of(side.manifest).limit
        values = told.values() if isinstance(told, dict) else (told,)
        cut = {str(each) for each in values if each not in (None, NOT_TOLD)}
        found |= {side.name: cut} if cut else {}
    limits = sorted(set[str]().union(*found.values()))
    return Cause(Kind.RUN_WITHOUT_LIMIT, rows=tuple(found), names={"limit": ", ".join(limits)}) if found else None


def identical_answers(before: ModelEvidence, after: ModelEvidence, planned: int) -> bool:
    """Whether two models wrote the same text for every planned question and sample, byte for byte."""
    old, new = (
        {answer.key[1:]: tuple(turn.text for turn in answer.turns) for answer in m.answers} for m in (before, after)
    )
    return bool(old) and len(old) >= planned and old == new


def all_items(models: Iterable[ModelEvidence]) -> pd.MultiIndex:
    """Every item that any model picked or solved, in order."""
    found, *others = (model.scored for model in models)
    for items in others:
        if not found.equals(items):
            found = found.union(items)
    return found


def model_evidence(config: ReviewConfig, run: RunFolder) -> Iterator[ModelEvidence]:
    """Every model's records: the baseline's, the candidates', the control's. Raises BadRecord, DuplicateKey."""
    listed = [(config.baseline.name, "baseline", config.baseline.family)]
    listed += [(model.name, "candidate", model.family) for model in config.candidate]
    control = control_of(config.baseline.name)
    if config.baseline.control or run.generation(control).path.exists():
        listed.append((control, "control", ""))
    for name, role, family in listed:
        folder = run.generation(name)
        answers, choices = tuple(_own(folder.answers, name)), choice_columns(_own(folder.choices, name))
        read = _by_author(read_traces(folder.path, name) if config.reads_answers else {})
        traces = read.pop(config.baseline.name, {})
        kept = any(task.vocabulary for task in config.task)
        tokens = read_traces(folder.path, name, OPTION_TOKENS) if kept else {}
        solutions = solution_columns(_own(folder.solutions, name))
        manifest = read_manifest(folder.path)
        yield ModelEvidence(name, role, family, answers, choices, manifest, traces, tokens, solutions, read)


def _by_author(traces: Mapping[Key, TraceArrays]) -> dict[str, dict[Key, TraceArrays]]:
    """A model's traces by whose answers they follow."""
    found: dict[str, dict[Key, TraceArrays]] = {}
    for (author, *about), each in traces.items():
        found.setdefault(str(author), {})[tuple(about)] = each
    return found


def _own(store: Store[M], name: str) -> Iterator[M]:
    """The records of a model's folder; those of another model, copied in by hand, are refused. Raises BadRecord."""
    for line, record in enumerate(store.records(), start=1):
        if record.model != name:
            raise BadRecord(store.path, line, "model", f"{record.model}, but the folder is {name}'s")
        yield record


def without(
    model: ModelEvidence, names: Collection[str]
) -> tuple[ModelEvidence, Counter[tuple[str, str]], Counter[str]]:
    """The model without the items of these tasks, parts and items (TASK/ITEM).

    With it how many items went, by task and name, and how many records, `choices` and `solutions`.
    """
    if not names:
        return model, Counter(), Counter()
    frame, tasks = model.choices.frame, model.choices.items.get_level_values("task")
    called = pd.DataFrame(
        {"task": tasks, "part": frame["subject"].to_numpy(), "item": map(key_text, model.choices.items)}
    )
    matched = called.where(called.isin(names))
    gone = matched.notna().any(axis=1).to_numpy()
    dropped = {tuple(key) for key in model.choices.items[gone]}
    tokens = {key: held for key, held in model.option_tokens.items() if tuple(key[:2]) not in dropped}
    choices, (solutions, unsolved) = model.choices.taken(np.flatnonzero(~gone)), model.solutions.without(names)
    kept = replace(model, choices=choices, option_tokens=tokens, solutions=solutions)
    by_name = matched.bfill(axis=1).iloc[:, 0][gone]
    records = Counter({"choices": len(dropped), "solutions": len(model.solutions) - len(solutions)})
    return kept, Counter(zip(map(str, tasks[gone]), map(str, by_name), strict=True)) + unsolved, records


def stranger_names(run: RunFolder, models: Iterable[ModelEvidence]) -> Iterator[str]:
    """The models whose manifests lie in the run folder and that are none of these."""
    known = {model.name for model in models}
    for path in sorted(run.generations.glob("*/manifest.json")):
        if (found := read_manifest(path.parent)) and found.name not in known:
            yield found.name
