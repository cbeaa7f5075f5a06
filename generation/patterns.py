"""Patterns of the user's own, searched in what models write: a search has an end, whatever both are.

In: a pattern. Out: it compiled, by a library that can end a search; an error that names the item where one is ended.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from ledger.checked_items import CheckedItem
from ledger.errors import ConfigError

if TYPE_CHECKING:
    import regex

SEARCH_SECONDS = 10.0  # a usual search takes some microseconds


@lru_cache(maxsize=256)
def compiled(pattern: str) -> "regex.Pattern[str]":
    """A pattern. Raises ConfigError."""
    import regex

    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise ConfigError(f"is no pattern: {error}", where=f"checker regex, {pattern!r}") from error


@contextmanager
def ending(item: CheckedItem) -> Iterator[None]:
    """What has no end in reasonable time becomes an error that names it. Raises ConfigError."""
    where = f"task {item.task}, item {item.id}"
    try:
        yield
    except TimeoutError as error:
        what = f"the search of {item.pattern or 'its json_schema'!r} was not done after {SEARCH_SECONDS:g} s"
        raise ConfigError(what, where=where, remedy="Write its pattern without nested repetitions.") from error
    except RecursionError as error:
        raise ConfigError("its json_schema has no end: it points to itself", where=where) from error
