"""Distances between two models' option probabilities, and how sure a model was of its pick.

In: log-probabilities of options, (items, options), nats, -inf where an item has fewer. Out: one number per item.
Source: arXiv 2407.09141 for KL, top margin and the sum of changes; there KL runs over the whole vocabulary, here over
the options.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, rel_entr

from analysis.multiple_choice.choices import PairedChoices
from analysis.statistics.resampling import Floats


@dataclass(frozen=True, eq=False)
class Distances:
    """What a pair of models says of each item, row by row; every array is (items,).

    `by_measure`: each of ITEM_DISTANCES; `reverse`: the DIRECTED ones from the candidate to the baseline. `margin`,
    `gap`: the baseline's top margin (probability) and top gap (nats); `gap_after` the candidate's gap, `margin_after`
    its margin in favor of the baseline's best option, -1 to 1. `moved`: the sum of the options' absolute probability
    changes, 0 to 2.
    """

    by_measure: Mapping[str, Floats]
    reverse: Mapping[str, Floats]
    margin: Floats
    margin_after: Floats
    gap: Floats
    gap_after: Floats
    moved: Floats


def distances(pairs: PairedChoices) -> Distances:
    """Every distance of every item, computed once for all scopes."""
    old, new = pairs.before.logprobs, pairs.after.logprobs
    return Distances(
        by_measure=item_distances(pairs),
        reverse={name: ITEM_DISTANCES[name](new, old) for name in DIRECTED},
        margin=top_margin(old),
        margin_after=margin_of_best(old, new),
        gap=top_gap_nats(old),
        gap_after=top_gap_nats(new),
        moved=moved(old, new),
    )


def item_distances(pairs: PairedChoices) -> dict[str, Floats]:
    """Every registered distance between two models' options, item by item: (items,) each."""
    return {name: of(pairs.before.logprobs, pairs.after.logprobs) for name, of in ITEM_DISTANCES.items()}


def kl_options(before: Floats, after: Floats) -> Floats:
    """KL(baseline ‖ candidate) over each item's options, renormalized over them; nats, (items,), never negative."""
    if not before.size:
        return np.zeros(len(before))
    old, new = log_softmax(before, axis=1), log_softmax(after, axis=1)
    present = np.isfinite(before)
    gap = np.where(present, old, 0) - np.where(present, new, 0)
    # Rounding can leave -1e-17 where the two are equal; KL is never negative.
    return np.asarray(np.maximum((np.exp(old) * gap).sum(axis=1), 0))


def js_options(before: Floats, after: Floats) -> Floats:
    """Jensen-Shannon divergence over each item's options: the mean KL of both sides from their mixture.

    Nats, (items,), 0 to ln 2: finite also where one side gives an option no probability, and the same both ways.
    Source: Lin 1991.
    """
    if not before.size:
        return np.zeros(len(before))
    old, new = (np.exp(log_softmax(side, axis=1)) for side in (before, after))
    middle = (old + new) / 2
    each = (rel_entr(old, middle) + rel_entr(new, middle)).sum(axis=1) / 2
    return np.asarray(np.clip(each, 0, math.log(2)))


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


def margin_of_best(before: Floats, after: Floats) -> Floats:
    """How much more probability `after` gives the best option of `before` than its own best other; (items,), -1 to 1.

    It is top_margin where both agree on the best one, and negative where `after` prefers another: that a damaged model
    is sure of something else is no margin kept.
    """
    if not before.size:
        return np.zeros(len(before))
    rows, best = np.arange(len(before)), before.argmax(axis=1)
    others = np.exp(log_softmax(after, axis=1))
    own = others[rows, best]
    others[rows, best] = -np.inf
    return np.asarray(own - (others.max(axis=1) if before.shape[1] > 1 else 0.0))


def top_gap_nats(logprobs: Floats) -> Floats:
    """Log-probability of the best option minus that of the second best; nats, (items,), 0 for an exact tie."""
    if not logprobs.size:
        return np.zeros(len(logprobs))
    best = np.sort(logprobs, axis=1)
    return np.asarray(best[:, -1] - best[:, -2])


def finite_distances(pairs: PairedChoices) -> dict[str, Floats]:
    """Every distance, item by item; one that is infinite somewhere is left out."""
    return {name: each for name, each in item_distances(pairs).items() if np.isfinite(each).all()}


DIRECTED = ("kl_options",)
"""The item distances that are another one the other way round."""
ITEM_DISTANCES: Mapping[str, Callable[[Floats, Floats], Floats]] = {"kl_options": kl_options, "js_options": js_options}
"""The registry's measures that are a distance between two models' options, computed item by item."""
