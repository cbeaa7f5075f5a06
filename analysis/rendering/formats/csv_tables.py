"""The report's numbers and tables as CSV: every estimate unrounded, and each table of the page in its words.

In: a ReviewReport, or a figure. Out: CSV texts with a header; a text that a spreadsheet would run as a formula gets an
apostrophe, a number stays a number.
Source: OWASP, CSV Injection (which characters begin a formula, full-width ones too).
"""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass

from analysis.decision.gate_words import Gate
from analysis.rendering.figures.catalog import Figure
from analysis.rendering.formats.text import visible
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.tables.sections import sections
from analysis.review.review_report import ReviewReport
from analysis.statistics.estimates import Estimate
from ledger.runs import folder_name

FORMULAS = ("=", "+", "-", "@")
COLUMNS = ("path", "measure", "unit", "n", "value", "low", "high", "left_out", "missing")
# The fields that tell the parts of a tuple apart, and those whose parts' names say enough.
NAMES = frozenset(
    {"name", "judge", "candidate", "model", "task", "scope", "scoring", "mode", "part", "first", "second"}
    | {"outcome", "predictor", "method", "measure", "unit", "gap"}
)
UNSAID = frozenset({"scopes"})
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?")


def csv_tables(report: ReviewReport) -> dict[str, str]:
    """Each file's name and text: the estimates, and every table by its id; with the judge's name where each has one."""
    tables = [table for section in sections(report) for table in section.tables]
    several = Counter(table.id for table in tables)
    found = {"estimates": estimates_csv(report)}
    for table in tables:
        name = f"{table.id}-{table.of or table.title}" if several[table.id] > 1 else table.id
        found[folder_name(name)] = _csv((table.header, *table.rows))
    return {f"{name}.csv": text for name, text in found.items()}


def estimates_csv(report: ReviewReport) -> str:
    """One row per estimate, unrounded, in the order of report.json."""
    return _csv((COLUMNS, *estimate_rows(report)))


def estimate_rows(report: ReviewReport) -> Iterator[tuple[object, ...]]:
    """Every estimate under COLUMNS, unrounded, in the order of report.json."""
    return (_row(path, each) for path, each in estimates(report))


def figure_csv(figure: Figure) -> str:
    """The numbers of a figure, unrounded."""
    return _csv((figure.header, *figure.numbers()))


def estimates(part: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Estimate]]:
    """Every Estimate anywhere in a part of the report, with the names that lead to it, joined by slashes."""
    if isinstance(part, Estimate):
        yield "/".join(path), part
    elif isinstance(part, ReviewReport):
        for name in type(part).model_fields:
            yield from estimates(getattr(part, name), (*path, name))
    elif isinstance(part, tuple):
        for name, each in [part] if _is_pair(part) else _named(part):
            yield from estimates(each, (*path, name))
    elif is_dataclass(part):
        for field in fields(part):
            here = path if field.name in UNSAID else (*path, field.name)
            yield from estimates(getattr(part, field.name), here)


def harmless(text: str) -> str:
    """The text as a spreadsheet shows it: visible, and no formula; a plain number may keep its sign."""
    shown = visible(text)
    runs = unicodedata.normalize("NFKC", shown).lstrip().startswith(FORMULAS)
    return f"'{shown}" if runs and not _NUMBER.fullmatch(shown) else shown


def _is_pair(part: tuple[object, ...]) -> bool:
    """Whether this is one name with its estimate, and no sequence of parts."""
    return len(part) == 2 and isinstance(part[0], str) and isinstance(part[1], Estimate)


def _named(parts: tuple[object, ...]) -> Iterator[tuple[str, object]]:
    """The parts of a tuple that can hold an estimate: pairs with a name, and records by the fields that name them."""
    for each in parts:
        match each:
            case (str(name), value):
                yield name, value
            case Gate():
                yield each.name, each
            case _ if is_dataclass(each):
                yield " ".join(str(getattr(each, field.name)) for field in fields(each) if field.name in NAMES), each


def _row(path: str, each: Estimate) -> tuple[object, ...]:
    low, high = each.interval or (None, None)
    missing = clause(each.missing) if each.missing else None
    return (path, each.measure, each.unit, each.n, each.value, low, high, each.left_out, missing)


def _csv(rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([harmless(value) if isinstance(value, str) else value for value in row] for row in rows)
    return stream.getvalue()
