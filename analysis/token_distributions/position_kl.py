"""KL between two models at every position of the same tokens, from their lists of the K most likely tokens.

In: two models' traces of one text. Out: nats, position by position, both ways.
Source: arXiv 2407.09141 (the whole vocabulary, where both lists hold it).

KL is taken over the tokens that both lists hold, the answer's own token, and one bucket for all else. Coarse-graining
never raises KL, so it is a lower bound of the KL over the whole vocabulary; K stands beside it. Zeros: a bucket without
baseline mass adds nothing. The candidate's bucket is what its list leaves of one, known to some 1e-7 only; ROUNDING is
added to it, so that the bound stays one also where that mass is lost in rounding. Such positions are counted. The
other way round the same holds with the two sides exchanged.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.resampling import Floats
from ledger.traces import TraceArrays

ROUNDING = 1e-6  # float32 log-probabilities sum to one within less than this
CHUNK = 4096


class PositionKl(NamedTuple):
    """KL(baseline ‖ candidate) of each position, nats, (positions,); how often its bucket was lost; KL back."""

    kl: Floats
    floored: int
    reverse: Floats


def kl_lower_bound(before: TraceArrays, after: TraceArrays) -> PositionKl:
    """KL both ways, position by position; exact where both lists hold the whole vocabulary."""
    parts = [
        _chunk(before.part(start, CHUNK), after.part(start, CHUNK)) for start in range(0, len(before.tokens), CHUNK)
    ]
    kl, floored, reverse = zip(*parts, strict=True)
    return PositionKl(np.concatenate(kl), sum(floored), np.concatenate(reverse))


def _chunk(before: TraceArrays, after: TraceArrays) -> PositionKl:
    found, place = _matches(before.top_tokens, after.top_tokens)  # (positions, K)
    old = before.top_logprobs.astype(np.float64)
    new = np.take_along_axis(after.top_logprobs.astype(np.float64), place, axis=1)
    # The answer's own token is an event too.
    own = ~(found & (before.top_tokens == before.tokens[:, np.newaxis])).any(axis=1)
    old = np.column_stack([old, before.logprobs])
    new = np.column_stack([new, after.logprobs])
    held = np.column_stack([found, own])
    kl, floored = _of_events(old, new, held)
    return PositionKl(kl, floored, _of_events(new, old, held)[0])


def _of_events(old: Floats, new: Floats, held: NDArray[np.bool_]) -> tuple[Floats, int]:
    """KL(old ‖ new) over the events that are held and one bucket for all else; both are (positions, events), nats."""
    p, q = np.where(held, np.exp(old), 0), np.where(held, np.exp(new), 0)
    gap = np.where(p > 0, old, 0) - np.where(p > 0, new, 0)
    rest_p, rest_q = np.maximum(1 - p.sum(axis=1), 0), 1 - q.sum(axis=1)
    some = rest_p > ROUNDING
    low = some & (rest_q < ROUNDING)
    rest_q = np.maximum(rest_q, 0) + ROUNDING
    bucket = np.where(some, rest_p * np.log(np.where(some, rest_p, 1) / rest_q), 0)
    return np.maximum((p * gap).sum(axis=1) + bucket, 0), int(low.sum())


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
