"""Distances between two models' option probabilities, and how sure a model was of its pick.

In: log-probabilities of options, (items, options), nats, -inf where an item has fewer options. Out: one number an item.
Source: arXiv 2407.09141 for KL, top margin and the sum of changes; there KL runs over the whole vocabulary, here over
the options.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from analysis.multiple_choice.choices import PairedChoices
from analysis.statistics.resampling import Floats

KL_RANGE = (0.0, math.inf)


@dataclass(frozen=True, eq=False)
class Distances:
    """What a pair of models says of each item, row by row; every array is (items,).

    `kl`: kl_options, nats. `margin`, `gap`: the baseline's top margin (probability) and top gap (nats); `gap_after` the
    candidate's. `moved`: the sum of the options' absolute probability changes, 0 to 2.
    """

    kl: Floats
    margin: Floats
    gap: Floats
    gap_after: Floats
    moved: Floats


def distances(pairs: PairedChoices) -> Distances:
    """Every distance of every item, computed once for all scopes."""
    old, new = pairs.before.logprobs, pairs.after.logprobs
    return Distances(kl_options(old, new), top_margin(old), top_gap_nats(old), top_gap_nats(new), moved(old, new))


def kl_options(before: Floats, after: Floats) -> Floats:
    """KL(baseline ‖ candidate) over each item's options, renormalized over them; nats, (items,), never negative."""
    if not before.size:
        return np.zeros(len(before))
    old, new = log_softmax(before, axis=1), log_softmax(after, axis=1)
    present = np.isfinite(before)
    gap = np.where(present, old, 0) - np.where(present, new, 0)
    # Rounding can leave -1e-17 where the two are equal; KL is never negative.
    return np.asarray(np.maximum((np.exp(old) * gap).sum(axis=1), 0))


def moved(before: Floats, after: Floats) -> Floats:
    """Sum of the absolute changes of the options' probabilities, renormalized over them; (items,), 0 to 2."""
    if not before.size:
        return np.zeros(len(before))
    old, new = (np.exp(log_softmax(side, axis=1)) for side in (before, after))
    return np.asarray(np.abs(new - old).sum(axis=1))


def top_margin(logprobs: Floats) -> Floats:
    """Probability of the best option minus that of the second best, over the options; (items,), 0 to 1."""
    if not logprobs.size:
        return np.zeros(len(logprobs))
    best = np.sort(np.exp(log_softmax(logprobs, axis=1)), axis=1)
    return np.asarray(best[:, -1] - best[:, -2])


def top_gap_nats(logprobs: Floats) -> Floats:
    """Log-probability of the best option minus that of the second best; nats, (items,), 0 for an exact tie."""
    if not logprobs.size:
        return np.zeros(len(logprobs))
    best = np.sort(logprobs, axis=1)
    return np.asarray(best[:, -1] - best[:, -2])
