"""Which model of one run stands against which of another: by role and name, or as the user says.

In: the evidence of two runs, and OLD=NEW for renamed candidates. Out: pairs, the baseline's first, and who has none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import RunEvidence
from ledger.errors import ConfigError

WHERE = "--match"


@dataclass(frozen=True)
class Matches:
    """Pairs of models: the baselines, then candidates in the first run's order, then the controls."""

    pairs: tuple[tuple[ModelEvidence, ModelEvidence], ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


def matches(before: RunEvidence, after: RunEvidence, renamed: Mapping[str, str]) -> Matches:
    """Baseline with baseline, control with control, each candidate with its namesake, `renamed` ones as given."""
    named = dict(renamed)
    first, second = _by_place(before, named), _by_place(after, {})
    taken = {("candidate", name) for name in named.values()}
    pairs, only_before = [], []
    for place, model in first:
        own = model.name in named or place not in taken  # a namesake of NEW gives way to OLD
        partner = next((other for where, other in second if where == place), None) if own else None
        if partner:
            pairs.append((model, partner))
        else:
            only_before.append(model.name)
    met = {partner.name for _, partner in pairs}
    only_after = tuple(model.name for _, model in second if model.name not in met)
    return Matches(tuple(pairs), tuple(only_before), only_after)


def renamings(texts: Iterable[str], before: RunEvidence, after: RunEvidence) -> dict[str, str]:
    """OLD=NEW as names; a name may itself hold an equals sign. Raises ConfigError for unknown and repeated names."""
    old, new = (tuple(model.name for model in run.config.candidate) for run in (before, after))
    found: dict[str, str] = {}
    for text in texts:
        parts = text.split("=")
        splits = (("=".join(parts[:at]), "=".join(parts[at:])) for at in range(1, len(parts)))
        pair = next(((first, second) for first, second in splits if first in old and second in new), None)
        if pair is None:
            known = f"A's candidates are {', '.join(old)}; B's are {', '.join(new)}."
            raise ConfigError(f"{text!r} is not OLD=NEW.", where=WHERE, remedy=known)
        if pair[0] in found or pair[1] in found.values():
            raise ConfigError(f"a name in {text!r} is matched already.", where=WHERE, remedy="Name each model once.")
        found[pair[0]] = pair[1]
    return found


def _by_place(run: RunEvidence, named: Mapping[str, str]) -> list[tuple[tuple[str, str], ModelEvidence]]:
    """Each model with the role, and for candidates the name, that its partner has to have."""
    return [
        ((model.role, named.get(model.name, model.name) if model.role == "candidate" else ""), model)
        for model in run.models
    ]
