"""kl_vocabulary: how far the whole next-token distribution moved where the options' tokens stand.

In: two models' option tokens. Out: a VocabularyReport with intervals over items.
Source: arXiv 2407.09141 (KL averaged over the answer options' tokens, then over items).

Where every option is one letter after one context, all of them share one position and one distribution; it counts once,
which is the same as once per option. From top-K lists it is a lower bound (trace_measures.py says how, and how zeros
are handled); exact where K is the vocabulary. K is told.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, not_measured
from analysis.statistics.mean_distance import mean_distance
from analysis.statistics.resampling import Floats, Resamplings
from analysis.token_distributions.trace_measures import Traces, kl_lower_bound, same_records
from ledger.records import Key
from ledger.store import key_text

WHOLE_MASS = 1e-4  # what float32 leaves of one where all tokens are listed


@dataclass(frozen=True)
class VocabularyReport:
    """One model's option tokens against the baseline's: all tasks pooled, and each task.

    `exact` is true where the lists hold the whole vocabulary; else the values are lower bounds from the `top_k` most
    likely tokens. `missing` counts the planned items that this model or the baseline lacks, `fault` says why there is
    nothing.
    """

    model: str
    role: str
    kl: Estimate
    tasks: tuple[tuple[str, Estimate], ...]
    top_k: int
    exact: bool
    items: int
    missing: int
    fault: Cause | None


def vocabulary_report(
    model: str,
    role: str,
    before: Traces,
    after: Traces,
    draws: Resamplings,
    comparisons: int,
    refusal: Cause | None = None,
    planned: Collection[Key] = (),
) -> tuple[VocabularyReport, Mapping[Key, float]]:
    """kl_vocabulary of one model, also item by item; keys are task, item and option.

    `refusal` is its manifest's; `planned` are the items, by task and item, that should have option tokens.
    """
    shared = sorted(before.keys() & after.keys())
    unlike = [key for key in shared if not np.array_equal(before[key].tokens, after[key].tokens)]
    fault = refusal or (None if shared else Cause(Kind.NO_OPTION_TOKENS, model))
    if unlike:
        fault = Cause(Kind.OTHER_OPTION_TOKENS, key_text(unlike[0]))
    per_item = {} if fault else item_kl(before, after)
    if endless := [item for item, value in per_item.items() if not math.isfinite(value)]:
        fault, per_item = Cause(Kind.INFINITE_LOGPROB, key_text(endless[0]), names={"what": "options"}), {}
    first = before[shared[0]] if shared else None
    listed = float(np.exp(first.top_logprobs[0].astype(np.float64)).sum()) if first is not None else 0.0
    report = vocabulary_summary(
        model,
        role,
        per_item,
        draws,
        comparisons,
        top_k=min((before[key].top_tokens.shape[1] for key in shared), default=0),
        exact=abs(1 - listed) < WHOLE_MASS and first is not None and _complete(first.top_tokens[0]),
        missing=len(({key[:2] for key in before} | set(planned)) - {key[:2] for key in shared}),
        fault=fault,
    )
    if report.kl.value is not None and same_records(before, after):
        report = replace(report, kl=replace(report.kl, identical=True))
    return report, per_item


def vocabulary_summary(
    model: str,
    role: str,
    per_item: Mapping[Key, float],
    draws: Resamplings,
    comparisons: int,
    *,
    top_k: int,
    exact: bool,
    missing: int = 0,
    fault: Cause | None = None,
) -> VocabularyReport:
    """The report of items whose KL is known."""
    tasks = sorted({str(item[0]) for item in per_item})
    return VocabularyReport(
        model=model,
        role=role,
        kl=_mean(list(per_item.values()), draws, comparisons, fault),
        tasks=tuple((task, _mean([v for k, v in per_item.items() if k[0] == task], draws, 1, fault)) for task in tasks),
        top_k=top_k,
        exact=exact,
        items=len(per_item),
        missing=missing,
        fault=fault,
    )


def item_kl(before: Traces, after: Traces) -> Mapping[Key, float]:
    """Mean KL over the tokens of the options of each item that both have, nats; the tokens must be the same."""
    sums: dict[Key, list[float]] = {}
    for key, value in _position_kl(before, after, sorted(before.keys() & after.keys())):
        sums.setdefault(key[:2], []).extend(value.tolist())
    return {item: float(np.mean(values)) for item, values in sums.items()}


def _position_kl(before: Traces, after: Traces, shared: list[Key]) -> Iterator[tuple[Key, Floats]]:
    for key in shared:
        yield key, kl_lower_bound(before[key], after[key])[0]


def _complete(tokens: NDArray[np.int32]) -> bool:
    """Whether a list names every token from 0 to its own length: the whole vocabulary."""
    return bool(int(tokens.max()) < len(tokens))


def _mean(values: list[float], draws: Resamplings, comparisons: int, fault: Cause | None) -> Estimate:
    if fault:
        return not_measured("kl_vocabulary", "items", fault)
    return mean_distance("kl_vocabulary", np.array(values), draws, comparisons)
