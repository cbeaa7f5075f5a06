"""The report as JSON: every number, unrounded, for programs.

In: a ReviewReport. Out: a JSON text with no NaN; what was not measured is null and has its reason beside it.
"""

import json

from analysis.review_report import ReviewReport


def report_json(report: ReviewReport) -> str:
    """The whole report as indented JSON, ASCII only, ending in a newline."""
    return json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=True, allow_nan=False) + "\n"
