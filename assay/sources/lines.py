"""Files of other people's, line by line: what cannot be understood names its file, line and field.

In: a file of JSON objects, or its rows. Out: rows with their line numbers; models of pydantic, each key once.
"""

import gzip
import json
import zlib
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from ledger.errors import BadRecord, DuplicateKey
from ledger.store import first_fault

T = TypeVar("T", bound=BaseModel)
Row = tuple[int, dict[str, Any]]
NOT_UTF8 = "not UTF-8: convert it (iconv -t UTF-8)"
ZEROS = "it has zero bytes, as a file that was cut off on its way: copy it again"
NO_OBJECT = "not a JSON object"
FIRST_BYTES = 4096


class RepeatedKey(ValueError):
    """An object of JSON that has a key twice."""


@contextmanager
def opened(path: Traversable) -> Iterator[IO[bytes]]:
    """A file's bytes; a .gz is unpacked as it is read. Raises BadRecord for one that is none, or ends too early."""
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) if path.name.endswith(".gz") else raw as stream:
            yield cast(IO[bytes], stream)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadRecord(Path(str(path)), None, "", f"cannot be unpacked: {error}") from error


def not_text(path: Path) -> str:
    """Why a file is no text in UTF-8, else empty; UTF-16 without accents may look so, and is half zeros."""
    try:
        said = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return NOT_UTF8
    zeros = said.count("\0")
    return "" if not zeros else NOT_UTF8 if 4 * zeros > len(said) else ZEROS


def json_objects(
    path: Traversable, refused: Callable[[int, str], None] | None = None, parse: Callable[[bytes], Any] | None = None
) -> Iterator[Row]:
    """The objects of a JSONL file with their line numbers, empty lines passed over; a .gz is unpacked as it is read.

    A line that is none raises BadRecord; with `refused`, it is left out, and told with its number. `parse` reads a
    line, quicker than this does, which refuses a key that stands twice.
    """
    with opened(path) as stream:
        for number, line in enumerate(stream, start=1):
            line = line.removeprefix(BOM_UTF8) if number == 1 else line
            if not line.strip():
                continue
            try:
                data = _object(path, number, line, parse or _parsed)
            except BadRecord as error:
                if refused is None:
                    raise
                refused(number, str(error.__cause__) if isinstance(error.__cause__, RepeatedKey) else NO_OBJECT)
            else:
                yield number, data


def is_array(path: Path) -> bool:
    """Whether a file begins as a JSON array does."""
    with path.open("rb") as stream:
        return stream.read(FIRST_BYTES).removeprefix(BOM_UTF8).lstrip()[:1] == b"["


def json_array(path: Path) -> Iterator[Row]:
    """The objects of a JSON array with their numbers, from 1. Raises BadRecord: it is whole, or nothing is read."""
    try:
        rows = _parsed(path.read_bytes().removeprefix(BOM_UTF8))
    except (ValueError, RecursionError) as error:
        raise BadRecord(path, None, "", f"not JSON: {error}") from error
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise BadRecord(path, None, "", f"entry {number} of the array is not a JSON object")
        yield number, row


def checked(kind: type[T], data: dict[str, Any], path: Traversable, number: int) -> T:
    """A row as a model. Raises BadRecord."""
    try:
        return kind.model_validate_json(json.dumps(data))
    except ValidationError as error:
        field, cause = first_fault(error)
        raise BadRecord(Path(str(path)), number, field, cause) from error


def unique(kind: type[T], key: str, rows: Iterable[Row], path: Traversable) -> Iterator[T]:
    """Rows as models, each value of the field `key` once. Raises BadRecord, DuplicateKey."""
    lines: dict[str, int] = {}
    for number, data in rows:
        found = checked(kind, data, path, number)
        name = str(getattr(found, key))
        if lines.setdefault(name, number) != number:
            raise DuplicateKey(Path(str(path)), name, lines[name], number)
        yield found


def whole_number(said: Any) -> int:  # noqa: ANN401 - whatever a file holds
    """A number as files spell it: 1, "1", 1.0. Raises TypeError, ValueError, OverflowError."""
    number = float(said)
    if not number.is_integer():
        raise ValueError(f"{said!r} is no whole number")
    return int(number)


def _parsed(line: bytes) -> Any:  # noqa: ANN401 - whatever a line holds
    return json.loads(line, object_pairs_hook=_once)


def _object(path: Traversable, number: int, line: bytes, parse: Callable[[bytes], Any]) -> dict[str, Any]:
    try:
        data = parse(line)
    except RepeatedKey as error:
        raise BadRecord(Path(str(path)), number, "", str(error)) from error
    except (ValueError, RecursionError) as error:  # a hostile line may be too deep, or a number too long
        raise BadRecord(Path(str(path)), number, "", f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadRecord(Path(str(path)), number, "", "not a JSON object")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand once each: of two values nobody knows which is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise RepeatedKey(f"the key {twice!r} stands twice")
    return found
