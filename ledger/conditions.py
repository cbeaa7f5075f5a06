"""Conditions: where rounding alone makes records differ, so that they are compared only where the review allows it.

In: manifests. Out: the first condition in which two of them differ.
"""

from collections.abc import Collection
from typing import Literal, get_args

from ledger.manifests import Manifest

Condition = Literal["engine", "dtype", "threads", "processor"]


def conditions(manifest: Manifest) -> dict[str, dict[str, str]]:
    """Each condition's value as far as a manifest tells it, by part: `` is the whole, others are shards that differ."""
    facts = {**manifest.facts, "engine": manifest.settings.get("engine")}
    parts = {"": facts, **facts.get("shards", {})}
    return {
        name: {part: str(told[name]) for part, told in parts.items() if told.get(name) is not None}
        for name in get_args(Condition)
    }


def unlike_condition(
    before: Manifest | None, after: Manifest | None, allowed: Collection[str]
) -> tuple[str, str, str] | None:
    """The first condition that differs in some part and is not allowed to: its name, both values there.

    Shards are held against their like: a part of both models that one machine made is compared as any other. What a
    manifest does not tell (imported logs) is no difference.
    """
    if not (before and after):
        return None
    old, new = conditions(before), conditions(after)
    for name in [name for name in old if name not in allowed]:
        for part in sorted(old[name].keys() | new[name].keys()):
            first, second = (values.get(part, values.get("")) for values in (old[name], new[name]))
            if first is not None and second is not None and first != second:
                return name, first, second
    return None


def allowing(name: str) -> str:
    """What a review must declare so that this condition may differ."""
    return f'allow_different = ["{name}"] under [decision]'
