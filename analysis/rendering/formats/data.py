"""The report as JSON: every number, unrounded, for programs; and the schema that such a file keeps.

In: a ReviewReport or a RunDifference. Out: a JSON text with no NaN; what was not measured is null and has its reason
beside it.
docs/report.md explains the file, docs/report-schema.json is `report_schema()`.
"""

import json

from pydantic import BaseModel

from analysis.review.review_report import ReviewReport


def report_json(report: BaseModel) -> str:
    """The whole report as indented JSON, ASCII only, ending in a newline."""
    return json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def report_schema() -> str:
    """The JSON Schema of report.json as indented JSON; it takes no other version than this one."""
    schema = ReviewReport.model_json_schema(mode="serialization")
    version = schema["properties"]["version"]
    version["const"] = version.pop("default")
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | schema, indent=1, ensure_ascii=True) + "\n"
