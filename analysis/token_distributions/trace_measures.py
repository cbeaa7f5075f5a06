"""How a model's token distributions moved on the baseline's own answers: kl_trace, same top token, log-likelihood.

In: two models' traces of the same tokens. Out: a TraceReport with intervals over questions.
Source: arXiv 2407.09141 for per-token log-likelihood differences.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, estimate_or_missing, not_measured
from analysis.statistics.intervals import cluster_mean
from analysis.statistics.mean_bounds import Range
from analysis.statistics.mean_distance import Tail, capped, tail, without_infinite
from analysis.statistics.resampling import Floats, Resamplings
from analysis.token_distributions.position_kl import kl_lower_bound
from ledger.records import Key
from ledger.store import key_text
from ledger.traces import TraceArrays

QUANTILES = (0.05, 0.5, 0.95)
CHANGE_BINS = 40
WITHIN = 0.995  # of the changes lie within the histogram's reach; the rest is in its outermost bins
LEAST_REACH = 0.1  # nats

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


@dataclass(frozen=True)
class Turn:
    """One turn's positions: KL (nats), whether the top tokens agree, change of log-probability; each (positions,).

    `reverse` is KL the other way, None where it was not kept.
    """

    kl: Floats
    same: NDArray[np.bool_]
    change: Floats
    floored: int
    reverse: Floats | None = None

    @property
    def readable(self) -> bool:
        """Whether the baseline gave its own tokens a chance, and nothing is no number; KL itself may be infinite."""
        return not (np.isnan(self.kl).any() or np.isnan(self.change).any() or np.isposinf(self.change).any())

    @property
    def first_difference(self) -> int | None:
        """The first position, from 0, where the most likely tokens differ."""
        differ = np.flatnonzero(~self.same)
        return int(differ[0]) if len(differ) else None


Read = Callable[[Turn], NDArray[Any]]
"""What is read of a turn, position by position."""


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
    if endless := [key for key, turn in turns.items() if not turn.readable]:
        fault, turns = Cause(Kind.INFINITE_LOGPROB, key_text(endless[0]), names={"what": "traces"}), {}
    top_k = min((before[key].top_tokens.shape[1] for key in shared), default=0)
    missing = len((before.keys() | set(planned)) - set(shared))
    report = trace_summary(model, role, turns, draws, comparisons, top_k, missing, fault)
    if report.kl.value is not None and same_records(before, after):
        report = replace(report, kl=replace(report.kl, identical=True))
    known = turns if report.kl.value is not None else {}
    return report, {question: (row[0], row[1]) for question, row in _by_question(known, [_forward]).items()}


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
    known = changes[np.isfinite(changes)]
    reach = max(LEAST_REACH, float(np.quantile(np.abs(known), WITHIN))) if len(known) else LEAST_REACH
    counts = np.histogram(np.clip(changes, -reach, reach), CHANGE_BINS, (-reach, reach))[0]
    estimates = _estimates(turns, draws, comparisons, fault)
    return TraceReport(
        model=model,
        role=role,
        kl=estimates["kl_trace"],
        tail=tail(_positions(turns, _forward), estimates.get("reverse")) if turns else None,
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


def _turn(before: TraceArrays, after: TraceArrays) -> Turn:
    found = kl_lower_bound(before, after)
    change = after.logprobs.astype(np.float64) - before.logprobs
    return Turn(found.kl, before.top_tokens[:, 0] == after.top_tokens[:, 0], change, found.floored, found.reverse)


def _positions(turns: Mapping[Key, Turn], read: Read) -> Floats:
    """One thing of all turns, position by position."""
    return np.concatenate([np.asarray(read(turn), dtype=np.float64) for turn in turns.values()])


def _by_question(turns: Mapping[Key, Turn], reads: Sequence[Read]) -> dict[Key, Floats]:
    """The sum of each thing over the positions of a question, and last their number."""
    sums: dict[Key, Floats] = {}
    for key, turn in turns.items():
        row = np.array([*(read(turn).sum() for read in reads), len(turn.change)], dtype=np.float64)
        sums[key[:2]] = sums.get(key[:2], np.zeros(len(row))) + row
    return sums


def _estimates(
    turns: Mapping[Key, Turn], draws: Resamplings, comparisons: int, fault: Cause | None
) -> dict[str, Estimate]:
    """Means over positions; the positions of a question, in all its turns and samples, move together.

    A change of log-probability has no range of its own: the extremes that were seen stand in for one, if they differ.
    """
    if fault:
        return {name: not_measured(name, "questions", fault) for name in ("kl_trace", "same_top", "logprob_change")}

    def estimate(name: str, read: Read, ends: Range) -> Estimate:
        sums = _by_question(turns, [read])
        table = np.array([sums[question] for question in sorted(sums)])
        values = (table[:, 0], table[:, 1], draws.of(len(table)), ends, comparisons)
        return estimate_or_missing(name, "questions", lambda: cluster_mean(name, "questions", *values))

    def distance(read: Read) -> Estimate:
        each = _positions(turns, read)
        most = float(capped(each).max())
        found = estimate("kl_trace", lambda turn: np.minimum(read(turn), most), (0.0, math.inf))
        return without_infinite(found, each, "tokens")

    changes, change = _positions(turns, _change), "logprob_change"
    seen = (float(changes.min()), float(changes.max())) if np.ptp(changes) else (-math.inf, math.inf)
    endless = Cause(Kind.INFINITE_LOGPROB, names={"what": "traces"})
    found = {
        "kl_trace": distance(_forward),
        "same_top": estimate("same_top", lambda turn: turn.same, (0.0, 1.0)),
        change: estimate(change, _change, seen)
        if np.isfinite(changes).all()
        else not_measured(change, "questions", endless, len(turns)),
    }
    back = all(turn.reverse is not None for turn in turns.values())
    return found | ({"reverse": distance(_backward)} if back else {})


def _forward(turn: Turn) -> Floats:
    return turn.kl


def _backward(turn: Turn) -> Floats:
    return np.zeros(0) if turn.reverse is None else turn.reverse


def _change(turn: Turn) -> Floats:
    return turn.change
