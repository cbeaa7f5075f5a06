"""Calls to served models that were not alike: other parameters, or another model behind the same name.

In: the evidence of two models. Out: one Unseen of a candidate, which `leave_out = ["calls"]` declares, or none.
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any

from analysis.evidence.model_evidence import CALLS, ModelEvidence
from analysis.evidence.unseen_rows import Unseen
from analysis.statistics.causes import Cause, Kind
from ledger.endpoint.learning import LIMIT
from ledger.engines import SERVED
from ledger.facts import ModelFacts, ModelSettings
from ledger.served_facts import ServedFacts, gathered

NO_ANSWER = ("headers", "stream")  # parameters on which no answer depends


def unlike_calls(model: ModelEvidence, baseline: ModelEvidence) -> Iterator[Unseen]:
    """What was not alike in the calls to the two; nothing where neither is behind an endpoint."""
    sides = (baseline, model)
    if not any(ModelSettings.of(side.manifest).engine == SERVED for side in sides):
        return
    causes = [*_declared(model, baseline)]
    told = [_told(side) for side in sides]
    for side, own, other in zip(sides, told, told[::-1], strict=True):
        if refused := sorted({*own.changed} - {*other.changed}):
            causes.append(Cause(Kind.PARAMETER_REFUSED, side.name, tuple(refused)))
        if mixed := sorted({*own.sent} & {*own.changed} - {LIMIT}):
            causes.append(Cause(Kind.MIXED_PARAMETERS, side.name, tuple(mixed)))
        if len(own.served_models) > 1:
            causes.append(Cause(Kind.SEVERAL_SERVED, side.name, tuple(sorted(own.served_models))))
        if own.prompts_cut:
            causes.append(Cause(Kind.PROMPTS_CUT, side.name, names={"told": own.prompts_cut}))
    if causes:
        yield Unseen(model.name, "calls", CALLS, tuple(causes))


def _declared(model: ModelEvidence, baseline: ModelEvidence) -> Iterator[Cause]:
    """What the config gives one side's calls and not the other's."""
    own, other = (_parameters(side) for side in (model, baseline))
    for name in sorted(own.keys() | other.keys()):
        if own.get(name) != other.get(name):
            names = {"setting": name, "own": str(own.get(name, "none")), "other": str(other.get(name, "none"))}
            yield Cause(Kind.OTHER_TOKEN_LIMIT, model.name, names=names)


def _parameters(side: ModelEvidence) -> dict[str, Any]:
    """What the config gives a model's calls; of a model that runs here, engine arguments are no part of a call."""
    settings = ModelSettings.of(side.manifest)
    arguments = settings.engine_args if settings.engine == SERVED else {}
    given = {name: value for name, value in settings.parameters.items() if name not in NO_ANSWER}
    return {**arguments, **given}


def _told(side: ModelEvidence) -> ServedFacts:
    """What all sessions and shards of a model tell."""
    facts = ModelFacts.of(side.manifest)
    return ServedFacts.model_validate(reduce(gathered, facts.shards.values(), facts.model_dump()))
