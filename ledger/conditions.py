"""Conditions: where rounding alone makes records differ, so that they are compared only where the review allows it.

In: manifests. Out: the first condition in which two of them differ.
"""

from collections.abc import Collection, Iterator
from typing import Any, Literal, get_args

from ledger.engines import ENGINES
from ledger.facts import NOT_TOLD, ModelFacts, ModelSettings
from ledger.manifests import Manifest

Condition = Literal["engine", "dtype", "threads", "processor", "harness", "library"]


def conditions(manifest: Manifest) -> dict[str, dict[str, str]]:
    """Each condition's value as far as a manifest tells it, by part: `` is the whole, others are shards that differ."""
    facts = ModelFacts.of(manifest)
    whole = {**facts.model_dump(), "engine": ModelSettings.of(manifest).engine or None, **_versions(manifest, facts)}
    parts = {"": whole, **facts.shards}
    return {
        name: {key: value for part, told in parts.items() for key, value in _told(part, told.get(name))}
        for name in get_args(Condition)
    }


def _told(part: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever a manifest holds
    """A condition's value in one part; of logs that differ, each task's own, as far as it is told."""
    if isinstance(value, dict):
        yield from ((str(task), str(each)) for task, each in value.items() if each != NOT_TOLD)
    elif value is not None:
        yield part, str(value)


def _versions(manifest: Manifest, facts: ModelFacts) -> dict[str, Any]:
    """The versions of what evaluated (of logs) and of the library that computed, as far as they are told."""
    packages = manifest.environment.packages
    engine = ENGINES.get(ModelSettings.of(manifest).engine)
    names = engine.libraries if engine else ()
    library: Any = next((f"{name} {packages[name]}" for name in names if name in packages), None)
    if library is None and (logged := facts.transformers_version):
        library = _called("transformers", logged)
    harness = _called("inspect_ai", facts.inspect_version) if facts.inspect_version else facts.lm_eval_version
    return {"harness": harness, "library": library}


def _called(name: str, version: Any) -> Any:  # noqa: ANN401 - one version, or one a task
    """A version, or each task's own, with the name of what has it."""
    named = {task: f"{name} {each}" for task, each in _told("", version)}
    return named.get("", named)


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
