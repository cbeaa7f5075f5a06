"""Token distributions as Parquet: along answers (traces), and at the tokens of options.

In: one trace at a time. Out: `traces.parquet` or `options.parquet`, one row per position; while a run lasts, parts in a
folder, each written whole or not at all, so a killed run loses the part under way and nothing else.
Memory is bounded by one part when writing and by one row group when joining.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ledger.errors import BadRecord
from ledger.records import Key
from ledger.store import draft_of, key_text

FILE_NAME = "traces.parquet"
PART_NUMBERS = 1 << 20  # log-probabilities, of which a position has more the larger K is
TEXT, INT = pa.string(), pa.int32()
ROW = (
    ("position", INT),
    ("token", INT),
    ("logprob", pa.float32()),
    ("top_tokens", pa.list_(INT)),
    ("top_logprobs", pa.list_(pa.float32())),
)


@dataclass(frozen=True)
class Layout:
    """One kind of trace: its file, the folder of its parts, and the columns of its key."""

    file_name: str
    parts_name: str
    key: tuple[tuple[str, pa.DataType], ...]

    @property
    def columns(self) -> list[str]:
        """The names of the key's columns, the model first."""
        return [name for name, _ in self.key]

    @property
    def schema(self) -> pa.Schema:
        """All columns."""
        return pa.schema([*self.key, *ROW])


TRACES = Layout(
    FILE_NAME,
    "trace-parts",
    (("model", TEXT), ("author", TEXT), ("source", TEXT), ("question", TEXT), ("sample", INT), ("turn", INT)),
)
OPTION_TOKENS = Layout(
    "options.parquet", "option-parts", (("model", TEXT), ("task", TEXT), ("item", TEXT), ("option", INT))
)


@dataclass(frozen=True)
class Trace:
    """One model's distributions along one turn of an answer (the baseline's, or another author's), or along an option.

    `key` has the values of the layout's key columns; `tokens` are the text's tokens, `logprobs` their log-probabilities
    in nats; `top_tokens` and `top_logprobs` hold the K most likely tokens at each position, most likely first.
    """

    key: Key
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    top_tokens: tuple[tuple[int, ...], ...]
    top_logprobs: tuple[tuple[float, ...], ...]


class TraceWriter:
    """Collects traces into parts; `close` joins them into one file. Keys that are there already are in `keys`."""

    def __init__(self, folder: Path, layout: Layout = TRACES, part_numbers: int = PART_NUMBERS) -> None:
        self.folder, self.layout, self.part_numbers = folder, layout, part_numbers
        self.keys = trace_keys(folder, layout)
        self._held: list[Trace] = []
        self._numbers = 0

    def append(self, trace: Trace) -> None:
        """Take a trace; a full part goes to the disk. Raises ValueError for a key that is there already."""
        if trace.key in self.keys:
            raise ValueError(f"a second trace {trace.key}")
        self.keys.add(trace.key)
        self._held.append(trace)
        self._numbers += sum(1 + len(row) for row in trace.top_logprobs)
        if self._numbers >= self.part_numbers:
            self.flush()

    def flush(self) -> None:
        """Write what is held as a part."""
        if not self._held:
            return
        parts = self.folder / self.layout.parts_name
        parts.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(path.stem) for path in parts.glob("*.parquet")), default=0)
        _write(parts / f"{number:06d}.parquet", iter([_table(self._held, self.layout)]), self.layout, parts)
        self._held, self._numbers = [], 0

    def close(self) -> None:
        """Join all parts with what was there before, and remove them."""
        self.flush()
        parts = self.folder / self.layout.parts_name
        if parts.exists():
            _write(self.folder / self.layout.file_name, _groups(self.folder, self.layout), self.layout, parts)
            shutil.rmtree(parts)


@dataclass(frozen=True)
class TraceArrays:
    """One turn's trace as arrays: tokens and logprobs (positions,), top_tokens and top_logprobs (positions, K)."""

    tokens: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    top_tokens: NDArray[np.int32]
    top_logprobs: NDArray[np.float32]

    def part(self, start: int, count: int) -> "TraceArrays":
        """Some positions of it."""
        rows = slice(start, start + count)
        return TraceArrays(self.tokens[rows], self.logprobs[rows], self.top_tokens[rows], self.top_logprobs[rows])


def read_traces(folder: Path, model: str, layout: Layout = TRACES) -> dict[Key, TraceArrays]:
    """A model's joined traces by their key without the model; none where there is no file.

    Raises BadRecord, also for traces of another model, copied in by hand.
    """
    path = folder / layout.file_name
    found: dict[Key, TraceArrays] = {}
    if not path.exists():
        return found
    with _refusing(path):
        file = _opened(path, layout)
        for index in range(file.num_row_groups):
            table = file.read_row_group(index, columns=layout.schema.names)
            for name in table.column("model").unique().to_pylist():
                if name != model:
                    raise ValueError(f"traces of {name}, but the folder is {model}'s")
            found |= _by_key(table, layout)
    return found


def _by_key(table: pa.Table, layout: Layout) -> dict[Key, TraceArrays]:
    """The traces of a table; the rows of one stand together, in their order, in one row group.

    K may differ from one trace to the next, but not within one. Raises ValueError.
    """
    tokens, logprobs = (table.column(name).to_numpy() for name in ("token", "logprob"))
    lists = [table.column(name).combine_chunks() for name in ("top_tokens", "top_logprobs")]
    widths = lists[0].value_lengths().to_numpy()
    if (widths != lists[1].value_lengths().to_numpy()).any():
        raise ValueError("top_tokens and top_logprobs differ in number")
    starts = np.concatenate(([0], np.cumsum(widths)))
    top_tokens, top_logprobs = (column.flatten().to_numpy() for column in lists)
    names = zip(*(table.column(name).to_pylist() for name in layout.columns[1:]), strict=True)
    rows: dict[Key, list[int]] = {}
    for row, key in enumerate(names):
        rows.setdefault(key, []).append(row)
    found = {}
    for key, places in rows.items():
        own = slice(places[0], places[0] + len(places))
        shape = (len(places), int(widths[places[0]]))
        if (widths[own] != shape[1]).any():
            raise ValueError(f"the lists of {key_text(key)} are of several lengths")
        top = slice(starts[own.start], starts[own.stop])
        found[key] = TraceArrays(
            tokens[own], logprobs[own], top_tokens[top].reshape(shape), top_logprobs[top].reshape(shape)
        )
    return found


def trace_keys(folder: Path, layout: Layout = TRACES) -> set[Key]:
    """The keys of all traces in a folder, joined or in parts. Raises BadRecord."""
    keys: set[Key] = set()
    for path in _files(folder, layout):
        with _refusing(path):
            table = _opened(path, layout).read(columns=layout.columns)
            keys |= set(zip(*(table.column(name).to_pylist() for name in layout.columns), strict=True))
    return keys


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """What goes wrong while a file is read, as BadRecord; pyarrow tells of a damaged one as OSError, too."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise BadRecord(path, None, "", f"cannot be read as traces: {error}") from error


def _opened(path: Path, layout: Layout) -> pq.ParquetFile:
    """A file with all of the layout's columns. Raises ValueError for one of an earlier Assay, by the column's name."""
    file = pq.ParquetFile(path)
    if lacking := [name for name in layout.schema.names if name not in file.schema_arrow.names]:
        raise ValueError(f"no column {lacking[0]!r}; an earlier Assay wrote it, and without the file all is read again")
    return file


def _files(folder: Path, layout: Layout) -> list[Path]:
    whole = folder / layout.file_name
    return [*([whole] if whole.exists() else []), *sorted((folder / layout.parts_name).glob("*.parquet"))]


def _groups(folder: Path, layout: Layout) -> Iterator[pa.Table]:
    """Row groups of the joined file and of the parts that it does not hold yet (a killed join left both)."""
    seen: set[Key] = set()
    for path in _files(folder, layout):
        file = pq.ParquetFile(path)
        fresh: set[Key] = set()
        for index in range(file.num_row_groups):
            table = file.read_row_group(index, columns=layout.schema.names)
            keys = list(zip(*(table.column(name).to_pylist() for name in layout.columns), strict=True))
            fresh |= set(keys)
            yield table.filter(pa.array([key not in seen for key in keys], type=pa.bool_()))
        seen |= fresh


def _write(path: Path, tables: Iterator[pa.Table], layout: Layout, parts: Path) -> None:
    """Write a file whole or not at all; what a killed process leaves of it goes with the parts."""
    draft = parts / draft_of(path).name
    try:
        with pq.ParquetWriter(draft, layout.schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _table(traces: list[Trace], layout: Layout) -> pa.Table:
    names = layout.schema.names
    columns: list[list[object]] = [[] for _ in names]
    for trace in traces:
        along = zip(trace.tokens, trace.logprobs, trace.top_tokens, trace.top_logprobs, strict=True)
        for position, row in enumerate(along):
            for column, value in zip(columns, (*trace.key, position, *row), strict=True):
                column.append(value)
    return pa.table(dict(zip(names, columns, strict=True)), schema=layout.schema)
