"""What was found and is not compared: by name, for each candidate, and by whose word it was left out.

In: the evidence of a run folder. Out: one Unseen per thing, the blocking ones first. The first law stands here: what is
in this list and was not declared beforehand keeps its candidate from SHIP.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from analysis.evidence.model_evidence import ANSWERS, ModelEvidence, planned_records
from analysis.evidence.run_evidence import RunEvidence
from analysis.evidence.unlike_calls import unlike_calls
from analysis.evidence.unseen_rows import FEW, Unseen
from analysis.evidence.unsolved import unsolved
from analysis.statistics.causes import Cause, Kind
from ledger.facts import ModelFacts
from ledger.manifests import Manifest
from ledger.origins import LeftOut
from ledger.store import key_text

LEAVE_OUT = "leave_out"


def unseen(evidence: RunEvidence, faults: Mapping[str, Cause]) -> tuple[Unseen, ...]:
    """All that is not compared, candidate by candidate; `faults` say why choices are not compared at all."""
    rows = [row for model in evidence.candidates for row in _of(model, evidence, faults.get(model.name))]
    return tuple(sorted(rows, key=lambda row: not row.blocks))


def _of(model: ModelEvidence, evidence: RunEvidence, fault: Cause | None) -> Iterator[Unseen]:
    """What is not compared of one candidate; a task or item that has been named is not named again."""
    baseline, declared = evidence.baseline, evidence.config.decision.leave_out
    told = list(_merged(model.name, [baseline, model]))
    passed = [each for each in told if each.kind == "task"]
    covered = {item for each in told for item in each.items}
    told += _lone_tasks(model, evidence, passed)
    told += _lone_items(model, baseline, covered)
    told += unsolved(model, evidence)
    told += unlike_calls(model, baseline)
    told += _unmade(model, evidence)
    told += _unanswered(model, evidence)
    told += [_dropped(model.name, task, name, count) for (task, name), count in evidence.dropped.items()]
    unasked = (Cause(Kind.NOT_IN_CONFIG),)
    told += [Unseen(model.name, "other", f"records of {name}", unasked) for name in evidence.strangers]
    if fault:
        shared = baseline.tasks & model.tasks
        told += [Unseen(model.name, "task", task, (fault,)) for task in sorted(shared)]
    ruled = evidence.config.decision.ruled_tasks
    for each in told:
        if each.kind in ("task", "items") and {each.name, each.group} & ruled:
            yield replace(each, declared="")
            continue
        known = each.name in declared or each.group in declared or (each.items and {*each.items} <= {*declared})
        yield replace(each, declared=each.declared or (LEAVE_OUT if known else ""))


def _dropped(candidate: str, task: str, name: str, count: int) -> Unseen:
    """What the config leaves out of what is there: an item, or a task or part of one with its items."""
    if "/" in name:
        by_name = (Cause(Kind.LEFT_OUT_BY_NAME),)
        return Unseen(candidate, "items", name, by_name, task, items=(name,), declared=LEAVE_OUT)
    there = (Cause(Kind.LEFT_OUT_TASK, name, numbers={"items": count}),)
    return Unseen(candidate, "task", name, there, task, declared=LEAVE_OUT)


def _merged(candidate: str, sides: Sequence[ModelEvidence]) -> Iterator[Unseen]:
    """What the manifests of both sides say was passed over; a thing that both passed over is one."""
    found: dict[tuple[str, str], list[tuple[str, LeftOut]]] = {}
    for side in sides:
        for each in _left_out(side.manifest):
            found.setdefault((each.kind, each.name), []).append((side.name, each))
    for (_, name), held in found.items():
        first = held[0][1]
        alike = len(held) == len(sides) and len({each.cause for _, each in held}) == 1
        told = dict.fromkeys(("" if alike else who, each.cause) for who, each in held)
        yield Unseen(
            candidate=candidate,
            kind=first.kind,
            name=name,
            causes=tuple(Cause(Kind.RECORDED, who, names={"recorded": cause}) for who, cause in told),
            group=first.group,
            items=tuple(sorted({item for _, each in held for item in each.items})),
            declared=first.declared if all(each.declared for _, each in held) else "",
        )


def _lone_tasks(model: ModelEvidence, evidence: RunEvidence, passed: Sequence[Unseen]) -> Iterator[Unseen]:
    """Tasks that one side alone has, or that the config asks for and neither has; those `passed` over are named.

    Where only a part of a task was passed over, the rest of it may still be one side's alone.
    """
    mine, theirs = model.tasks, evidence.baseline.tasks
    groups = {each.group for each in passed} - mine - theirs
    asked = {*(task.task for task in evidence.config.task), *evidence.config.decision.named_tasks}
    told = {*(each.name for each in passed), *groups, *(name for _, name in evidence.dropped)}
    for task in sorted((mine | theirs | asked) - (mine & theirs) - told):
        who = model if task in mine else evidence.baseline
        one_side = Cause(Kind.ONE_SIDE_HAS_TASK, who.name)
        lone = one_side if task in mine | theirs else _missing(task, (evidence.baseline, model))
        yield Unseen(model.name, "task", task, (lone,))


def _missing(name: str, sides: Sequence[ModelEvidence]) -> Cause:
    """Why what was declared is no task here: there is none, or the name is that of a part or an item of one."""
    for side in sides:
        tasks = side.choices.items.get_level_values("task")
        held = [*tasks[(side.choices.frame["subject"] == name).to_numpy()][:1], *({name.partition("/")[0]} & {*tasks})]
        if held:
            return Cause(Kind.PART_OF_TASK, held[0])
    return Cause(Kind.NO_SIDE_HAS_TASK)


def _lone_items(model: ModelEvidence, baseline: ModelEvidence, covered: Collection[str]) -> Iterator[Unseen]:
    """Items of a shared task that one side alone scored, and those that neither had room for."""
    shared = model.tasks & baseline.tasks
    mine, theirs = model.scored, baseline.scored
    lone = {} if mine.equals(theirs) else {model.name: mine.difference(theirs), baseline.name: theirs.difference(mine)}
    for task in sorted(shared):
        for who, items in lone.items():
            names = [name for name in _names(items, task) if name not in covered]
            if names:
                pair = (model, baseline) if who == model.name else (baseline, model)
                cause = _lone(*pair, task, names)
                yield Unseen(model.name, "items", task, (cause,), items=tuple(names))
    neither = sorted({*_too_long(model)} & {*_too_long(baseline)})
    for task in sorted({name.partition("/")[0] for name in neither}):
        names = [name for name in neither if name.partition("/")[0] == task]
        cause = Cause(Kind.TOO_LONG_FOR_BOTH, task, tuple(names[:FEW]), {"items": len(names)})
        yield Unseen(model.name, "items", task, (cause,), items=tuple(names))


def _lone(own: ModelEvidence, other: ModelEvidence, task: str, names: Sequence[str]) -> Cause:
    """Why one side alone has these items: the other was run with a limit, where its log says so and this one's not."""
    rows, numbers = tuple(names[:FEW]), {"items": len(names)}
    here, limit = (ModelFacts.of(side.manifest).of_task("limit", task) for side in (own, other))
    if limit is None or limit == here:
        return Cause(Kind.ONE_SIDE_HAS_ITEMS, own.name, rows, numbers)
    return Cause(Kind.ONE_SIDE_WAS_LIMITED, own.name, rows, numbers, {"other": other.name, "limit": limit})


def _unmade(model: ModelEvidence, evidence: RunEvidence) -> Iterator[Unseen]:
    """Items that were planned and that neither side has; a review stopped at the same half looks complete."""
    sides = (evidence.baseline, model)
    there = {
        "choices": len(model.choices.items.union(evidence.baseline.choices.items)),
        "solutions": max(len(side.solutions) for side in sides),
    }
    there["choices"] += len({*_too_long(model)} & {*_too_long(evidence.baseline)})
    for kind, made in there.items():
        planned = max(planned_records(side, kind) for side in sides) - evidence.dropped_records.get(kind, 0)
        if planned > made:
            cause = Cause(Kind.UNSCORED_ITEMS, kind, numbers={"unscored": planned - made, "planned": planned})
            yield Unseen(model.name, "items", kind, (cause,))


def _unanswered(model: ModelEvidence, evidence: RunEvidence) -> Iterator[Unseen]:
    """Questions that some model answered and one of the two did not; answers that were planned and no model has."""
    asked = evidence.config.questions
    if asked is None or asked.answers != "all":
        return
    sides = (evidence.baseline, model)
    known = {answer.key[1:] for each in evidence.models for answer in each.answers}
    for side in sides:
        lacking = sorted(known - {answer.key[1:] for answer in side.answers})
        if lacking:
            names = tuple(key_text(key[:2]) for key in lacking)
            numbers = {"unanswered": len(lacking), "questions": len(known)}
            cause = Cause(Kind.UNANSWERED_QUESTIONS, side.name, names[:FEW], numbers)
            yield Unseen(model.name, "items", ANSWERS, (cause,), items=names)
    planned = max(planned_records(side, "answers") for side in sides)
    if planned > len(known):
        cause = Cause(Kind.UNWRITTEN_ANSWERS, numbers={"unwritten": planned - len(known), "planned": planned})
        yield Unseen(model.name, "items", ANSWERS, (cause,))


def _names(items: pd.Index, task: str) -> list[str]:
    return [key_text(key) for key in items[items.get_level_values("task") == task]]


def _too_long(model: ModelEvidence) -> tuple[str, ...]:
    return ModelFacts.of(model.manifest).items_too_long


def _left_out(manifest: Manifest | None) -> tuple[LeftOut, ...]:
    return manifest.left_out if manifest else ()
