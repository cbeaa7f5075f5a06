"""How a model's token distributions moved on the baseline's own answers: kl_trace, same top token, log-likelihood.

In: two models' traces of the same tokens. Out: a TraceReport with intervals over questions.
Source: arXiv 2407.09141 for per-token log-likelihood differences.

KL is taken over the tokens that both lists hold, the answer's own token, and one bucket for all else. Coarse-graining
never raises KL, so it is a lower bound of the KL over the whole vocabulary; K stands beside it. Zeros: a bucket without
baseline mass adds nothing. The candidate's bucket is what its list leaves of one, known to some 1e-7 only; ROUNDING is
added to it, so that the bound stays one also where that mass is lost in rounding. Such positions are counted.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, estimate_or_missing, not_measured
from analysis.statistics.intervals import cluster_mean
from analysis.statistics.resampling import Floats, Resamplings
from ledger.records import Key
from ledger.store import key_text
from ledger.traces import TraceArrays

ROUNDING = 1e-6  # float32 log-probabilities sum to one within less than this
QUANTILES = (0.05, 0.5, 0.95)
CHANGE_BINS = 40
WITHIN = 0.995  # of the changes lie within the histogram's reach; the rest is in its outermost bins
LEAST_REACH = 0.1  # nats
CHUNK = 4096

Traces = Mapping[Key, TraceArrays]
Sums = dict[Key, tuple[float, float]]


@dataclass(frozen=True)
class TraceReport:
    """One model's traces against the baseline's.

    `logprob_change` is the mean change of the answer tokens' log-probability in nats, `logprob_quantiles` its 5, 50 and
    95 % quantiles over positions, `logprob_counts` the positions in forty equal bins from -`logprob_reach` to
    +`logprob_reach` nats, what lies beyond in the outermost. `diverged` counts the turns where the most likely tokens
    differ somewhere, and `first_divergence` is the median position of the first such place among them. `floored` counts
    positions where the candidate's bucket was lost in rounding. `missing` counts the planned turns that this model
    or the baseline has not traced; `fault` says why there is nothing.
    """

    model: str
    role: str
    kl: Estimate
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


@dataclass(frozen=True)
class Turn:
    """One turn's positions: KL (nats), whether the top tokens agree, change of log-probability; each (positions,)."""

    kl: Floats
    same: NDArray[np.bool_]
    change: Floats
    floored: int

    @property
    def first_difference(self) -> int | None:
        """The first position, from 0, where the most likely tokens differ."""
        differ = np.flatnonzero(~self.same)
        return int(differ[0]) if len(differ) else None


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
    shared = shared_turns(before, after)
    unlike = [key for key in shared if not np.array_equal(before[key].tokens, after[key].tokens)]
    fault = Cause(Kind.OTHER_TRACED_TOKENS, key_text(unlike[0])) if unlike else refusal
    turns = {} if fault else traced_turns(before, after)
    if endless := [key for key, turn in turns.items() if not np.isfinite([turn.kl, turn.change]).all()]:
        fault, turns = Cause(Kind.INFINITE_LOGPROB, key_text(endless[0]), names={"what": "traces"}), {}
    top_k = min((before[key].top_tokens.shape[1] for key in shared), default=0)
    missing = len((before.keys() | set(planned)) - set(shared))
    report = trace_summary(model, role, turns, draws, comparisons, top_k, missing, fault)
    if report.kl.value is not None and same_records(before, after):
        report = replace(report, kl=replace(report.kl, identical=True))
    return report, {question: (row[0], row[3]) for question, row in _by_question(turns).items()}


def same_records(before: Traces, after: Traces) -> bool:
    """Whether both hold the same traces, byte for byte; none are not the same."""
    if not before or before.keys() != after.keys():
        return False
    names = [field.name for field in fields(TraceArrays)]
    return all(
        np.array_equal(getattr(before[key], name), getattr(after[key], name)) for key in before for name in names
    )


def shared_turns(before: Traces, after: Traces) -> list[Key]:
    """The turns with at least one token that both models traced, in their order."""
    return sorted(key for key in before.keys() & after.keys() if len(before[key].tokens))


def traced_turns(before: Traces, after: Traces) -> dict[Key, Turn]:
    """Every turn that both traced, position by position; the tokens must be the same."""
    return {key: _turn(before[key], after[key]) for key in shared_turns(before, after)}


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
    reach = max(LEAST_REACH, float(np.quantile(np.abs(changes), WITHIN))) if len(changes) else LEAST_REACH
    counts = np.histogram(np.clip(changes, -reach, reach), CHANGE_BINS, (-reach, reach))[0]
    estimates = _estimates(turns, changes, draws, comparisons, fault)
    return TraceReport(
        model=model,
        role=role,
        kl=estimates[0],
        same_top=estimates[1],
        logprob_change=estimates[2],
        logprob_quantiles=tuple(map(float, np.quantile(changes, QUANTILES))) if len(changes) else (),
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


def kl_lower_bound(before: TraceArrays, after: TraceArrays) -> tuple[Floats, int]:
    """KL(baseline ‖ candidate) at each position, nats, (positions,); and how often the bucket was lost.

    Exact where both lists hold the whole vocabulary.
    """
    parts = [
        _chunk(before.part(start, CHUNK), after.part(start, CHUNK)) for start in range(0, len(before.tokens), CHUNK)
    ]
    return np.concatenate([kl for kl, _ in parts]), sum(count for _, count in parts)


def _turn(before: TraceArrays, after: TraceArrays) -> Turn:
    kl, floored = kl_lower_bound(before, after)
    change = after.logprobs.astype(np.float64) - before.logprobs
    return Turn(kl, before.top_tokens[:, 0] == after.top_tokens[:, 0], change, floored)


def _chunk(before: TraceArrays, after: TraceArrays) -> tuple[Floats, int]:
    found, place = _matches(before.top_tokens, after.top_tokens)  # (positions, K)
    old = before.top_logprobs.astype(np.float64)
    new = np.take_along_axis(after.top_logprobs.astype(np.float64), place, axis=1)
    # The answer's own token is an event too.
    own = ~(found & (before.top_tokens == before.tokens[:, np.newaxis])).any(axis=1)
    old = np.column_stack([old, before.logprobs])
    new = np.column_stack([new, after.logprobs])
    held = np.column_stack([found, own])
    p, q = np.where(held, np.exp(old), 0), np.where(held, np.exp(new), 0)
    gap = np.where(held & (p > 0), old - new, 0)
    rest_p, rest_q = np.maximum(1 - p.sum(axis=1), 0), 1 - q.sum(axis=1)
    some = rest_p > ROUNDING
    low = some & (rest_q < ROUNDING)
    rest_q = np.maximum(rest_q, 0) + ROUNDING
    tail = np.where(some, rest_p * np.log(np.where(some, rest_p, 1) / rest_q), 0)
    return np.maximum((p * gap).sum(axis=1) + tail, 0), int(low.sum())


def _matches(first: NDArray[np.int32], second: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which tokens of each row of `first` stand in the same row of `second`, and where; both (positions, K)."""
    order = np.argsort(second, axis=1, kind="stable")
    ranked = np.take_along_axis(second, order, axis=1)
    width = second.shape[1]
    offsets = (np.arange(len(first), dtype=np.int64) << 32)[:, np.newaxis]
    flat = (ranked + offsets).ravel()
    at = np.searchsorted(flat, (first + offsets).ravel()).reshape(first.shape)
    inside = np.minimum(at, len(flat) - 1)
    found = flat[inside] == first + offsets
    column = np.where(found, inside - (np.arange(len(first)) * width)[:, np.newaxis], 0)
    return found, np.take_along_axis(order, column, axis=1)


def _by_question(turns: Mapping[Key, Turn]) -> dict[Key, Floats]:
    """Sums of KL, agreement and change, and the number of positions, of each question."""
    sums: dict[Key, Floats] = {}
    for key, turn in turns.items():
        row = np.array([turn.kl.sum(), turn.same.sum(), turn.change.sum(), len(turn.change)])
        sums[key[:2]] = sums.get(key[:2], np.zeros(4)) + row
    return sums


def _estimates(
    turns: Mapping[Key, Turn], changes: Floats, draws: Resamplings, comparisons: int, fault: Cause | None
) -> tuple[Estimate, ...]:
    """Means over positions; the positions of a question, in all its turns and samples, move together.

    A change of log-probability has no range of its own: the extremes that were seen stand in for one, if they differ.
    """
    names = ("kl_trace", "same_top", "logprob_change")
    if fault:
        return tuple(not_measured(name, "questions", fault) for name in names)
    sums = _by_question(turns)
    table = np.array([sums[question] for question in sorted(sums)])
    seen = (float(changes.min()), float(changes.max())) if np.ptp(changes) else (-math.inf, math.inf)
    ranges = ((0.0, math.inf), (0.0, 1.0), seen)

    def estimate(column: int) -> Estimate:
        name, drawn = names[column], draws.of(len(table))
        values = (table[:, column], table[:, 3], drawn, ranges[column], comparisons)
        return estimate_or_missing(name, "questions", lambda: cluster_mean(name, "questions", *values))

    return tuple(map(estimate, range(len(names))))
