"""An audit as Markdown: what was found, file by file, in tables and sentences.

In: an AuditReport. Out: Markdown for a terminal or a page; text from outside cannot render in it.
"""

import re
from collections.abc import Iterator

from analysis.audit_report import AuditReport
from analysis.faces.markdown_tables import pipe_table
from analysis.faces.text import markdown
from analysis.tables.audit import answer_table, pair_tables, single_tables
from analysis.tables.audit_findings import findings
from analysis.tables.review import Table

_WORD_UNDERSCORE = re.compile(r"(?<=\w)\\_(?=\w)")


def audit_markdown(report: AuditReport) -> str:
    """The whole audit."""
    lines = [f"# Audit of {markdown(report.folder)}", "", *_facts(report)]
    for file in report.files:
        title = f"## {markdown(file.name)}: {file.rows} rows, judged by {markdown(', '.join(file.judges)) or 'nobody'}"
        lines += ["", title, *(f"- {markdown(fault)}" for fault in file.faults)]
        for table in single_tables(file) if file.mode == "single" else pair_tables(file):
            lines += ["", f"### {table.title}", *([table.caption, ""] if table.caption else [""]), *_drawn(table)]
        lines += ["", *(f"- {markdown(sentence)}" for sentence in findings(file))]
    return "\n".join(lines) + "\n"


def _facts(report: AuditReport) -> Iterator[str]:
    chance = f"seed {report.seed}, {report.resamples} resamples"
    yield f"{report.questions} questions; baseline {markdown(report.baseline)}; {chance}."
    yield ""
    yield from (f"- {markdown(name)}: {markdown(value)}" for name, value in report.facts)
    yield from (f"- {markdown(note)}" for note in report.notes)
    yield ""
    yield from _drawn(answer_table(report.models))


def _drawn(table: Table) -> Iterator[str]:
    return pipe_table(table.header, table.rows, _cell)


def _cell(text: str) -> str:
    """Escaped text; an underscore within a word means nothing to Markdown and stays readable."""
    return _WORD_UNDERSCORE.sub("_", markdown(text))
