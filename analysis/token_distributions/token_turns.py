"""Turns that two models traced: what each position says of the pair, and means over positions.

In: two models' traces of the same tokens. Out: Turns; Estimates over questions.
The positions of a question, in all its turns and samples, move together.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, estimate_or_missing
from analysis.statistics.intervals import cluster_mean
from analysis.statistics.mean_bounds import Range
from analysis.statistics.mean_distance import capped, without_infinite
from analysis.statistics.resampling import Floats, Resamplings
from analysis.token_distributions.position_kl import kl_lower_bound
from ledger.records import Key
from ledger.store import key_text
from ledger.traces import TraceArrays

Traces = Mapping[Key, TraceArrays]
Sums = dict[Key, tuple[float, float]]


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

    def part(self, begin: int, end: int | None) -> "Turn":
        """Some of its positions; what was counted over all of them stays."""
        back = None if self.reverse is None else self.reverse[begin:end]
        return Turn(self.kl[begin:end], self.same[begin:end], self.change[begin:end], self.floored, back)

    @property
    def first_difference(self) -> int | None:
        """The first position, from 0, where the most likely tokens differ."""
        differ = np.flatnonzero(~self.same)
        return int(differ[0]) if len(differ) else None


Read = Callable[[Turn], NDArray[Any]]
"""What is read of a turn, position by position."""


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


def _turn(before: TraceArrays, after: TraceArrays) -> Turn:
    found = kl_lower_bound(before, after)
    change = after.logprobs.astype(np.float64) - before.logprobs
    return Turn(found.kl, before.top_tokens[:, 0] == after.top_tokens[:, 0], change, found.floored, found.reverse)


@dataclass(frozen=True)
class SharedTurns:
    """The turns that both sides traced, and why there are none (`fault`); `missing` counts those that one lacks."""

    turns: Mapping[Key, Turn]
    fault: Cause | None
    top_k: int
    missing: int


def compared_turns(
    before: Traces, after: Traces, refusal: Cause | None = None, planned: Collection[Key] = ()
) -> SharedTurns:
    """Both sides' traces, turn by turn; other tokens or a log-probability that is no number are a fault of all."""
    shared = shared_turns(before, after)
    unlike = [key for key in shared if not np.array_equal(before[key].tokens, after[key].tokens)]
    fault = Cause(Kind.OTHER_TRACED_TOKENS, key_text(unlike[0])) if unlike else refusal
    turns = {} if fault else traced_turns(before, after)
    if endless := [key for key, turn in turns.items() if not turn.readable]:
        fault, turns = Cause(Kind.INFINITE_LOGPROB, key_text(endless[0]), names={"what": "traces"}), {}
    top_k = min((before[key].top_tokens.shape[1] for key in shared), default=0)
    return SharedTurns(turns, fault, top_k, len((before.keys() | set(planned)) - set(shared)))


def forward(turn: Turn) -> Floats:
    """KL as it was asked for."""
    return turn.kl


def backward(turn: Turn) -> Floats:
    """KL the other way."""
    return np.zeros(0) if turn.reverse is None else turn.reverse


def positions(turns: Mapping[Key, Turn], read: Read) -> Floats:
    """One thing of all turns, position by position."""
    return np.concatenate([np.asarray(read(turn), dtype=np.float64) for turn in turns.values()])


def by_question(turns: Mapping[Key, Turn], reads: Sequence[Read]) -> dict[Key, Floats]:
    """The sum of each thing over the positions of a question, and last their number."""
    sums: dict[Key, Floats] = {}
    for key, turn in turns.items():
        row = np.array([*(read(turn).sum() for read in reads), len(turn.change)], dtype=np.float64)
        sums[key[:2]] = sums.get(key[:2], np.zeros(len(row))) + row
    return sums


def kl_sums(turns: Mapping[Key, Turn]) -> Sums:
    """The sum and number of the KLs of each question."""
    return {question: (row[0], row[1]) for question, row in by_question(turns, [forward]).items()}


def seen_range(values: Floats) -> Range:
    """The extremes that were seen, if they differ: they stand in for the range of what has none of its own."""
    return (float(values.min()), float(values.max())) if len(values) and np.ptp(values) else (-math.inf, math.inf)


def endless() -> Cause:
    """Why there is no mean: a log-probability is not finite."""
    return Cause(Kind.INFINITE_LOGPROB, names={"what": "traces"})


def position_mean(
    name: str, turns: Mapping[Key, Turn], read: Read, ends: Range, draws: Resamplings, comparisons: int
) -> Estimate:
    """The mean over positions."""
    sums = by_question(turns, [read])
    table = np.array([sums[question] for question in sorted(sums)])
    values = (table[:, 0], table[:, 1], draws.of(len(table)), ends, comparisons)
    return estimate_or_missing(name, "questions", lambda: cluster_mean(name, "questions", *values))


def position_distance(
    name: str, turns: Mapping[Key, Turn], read: Read, draws: Resamplings, comparisons: int
) -> Estimate:
    """The mean of a KL over positions; where one is infinite, a lower bound alone."""
    each = positions(turns, read)
    most = float(capped(each).max())
    found = position_mean(name, turns, lambda turn: np.minimum(read(turn), most), (0.0, math.inf), draws, comparisons)
    return without_infinite(found, each, "tokens")
