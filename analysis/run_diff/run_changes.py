"""What two runs were made by and decided by that is not the same: it may explain a change, and forbids nothing.

In: manifests and configs of both runs. Out: the names that differ, with both values in plain words.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.summaries.model_reports import plain
from ledger.conditions import conditions
from ledger.config import ReviewConfig
from ledger.manifests import Manifest

NOT_SET = "—"


@dataclass(frozen=True)
class Changed:
    """A setting, a package or a rule with its value in A and in B."""

    name: str
    before: str
    after: str


def changed_settings(before: Manifest | None, after: Manifest | None) -> tuple[Changed, ...]:
    """Settings, conditions and packages behind one model's records; empty where a manifest is missing."""
    return _changed(_made_by(before), _made_by(after)) if before and after else ()


def changed_rules(before: ReviewConfig, after: ReviewConfig) -> tuple[Changed, ...]:
    """What the two decisions were made by."""
    return _changed(_rules(before), _rules(after))


def _made_by(manifest: Manifest) -> dict[str, str]:
    settings = {name: plain(value) for name, value in manifest.settings.items()}
    known = {name: plain(sorted(set(values.values()))) for name, values in conditions(manifest).items() if values}
    return settings | known | {f"package {name}": held for name, held in manifest.environment.packages.items()}


def _rules(config: ReviewConfig) -> dict[str, str]:
    declared = config.decision.model_dump(mode="json")
    return {name: plain(value) for name, value in (declared | _primary(config)).items()}


def _primary(config: ReviewConfig) -> dict[str, str | float]:
    """Primary measure and margin as they were used, defaults included."""
    return {"primary": config.primary, "margin": config.margin}


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Changed, ...]:
    names = sorted(before.keys() | after.keys())
    found = (Changed(name, before.get(name, NOT_SET), after.get(name, NOT_SET)) for name in names)
    return tuple(each for each in found if each.before != each.after)
