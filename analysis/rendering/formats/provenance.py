"""What ties a report to a run: written into the page, and read back by whoever verifies it.

In: a ReviewReport, or the text of a report.html or report.json. Out: a Provenance.
"""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from analysis.review.review_report import ReviewReport

EMBEDDED = re.compile(r'<script type="application/json" id="provenance">(.*?)</script>', re.S)


class Provenance(BaseModel):
    """Which run, which code and which files a report was made from; report.json says the same among its fields."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    assay_version: str
    name: str
    made_at: str
    config_digest: str
    redacted: bool = False
    inputs: dict[str, str]

    @field_validator("inputs", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:  # noqa: ANN401 - whatever a file holds
        """report.json has them as pairs."""
        return dict(value)

    @classmethod
    def of(cls, report: ReviewReport) -> "Provenance":
        """Of a report."""
        return cls(**{name: getattr(report, name) for name in cls.model_fields})


def claimed(text: str) -> tuple[Provenance, bool]:
    """What a report says of itself, and whether it is a page. Raises ValueError, TypeError for what is no report."""
    found = EMBEDDED.search(text)
    return Provenance.model_validate_json(found[1] if found else text), bool(found)
