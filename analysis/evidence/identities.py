"""Two sides are two models: who made each side's records, and what says that two of them are one.

In: the evidence of a run folder. Out: an Identity per model; causes that keep a candidate from SHIP. The control is
the baseline by declaration, and alarms nobody.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.benchmarks.paired_tasks import LONG_TEXTS, EqualTexts
from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import RunEvidence
from analysis.statistics.causes import Cause, Kind
from ledger.conditions import conditions
from ledger.engines import IMPORTED
from ledger.facts import ModelSettings
from ledger.manifests import Manifest
from ledger.origins import Origin, one_model


@dataclass(frozen=True)
class Identity:
    """Who made one model's records, as far as its manifest tells; not `shown` where nothing but a label does.

    `logged`: the records were brought in from files.
    """

    model: str
    role: str
    name: str
    engine: str
    arguments: str
    harness: str
    library: str
    shown: bool
    logged: bool


def identities(evidence: RunEvidence) -> tuple[Identity, ...]:
    """One row per model that has records."""
    return tuple(_identity(model) for model in evidence.models if model.manifest)


def one_model_alarms(
    model: ModelEvidence,
    evidence: RunEvidence,
    *,
    same_choices: Mapping[str, tuple[int, int]],
    same_texts: Sequence[EqualTexts],
    same_answers: bool,
) -> Iterator[Cause]:
    """What says that a candidate and the baseline are one model, or none; nothing where the config allows it.

    `same_choices` counts, task by task, the items whose log-probabilities are all equal to the last bit, and all items,
    `same_texts` solved answers likewise: a cache that two models share gives some of one model's answers to the other.
    """
    decision, baseline = evidence.config.decision, evidence.baseline
    for side in (baseline, model):
        if side.manifest is None:
            yield Cause(Kind.UNNAMED_RECORDS, side.name)
        if ModelSettings.of(side.manifest).engine_args.get("scripted"):
            yield Cause(Kind.SCRIPTED, side.name)
    allowed = {"same_name": decision.same_name == "allowed", "identical": decision.identical == "allowed"}
    why = one_model(origins(baseline), origins(model), **allowed)
    if why:
        yield Cause(Kind.ONE_MODEL, model.name, names={"baseline": baseline.name, "why": why})
    for each in same_texts:
        if each.contradicted:
            yield Cause(Kind.EQUAL_TEXTS_SCORED_APART, each.task, numbers={"answers": each.contradicted})
    if decision.identical == "allowed":
        return
    for task, (same, items) in same_choices.items():
        if items and same == items:
            yield Cause(Kind.EQUAL_CHOICES, task, numbers={"items": items})
    for each in same_texts:
        if each.proves:
            yield Cause(Kind.EQUAL_SOLUTIONS, each.task, numbers={"answers": each.answers})
    if same_answers:
        yield Cause(Kind.EQUAL_ANSWERS, model.name, numbers={"answers": len(model.answers)})


def wrote_enough(model: ModelEvidence) -> bool:
    """Whether its answers are long enough to prove something where they equal another model's."""
    return sum(len(turn.text) for answer in model.answers for turn in answer.turns) >= LONG_TEXTS


def origins(model: ModelEvidence) -> tuple[Origin, ...]:
    """Where a model's records came from: files that were imported, or the model that Assay itself ran."""
    manifest = model.manifest
    if manifest is None:
        return ()
    return manifest.origins or _run_here(manifest)


def _run_here(manifest: Manifest) -> tuple[Origin, ...]:
    """The model that made these records: its weights by hash, or its name and where it is served."""
    settings = ModelSettings.of(manifest)
    name = settings.weights or " at ".join(part for part in (settings.model, settings.endpoint) if part)
    if not name or settings.engine == IMPORTED:
        return ()
    given = settings.model_dump(include={"engine_args", "template", "loader"})
    arguments = {name: value for name, value in given.items() if value}
    told = json.dumps(arguments, sort_keys=True) if arguments else ""
    return (Origin(file="", digest="", model=name, engine=settings.engine, arguments=told),)


def _identity(model: ModelEvidence) -> Identity:
    found, manifest = origins(model), model.manifest
    versions = {
        name: ", ".join(dict.fromkeys(values.values()))
        for name, values in (conditions(manifest).items() if manifest else ())
    }
    names, engines, arguments = (
        ", ".join(dict.fromkeys(getattr(each, part) for each in found if getattr(each, part)))
        for part in ("model", "engine", "arguments")
    )
    return Identity(
        model=model.name,
        role=model.role,
        name=names,
        engine=engines,
        arguments=arguments,
        harness=versions.get("harness", ""),
        library=versions.get("library", ""),
        shown=bool(found) and all(each.model for each in found),
        logged=any(each.file for each in found),
    )
