"""What a small run says of a large one: how many items flip, how much of that is noise of sampling, and what it takes.

In: a rival's ItemReport, a margin. Out: a Pilot per task.
Source: arXiv 2411.00640: more items shrink everything, more answers to each only what sampling adds to an item.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.benchmarks.solved_rows import SolvedRow
from analysis.statistics.estimates import ALPHA, Estimate
from analysis.statistics.intervals import needed_samples, needed_units
from analysis.statistics.item_rows import ItemRow
from analysis.summaries.model_reports import ItemReport, task_rows


@dataclass(frozen=True)
class Pilot:
    """One task of one rival under the scoring that decides.

    `units` are the items, with as many answers each as the pilot has, on which a rival that loses nothing and changes
    as the pilot's does clears the margin; `units_most` the same at the upper end of the flips' interval, where items
    are right or wrong once; None above a million, and where nothing changed. `samples` are the answers to each of the
    pilot's own items that clear it; None where no number does, and where an item has one.
    """

    model: str
    role: str
    row: ItemRow
    repeats: tuple[int, int]
    within: tuple[float | None, float | None]
    excess: Estimate | None
    units: int | None
    units_most: int | None
    samples: int | None


def pilots(report: ItemReport, margin: float, power: float, comparisons: int = 1) -> Iterator[Pilot]:
    """Every task of a rival; Holm over `comparisons` candidates begins at 5 % over their number."""
    alpha = ALPHA / comparisons
    for each in task_rows(report):
        row, solved = each.result, each.result if isinstance(each.result, SolvedRow) else None
        change, most = row.accuracy_change, row.flips.interval if row.transitions else None
        spread = math.hypot(change.sd or 0.0, change.value or 0.0)  # about zero: the rival of the plan loses nothing
        sampled = change.sampling_sd is not None
        yield Pilot(
            model=report.model,
            role=report.role,
            row=row,
            repeats=solved.repeats if solved else (1, 1),
            within=(solved.within_baseline, solved.within_candidate) if solved else (None, None),
            excess=solved.excess_flips if solved and max(solved.repeats) > 1 else None,
            units=needed_units(spread, margin, alpha, power) if spread else None,
            units_most=needed_units(math.sqrt(most[1]), margin, alpha, power) if most else None,
            samples=needed_samples(change, margin, alpha, power) if sampled else None,
        )
