"""Solution records, read one at a time into arrays.

In: Solution records, in any order. Out: SolutionColumns.
"""

from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.benchmarks.solutions import SolutionColumns, SolvedTask, TextState
from ledger.digests import digest_of
from ledger.records import Finish
from ledger.solutions import Solution, scoring_name


def solution_columns(solutions: Iterable[Solution]) -> SolutionColumns:
    """The columns of records in any order; each is let go once it is read."""
    drafts: dict[str, _Draft] = {}
    for each in solutions:
        if each.task not in drafts:
            drafts[each.task] = _Draft()
        drafts[each.task].add(each)
    return SolutionColumns({name: drafts.pop(name).task(name) for name in sorted(drafts)})


def mark(digest: str) -> int:
    """The first 16 digits of a hash as a number: as good for telling two apart, and a tenth of the memory; 0 for none.

    What is no hexadecimal hash is hashed.
    """
    try:
        return int(digest[:16] or "0", 16)
    except ValueError:
        return int(digest_of(digest)[:16], 16)


class _Draft:
    """The records of one task, column by column, until all are read."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.subjects: list[str] = []
        self.documents, self.prompts = array("Q"), array("Q")
        self.rows, self.repeats = array("q"), array("q")
        self.scorings: dict[tuple[str, str], tuple[array[int], array[float], array[int]]] = {}
        self.readings, self.texts, self.characters = array("b"), array("Q"), array("q")
        self.temperatures, self.model = set[float | None](), ""

    def add(self, each: Solution) -> None:
        """Take one record; what it says of its item counts once."""
        row, self.model = len(self.rows), each.model
        code = self.codes.setdefault(each.item, len(self.codes))
        if code == len(self.subjects):
            self.subjects.append(each.subject)
            self.documents.append(mark(each.item_digest))
            self.prompts.append(mark(each.prompt_digest))
        self.rows.append(code)
        self.repeats.append(each.repeat)
        for score in each.scores:
            name = (score.metric, score.filter)
            if name not in self.scorings:
                self.scorings[name] = (array("q"), array("d"), array("b"))
            rows, values, unparsed = self.scorings[name]
            rows.append(row)
            values.append(score.value)
            unparsed.append(score.extracted == "")
        self.readings.append(_reading(each))
        self.texts.append(mark(each.written) if each.text is None or each.text.strip() else 0)
        self.characters.append(len(each.text or ""))
        self.temperatures.add(each.temperature)

    def task(self, name: str) -> SolvedTask:
        """All that was taken, as arrays."""
        items = np.array([*self.codes], dtype=object)
        order = np.argsort(items, kind="stable")
        place = np.empty(len(items), dtype=np.int64)
        place[order] = np.arange(len(items))
        held, codes = np.unique(np.array(self.repeats), return_inverse=True)
        at, size = (place[np.array(self.rows)], codes), (len(items), len(held))
        scores = np.full((len(self.scorings), *size), np.nan)
        unparsed = np.zeros(scores.shape, dtype=bool)
        for number, (rows, values, missed) in enumerate(self.scorings.values()):
            cells = tuple(each[np.array(rows)] for each in at)
            scores[number][cells], unparsed[number][cells] = values, missed

        def spread(values: "array[int]", dtype: type) -> NDArray[Any]:
            filled: NDArray[Any] = np.zeros(size, dtype=dtype)
            filled[at] = values
            return filled

        return SolvedTask(
            model=self.model,
            task=name,
            items=items[order],
            subjects=np.array(self.subjects, dtype=object)[order],
            documents=np.array(self.documents, dtype=np.uint64)[order],
            prompts=np.array(self.prompts, dtype=np.uint64)[order],
            scorings=tuple(scoring_name(*each) for each in self.scorings),
            scores=scores,
            unparsed=unparsed,
            readings=spread(self.readings, np.int8),
            texts=spread(self.texts, np.uint64),
            characters=spread(self.characters, np.int64),
            numbers=tuple(held.tolist()),
            temperatures=frozenset(self.temperatures),
        )


def _reading(each: Solution) -> TextState:
    if each.finish in (Finish.LENGTH, Finish.OVERFLOW):
        return TextState.CUT
    if each.finish is Finish.EMPTY or (each.text is not None and not each.text.strip()):
        return TextState.THOUGHTS_ONLY if each.thinking else TextState.EMPTY
    return TextState.READ if each.finish else TextState.NOT_TOLD
