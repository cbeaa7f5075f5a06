"""Files of records: one JSON object per line, append-only, one writer at a time.

In: records. Out: the same records, each key once. Nothing is chosen silently: a repeated key names both lines, a broken
line names itself; only a torn last line (a writer was killed) is tolerated, reported, and cut off by the next writer.
Derived files are not appended but replaced whole (`replace`), so a reader sees the old ones or the new ones.
"""

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from pydantic import ValidationError

from ledger.errors import BadRecord, DuplicateKey, StoreLocked
from ledger.records import Key, Record

R = TypeVar("R", bound=Record)
LOCK_NAME = ".lock"


@dataclass(frozen=True)
class Torn:
    """The rest of a line that a killed writer left at the end of a file."""

    file: Path
    line: int
    bytes: int


class Store(Generic[R]):
    """The records of one type in one file.

    `torn` holds what the last reading found at the end of the file, or None.
    """

    def __init__(self, path: Path, record_type: type[R]) -> None:
        self.path, self.record_type = path, record_type
        self.torn: Torn | None = None

    def records(self) -> Iterator[R]:
        """Each record in file order; a missing file has none. Raises BadRecord, DuplicateKey."""
        self.torn = None
        lines: dict[Key, int] = {}
        for number, line, ended in self._lines():
            try:
                record = self._parsed(line, number)
            except BadRecord:
                if ended:
                    raise
                self.torn = Torn(self.path, number, len(line))
                return
            first = lines.setdefault(record.key, number)
            if first != number:
                raise DuplicateKey(self.path, key_text(record.key), first, number)
            yield record

    def replace(self, records: Iterable[R]) -> None:
        """Write these records instead of all that were there: all of them, or none if it fails."""
        self.replace_lines(map(record_line, records))

    def keep(self, records: Sequence[R]) -> None:
        """Write these records, unless there are none, or the file has them already."""
        if records and [*records] != [*self.records()]:
            self.replace(records)

    def replace_lines(self, lines: Iterable[str]) -> None:
        """The same with records that are lines already, which take a fifth of the memory."""
        write_atomically(self.path, lines)
        self.torn = None

    def _lines(self) -> Iterator[tuple[int, bytes, bool]]:
        if not self.path.exists():
            return
        with self.path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                yield number, line.rstrip(b"\n"), line.endswith(b"\n")

    def _parsed(self, line: bytes, number: int) -> R:
        try:
            return self.record_type.model_validate_json(line)
        except ValidationError as error:
            field, cause = first_fault(error)
            raise BadRecord(self.path, number, field, cause) from error


class Writer(Generic[R]):
    """Appends records to a store; each append is on the disk when it returns."""

    def __init__(self, store: Store[R]) -> None:
        self.store = store
        self.keys: set[Key] = {record.key for record in store.records()}
        self.torn = store.torn
        self._stream = self._opened()

    def append(self, *records: R) -> None:
        """Add records, flushed and synced together. Raises DuplicateKey before anything is written."""
        fresh: set[Key] = set()
        for record in records:
            if record.key in self.keys or record.key in fresh:
                raise self._duplicate(record.key)
            fresh.add(record.key)
        self._stream.write("".join(map(record_line, records)).encode())
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.keys |= fresh

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __enter__(self) -> "Writer[R]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self) -> IO[bytes]:
        self.store.path.parent.mkdir(parents=True, exist_ok=True)
        stream = self.store.path.open("ab")
        if self.torn:
            stream.truncate(stream.tell() - self.torn.bytes)
        elif stream.tell() and not _ends_with_newline(self.store.path):
            stream.write(b"\n")
        return stream

    def _duplicate(self, key: Key) -> DuplicateKey:
        lines = enumerate(self.store.records(), start=1)
        first, count = 0, 0
        for number, record in lines:
            count = number
            first = number if record.key == key else first
        return DuplicateKey(self.store.path, key_text(key), first or count + 1, count + 1)


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Hold a folder for one writing process; a killed holder frees it. Raises StoreLocked."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_NAME
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            raise StoreLocked(path, stream.read().strip() or "unknown") from error
        stream.seek(0)
        stream.truncate()
        stream.write(f"process {os.getpid()}")
        stream.flush()
        yield


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Replace a file by this text or these parts; a reader sees the old file or the new one, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(path)
    try:
        with draft.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.writelines([text] if isinstance(text, str) else text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def draft_of(path: Path) -> Path:
    """Where a file is written before it takes its place; processes of two containers may have one number."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")


def key_text(key: Key) -> str:
    """A key as people read it."""
    return "/".join(str(part) for part in key)


def first_fault(error: ValidationError) -> tuple[str, str]:
    """The first fault that pydantic found: the field's path and the cause, without pydantic's own links."""
    fault: Any = error.errors(include_url=False, include_context=False)[0]
    cause = str(fault["msg"]).removeprefix("Value error, ")
    return ".".join(str(part) for part in fault["loc"]), cause


def record_line(record: Record) -> str:
    """A record as it stands in a file; ASCII escapes keep U+2028 and NUL of hostile answers on one readable line."""
    return record.model_dump_json(ensure_ascii=True) + "\n"


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"
