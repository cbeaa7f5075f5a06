"""The rows of a table as records: solutions where they have scores, choices where they have option log-probabilities.

In: a TableOffer and a model's name. Out: the lines of both kinds; what of the table is not among them.

What a table does not say is decided here, once:
- A missing score is a finding, never a zero; a row with any other fault is refused with all of its faults.
- A pick that is empty is a text from which nothing could be extracted.
- The right option makes an item's document: another one is another item. The options' lengths are not known, so that
  acc_norm is acc.
- A pick or a score that contradicts the option log-probabilities is a fault: right and wrong would mean two things. A
  score that contradicts a written pick and the right answer is a finding: the scorer may have had its reasons.
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from assay.sources.imported_records import Import
from assay.sources.table_cells import CellReader, Cells
from assay.sources.table_offers import TableOffer
from assay.sources.table_values import missing
from ledger.digests import digest_of
from ledger.errors import ConfigError, DuplicateKey
from ledger.origins import LeftOut
from ledger.progress import Progress, Report
from ledger.records import Choice
from ledger.solutions import Score, Solution
from ledger.store import key_text, record_line

TELL_EVERY = 50_000
ONE_ALONE = "name one of the two alone: --columns score=none, or options=none"


class TableRecords:
    """One table, read once for each kind of record that it may have."""

    def __init__(self, model: str, offer: TableOffer, report: Report) -> None:
        self._model, self.offer, self._report = model, offer, report
        self._cells = CellReader(offer)
        self._kinds: Counter[str] = Counter()
        self._tasks: set[str] = set()
        self._rows: Counter[str] = Counter()
        self._unscored: dict[tuple[str, str], dict[str, None]] = {}
        self._endings: Counter[tuple[str, str]] = Counter()
        self._beside: Counter[tuple[str, str]] = Counter()
        self._contrary: dict[tuple[str, str], dict[str, None]] = {}
        self._largest = 0.0

    @property
    def reading(self) -> dict[str, Any]:
        """The file by its hash, its columns, their scale, the name of its task."""
        offer = self.offer
        told: dict[str, Any] = {"files": {offer.origin.file: offer.origin.digest}, "columns": offer.columns.told}
        told |= {"scale": offer.reading.scale}
        return told if "task" in offer.columns.one else told | {"task_name": offer.reading.task}

    @property
    def parts_read(self) -> set[str]:
        """The tasks of the table."""
        return self.offer.tasks

    @property
    def facts(self) -> dict[str, Any]:
        """A table tells nothing of how it was made."""
        return {}

    @property
    def left_out(self) -> list[LeftOut]:
        """Scores that are missing, ways of ending that we do not know, grades beside option log-probabilities."""
        found = []
        for (task, column), items in sorted(self._unscored.items()):
            cause = f"no {column} on {len(items)} items of {self._rows[task]} rows of {task}"
            found.append(LeftOut(kind="items", name=task, group=task, cause=cause, items=tuple(items)))
        for (task, column), items in sorted(self._contrary.items()):
            cause = (
                f"{column} contradicts pick and right answer on {len(items)} items of {self._rows[task]} rows of {task}"
            )
            found.append(LeftOut(kind="items", name=task, group=task, cause=cause, items=tuple(items)))
        for (task, word), rows in sorted(self._endings.items()):
            cause = f"{rows} rows ended by {word!r}, which tells nothing of the text"
            found.append(LeftOut(kind="other", name=task, group=task, cause=cause))
        for (task, column), rows in sorted(self._beside.items()):
            cause = f"{rows} rows of {task} count by their option log-probabilities"
            found.append(LeftOut(kind="score", name=column, group=task, cause=cause))
        return found

    def choices(self) -> Iterator[str]:
        """The rows that have option log-probabilities."""
        if self.offer.columns.options:
            yield from self._read("choices")

    def solutions(self) -> Iterator[str]:
        """The rows that have none, and scores."""
        if self.offer.columns.scores:
            yield from self._read("solutions")

    def brought(self) -> Import:
        """What was read."""
        return Import(tuple(sorted(self._tasks)), self._kinds["choices"], self._kinds["solutions"])

    def _read(self, kind: str) -> Iterator[str]:
        """The records of one kind, as lines. Raises BadRecord, DuplicateKey, ConfigError."""
        table, work = self.offer.table, f"{self._model}: {self.offer.table.path.name}"
        seen: dict[str, int] = {}
        for number, cells in table.rows(self._cells.names):
            picks = self._cells.picks(cells)
            if picks == (kind == "solutions"):
                continue
            faults: list[str] = []
            record = self._choice(cells, faults) if picks else self._solution(cells, faults)
            if faults:
                table.refuse(number, "; ".join(faults))
            if record is not None:
                self._refuse_again(record, number, seen)
                self._kinds[kind] += 1
                yield record_line(record)
                if self._kinds[kind] % TELL_EVERY == 0:
                    self._report(Progress(work, self._kinds[kind], self._kinds[kind] + 1))
        if kind == "solutions":
            self._refuse_nothing()
        if made := self._kinds[kind]:
            told = ", ".join(f"{what} = {name}" for what, name in self.offer.columns.told.items())
            self._report(Progress(work, made, made, f"{kind} from {told}"))

    def _refuse_nothing(self) -> None:
        """Stop, before a file is replaced, where nothing was read, or where the scale is wrong. Raises ConfigError."""
        where, scale = str(self.offer.table.path), self.offer.reading.scale
        if not self._kinds:
            raise ConfigError("no row has a score", where=where, remedy="Name its column: --columns score=NAME.")
        if scale > 1 and self._kinds["solutions"] and self._largest * scale <= 1:
            raise ConfigError(f"no score is above 1, and a full one is {scale:g}", where=where, remedy="Drop --scale.")

    def _refuse_again(self, record: Choice | Solution, number: int, seen: dict[str, int]) -> None:
        """Stop at a second row of one key. Raises DuplicateKey."""
        key = key_text(record.key[1:])
        first = seen.setdefault(key, number)
        if first != number:
            repeats = isinstance(record, Solution) and "repeat" not in self.offer.columns.one
            advice = " (where these are repeats, name their column: --columns repeat=NAME)" if repeats else ""
            raise DuplicateKey(self.offer.table.path, key + advice, first, number)

    def _solution(self, cells: Cells, faults: list[str]) -> Solution | None:
        """A row as a solution; None where its task was not chosen, or no score is there."""
        read = self._cells
        named, repeat, told = read.named(cells, faults), read.repeat(cells, faults), read.numbers(cells, faults)
        scores = read.scores(cells, faults)
        if faults or (task := named["task"]) not in self.offer.tasks:
            return None
        self._rows[task] += 1
        found, extracted = [], read.extracted(cells)
        for name, value in scores:
            if value is None:
                self._unscored.setdefault((task, name), {})[key_text((task, named["item"]))] = None
            else:
                found.append(Score(metric=name, value=value, extracted=extracted))
                if read.contradiction(cells, value):
                    self._contrary.setdefault((task, name), {})[key_text((task, named["item"]))] = None
                self._largest = max(self._largest, value)
        if not found:
            return None
        self._tasks.add(task)
        if word := read.unknown_ending(cells):
            self._endings[task, word] += 1
        gold = read.cell(cells, "gold")
        document = "" if missing(gold) else digest_of([task, named["item"], str(gold)])
        told |= read.text(cells) | {"prompt_digest": read.prompt_digest(cells)}
        return Solution(**named, **told, model=self._model, repeat=repeat, item_digest=document, scores=tuple(found))

    def _choice(self, cells: Cells, faults: list[str]) -> Choice | None:
        """A row as a choice; None where its task was not chosen."""
        read = self._cells
        named, values = read.named(cells, faults), read.options(cells, faults) or []
        gold = read.option(cells, "gold", len(values), faults)
        picked = read.option(cells, "pick", len(values), faults)
        if gold is None and not faults:
            faults.append(f"column {self.offer.columns.one['gold']!r} is empty")
        if faults or gold is None or (task := named["task"]) not in self.offer.tasks:
            return None
        first = values.index(max(values))
        if picked is not None and values[picked] != values[first]:
            faults.append(f"the pick is option {picked}, and the option scores give {first}")
        for name, value in read.scores(cells, faults):
            if value is not None and 0 < value < 1:
                self._beside[task, name] += 1
            elif value not in (None, float(first == gold)):
                faults.append(f"column {name!r} says {value:g}, and the option scores give the contrary; {ONE_ALONE}")
        if faults:
            return None
        self._tasks.add(task)
        return Choice(
            **named,
            model=self._model,
            item_digest=digest_of([task, named["item"], len(values), gold]),
            prompt_digest=read.prompt_digest(cells),
            logprobs=tuple(None if value == -math.inf else value for value in values),
            characters=(1,) * len(values),
            tokens=(),
            gold=gold,
            picked=first,
            picked_norm=first,
        )
