"""What of solved tasks is not compared: repeats and scores that one side lacks, and scores that nobody declared so.

In: the evidence of a run folder. Out: Unseen rows of one candidate.
"""

from collections.abc import Iterator

import numpy as np

from analysis.benchmarks.paired_tasks import named_scorings
from analysis.benchmarks.solutions import SolvedTask
from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.unseen_rows import FEW, Unseen
from analysis.statistics.causes import Cause, Kind
from ledger.store import key_text


def unsolved(model: ModelEvidence, evidence: RunEvidence) -> Iterator[Unseen]:
    """All of it, task by task."""
    yield from _lone_repeats(model, evidence.baseline)
    yield from _undecided(model, evidence)


def _undecided(model: ModelEvidence, evidence: RunEvidence) -> Iterator[Unseen]:
    """Solved tasks without a score of both sides, or without the declared one; and, listed, each score of one side."""
    own, other = model.solutions.tasks, evidence.baseline.solutions.tasks
    for task in sorted(own.keys() & other.keys()):
        declared = evidence.config.decision.deciding.get(task, ("", ""))
        both = tuple(each for each in other[task].scorings if each in own[task].scorings)
        lone = sorted({*own[task].scorings} ^ {*other[task].scorings}) if both else []
        for scoring in lone:
            who = model.name if scoring in own[task].scorings else evidence.baseline.name
            yield Unseen(model.name, "score", f"{scoring} of {task}", (Cause(Kind.ONE_SIDE_HAS_TASK, who),), task)
        if not both:
            sides = {"own": ", ".join(own[task].scorings), "other": ", ".join(other[task].scorings)}
            yield Unseen(model.name, "task", task, (Cause(Kind.NO_SHARED_SCORE, model.name, names=sides),))
        elif not named_scorings(both, declared):
            names = {"declared": ",".join(filter(None, declared))}
            yield Unseen(model.name, "task", task, (Cause(Kind.NO_SUCH_SCORE, task, both, names=names),))
        for scoring in named_scorings(both, declared):
            for side in (evidence.baseline, model):
                yield from _unscored(model.name, side, side.solutions.tasks[task], scoring)


def _unscored(candidate: str, side: ModelEvidence, task: SolvedTask, scoring: str) -> Iterator[Unseen]:
    """Items on which a side has no number by a score that guards: a mean over the others hides them."""
    lost = task.items[np.isnan(task.scored(scoring)).all(axis=1)]
    if len(lost):
        names = tuple(key_text((task.task, item)) for item in lost)
        cause = Cause(Kind.ITEMS_WITHOUT_SCORE, side.name, names[:FEW], {"items": len(lost)}, {"scoring": scoring})
        yield Unseen(candidate, "items", task.task, (cause,), items=names)


def _lone_repeats(model: ModelEvidence, baseline: ModelEvidence) -> Iterator[Unseen]:
    """Items of a solved task to which a side has fewer answers than to others: a mean over fewer hides what is lost."""
    for task in sorted(model.solutions.tasks.keys() & baseline.solutions.tasks.keys()):
        for side in (baseline, model):
            solved = side.solutions.tasks[task]
            short = solved.items[solved.held.sum(axis=1) < len(solved.numbers)]
            if len(short):
                names = tuple(key_text((task, item)) for item in short)
                numbers = {"items": len(short), "repeats": len(solved.numbers)}
                cause = Cause(Kind.FEWER_REPEATS, side.name, names[:FEW], numbers)
                yield Unseen(model.name, "items", task, (cause,), items=names)
