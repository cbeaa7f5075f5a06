"""Is a loss of accuracy real, and is "no loss" shown? Tests over one benchmark and over several.

In: how many items went right→wrong and wrong→right in each benchmark. Out: p values of a loss, one of equivalence.
Source: arXiv 2602.10144 (exact one-sided McNemar; pooled, max-drop and Fisher, any at alpha/3); Fagerland 2013 (mid-p);
Tango 1998 (score statistic of a paired difference, for the two one-sided tests).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.statistics.estimates import ALPHA
from analysis.statistics.intervals import tango_statistic

AGGREGATIONS = 3
SAME = 1e-9  # two drops that differ by less are the same drop


@dataclass(frozen=True)
class LossTests:
    """One candidate under one scoring, over `benchmarks` (tasks; the subjects where there is one task).

    `pooled_p`, `max_drop_p`, `fisher_p`: one-sided, of a loss; the last two None for one benchmark. `worst`: the
    benchmark with the largest standardized drop. `loss`: whether any of the three lies at or under alpha/3 (the one
    test at alpha where there is one benchmark). `same_p`: both one-sided tests that the change lies within ±margin;
    small means the same.
    """

    scoring: str
    benchmarks: int
    pooled_p: float
    max_drop_p: float | None
    fisher_p: float | None
    worst: str
    loss: bool
    margin: float
    same_p: float


def mcnemar(right_to_wrong: int, wrong_to_right: int) -> tuple[float, float]:
    """Exact and mid-p one-sided McNemar: the chance of so many losses among the flips if gains were as likely.

    Without any flip the exact p is 1 and the mid-p 0.5.
    """
    flips = right_to_wrong + wrong_to_right
    exact = float(stats.binom.sf(right_to_wrong - 1, flips, 0.5))
    return exact, exact - float(stats.binom.pmf(right_to_wrong, flips, 0.5)) / 2


def equivalence(gains: int, losses: int, n: int, margin: float) -> float:
    """TOST: the larger p of the two one-sided tests that (gains - losses) / n lies above -margin and below margin."""
    low, high = (tango_statistic(gains, losses, n, end) for end in (-margin, margin))
    return max(float(stats.norm.sf(low)), float(stats.norm.cdf(high)))


def max_drop(losses: Sequence[int], gains: Sequence[int]) -> tuple[float, int]:
    """The chance that any benchmark drops as far, (losses - gains) / sqrt(flips), as the worst one did, and its place.

    Exact: given its flips each benchmark's losses are binomial, and benchmarks are independent.
    """
    lost, flips = np.array(losses), np.array(losses) + np.array(gains)
    drops = np.where(flips > 0, (2 * lost - flips) / np.sqrt(np.maximum(flips, 1)), 0.0)
    worst = int(drops.argmax())
    least = np.ceil((flips + drops[worst] * np.sqrt(flips)) / 2 - SAME)  # the fewest losses that drop as far
    as_far = np.where(flips > 0, stats.binom.sf(least - 1, flips, 0.5), float(drops[worst] <= 0))
    with np.errstate(divide="ignore"):
        none = np.log1p(-as_far).sum()
    return float(abs(np.expm1(none))), worst


def fisher(p_values: Sequence[float]) -> float:
    """Fisher's combination: -2 Σ ln p against chi-square with two degrees of freedom per benchmark.

    Thousands of losses without a gain have a p that no double holds; the smallest that one does stands in.
    """
    least = np.finfo(np.float64).tiny
    return float(stats.combine_pvalues(np.maximum(p_values, least), method="fisher").pvalue)


def loss_tests(scoring: str, counts: Sequence[tuple[str, int, int]], items: int, margin: float) -> LossTests | None:
    """The tests over benchmarks, each with its name, losses and gains; None without items."""
    if not items or not counts:
        return None
    losses, gains = [lost for _, lost, _ in counts], [won for _, _, won in counts]
    pooled, several = mcnemar(sum(losses), sum(gains))[0], len(counts) > 1
    drop, worst = max_drop(losses, gains)
    combined = fisher([mcnemar(lost, won)[0] for _, lost, won in counts])
    return LossTests(
        scoring=scoring,
        benchmarks=len(counts),
        pooled_p=pooled,
        max_drop_p=drop if several else None,
        fisher_p=combined if several else None,
        worst=counts[worst][0],
        loss=min(pooled, drop, combined) <= ALPHA / AGGREGATIONS if several else pooled <= ALPHA,
        margin=margin,
        same_p=equivalence(sum(gains), sum(losses), items, margin),
    )
