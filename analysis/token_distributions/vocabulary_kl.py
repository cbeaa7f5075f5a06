"""kl_vocabulary: how far the whole next-token distribution moved where the options' tokens stand.

In: two models' option tokens. Out: a VocabularyReport with intervals over items.
Source: arXiv 2407.09141 (KL averaged over the answer options' tokens, then over items).

Where every option is one letter after one context, all of them share one position and one distribution; it counts once,
which is the same as once per option. From top-K lists it is a lower bound (trace_measures.py says how, and how zeros
are handled); exact where K is the vocabulary. K is told.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, not_measured
from analysis.statistics.mean_distance import Tail, mean_distance, tail
from analysis.statistics.resampling import Resamplings
from analysis.token_distributions.position_kl import PositionKl, kl_lower_bound
from analysis.token_distributions.token_turns import Traces, same_records
from ledger.records import Key
from ledger.store import key_text

WHOLE_MASS = 1e-4  # what float32 leaves of one where all tokens are listed


@dataclass(frozen=True)
class VocabularyReport:
    """One model's option tokens against the baseline's: all tasks pooled, and each task.

    `exact` is true where the lists hold the whole vocabulary; else the values are lower bounds from the `top_k` most
    likely tokens. `items` and `missing`, the planned ones that this model or the baseline lacks, are those of the pool;
    `fault` says why there is nothing. `tail` is over items.
    """

    model: str
    role: str
    kl: Estimate
    tail: Tail | None
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
    alone: Collection[str] = (),
) -> tuple[VocabularyReport, Mapping[Key, float]]:
    """kl_vocabulary of one model, also item by item; keys are task, item and option.

    `refusal` is its manifest's; `planned` are the items, by task and item, that should have option tokens. The tasks
    that stand `alone` are in no pool.
    """
    shared = sorted(before.keys() & after.keys())
    unlike = [key for key in shared if not np.array_equal(before[key].tokens, after[key].tokens)]
    fault = refusal or (None if shared else Cause(Kind.NO_OPTION_TOKENS, model))
    if unlike:
        fault = Cause(Kind.OTHER_OPTION_TOKENS, key_text(unlike[0]))
    per_item, reverse = ({}, {}) if fault else item_kl(before, after)
    if endless := [item for item, value in per_item.items() if math.isnan(value)]:
        fault, per_item, reverse = Cause(Kind.INFINITE_LOGPROB, key_text(endless[0]), names={"what": "options"}), {}, {}
    first = before[shared[0]] if shared else None
    listed = float(np.exp(first.top_logprobs[0].astype(np.float64)).sum()) if first is not None else 0.0
    report = vocabulary_summary(
        model,
        role,
        per_item,
        draws,
        comparisons,
        reverse=reverse,
        top_k=min((before[key].top_tokens.shape[1] for key in shared), default=0),
        exact=abs(1 - listed) < WHOLE_MASS and first is not None and _complete(first.top_tokens[0]),
        missing=len(_pooled({key[:2] for key in before} | set(planned), alone) - {key[:2] for key in shared}),
        fault=fault,
        alone=alone,
    )
    if report.kl.value is not None and same_records(before, after):
        report = replace(report, kl=replace(report.kl, identical=True))
    return report, per_item if report.kl.value is not None else {}


def vocabulary_summary(
    model: str,
    role: str,
    per_item: Mapping[Key, float],
    draws: Resamplings,
    comparisons: int,
    *,
    top_k: int,
    exact: bool,
    reverse: Mapping[Key, float] = MappingProxyType({}),
    missing: int = 0,
    fault: Cause | None = None,
    alone: Collection[str] = (),
) -> VocabularyReport:
    """The report of items whose KL is known."""
    pooled, opposite = ([v for k, v in side.items() if k[0] not in alone] for side in (per_item, reverse))
    tasks = sorted({str(item[0]) for item in per_item})
    back = _mean(opposite, draws, comparisons, None) if reverse else None
    return VocabularyReport(
        model=model,
        role=role,
        kl=_mean(pooled, draws, comparisons, fault),
        tail=tail(np.array(pooled), back) if per_item else None,
        tasks=tuple((task, _mean([v for k, v in per_item.items() if k[0] == task], draws, 1, fault)) for task in tasks),
        top_k=top_k,
        exact=exact,
        items=len(pooled),
        missing=missing,
        fault=fault,
    )


def item_kl(before: Traces, after: Traces) -> tuple[Mapping[Key, float], Mapping[Key, float]]:
    """Mean KL over the tokens of the options of each item that both have, nats, and the other way.

    The tokens must be the same.
    """
    sums: dict[Key, list[PositionKl]] = {}
    for key in sorted(before.keys() & after.keys()):
        sums.setdefault(key[:2], []).append(kl_lower_bound(before[key], after[key]))
    kl = {item: float(np.mean(np.concatenate([each.kl for each in found]))) for item, found in sums.items()}
    return kl, {item: float(np.mean(np.concatenate([each.reverse for each in found]))) for item, found in sums.items()}


def _pooled(items: Collection[Key], alone: Collection[str]) -> set[Key]:
    """The items that decide: what is shown alone fills no gap among them."""
    return {item for item in items if item[0] not in alone}


def _complete(tokens: NDArray[np.int32]) -> bool:
    """Whether a list names every token from 0 to its own length: the whole vocabulary."""
    return bool(int(tokens.max()) < len(tokens))


def _mean(values: list[float], draws: Resamplings, comparisons: int, fault: Cause | None) -> Estimate:
    if fault:
        return not_measured("kl_vocabulary", "items", fault)
    return mean_distance("kl_vocabulary", np.array(values), draws, comparisons)
