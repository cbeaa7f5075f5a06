"""Conditions: where rounding alone makes records differ, so that they are compared only where the review allows it.

In: manifests. Out: the first condition in which two of them differ.
"""

from collections.abc import Collection
from typing import Literal, get_args

from ledger.manifests import Manifest

Condition = Literal["engine", "dtype", "threads", "processor"]


def conditions(manifest: Manifest) -> dict[str, set[str]]:
    """Each condition's values as far as a manifest tells them; several where its shards were made under several."""
    facts = {**manifest.facts, "engine": manifest.settings.get("engine")}
    parts = (facts, *facts.get("shards", {}).values())
    return {name: {str(part[name]) for part in parts if part.get(name) is not None} for name in get_args(Condition)}


def unlike_condition(
    before: Manifest | None, after: Manifest | None, allowed: Collection[str]
) -> tuple[str, str, str] | None:
    """The first condition that is not one value in both and is not allowed to differ: its name, the values of each.

    What a manifest does not tell (imported logs) is no difference.
    """
    if not (before and after):
        return None
    old, new = conditions(before), conditions(after)
    for name, first in old.items():
        second = new[name]
        if first and second and len(first | second) > 1 and name not in allowed:
            return name, " and ".join(sorted(first)), " and ".join(sorted(second))
    return None
