"""A study's measurements, reduced to what its page is made from: choices, KL by item, changes token by token.

In: the evidence of a review without a judge. Out: StudyData, small enough to be kept under version control, and from it
a ReviewReport: the same whether the data come from a run folder or from the files that were kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from analysis.evidence.model_evidence import ModelEvidence, all_items
from analysis.evidence.run_evidence import RunEvidence
from analysis.multiple_choice.choices import ChoiceColumns
from analysis.review.review_report import ReviewReport, report_from
from analysis.statistics.resampling import Floats, Resamplings
from analysis.token_distributions.token_turns import Traces, Turn, shared_turns, traced_turns
from analysis.token_distributions.trace_measures import trace_summary
from analysis.token_distributions.vocabulary_kl import item_kl, vocabulary_summary
from ledger.config import ReviewConfig
from ledger.facts import NOT_TOLD, ModelFacts, ModelSettings
from ledger.manifests import Manifest
from ledger.records import Key

BEGAN = "began"
DROPPED_BITS = 12  # of a float32's 23: what is left is exact to 0.02 %, and packs to a third


@dataclass(frozen=True, eq=False)
class StudyModel:
    """One model: its choices, and against the baseline kl_vocabulary by item and every traced turn."""

    name: str
    role: str
    family: str
    choices: ChoiceColumns
    items: Mapping[Key, float]
    turns: Mapping[Key, Turn]


@dataclass(frozen=True, eq=False)
class StudyData:
    """One engine's part of a study, the baseline first; `facts` say on what and how it was made."""

    config: ReviewConfig
    models: tuple[StudyModel, ...]
    facts: Mapping[str, str]

    @property
    def began(self) -> str:
        """When its first record was made, ISO 8601; empty where nothing tells it."""
        return self.facts.get(BEGAN, "")


def study_data(evidence: RunEvidence) -> StudyData:
    """What is kept of a run folder; KLs and changes are coarse (DROPPED_BITS), choices are whole."""
    baseline = evidence.baseline
    models = tuple(_reduced(model, baseline) for model in evidence.models)
    return StudyData(_without_places(evidence.config), models, _facts(evidence))


def _without_places(config: ReviewConfig) -> ReviewConfig:
    """The config with each model's name instead of where it lies on the machine that ran it."""
    placed = {
        "baseline": config.baseline.model_copy(update={"model": config.baseline.name, "label": config.baseline.name}),
        "candidate": tuple(
            each.model_copy(update={"model": each.name, "label": each.name}) for each in config.candidate
        ),
    }
    return config.model_copy(update=placed)


def study_report(data: StudyData, made_at: str) -> ReviewReport:
    """The report of the data; coverage of answers is no part of it, because nobody judges them."""
    tasks = tuple(task.model_copy(update={"vocabulary": False}) for task in data.config.task)
    config = data.config.model_copy(update={"questions": None, "task": tasks})
    models = tuple(ModelEvidence(m.name, m.role, m.family, (), m.choices, None) for m in data.models)
    report = report_from(RunEvidence(config, models, (), {}, (), all_items(models), ()), made_at)
    draws, asked = Resamplings(config.seed, report.resamples), data.config.questions
    trace_top_k = asked.trace_top_k if asked else 0
    kept = max((task.vocabulary_top_k for task in data.config.task if task.vocabulary), default=0)
    rivals, shown = data.models[1:], config.decision.shown
    return report.model_copy(
        update={
            "traces": tuple(trace_summary(m.name, m.role, m.turns, draws, 1, trace_top_k) for m in rivals),
            "vocabulary": tuple(
                vocabulary_summary(m.name, m.role, m.items, draws, 1, top_k=kept, exact=not kept, alone=shown)
                for m in rivals
            ),
        }
    )


def _reduced(model: ModelEvidence, baseline: ModelEvidence) -> StudyModel:
    first = model is baseline
    turns = {} if first else _turns(baseline.traces, model.traces)
    items = {} if first else item_kl(baseline.option_tokens, model.option_tokens)[0]
    values = coarse(np.array(list(items.values())))
    kept = dict(zip(items, map(float, values), strict=True))
    return StudyModel(model.name, model.role, model.family, model.choices, kept, turns)


def _turns(before: Traces, after: Traces) -> dict[Key, Turn]:
    if not shared_turns(before, after):
        return {}
    found = traced_turns(before, after)
    return {key: Turn(coarse(turn.kl), turn.same, coarse(turn.change), 0) for key, turn in found.items()}


def coarse(values: Floats) -> Floats:
    """The values with DROPPED_BITS of a float32's mantissa rounded away."""
    bits = values.astype(np.float32).view(np.uint32)
    half, mask = np.uint32(1 << (DROPPED_BITS - 1)), np.uint32(0xFFFFFFFF << DROPPED_BITS & 0xFFFFFFFF)
    return np.asarray(((bits + half) & mask).view(np.float32).astype(np.float64))


def _facts(evidence: RunEvidence) -> dict[str, str]:
    """The machine, the software and the time, as the manifests tell them."""
    made = [model.manifest for model in evidence.models if model.manifest]
    if not made:
        return {}
    first, machine, known = made[0], made[0].environment, ModelFacts.of(made[0])
    packages = ", ".join(f"{name} {version}" for name, version in sorted(machine.packages.items()))
    return {
        "engine": ModelSettings.of(first).engine,
        "number format": str(known.dtype or NOT_TOLD),
        "threads": str(known.threads or NOT_TOLD),
        "processor": str(known.processor or NOT_TOLD),
        "machine": f"{machine.cpu_count} cores, {machine.memory_gib} GiB, {_system(machine.platform)}",
        "Python": machine.python,
        "packages": packages,
        BEGAN: first.sessions[0].started_at if first.sessions else "not told",
        "took": _duration(made),
        "questions and items": f"{len(evidence.questions)} questions, {len(evidence.items)} items",
    }


def _system(platform: str) -> str:
    """The kind of system and processor; a kernel's own name says nothing about a result."""
    kind, *rest = platform.split("-")
    return " ".join([kind, *(part for part in rest if part in ("x86_64", "aarch64", "arm64"))])


def _duration(made: Sequence[Manifest]) -> str:
    """From the first session's beginning to the last one's end, or to its beginning where no end is noted."""
    sessions = [session for manifest in made for session in manifest.sessions]
    times = [datetime.fromisoformat(each.ended_at or each.started_at) for each in sessions]
    if not times:
        return "not told"
    begun = min(datetime.fromisoformat(each.started_at) for each in sessions)
    return f"{(max(times) - begun).total_seconds() / 60:.0f} minutes, interruptions included"
