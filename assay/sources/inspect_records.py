"""Logs of Inspect AI as solutions: every scorer a metric, every epoch a repeat.

In: an InspectOffer and a model's name. Out: the lines of its solutions; errors, unscored and missing samples, and
scores that do not run from 0 to 1, by name.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from assay.sources.imported_records import Import
from assay.sources.inspect_logs import InspectLog, InspectOffer
from assay.sources.inspect_results import contradictions
from assay.sources.inspect_samples import Draft, draft_of
from assay.sources.lm_eval_results import part
from ledger.errors import BadRecord, ConfigError
from ledger.facts import NOT_TOLD, ModelFacts
from ledger.origins import LeftOut
from ledger.progress import Progress, Report
from ledger.solutions import Score, Solution, more_is_better
from ledger.store import key_text, record_line

FINISHED = "success"


class InspectRecords:
    """The logs of an offer, one after the other."""

    def __init__(self, model: str, offer: InspectOffer, report: Report) -> None:
        self._model, self.offer, self._report = model, offer, report
        self._made: dict[str, int] = {}
        self.left_out: list[LeftOut] = []

    @property
    def reading(self) -> dict[str, Any]:
        """There is one way to read them."""
        return {}

    @property
    def parts_read(self) -> set[str]:
        """The tasks of the logs, and what is called after them."""
        return self.offer.tasks

    @property
    def facts(self) -> dict[str, Any]:
        """The version of Inspect AI, what parts of datasets were run, and what made documents and prompts, by task."""
        told = {
            log.task: {"inspect_version": part(log.run, "packages").get("inspect_ai"), "limit": log.limit}
            for log in self.offer.logs
        }
        names = sorted({name for facts in told.values() for name, value in facts.items() if value is not None})
        found = {name: {task: str(facts.get(name) or NOT_TOLD) for task, facts in told.items()} for name in names}
        return found | ModelFacts(prompts={log.task: log.made_by for log in self.offer.logs}).noted()

    def choices(self) -> Iterator[str]:
        """None: what picks among options writes its pick, and is a solution."""
        yield from ()

    def solutions(self) -> Iterator[str]:
        """Every answer that has a score. Raises BadRecord, ConfigError."""
        for log in self.offer.logs:
            yield from self._read(log)
        if not self._made:
            causes = "; ".join(f"{each.name}: {each.cause}" for each in self.left_out if each.kind in ("task", "score"))
            what = "no sample of these logs has a score from 0 to 1"
            raise ConfigError(f"{what} ({causes})" if causes else what, where=str(self.offer.logs[0].path))

    def brought(self) -> Import:
        """What was read."""
        return Import(tuple(sorted(self._made)), 0, sum(self._made.values()))

    def _read(self, log: InspectLog) -> Iterator[str]:
        """One log's solutions: all samples are looked at first, since a metric counts as a whole."""
        drafts: dict[tuple[str, int], Draft] = {}
        for sample in log.samples():
            draft = draft_of(sample, log)
            key = (draft.fields["item"], draft.fields["repeat"])
            if key in drafts:
                raise BadRecord(log.path, None, "samples", f"sample {key[0]}, epoch {key[1] + 1} is there twice")
            drafts[key] = draft
        found = list(drafts.values())
        metrics = self._metrics(log, found)
        before = len(self.left_out)
        self._name_gaps(log, found, metrics)
        whole = not any(each.kind == "lines" for each in self.left_out[before:])
        for cause in contradictions(log, found, whole=whole):
            self._leave_out("lines", log, cause)
        made = 0
        for draft in found:
            scores = [
                Score(metric=name, value=value, extracted=draft.extracted[name])
                for name, value in draft.values.items()
                if name in metrics and not math.isnan(value)
            ]
            if scores and not draft.error:
                made += 1
                yield record_line(Solution(model=self._model, **draft.fields, scores=tuple(scores)))
        if made:
            self._made[log.task] = made
        self._report(Progress(f"{self._model}: {log.task}", made, made, "imported"))

    def _metrics(self, log: InspectLog, drafts: Sequence[Draft]) -> set[str]:
        """The metrics that run from 0 to 1, better where more; the others are listed."""
        names = sorted({name for draft in drafts for name in draft.values})
        less, kept = [name for name in names if not more_is_better(name)], set[str]()
        for name in names:
            values = [draft.values[name] for draft in drafts if name in draft.values]
            known = [value for value in values if not math.isnan(value)]
            outside = sum(not 0 <= value <= 1 for value in known)
            if known and not outside and name not in less:
                kept.add(name)
                continue
            mean = f"mean {sum(known) / len(known):.4g}" if known else "no mean"
            cause = f"{mean} of {len(values)} samples"
            cause += f", outside 0 to 1 on {outside} of {len(values)} of them" if outside and name not in less else ""
            self.left_out.append(LeftOut(kind="score", name=f"{name} of {log.task}", group=log.task, cause=cause))
        if not kept:
            only_less = names and less == names
            what = (
                f"of all its scores less is better: {', '.join(less)}" if only_less else "it has no score from 0 to 1"
            )
            self._leave_out("task", log, what)
        return kept

    def _name_gaps(self, log: InspectLog, drafts: Sequence[Draft], metrics: set[str]) -> None:
        """What of a run is not there: its end, samples, answers, scores."""
        status, expected, held = str(log.header.get("status")), log.expected, len(drafts)
        if status != FINISHED:
            self._leave_out("lines", log, f"the run of {log.task} did not end well: {status}")
        if log.header.get("invalidated"):
            self._leave_out("lines", log, f"the log of {log.task} says of itself that it is invalidated")
        if expected is not None and held < expected:
            self._leave_out("lines", log, f"{expected - held} of {expected} samples of {log.task} are missing")
        if failed := [draft for draft in drafts if draft.error]:
            cause = f"{len(failed)} of {held} samples of {log.task} have no answer: {failed[0].error[:100]}"
            self._leave_out("items", log, cause, failed)
        whole = [draft for draft in drafts if not draft.error]
        for metric in sorted(metrics):
            if without := [draft for draft in whole if math.isnan(draft.values.get(metric, math.nan))]:
                cause = f"no score by {metric} on {len(without)} of {held} samples of {log.task}"
                self._leave_out("items", log, cause, without)

    def _leave_out(
        self, kind: Literal["lines", "items", "task"], log: InspectLog, cause: str, drafts: Sequence[Draft] = ()
    ) -> None:
        items = tuple(dict.fromkeys(key_text((log.task, draft.fields["item"])) for draft in drafts))
        self.left_out.append(LeftOut(kind=kind, name=log.task, group=log.task, cause=cause, items=items))
