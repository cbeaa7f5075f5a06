"""Coarse logits: which items the rounding of the logits alone could tip, and the step of that rounding.

In: option log-probabilities, (items, options), nats. Out: the step of their gaps, exact ties, items within one step.
bfloat16 logits of size 16 to 32 come in steps of 1/8, so that the gaps of a letter task are multiples of it; sums over
several tokens lie on no grid.
"""

from dataclasses import dataclass

import numpy as np

from analysis.statistics.resampling import Bools, Floats

USUAL_STEP = 1 / 8
STEPS = tuple(2.0**-power for power in range(1, 9))
FEWEST_GAPS = 20
ON_THE_GRID = 0.95
TOLERANCE = 1 / 64  # of a step; log-probabilities carry float32 rounding


@dataclass(frozen=True)
class Ties:
    """`step`: nats between two logits, None where the gaps lie on no grid. `tied`, `tied_after`: items whose best
    option is shared to the last bit, in the baseline and the candidate. `close`: near ties, items whose baseline has at
    most one step between its two best (1/8 nat where no step was found), exact ties among them; `close_flips`: flips on
    those.
    """

    step: float | None
    tied: int
    tied_after: int
    close: int
    close_flips: int


def logit_step(logprobs: Floats) -> float | None:
    """The largest power of two, 1/2 to 1/256 nat, that nearly all gaps between an item's options are multiples of."""
    best = logprobs.max(axis=1, keepdims=True, initial=-np.inf)
    with np.errstate(invalid="ignore"):
        gaps = (best - logprobs).ravel()
    gaps = gaps[np.isfinite(gaps) & (gaps > 0)]
    if len(gaps) < FEWEST_GAPS:
        return None
    for step in STEPS:
        off = np.abs(gaps / step - np.round(gaps / step))
        if (off <= TOLERANCE).mean() >= ON_THE_GRID:
            return step
    return None


def within_a_step(gap: Floats, step: float | None) -> Bools:
    """Which gaps are at most one step, as far as float32 tells; nats, (items,)."""
    return np.asarray(gap <= (step or USUAL_STEP) * (1 + TOLERANCE))


def ties(gap: Floats, gap_after: Floats, close: Bools, flipped: Bools, step: float | None) -> Ties:
    """The counts of one scope; every array is (items,)."""
    return Ties(
        step=step,
        tied=int((gap == 0).sum()),
        tied_after=int((gap_after == 0).sum()),
        close=int(close.sum()),
        close_flips=int((close & flipped).sum()),
    )
