"""Every error that Assay raises on purpose, with its exit code.

Who can mend it, and does trying again help?

    AssayError                     70
    ├── ConfigError                64   the user: a setting, a path or a command is wrong
    ├── LedgerError                64   the user: a file of records is not what it claims to be
    │   ├── BadRecord                   a line or file does not parse or breaks its type (file, line, field)
    │   ├── DuplicateKey                two lines claim one key (file, both lines)
    │   ├── ConflictingRecords          two files tell different things under one key (both files)
    │   ├── MissingRecords              a stage needs what another has not written yet
    │   ├── StaleInput                  an input changed after it was used (file, both hashes)
    │   └── StoreLocked                 another process writes this folder; trying later helps
    ├── SourceError                20   the outside: material cannot be fetched; trying again may help
    ├── EngineError                20   the engine: a model cannot be loaded or run
    │   └── PromptsRefused              some requests were refused, all others done
    ├── EndpointError              20   the endpoint of a judge or of a served model
    │   ├── Unavailable                 trying again helps (connection, 408, 409, 429, 5xx)
    │   ├── Rejected                    trying again does not help (no key, no money, no such model, bad request)
    │   └── JudgeError                  a judge's session as a whole
    └── TooFewData                 12   nobody: more items, questions or samples are needed

In: what went wrong, where, and what to do. Out: one sentence each, built here, and an exit code.
Source: the families follow httpx's and verdict's trees ("can a retry help?").
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self

EXIT_SHIP = 0
"""SHIP: the primary measure is not worse than the margin, no task is HOLD, every limit holds, each task that `proves`
is cleared; other open tasks are named."""
EXIT_HOLD = 10
"""HOLD: a loss beyond the margin is shown, over all or in one task, or a limit is broken; what a task under `shown`
scores changes no code."""
EXIT_INCONCLUSIVE = 11
"""INCONCLUSIVE: neither, or a task that `proves` is open; the report says how much more data would settle it."""
EXIT_UNFIT = 12
"""UNFIT: the evidence cannot be used (coverage, failed exam, stale or mixed inputs, a baseline that does not score what
`expect` says), something was found and not compared, or a task was declared and is not there."""
EXIT_INFRASTRUCTURE = 20
"""An engine, the judge's endpoint or a download failed; in `assay judge` also some judgments, for good, or no reply
had a verdict."""
EXIT_USAGE = 64
"""Wrong usage or config."""
EXIT_BUG = 70
"""A bug in Assay."""
EXIT_INTERRUPTED = 130
"""Interrupted; what is finished is kept, the same command goes on from there."""


def first_line(error: BaseException) -> str:
    """What another library raised, on one line: its type, and the first line of what it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:400]


class AssayError(Exception):
    """An error with a sentence for the user: what happened, where, and what to do about it."""

    exit_code: ClassVar[int] = EXIT_BUG

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        place = f"{where}: " if where else ""
        stop = "." if remedy and not what.endswith((".", "?", "!")) else ""
        super().__init__(f"{place}{what}{stop} {remedy}".rstrip())

    def adding(self, more: str) -> Self:
        """The same error with further sentences behind its own."""
        whole = str(self)
        self.args = (f"{whole}{'' if whole.endswith(('.', '?', '!')) else '.'} {more}" if more else whole,)
        return self


class ConfigError(AssayError):
    """A setting, a path or an argument that the user must change."""

    exit_code = EXIT_USAGE


class LedgerError(AssayError):
    """A file of records that is not what it claims to be."""

    exit_code = EXIT_USAGE


class BadRecord(LedgerError):
    """A line that does not parse, or whose field breaks its type; without a line, a whole file."""

    def __init__(self, file: Path, line: int | None, field: str, cause: str) -> None:
        self.file, self.line, self.field, self.cause = file, line, field, cause
        at = f"field {field!r}: " if field else ""
        where, what = (f"{file}, line {line}", "line") if line else (str(file), "file")
        super().__init__(f"{at}{cause}", where=where, remedy=f"Mend or remove that {what}.")


class DuplicateKey(LedgerError):
    """Two records that claim the same key; neither is chosen silently."""

    def __init__(self, file: Path, key: str, first_line: int, second_line: int) -> None:
        self.file, self.key, self.first_line, self.second_line = file, key, first_line, second_line
        super().__init__(
            f"key {key} stands on line {first_line} and again on line {second_line}",
            where=str(file),
            remedy="Remove the wrong one of the two.",
        )


class ConflictingRecords(LedgerError):
    """Two files whose records of the same key differ; neither is chosen silently."""

    def __init__(self, first: Path, second: Path, key: str) -> None:
        self.first, self.second, self.key = first, second, key
        super().__init__(
            f"key {key} has another content in {second}", where=str(first), remedy="Remove the wrong one of the two."
        )


class MissingRecords(LedgerError):
    """A stage needs records that are not there."""

    def __init__(self, file: Path, wanted: str, remedy: str) -> None:
        self.file = file
        super().__init__(f"{wanted} not found", where=str(file), remedy=remedy)


class StaleInput(LedgerError):
    """An input that differs from the one a later record was made from."""

    def __init__(self, name: str, recorded: str, present: str, remedy: str) -> None:
        self.name, self.recorded, self.present = name, recorded, present
        super().__init__(f"changed after it was used: recorded {recorded}, now {present}.", where=name, remedy=remedy)


class UnlikeItem(StaleInput):
    """An item of one name that two models were given differently; `field` is its document or its prompt."""

    def __init__(self, field: str, task: str, item: str, model: str, recorded: str, present: str) -> None:
        self.field, self.task = field, task
        remedy = f"The two models were given different {field}s; make both models' choices again."
        super().__init__(f"{field} of item {task}/{item} of {model}", recorded, present, remedy)


class StoreLocked(LedgerError):
    """Another process holds the write lock of a folder."""

    def __init__(self, lock: Path, owner: str) -> None:
        self.lock, self.owner = lock, owner
        super().__init__(
            f"another process ({owner}) is writing here", where=str(lock), remedy="Wait for it, or stop it first."
        )


class SourceError(AssayError):
    """Material from outside (a package, a data file) that cannot be had."""

    exit_code = EXIT_INFRASTRUCTURE


class EngineError(AssayError):
    """A model that cannot be loaded or run."""

    exit_code = EXIT_INFRASTRUCTURE


class PromptsRefused(EngineError):
    """Requests that an endpoint refused for what they ask; nothing is stored for them, all others were done."""

    @classmethod
    @contextmanager
    def gathered(cls, found: list["PromptsRefused"]) -> Iterator[None]:
        """Goes on where requests were refused; the error is kept for the end."""
        try:
            yield
        except cls as error:
            found.append(error)

    @staticmethod
    def tell(found: list["PromptsRefused"]) -> None:
        """Raise all of them as one, where there are any."""
        if found:
            raise found[0].adding(" ".join(map(str, found[1:])))


class EndpointError(AssayError):
    """The endpoint of a judge or of a served model failed."""

    exit_code = EXIT_INFRASTRUCTURE

    def __init__(self, what: str, *, where: str = "", remedy: str = "", status: int | None = None) -> None:
        self.status = status
        super().__init__(what, where=where, remedy=remedy)


class JudgeError(EndpointError):
    """A judge's session failed."""


class Unavailable(EndpointError):
    """The endpoint did not answer well this time; trying again may help."""

    def __init__(
        self, what: str, *, where: str = "", status: int | None = None, retry_after_seconds: float | None = None
    ) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(what, where=where, status=status)


class Rejected(EndpointError):
    """The endpoint refused, with its whole `complaint`; `stops_all` when every further call would be refused too."""

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        remedy: str = "",
        status: int | None = None,
        stops_all: bool = False,
        complaint: str = "",
    ) -> None:
        self.stops_all, self.complaint = stops_all, complaint
        super().__init__(what, where=where, remedy=remedy, status=status)


class TooFewData(AssayError):
    """A statistic that cannot be computed from so little; the report names it as missing."""

    exit_code = EXIT_UNFIT

    def __init__(self, measure: str, have: int, need: int) -> None:
        self.measure, self.have, self.need = measure, have, need
        super().__init__(f"{measure} needs at least {need}, there are {have}")
