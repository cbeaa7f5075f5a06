"""What a table offers, before its records are read: tasks, columns, and what is passed over.

In: a file, what the user said of its columns, and what was chosen beforehand. Out: a TableOffer.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.sources.lm_eval_folders import EVERYTHING, Chosen
from assay.sources.table_columns import Columns, columns_of
from assay.sources.table_values import log_probabilities, missing
from assay.sources.tables import PlainTable, table_of
from ledger.digests import file_digest
from ledger.errors import ConfigError
from ledger.origins import LeftOut, Origin

TASK = "table"
"""The task of a table without a column for it."""


@dataclass(frozen=True)
class TableReading:
    """How a table is read, as the user says it: columns by what they are, the scores' scale, and its task's name.

    A name of the task is for a table that has no column of them.
    """

    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scale: float = 1.0
    task: str = ""


AS_FOUND = TableReading()


@dataclass(frozen=True)
class TableOffer:
    """One table: its columns, the tasks to read and all others, and what is passed over."""

    table: PlainTable
    columns: Columns
    reading: TableReading
    origin: Origin
    tasks: set[str]
    left_out: tuple[LeftOut, ...]

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The file, whose model nothing tells."""
        return (self.origin,)

    @property
    def names(self) -> frozenset[str]:
        """Every name that the user may say."""
        return frozenset(self.tasks | {each.name for each in self.left_out})

    @property
    def parts(self) -> Mapping[str, str]:
        """The columns that are named among what is passed over are no tasks."""
        return {each.name: "it is a column" for each in self.left_out if each.kind != "task"}


def table_offer(path: Path, reading: TableReading = AS_FOUND, chosen: Chosen = EVERYTHING) -> TableOffer:
    """What a table offers. Raises ConfigError, BadRecord."""
    if not 0 < reading.scale < math.inf:
        raise ConfigError(f"{reading.scale:g} is no scale", where="--scale", remedy="Say what a full score is: 100.")
    table = table_of(path)
    columns = _with_real_options(table, columns_of(table.columns, reading.said, str(path)), reading)
    if reading.task and "task" in columns.one:
        what = f"the column {columns.one['task']!r} names the tasks already"
        raise ConfigError(what, where="--task-name", remedy="Leave it out, or the column: --columns task=none.")
    tasks = _tasks(table, columns, reading)
    declared = ((task, chosen.declared(task)) for task in sorted(tasks))
    passed = [
        *(
            LeftOut(kind="task", name=name, group=name, cause="was not chosen", declared=by)
            for name, by in declared
            if by
        ),
        *columns.left_out,
    ]
    read = tasks - {each.name for each in passed if each.kind == "task"}
    return TableOffer(table, columns, reading, Origin(file=path.name, digest=file_digest(path)), read, tuple(passed))


def _with_real_options(table: PlainTable, columns: Columns, reading: TableReading) -> Columns:
    """Without a column that is only called like option scores: it may as well hold the options' texts."""
    if not columns.options or reading.said.get("options"):
        return columns
    for _, cells in table.rows(columns.options):
        if not all(map(missing, cells)):
            try:
                log_probabilities(list(cells))
            except ValueError:
                return _without_options(table, columns)
            return columns
    return _without_options(table, columns)


def _without_options(table: PlainTable, columns: Columns) -> Columns:
    if not columns.scores:
        what = f"the column {columns.options[0]!r} has no log-probabilities, and no column is called like a score"
        raise ConfigError(what, where=str(table.path), remedy="Name it: --columns score=NAME, or options=NAME.")
    return replace(columns, options=(), unread=(*columns.unread, *columns.options))


def _tasks(table: PlainTable, columns: Columns, reading: TableReading) -> set[str]:
    """The tasks that a table has; a row without one is told when it is read."""
    if "task" not in columns.one:
        return {reading.task or TASK}
    found = {str(cell).strip() for _, (cell,) in table.rows([columns.one["task"]]) if not missing(cell)}
    if not found:
        raise ConfigError("no row names a task", where=str(table.path))
    return found
