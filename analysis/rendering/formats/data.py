"""The report as JSON: every number, unrounded, for programs; and the schema that such a file keeps.

In: a ReviewReport or a RunDifference. Out: a JSON text with no NaN; what was not measured is null and has its cause
beside it. Causes, decisions and what is not compared have their English beside what they are made of, as every other
format prints it.
docs/report.md explains the file, docs/report-schema.json is `report_schema()`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from analysis.decision.decisions import Decision
from analysis.evidence.unseen_rows import Unseen
from analysis.rendering.sentences.clauses import clause, clauses
from analysis.rendering.sentences.decisions import advice, sentence
from analysis.review.review_report import ReviewReport
from analysis.statistics.causes import Cause

TEXTS: Mapping[type, Mapping[str, Callable[[Any], str]]] = {
    Cause: {"text": clause},
    Decision: {"sentence": sentence, "settle": advice},
    Unseen: {"cause": lambda unseen: clauses(unseen.causes)},
}
"""What is written beside the fields of a type: the name, and what writes it."""


def report_json(report: BaseModel) -> str:
    """The whole report as indented JSON, ASCII only, ending in a newline."""
    data = report.model_dump(mode="json")
    _add_texts(report, data)
    return json.dumps(data, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def report_schema() -> str:
    """The JSON Schema of report.json as indented JSON; it takes no other version than this one."""
    schema = ReviewReport.model_json_schema(mode="serialization")
    version = schema["properties"]["version"]
    version["const"] = version.pop("default")
    for each, texts in TEXTS.items():
        written = schema["$defs"][each.__name__]
        written["properties"] |= {name: {"title": name.title(), "type": "string"} for name in texts}
        written["required"] += texts
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | schema, indent=1, ensure_ascii=True) + "\n"


def _add_texts(source: object, data: Any) -> None:  # noqa: ANN401 - whatever JSON holds
    """Write the texts into what a part of the report was dumped as."""
    for each, dumped in list(_parts(source, data)):
        _add_texts(each, dumped)
    for name, written in TEXTS.get(type(source), {}).items():
        data[name] = written(source)


def _parts(source: object, data: Any) -> Iterator[tuple[object, Any]]:  # noqa: ANN401
    """The parts of a record or list, each with what it was dumped as."""
    if isinstance(source, BaseModel):
        yield from ((getattr(source, name), data[name]) for name in type(source).model_fields)
    elif is_dataclass(source):
        yield from ((getattr(source, field.name), data[field.name]) for field in fields(source))
    elif isinstance(source, tuple | list):
        yield from zip(source, data, strict=True)
    elif isinstance(source, Mapping):
        yield from zip(source.values(), data.values(), strict=True)
