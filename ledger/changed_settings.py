"""Settings that are no longer those that records were made under, named key by key.

In: two settings as JSON has them. Out: StaleInput.
"""

import json
from collections.abc import Iterator
from typing import Any

from ledger.errors import StaleInput

MOST_NAMED, MOST_WRITTEN = 3, 200  # keys beside the first; characters of a value


def refuse_other_settings(place: str, recorded: dict[str, Any], present: dict[str, Any], remedy: str) -> None:
    """Stop where two settings differ. Raises StaleInput that names the place and the keys that differ."""
    if found := list(_differences(recorded, present)):
        (name, was, now), more = found[0], [each for each, _, _ in found[1 : MOST_NAMED + 1]]
        more += ["…"] * (len(found) > MOST_NAMED + 1)
        name = f"{name} (and {', '.join(more)})" if more else name
        raise StaleInput(f"{place}, {name}", _written(was), _written(now), remedy)


def _differences(recorded: Any, present: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - what JSON has
    """The keys of two settings that differ, down to the innermost, each with both values; None where it is not set."""
    if isinstance(recorded, list) and isinstance(present, list) and len(recorded) == len(present):
        recorded, present = (dict(zip(map(str, range(len(each))), each, strict=True)) for each in (recorded, present))
    recorded, present = _as_table(recorded, present), _as_table(present, recorded)
    if isinstance(recorded, dict) and isinstance(present, dict):
        for key in sorted(recorded.keys() | present.keys()):
            yield from _differences(recorded.get(key), present.get(key), f"{name}.{key}" if name else key)
    elif recorded != present:
        yield name, recorded, present


def _as_table(value: Any, other: Any) -> Any:  # noqa: ANN401 - what JSON has
    """An empty table for what is not set, where the other side has keys to be named."""
    return {} if value is None and isinstance(other, dict) and other else value


def _written(value: Any) -> str:  # noqa: ANN401 - what JSON has
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= MOST_WRITTEN else f"{text[:MOST_WRITTEN]}…"
