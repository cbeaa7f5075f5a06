"""How a model's token distributions moved on the baseline's own answers: kl_trace, same top token, log-likelihood.

In: two models' traces of the same tokens. Out: a TraceReport with intervals over questions.
Source: arXiv 2407.09141 for per-token log-likelihood differences.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, not_measured
from analysis.statistics.mean_distance import Tail, tail
from analysis.statistics.resampling import Floats, Resamplings
from analysis.token_distributions.token_turns import (
    Sums,
    Traces,
    Turn,
    backward,
    compared_turns,
    endless,
    forward,
    kl_sums,
    position_distance,
    position_mean,
    positions,
    same_records,
    seen_range,
)
from ledger.records import Key

QUANTILES = (0.05, 0.5, 0.95)
CHANGE_BINS = 40
WITHIN = 0.995  # of the changes lie within the histogram's reach; the rest is in its outermost bins
LEAST_REACH = 0.1  # nats


@dataclass(frozen=True)
class TraceReport:
    """One model's traces against the baseline's.

    `logprob_change` is the mean change of the answer tokens' log-probability in nats, `logprob_quantiles` its 5, 50 and
    95 % quantiles over positions, `logprob_counts` the positions in forty equal bins from -`logprob_reach` to
    +`logprob_reach` nats, what lies beyond in the outermost. `diverged` counts the turns where the most likely tokens
    differ somewhere, and `first_divergence` is the median position of the first such place among them. `floored` counts
    positions where the candidate's bucket was lost in rounding. `missing` counts the planned turns that this model
    or the baseline has not traced; `fault` says why there is nothing. `tail` is over positions.
    """

    model: str
    role: str
    kl: Estimate
    tail: Tail | None
    same_top: Estimate
    logprob_change: Estimate
    logprob_quantiles: tuple[float, ...]
    logprob_reach: float
    logprob_counts: tuple[int, ...]
    top_k: int
    positions: int
    turns: int
    missing: int
    diverged: int
    first_divergence: float | None
    floored: int
    fault: Cause | None


def trace_report(
    model: str,
    role: str,
    before: Traces,
    after: Traces,
    draws: Resamplings,
    comparisons: int,
    refusal: Cause | None = None,
    planned: Collection[Key] = (),
) -> tuple[TraceReport, Sums]:
    """All trace measures of one model, and the sum and number of kl_trace values of each question.

    `refusal` is why its manifest says that tracing was refused; `planned` are the turns that should have been traced,
    also those that the baseline itself has not.
    """
    both = compared_turns(before, after, refusal, planned)
    report = trace_summary(model, role, both.turns, draws, comparisons, both.top_k, both.missing, both.fault)
    if report.kl.value is not None and same_records(before, after):
        report = replace(report, kl=replace(report.kl, identical=True))
    return report, kl_sums(both.turns) if report.kl.value is not None else {}


def trace_summary(
    model: str,
    role: str,
    turns: Mapping[Key, Turn],
    draws: Resamplings,
    comparisons: int,
    top_k: int,
    missing: int = 0,
    fault: Cause | None = None,
) -> TraceReport:
    """The measures of turns that were read."""
    fault = fault or (None if turns else Cause(Kind.NOT_TRACED, model))
    everything = list(turns.values())
    changes = np.concatenate([turn.change for turn in everything]) if turns else np.zeros(0)
    firsts = [first for turn in everything if (first := turn.first_difference) is not None]
    known = changes[np.isfinite(changes)]
    reach = max(LEAST_REACH, float(np.quantile(np.abs(known), WITHIN))) if len(known) else LEAST_REACH
    counts = np.histogram(np.clip(changes, -reach, reach), CHANGE_BINS, (-reach, reach))[0]
    estimates = _estimates(turns, draws, comparisons, fault)
    return TraceReport(
        model=model,
        role=role,
        kl=estimates["kl_trace"],
        tail=tail(positions(turns, forward), estimates.get("reverse")) if turns else None,
        same_top=estimates["same_top"],
        logprob_change=estimates["logprob_change"],
        logprob_quantiles=tuple(map(float, np.quantile(known, QUANTILES))) if 0 < len(known) == len(changes) else (),
        logprob_reach=reach,
        logprob_counts=tuple(map(int, counts)),
        top_k=top_k,
        positions=len(changes),
        turns=len(turns),
        missing=missing,
        diverged=len(firsts),
        first_divergence=float(np.median(firsts)) if firsts else None,
        floored=sum(turn.floored for turn in everything),
        fault=fault,
    )


def _estimates(
    turns: Mapping[Key, Turn], draws: Resamplings, comparisons: int, fault: Cause | None
) -> dict[str, Estimate]:
    """Means over positions; the positions of a question, in all its turns and samples, move together."""
    if fault:
        return {name: not_measured(name, "questions", fault) for name in ("kl_trace", "same_top", "logprob_change")}

    changes, change = positions(turns, _change), "logprob_change"
    found = {
        "kl_trace": position_distance("kl_trace", turns, forward, draws, comparisons),
        "same_top": position_mean("same_top", turns, lambda turn: turn.same, (0.0, 1.0), draws, comparisons),
        change: position_mean(change, turns, _change, seen_range(changes), draws, comparisons)
        if np.isfinite(changes).all()
        else not_measured(change, "questions", endless(), len(turns)),
    }
    back = all(turn.reverse is not None for turn in turns.values())
    return found | ({"reverse": position_distance("kl_trace", turns, backward, draws, comparisons)} if back else {})


def _change(turn: Turn) -> Floats:
    return turn.change
