"""What of solved tasks is not compared: repeats and scores that one side lacks, and scores that nobody declared so.

In: the evidence of a run folder. Out: Unseen rows of one candidate.
"""

from collections.abc import Iterator

import numpy as np

from analysis.benchmarks.paired_tasks import named_scorings
from analysis.benchmarks.solutions import SolvedTask, TextState
from analysis.evidence.model_evidence import ModelEvidence, mixed_tasks
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.unseen_rows import FEW, Unseen
from analysis.statistics.causes import Cause, Kind
from ledger.origins import argument_pairs
from ledger.store import key_text

TOKEN_LIMIT = "max_gen_toks"


def unsolved(model: ModelEvidence, evidence: RunEvidence) -> Iterator[Unseen]:
    """All of it, task by task."""
    yield from _other_kinds(model, evidence.baseline)
    yield from _lone_repeats(model, evidence.baseline)
    yield from _undecided(model, evidence)
    yield from _drawn_otherwise(model, evidence.baseline)


def _other_kinds(model: ModelEvidence, baseline: ModelEvidence) -> Iterator[Unseen]:
    """Tasks whose answers one side picked and the other wrote: nothing of them can be compared."""
    for task, picked, solved in [
        *((task, model, baseline) for task in mixed_tasks(model, baseline)),
        *((task, baseline, model) for task in mixed_tasks(baseline, model)),
    ]:
        names = {"picked": picked.name, "solved": solved.name}
        yield Unseen(model.name, "task", task, (Cause(Kind.OTHER_KIND, task, names=names),))


def _drawn_otherwise(model: ModelEvidence, baseline: ModelEvidence) -> Iterator[Unseen]:
    """Tasks whose answers were drawn at other temperatures, or cut at another limit that no prompt tells of."""
    limits = [_token_limit(side) for side in (model, baseline)]
    for task in sorted(model.solutions.tasks.keys() & baseline.solutions.tasks.keys()):
        own, other = (_temperatures(side.solutions.tasks[task]) for side in (model, baseline))
        if own != other:
            names = {"own": own, "other": other}
            yield Unseen(model.name, "lines", task, (Cause(Kind.OTHER_TEMPERATURE, model.name, names=names),), task)
        if limits[0] != limits[1]:
            told = {"setting": TOKEN_LIMIT, "own": limits[0], "other": limits[1]}
            yield Unseen(model.name, "lines", task, (Cause(Kind.OTHER_TOKEN_LIMIT, model.name, names=told),), task)


def _temperatures(task: SolvedTask) -> str:
    told = sorted({f"{each:g}" for each in task.temperatures if each is not None})
    return ", ".join([*told, *(["not told"] if None in task.temperatures else [])])


def _token_limit(side: ModelEvidence) -> str:
    """What a harness' model arguments say of the longest answer, where its requests do not."""
    origins = side.manifest.origins if side.manifest else ()
    told = {argument_pairs(each.arguments).get(TOKEN_LIMIT, "none") for each in origins if each.arguments}
    return ", ".join(sorted(told)) or "none"


def _undecided(model: ModelEvidence, evidence: RunEvidence) -> Iterator[Unseen]:
    """Solved tasks without a score of both sides, or without the declared one; and, listed, each score of one side."""
    own, other = model.solutions.tasks, evidence.baseline.solutions.tasks
    for task in sorted(own.keys() & other.keys()):
        declared = evidence.config.decision.deciding.get(task, ("", ""))
        both = tuple(each for each in other[task].scorings if each in own[task].scorings)
        lone = sorted({*own[task].scorings} ^ {*other[task].scorings}) if both else []
        for scoring in lone:
            who = model.name if scoring in own[task].scorings else evidence.baseline.name
            why = (Cause(Kind.ONE_SIDE_HAS_SCORE, who, names={"scoring": scoring}),)
            if declared == ("", ""):  # it would guard, and a loss under it is nowhere to be seen
                yield Unseen(model.name, "lines", task, why, task)
            else:
                yield Unseen(model.name, "score", f"{scoring} of {task}", why, task)
        if not both:
            sides = {"own": ", ".join(own[task].scorings), "other": ", ".join(other[task].scorings)}
            yield Unseen(model.name, "task", task, (Cause(Kind.NO_SHARED_SCORE, model.name, names=sides),))
        elif not named_scorings(both, declared):
            names = {"declared": ",".join(filter(None, declared))}
            yield Unseen(model.name, "task", task, (Cause(Kind.NO_SUCH_SCORE, task, both, names=names),))
        for scoring in named_scorings(both, declared):
            for side in (evidence.baseline, model):
                yield from _unscored(model.name, side, side.solutions.tasks[task], scoring)
                yield from _scored_unread(model.name, side, side.solutions.tasks[task], scoring)


def _unscored(candidate: str, side: ModelEvidence, task: SolvedTask, scoring: str) -> Iterator[Unseen]:
    """Items of which an answer has no number by a score that guards: a mean over the others hides it."""
    lost = task.items[(np.isnan(task.scored(scoring)) & task.held).any(axis=1)]
    if len(lost):
        names = tuple(key_text((task.task, item)) for item in lost)
        cause = Cause(Kind.ITEMS_WITHOUT_SCORE, side.name, names[:FEW], {"items": len(lost)}, {"scoring": scoring})
        yield Unseen(candidate, "items", task.task, (cause,), items=names)


def _scored_unread(candidate: str, side: ModelEvidence, task: SolvedTask, scoring: str) -> Iterator[Unseen]:
    """Answers that have a score above 0 though they are empty, or nothing was taken from them: one of both is wrong."""
    silent = np.isin(task.readings, (TextState.EMPTY, TextState.THOUGHTS_ONLY))
    silent |= task.unparsed[task.scorings.index(scoring)]
    found = silent & (task.scored(scoring) > 0)
    if found.any():
        names = tuple(key_text((task.task, item)) for item in task.items[found.any(axis=1)])
        cause = Cause(Kind.UNREAD_SCORES, side.name, names[:FEW], {"answers": int(found.sum())})
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
