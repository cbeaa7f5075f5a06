"""What the records cost: time, calls, tokens and money, as far as the manifests know.

In: manifests. Out: one frozen Cost per model and judge; what nobody counted is None, never zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.evidence.run_evidence import RunEvidence
from ledger.facts import JudgeFacts
from ledger.manifests import Manifest


@dataclass(frozen=True)
class Cost:
    """What one model's or judge's records took.

    `seconds` are those of the sessions that came to their end, None if none did; a killed session's are lost.
    `spent_usd` is None where the config gives no price, `calls` and tokens where there was no endpoint to count.
    """

    kind: str
    name: str
    sessions: int
    seconds: float | None
    calls: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    spent_usd: float | None = None


def costs(evidence: RunEvidence) -> Iterator[Cost]:
    """Every model, the positive controls too, then every judge; those without a manifest are left out."""
    positive = evidence.positive.candidates if evidence.positive else ()
    for kind, models in (("model", evidence.models), ("positive control", positive)):
        for model in models:
            if model.manifest:
                yield Cost(kind, model.name, len(model.manifest.sessions), _seconds(model.manifest))
    for judge in evidence.judges:
        if judge.manifest:
            facts = JudgeFacts.of(judge.manifest)
            yield Cost(
                kind="judge",
                name=judge.config.name,
                sessions=len(judge.manifest.sessions),
                seconds=_seconds(judge.manifest),
                calls=facts.calls,
                prompt_tokens=facts.prompt_tokens,
                completion_tokens=facts.completion_tokens,
                spent_usd=facts.spent_usd,
            )


def _seconds(manifest: Manifest) -> float | None:
    known = [session.seconds for session in manifest.sessions if session.seconds is not None]
    return sum(known) if known else None
