"""Plain tables as people keep them: CSV, JSON lines or Parquet, row by row, whatever their size.

In: a file whose name tells its kind (.csv, .tsv, .jsonl, .parquet; the first three also .gz). Out: a PlainTable: the
names of its columns, and its rows with their numbers. A row is a line of the file, in Parquet its place from 1.
"""

import csv
import io
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pydantic_core import from_json

from assay.sources.lines import NOT_UTF8, json_objects, opened
from ledger.errors import BadRecord, ConfigError

NAMED = re.compile(r".+(?P<kind>\.(csv|tsv|jsonl)(?=(\.gz)?$)|\.parquet$)(\.gz)?")
DELIMITERS = (",", ";", "\t")
LONGEST_FIELD = 2**31 - 1  # csv's own limit is too small for a long chain of thought
BATCH_ROWS = 16384
Rows = Iterator[tuple[int, Sequence[Any]]]


@dataclass(frozen=True)
class PlainTable:
    """A file's columns in their order, and what reads the values of some of them, row by row."""

    path: Path
    columns: tuple[str, ...]
    rows: Callable[[Sequence[str]], Rows]

    def refuse(self, row: int, cause: str) -> NoReturn:
        """Stop at a row. Raises BadRecord."""
        if self.path.suffix == ".parquet":
            raise BadRecord(self.path, None, "", f"row {row}: {cause}")
        raise BadRecord(self.path, row, "", cause)


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table."""
    return NAMED.fullmatch(path.name) is not None


def table_of(path: Path) -> PlainTable:
    """A file as a table. Raises ConfigError, BadRecord."""
    if not path.is_file():
        raise ConfigError(f"no such file: {path}")
    if not (match := NAMED.fullmatch(path.name)):
        raise ConfigError("is no table", where=str(path), remedy="Tables end in .csv, .tsv, .jsonl (.gz) or .parquet.")
    kind = match["kind"]
    table = _parquet(path) if kind == ".parquet" else _jsonl(path) if kind == ".jsonl" else _csv(path)
    doubled = sorted({name for name in table.columns if table.columns.count(name) > 1})
    if doubled or not table.columns:
        raise BadRecord(path, None, "", f"two columns are called {doubled[0]!r}" if doubled else "it has no columns")
    return table


def _csv(path: Path) -> PlainTable:
    """A CSV file with a header; commas, semicolons or tabs, whichever its header has most of."""
    csv.field_size_limit(LONGEST_FIELD)
    with opened(path) as stream:
        first = stream.readline()
    if first.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise BadRecord(path, 1, "", NOT_UTF8)
    header = first.decode("utf-8-sig", "replace")
    delimiter = max(DELIMITERS, key=header.count)

    def rows(names: Sequence[str]) -> Rows:
        places = [columns.index(name) for name in names]
        with opened(path) as stream, _text(path, stream) as text:
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            try:
                next(reader)
                for row in reader:
                    if len(row) != len(columns):
                        if not row:
                            continue
                        cause = f"{len(row)} fields, where the header has {len(columns)}"
                        raise BadRecord(path, reader.line_num, "", cause)
                    yield reader.line_num, [row[place] for place in places]
            except (csv.Error, UnicodeError) as error:
                raise BadRecord(path, reader.line_num, "", f"not CSV: {error}") from error

    try:
        columns = tuple(name.strip() for name in next(csv.reader([header], delimiter=delimiter), []))
    except csv.Error as error:
        raise BadRecord(path, 1, "", f"not CSV: {error}") from error
    return PlainTable(path, columns, rows)


def _text(path: Path, stream: Any) -> io.TextIOWrapper:  # noqa: ANN401 - a file's bytes, packed or not
    return io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")


def _jsonl(path: Path) -> PlainTable:
    """JSON objects; the columns are the names that any of them has."""

    def rows(names: Sequence[str]) -> Rows:
        for number, data in json_objects(path, parse=from_json):
            yield number, [data.get(name) for name in names]

    found: dict[str, None] = {}
    for _, data in json_objects(path):  # the first reading is the careful one: no key twice
        found.update(dict.fromkeys(data))
    return PlainTable(path, tuple(found), rows)


def _parquet(path: Path) -> PlainTable:
    """A Parquet file, read a batch at a time."""
    import pyarrow
    from pyarrow import parquet

    def rows(names: Sequence[str]) -> Rows:
        number = 0
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(names)):
                held = [batch.column(name).to_pylist() for name in names]
                for values in zip(*held, strict=True):
                    number += 1
                    yield number, values

    try:
        columns = tuple(parquet.read_schema(path).names)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadRecord(path, None, "", f"not Parquet: {error}") from error
    return PlainTable(path, columns, rows)
