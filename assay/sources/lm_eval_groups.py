"""A group's own score in a results file, held against the samples of its tasks.

In: logs that were read to their end, and what their scores add up to. Out: what contradicts, as the lines of a group.
A group is weighted by the documents of its tasks, or is the plain mean of them: a score that is neither is not theirs.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.sources.lm_eval_filters import is_score
from assay.sources.lm_eval_layouts import Log
from assay.sources.lm_eval_results import groups_of, part
from assay.sources.lm_eval_runs import RunSamples
from assay.sources.lm_eval_stated import MOST_APART, is_mean
from ledger.origins import LeftOut

Leaf = tuple[Log, RunSamples]


class GroupScores:
    """The tasks that were read, run by run."""

    def __init__(self) -> None:
        self._runs = defaultdict[tuple[Path, str], dict[str, Leaf]](dict)

    def take(self, log: Log, samples: RunSamples) -> None:
        """Take a log that was read whole."""
        self._runs[log.path.parent, log.stamp][log.task] = (log, samples)

    def contradictions(self) -> Iterator[LeftOut]:
        """Scores of groups whose tasks were all read, and that no mean of theirs gives."""
        for leaves in self._runs.values():
            results = next(iter(leaves.values()))[0].results
            for name, held in part(results, "group_subtasks").items():
                below = [*_leaves(name, results)]
                if not held or not below or not {*below} <= leaves.keys():
                    continue
                read = [leaves[task] for task in below]
                for key, stated in _scores(name, results).items():
                    if (cause := _contradiction(key, stated, read)) is not None:
                        group = groups_of(name, results)[0]
                        yield LeftOut(kind="lines", name=name, group=group, cause=cause)


def _leaves(name: str, results: dict[str, Any]) -> Iterator[str]:
    """The tasks below a group, each once, however deep; a circle ends where it began."""
    listed, found, waiting = part(results, "group_subtasks"), dict[str, None](), [name]
    while waiting:
        place = waiting.pop()
        children = [str(child) for child in listed.get(place) or ()]
        if not children and place not in found:
            yield place
        waiting += [child for child in children if child not in found]
        found[place] = None


def _scores(name: str, results: dict[str, Any]) -> dict[str, Any]:
    stated = {**part(part(results, "groups"), name), **part(part(results, "results"), name)}
    return {key: value for key, value in stated.items() if is_score(key)}


def _contradiction(key: str, stated: Any, leaves: list[Leaf]) -> str | None:  # noqa: ANN401 - whatever a file holds
    """Why a group's score is not that of its tasks; None where it is, or where their own cannot be known."""
    if not isinstance(stated, int | float):
        return None
    if not any(key in samples.scores for _, samples in leaves):
        return f"its results file says {key} {stated:.4f}, and none of its tasks has it"
    means = [(_mean(log, samples, key), len(samples.documents)) for log, samples in leaves]
    values = [(mean, documents) for mean, documents in means if mean is not None]
    if not values:
        return None
    size = sum(documents for _, documents in values)
    weighted = sum(mean * documents for mean, documents in values) / size
    plain = sum(mean for mean, _ in values) / len(values)
    if min(abs(stated - weighted), abs(stated - plain)) <= MOST_APART:
        return None
    return f"its results file says {key} {stated:.4f}, its tasks give {weighted:.4f} by size and {plain:.4f} plainly"


def _mean(log: Log, samples: RunSamples, key: str) -> float | None:
    """A task's own score: the mean of its samples, or what is stated where it is computed from all of them at once."""
    told = part(part(log.results, "results"), log.task).get(key)
    held = samples.scores.get(key)
    if held is not None and held.mean is not None and is_mean(log, key.rpartition(",")[0]):
        return held.mean
    return float(told) if isinstance(told, int | float) else None
