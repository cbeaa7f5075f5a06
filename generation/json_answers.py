"""JSON in written answers: where it stands in a text, and whether it fits a schema.

In: a text, a JSON Schema (draft 2020-12). Out: the JSON as text or value; why a schema is none. The patterns of a
schema are searched as those of the checker `regex` are (generation/patterns.py).
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from generation import patterns
from generation.patterns import compiled

_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)


def json_text(text: str) -> str:
    """The JSON in a text: all of it, or its last fenced block; empty where neither parses."""
    blocks: list[str] = _FENCE.findall(text)
    for candidate in (text.strip(), *(block.strip() for block in reversed(blocks))):
        try:
            parsed(candidate)
        except (ValueError, RecursionError):
            continue
        return candidate
    return ""


def parsed(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A JSON value; NaN and infinity are none. Raises ValueError."""

    def refuse(name: str) -> float:
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def schema_fault(schema: dict[str, Any] | bool) -> str:
    """Why a schema is none, or points to nothing that is in it; empty where it is one."""
    from jsonschema import Draft202012Validator, SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    try:
        Draft202012Validator.check_schema(schema)
        resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver("")
        for reference in _references(schema):
            resolver.lookup(reference)
    except SchemaError as error:
        return str(error.message)
    except (Unresolvable, ValueError):
        return f"{reference!r} is not in it"
    return ""


def _references(schema: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a schema
    """What a schema points to, at any depth."""
    if isinstance(schema, dict):
        if isinstance(found := schema.get("$ref"), str):
            yield found
        for part in schema.values():
            yield from _references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def fits(schema: dict[str, Any] | bool, value: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    """Whether a value fits a schema, whose patterns are searched as those of `regex` are."""
    from jsonschema import Draft202012Validator, ValidationError, validators

    def searched(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not compiled(pattern).search(instance, timeout=patterns.SEARCH_SECONDS):
            yield ValidationError(f"no {pattern!r} in it")

    return bool(validators.extend(Draft202012Validator, {"pattern": searched})(schema).is_valid(value))
