"""Several runs of one task, each taken as a repeat: they may differ in seed and day alone.

In: logs of one task, and their records as they are read. Out: the same logs, numbered by their stamps; runs that differ
in more are refused. Seeds are not told: a results file has those of the harness, not those of the engine.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from assay.sources.lm_eval_layouts import Log
from ledger.errors import ConfigError
from ledger.records import Choice
from ledger.solutions import Solution

ONE_RUN = "Take one of them: --latest, or name its file."
FREE = ("model_args",)  # held against each other as identities, where seeds and speed do not count


def numbered(runs: Sequence[Log]) -> list[Log]:
    """The runs of one task in the order of their stamps, each with its number. Raises ConfigError."""
    first, *others = sorted(runs, key=lambda log: log.stamp)
    if others and (picks := next((log for log in runs if not log.generates), None)):
        what = f"{first.task} picks among options, and its runs are no repeats"
        raise ConfigError(what, where=str(picks.path), remedy=ONE_RUN)
    for log in others:
        for name in sorted(first.facts.keys() | log.facts.keys()):
            told = [each.facts.get(name, "not told") for each in (first, log)]
            if name not in FREE and told[0] != told[1]:
                what = f"two runs of {log.task} are not alike: {name} {told[0]} in {first.path.name}, {told[1]} here"
                raise ConfigError(what, where=str(log.path), remedy=ONE_RUN)
    return [replace(log, repeat=number) for number, log in enumerate([first, *others])]


class RepeatedRuns:
    """The documents and prompts of tasks that have several runs, held against the first run's."""

    def __init__(self, logs: Sequence[Log]) -> None:
        self._runs = Counter(log.task for log in logs)
        self._shown: dict[tuple[str, str], tuple[str, str]] = {}

    def hold(self, log: Log, record: Choice | Solution) -> None:
        """Stop where a run shows an item otherwise than an earlier one. Raises ConfigError."""
        if self._runs[log.task] < 2:
            return
        shown = (record.item_digest, record.prompt_digest)
        before = self._shown.setdefault((log.task, record.item), shown)
        if before != shown:
            what = "document" if before[0] != shown[0] else "prompt"
            cause = f"item {record.item} of {log.task} has another {what} than in an earlier run"
            raise ConfigError(cause, where=str(log.path), remedy=ONE_RUN)
