"""Logs of lm-evaluation-harness as choices: what people measured already, without running a model again.

In: a Log. Out: Choice records, and what of the log is not among them. A log that is not its run's own, by the run's
hash over all samples, is refused.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Literal

from assay.sources.lm_eval_layouts import Log
from assay.sources.lm_eval_runs import RunSamples
from assay.sources.lm_eval_samples import NoFlips, SampleReader
from ledger.errors import ConfigError
from ledger.first_prompts import FirstPrompt
from ledger.origins import LeftOut
from ledger.records import Choice
from ledger.store import key_text

WITHOUT = "{what} on {few} of {all} items of {task}"
MEANS = ("acc", "acc_norm")
"""Metrics whose number in a results file is a mean over documents."""


class LogReader:
    """One log, read once; `left_out` is complete when `records` has come to its end."""

    def __init__(self, log: Log, model: str, chosen_filter: str = "") -> None:
        self._log, self._model, self._filter = log, model, chosen_filter
        self._reader, self.samples = SampleReader(log, model), RunSamples(log)
        self.left_out: list[LeftOut] = []

    @property
    def first_prompt(self) -> FirstPrompt | None:
        """The beginning of the first prompt, once it has been read."""
        return self._reader.first_prompt

    def records(self) -> Iterator[Choice]:
        """One choice per document, in file order; what is wrong with the log as a whole is said after the last.

        Raises BadRecord, DuplicateKey, NoFlips, ConfigError.
        """
        log, wanted = self._log, self._filter
        without: dict[str, list[str]] = {}
        other_filters: set[str] = set()
        for number, line in self.samples.lines():
            name = str(line["filter"])
            wanted = wanted or name
            if name != wanted:
                self._refuse_second_filter(wanted, name, number)
                other_filters.add(name)
                continue
            self.samples.note(str(line["doc_id"]), number)
            choice = self._reader.choice(line, number)
            if isinstance(choice, str):
                without.setdefault(choice, []).append(key_text((log.group, log.item(line))))
            else:
                yield choice
        if not self.samples.documents:
            what = f"has no line of the filter {self._filter!r}" if other_filters else "is empty"
            raise NoFlips(log, what, 1)
        self.left_out += self.samples.missing()
        held = len(self.samples.documents)
        for what, items in without.items():
            self._leave_out("items", WITHOUT.format(what=what, few=len(items), all=held, task=log.task), items)
        means = {f"{name},{wanted}" for name in MEANS}
        self.left_out += self.samples.contradicted(means, whole=not self.left_out)
        self._name_others(other_filters)

    def _name_others(self, filters: set[str]) -> None:
        """What else the log holds: lines of other filters, by the user's word, and scores that we cannot compute."""
        log = self._log
        for name in sorted(filters):
            cause, by = f"lines of the filter {name!r} were not chosen", "--filter"
            each = LeftOut(kind="lines", name=log.task, group=log.group, cause=cause, declared=by)
            self.left_out.append(each)
        for score, values in sorted(self._reader.uncompared.items()):
            known = [value for value in values if value is not None]
            lost = sum(map(math.isnan, known))
            mean = f"mean {sum(known) / len(known):.4g}" if known and not lost else "no mean"
            cause = f"{mean} of {len(values)} items" + (f", NaN on {lost}" if lost else "")
            self.left_out.append(LeftOut(kind="score", name=f"{score} of {log.task}", group=log.group, cause=cause))

    def _refuse_second_filter(self, wanted: str, name: str, number: int) -> None:
        if not self._filter:
            where, remedy = f"{self._log.path}, line {number}", "Choose one: --filter."
            raise ConfigError(f"has the filters {wanted!r} and {name!r}", where=where, remedy=remedy)

    def _leave_out(self, kind: Literal["lines", "items"], cause: str, items: Iterable[str] = ()) -> None:
        log = self._log
        self.left_out.append(LeftOut(kind=kind, name=log.task, group=log.group, cause=cause, items=tuple(items)))
