"""Writes every face of a report into its folder, each whole or not at all.

In: a ReviewReport and a folder. Out: report.html, report.md and report.json.
"""

from pathlib import Path

from analysis.report_html import report_html
from analysis.report_json import report_json
from analysis.report_markdown import report_markdown
from analysis.review_report import ReviewReport
from ledger.store import write_atomically

FACES = {"report.html": report_html, "report.md": report_markdown, "report.json": report_json}


def write_reports(report: ReviewReport, folder: Path) -> list[Path]:
    """Write the faces, the page first; the paths that were written."""
    texts = {folder / name: face(report) for name, face in FACES.items()}
    for path, text in texts.items():
        write_atomically(path, text)
    return list(texts)
