"""What a reader should know of a run and what decides nothing: no control, other settings, a clock in a template.

In: a config and the models' evidence. Out: Causes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from analysis.benchmarks.unread import unread
from analysis.evidence.model_evidence import ModelEvidence
from analysis.statistics.causes import Cause, Kind
from ledger.config import ReviewConfig
from ledger.engines import IMPORTED
from ledger.facts import ModelFacts, ModelSettings
from ledger.solutions import NO_FILTER

MUCH = 0.1  # of accuracy, more than any margin; of answers, enough to carry a loss


def _asked_the_clock(config: ReviewConfig, model: ModelEvidence) -> bool:
    """Whether a chat template that asks the clock made prompts of this model's: those of questions, or of its logs."""
    settings = ModelSettings.of(model.manifest)
    used = settings.engine == IMPORTED or (config.questions is not None and not settings.template)
    return used and ModelFacts.of(model.manifest).asks_clock


def notes_of(config: ReviewConfig, models: tuple[ModelEvidence, ...]) -> Iterator[Cause]:
    """Every note, in order."""
    controls = [model for model in models if model.role == "control"]
    if not controls:
        yield Cause(Kind.NO_CONTROL)
    elif not (controls[0].answers or len(controls[0].scored)):
        yield Cause(Kind.CONTROL_MISSING, controls[0].name)
    untold = sorted(
        {name for each in models for name, task in each.solutions.tasks.items() if None in task.temperatures}
    )
    if untold:
        yield Cause(Kind.TEMPERATURE_UNTOLD, rows=tuple(untold))
    for model in models:
        yield from _filters(model)
        yield from _unread(model)
    yield from (Cause(Kind.ASKS_CLOCK, model.name) for model in models if _asked_the_clock(config, model))
    baseline = models[0].manifest
    for model in models[1:]:
        if not (baseline and model.manifest):
            continue
        for setting, mine, theirs in _differing(model.manifest.settings, baseline.settings):
            names = {"setting": setting, "own": mine, "other": theirs}
            yield Cause(Kind.SETTING_DIFFERS, model.name, names=names)
        for name in sorted(baseline.inputs.keys() & model.manifest.inputs.keys()):
            if baseline.inputs[name] != model.manifest.inputs[name]:
                yield Cause(Kind.INPUT_DIFFERS, model.name, names={"input": name})
    if len(config.judge) > 1 and not config.decision.panel:
        yield Cause(Kind.SEVERAL_JUDGES, config.judge[0].name)


def _differing(own: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each setting that two models do not share, with both values; a parameter of calls is one by itself."""
    for setting in ModelSettings.compared:
        mine, theirs = own.get(setting), other.get(setting)
        if setting == "parameters":
            mine, theirs = mine or {}, theirs or {}
            for name in sorted(mine.keys() | theirs.keys()):
                if mine.get(name) != theirs.get(name):
                    yield name, str(mine.get(name, "none")), str(theirs.get(name, "none"))
        elif mine != theirs:
            yield setting, repr(mine), repr(theirs)


def _unread(model: ModelEvidence) -> Iterator[Cause]:
    """Drawn answers that are copies of each other, and tasks of which MUCH was never read."""
    for name, task in model.solutions.tasks.items():
        if task.copied:
            yield Cause(Kind.COPIED_REPEATS, name, numbers={"repeats": len(task.numbers)}, names={"model": model.name})
        found = unread(task, np.arange(len(task.items)), task.scorings[0])
        if found.any >= MUCH * found.answers:
            yield Cause(Kind.MUCH_UNREAD, name, numbers=asdict(found), names={"model": model.name})


def _filters(model: ModelEvidence) -> Iterator[Cause]:
    """Filters under which one model's same texts score MUCH apart."""
    for name, task in model.solutions.tasks.items():
        means: dict[str, dict[str, float]] = {}
        for place, scoring in enumerate(task.scorings):
            metric, _, chosen = scoring.partition(",")
            if task.held.any() and not np.isnan(task.scores[place]).all():
                means.setdefault(metric, {})[chosen or NO_FILTER] = float(np.nanmean(task.scores[place]))
        for metric, found in means.items():
            low, high = (pick(found, key=found.__getitem__) for pick in (min, max))
            if found[high] - found[low] >= MUCH:
                numbers, names = {"low": found[low], "high": found[high]}, {"low": low, "high": high}
                yield Cause(Kind.FILTERS_DISAGREE, name, (), numbers, {**names, "metric": metric, "model": model.name})
