"""The formats of an audit: Markdown, what was found file by file, in tables and sentences; and JSON.

In: an AuditReport. Out: Markdown for a terminal or a page, audit.md and audit.json; text from outside cannot render.
"""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

from analysis.fastchat_audit.audit_report import AuditReport
from analysis.rendering.formats.markdown_tables import pipe_table
from analysis.rendering.formats.text import markdown
from analysis.rendering.tables.audit import answer_table, pair_tables, single_tables
from analysis.rendering.tables.audit_findings import findings, folder_notes
from analysis.rendering.tables.review import Table
from analysis.rendering.tables.writing import TITLE, likeness_table, writing_lines, writing_table
from ledger.judgments import Mode
from ledger.store import write_atomically

MARKDOWN, DATA = "audit.md", "audit.json"
_WORD_UNDERSCORE = re.compile(r"(?<=\w)\\_(?=\w)")


def audit_markdown(report: AuditReport) -> str:
    """The whole audit."""
    lines = [f"# Audit of {markdown(report.folder)}", "", *_facts(report), *_written(report)]
    for file in report.files:
        title = f"## {markdown(file.name)}: {file.rows} rows, judged by {markdown(', '.join(file.judges)) or 'nobody'}"
        lines += ["", title, *(f"- {markdown(fault)}" for fault in file.faults)]
        for table in filter(_has_rows, single_tables(file) if file.mode == Mode.SINGLE else pair_tables(file)):
            lines += ["", f"### {table.title}", *([table.caption, ""] if table.caption else [""]), *_drawn(table)]
        lines += ["", *(f"- {markdown(sentence)}" for sentence in findings(file))]
    return "\n".join(lines) + "\n"


def _written(report: AuditReport) -> Iterator[str]:
    """What the models wrote, from the texts alone."""
    baseline, reports = report.writing
    if not reports:
        return
    yield from ("", f"## {TITLE}", "", *(f"- {markdown(line)}" for line in writing_lines(reports)))
    for table in (writing_table(reports, baseline), likeness_table(reports)):
        yield from ("", f"### {table.title}", markdown(table.caption), "", *_drawn(table))


def audit_json(report: AuditReport) -> str:
    """Every number, unrounded, as indented JSON; the texts stand in the answers themselves."""
    found = dataclasses.asdict(report)
    for model in found["models"]:
        del model["texts"], model["written"]
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def write_audit(report: AuditReport, folder: Path) -> None:
    """Write audit.md and audit.json."""
    write_atomically(folder / MARKDOWN, audit_markdown(report))
    write_atomically(folder / DATA, audit_json(report))


def _facts(report: AuditReport) -> Iterator[str]:
    chance = f"seed {report.seed}, {report.resamples} resamples"
    yield f"{report.questions} questions; baseline {markdown(report.baseline)}; {chance}."
    yield ""
    yield from (f"- {markdown(name)}: {markdown(value)}" for name, value in report.facts)
    yield from (f"- {markdown(note)}" for note in (*report.notes, *folder_notes(report)))
    yield ""
    yield from _drawn(answer_table(report.models))


def _has_rows(table: Table) -> bool:
    """An empty table tells nothing: what is missing stands in the sentences."""
    return bool(table.rows)


def _drawn(table: Table) -> Iterator[str]:
    return pipe_table(table.header, table.rows, _cell)


def _cell(text: str) -> str:
    """Escaped text; an underscore within a word means nothing to Markdown and stays readable."""
    return _WORD_UNDERSCORE.sub("_", markdown(text))
