"""What the header of an Inspect log states of its scores, held against its samples.

In: a log, and its samples as drafts. Out: what contradicts: a scorer that no sample has, a value that is no number
where the samples have numbers, another mean.
Source: inspect_ai's EvalResults: accuracy and mean are taken over samples, of each sample's mean over its epochs.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from assay.sources.inspect_logs import InspectLog
from assay.sources.inspect_samples import Draft
from assay.sources.lm_eval_results import part
from assay.sources.lm_eval_stated import unlike_mean

MEANS = ("accuracy", "mean")
MEAN_OF_EPOCHS = (None, "mean")


def contradictions(log: InspectLog, drafts: Sequence[Draft], *, whole: bool) -> Iterator[str]:
    """All of them; a mean is that of a log whose samples are all there."""
    names = {name for draft in drafts for name in draft.values}
    scorers = {_bare(name) for name in names} | {_bare(name.partition(".")[0]) for name in names}
    for stated in part(dict(log.header), "results").get("scores") or ():
        name = str(stated.get("name"))
        scorer = str(stated.get("scorer") or name)
        metric = scorer if name == scorer else f"{scorer}.{name}"
        if _bare(scorer) not in scorers or (metric not in names and metric != scorer and scorer not in names):
            yield f"its header has results by {metric}, and no sample has a score by it"
        elif whole and metric in names and _reduced_by_mean(log, stated):
            yield from _unlike_means(metric, part(stated, "metrics"), _mean(metric, drafts))


def _bare(scorer: str) -> str:
    """A scorer's name without the package that brings it."""
    return scorer.rpartition("/")[2]


def _reduced_by_mean(log: InspectLog, stated: dict[str, Any]) -> bool:
    """Whether a sample's epochs count by their mean; of one epoch every reducer makes the same but those that count."""
    configured = part(log.run, "config").get("epochs_reducer") or ["mean"]
    return stated.get("reducer") in MEAN_OF_EPOCHS and configured == ["mean"]


def _mean(metric: str, drafts: Sequence[Draft]) -> float | None:
    """Over samples, of each one's mean over its epochs; None where some value is no number."""
    held = defaultdict[str, list[float]](list)
    for draft in drafts:
        if metric in draft.values:
            held[draft.fields["item"]].append(draft.values[metric])
    means = [sum(values) / len(values) for values in held.values()]
    mean = sum(means) / len(means)
    return None if math.isnan(mean) else mean


def _unlike_means(metric: str, stated: dict[str, Any], mean: float | None) -> Iterator[str]:
    """Those that are not the samples'; one with parameters of its own may be computed otherwise."""
    if mean is None:
        return
    for name in (each for each in MEANS if each in stated):
        told = part(stated, name)
        plain = not (told.get("params") or told.get("options"))
        yield from unlike_mean(f"its header says {name} of {metric}", told.get("value"), mean, held=plain)
