"""From a run folder to a report and what its page shows: the same for `analyze`, which writes it, and `verify`.

In: a config, a run folder, the time that the report bears. Out: a ReviewReport and Shown; nothing is written.
"""

from dataclasses import replace

from analysis.evidence.run_evidence import read_evidence
from analysis.rendering.formats.page import Shown
from analysis.review.changed_solutions import changed_solutions
from analysis.review.exhibits import exhibits
from analysis.review.review_report import ReviewReport, report_from
from ledger.config import ReviewConfig
from ledger.runs import RunFolder


def report_of(config: ReviewConfig, run: RunFolder, made_at: str, *, redact: bool) -> tuple[ReviewReport, Shown]:
    """Everything that a run folder gives. Raises BadRecord or DuplicateKey for a broken file."""
    evidence = replace(read_evidence(config, run), redacted=redact)
    report = report_from(evidence, made_at)
    return report, Shown(exhibits(evidence), tuple(run.items.records()), changed_solutions(evidence, run))
