"""How many items flip where compressed models are held against their baselines in public, benchmark by benchmark.

In: nothing. Out: facts, and the share of flips that follows from them.
Source: FlipEval's atlas of public pairs (Singh 2026, github.com/amoghsingh130/flipeval at 241fc5d), which gives the
items that show +-2 points at the median pair's churn. By its docs/CERTIFICATION_TABLES_2026-07-20.md they are
((z_0.95 + z_0.80) * sqrt(churn) / 0.02)^2, rounded up, so churn = needed * 0.02^2 / (1.645 + 0.842)^2: of GSM8K
1,184 * 0.0004 / 6.18 = 7.7 %. IFEval and MuSR stand in that first table alone. `items` are those of the split that is
usually run: the test split, of GPQA the main set, of HellaSwag and WinoGrande validation.

A median over pairs of many models and methods: another compression, or sampling, may flip several times as many.
"""

from dataclasses import dataclass

from scipy import stats

from analysis.statistics.estimates import ALPHA
from analysis.statistics.intervals import POWER

MARGIN = 0.02


@dataclass(frozen=True)
class PublishedChurn:
    """One benchmark: the items needed for +-2 points at the median churn, and the items that it has."""

    task: str
    needed: int
    items: int

    @property
    def churn(self) -> float:
        """The share of items that flip in the median pair."""
        before_rounding = self.needed - 0.5
        return float(before_rounding * (MARGIN / (stats.norm.ppf(1 - ALPHA) + stats.norm.ppf(POWER))) ** 2)


PUBLISHED = {
    each.task: each
    for each in (
        PublishedChurn("arc_challenge", 1218, 1172),
        PublishedChurn("bbh", 681, 6511),
        PublishedChurn("gpqa", 749, 448),
        PublishedChurn("gsm8k", 1184, 1319),
        PublishedChurn("hellaswag", 695, 10042),
        PublishedChurn("ifeval", 800, 541),
        PublishedChurn("math", 2186, 5000),
        PublishedChurn("mmlu", 2164, 14042),
        PublishedChurn("mmlu_pro", 827, 12032),
        PublishedChurn("musr", 519, 756),
        PublishedChurn("winogrande", 1416, 1267),
    )
}
