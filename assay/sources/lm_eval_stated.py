"""What a results file states of a task, held against the task's own samples.

In: a Log, and what its lines add up to. Out: what contradicts: a score that no line has, a value that is no number
where the lines have numbers, another mean.
"""

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from assay.sources.lm_eval_filters import filters_told, stated_scores
from assay.sources.lm_eval_layouts import Log
from assay.sources.lm_eval_results import part
from assay.sources.lm_eval_samples import FIELDS

MOST_APART = 0.0005
"""Between a mean as a results file rounds it, and as samples give it."""


@dataclass
class ScoreTotal:
    """The values of one metric under one filter; `others` counts those that are no number."""

    numbers: int = 0
    total: float = 0.0
    others: int = 0

    def count(self, value: Any) -> None:  # noqa: ANN401 - whatever a log holds
        """Take a value as it stands in a line; lists and texts are computed at the end of a run."""
        if isinstance(value, int | float) and not math.isnan(value):
            self.numbers += 1
            self.total += value
        else:
            self.others += 1

    @property
    def mean(self) -> float | None:
        """The mean; None where some value is no number."""
        return self.total / self.numbers if self.numbers and not self.others else None


ScoreTotals = Mapping[str, ScoreTotal]
"""By METRIC,FILTER, as results files name scores."""


def score_names(line: dict[str, Any]) -> tuple[str, ...]:
    """The metrics that a line has values of."""
    named = line.get("metrics")
    return _names(tuple(line), tuple(map(str, named)) if isinstance(named, list) else None)


@lru_cache
def _names(fields: tuple[str, ...], named: tuple[str, ...] | None) -> tuple[str, ...]:
    scores = (name for name in fields if name not in FIELDS and not name.endswith("_hash"))
    return tuple(name for name in scores if named is None or name in named)


def lost_scores(log: Log, found: ScoreTotals) -> Iterator[str]:
    """Scores and filters of the run that no line has: a file was cut between two filters, say."""
    yield from (f"its results file has {key}, and no line has it" for key in stated_scores(log) if key not in found)
    there = {key.rpartition(",")[2] for key in (*found, *stated_scores(log))}
    yield from (
        f"its task has the filter {name}, and no line is of it" for name in filters_told(log) if name not in there
    )


def unlike_scores(log: Log, found: ScoreTotals, means: Collection[str]) -> Iterator[str]:
    """Values that are not those of the samples; `means` are scores that are means unless the run says otherwise."""
    for key, stated in stated_scores(log).items():
        mean = found[key].mean if key in found else None
        if mean is None:
            continue
        held = key in means and is_mean(log, key.rpartition(",")[0])
        yield from unlike_mean(f"its results file says {key}", stated, mean, held=held)


def unlike_mean(says: str, stated: Any, mean: float, *, held: bool) -> Iterator[str]:  # noqa: ANN401 - whatever a log holds
    """A value that is no number, or not the samples' mean where it is to be `held` against that."""
    if not isinstance(stated, int | float) or math.isnan(stated):
        yield f"{says} {json.dumps(stated)}, its samples give {mean:.4f}"
    elif held and abs(stated - mean) > MOST_APART:
        yield f"{says} {stated:.4f}, its samples give {mean:.4f}"


def is_mean(log: Log, metric: str) -> bool:
    """Whether the results file's number of a metric is a mean over documents, as far as it tells."""
    told = {name: each.get("aggregation", "mean") for name, each in metrics_told(log)}
    return bool(told.get(metric, "mean") == "mean")


def more_told(log: Log) -> dict[str, bool]:
    """Of which metrics more is better, and of which less: as a run's summary says, or else the task's config."""
    configured: Iterable[tuple[str, Any]] = ((name, each.get("higher_is_better")) for name, each in metrics_told(log))
    summary = part(part(log.results, "higher_is_better"), log.task)
    return {name: told for name, told in (*configured, *summary.items()) if isinstance(told, bool)}


def metrics_told(log: Log) -> list[tuple[str, dict[str, Any]]]:
    """The metrics of a task's config, with what it says of each."""
    listed = part(part(log.results, "configs"), log.task).get("metric_list") or ()
    return [(str(each.get("metric")), each) for each in listed if isinstance(each, dict)]
