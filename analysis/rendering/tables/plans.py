"""Plans as words: how many items or questions a claim needs, by supposed, published or piloted spreads.

In: Sizes, PublishedChurn, Pilots. Out: Tables of plain text.
"""

from collections.abc import Sequence

from analysis.decision.pilot import Pilot
from analysis.decision.published_churn import PublishedChurn
from analysis.decision.sample_size import Size
from analysis.rendering.sentences.cells import interval, unmeasured
from analysis.rendering.sentences.numbers import number, optional, unsigned
from analysis.rendering.tables.review import Table
from analysis.rendering.tables.solved import repeats_text
from ledger.measures import measure_of

NONE = "—"
TOO_MANY = "more than a million"
PUBLISHED = (
    "Flips are those of the median public pair of a model and its compression (FlipEval's atlas, 2026); yours may flip "
    "several times as many: run a pilot. Sampled answers flip by themselves and need repeats."
)
PILOT = (
    "Items needed, with as many answers each: so many show that a candidate which loses nothing, and changes as these "
    "do, lies above the margin. Answers needed: to each of the pilot's own items, for the same."
)


def plan_title(measure: str, margin: float, power: float, candidates: int) -> str:
    """What is planned for."""
    many = "candidate" if candidates == 1 else "candidates"
    return f"{measure}, margin {unsigned(measure, margin)}, power {100 * power:.0f} %, {candidates} {many}"


def size_table(measure: str, sizes: Sequence[Size]) -> Table:
    """One row per supposed spread."""
    header = ("spread", f"{measure_of(measure).unit} needed", "MDE")
    rows = tuple((_spread(each), units(each.units), _mde(measure, each.mde)) for each in sizes)
    return Table("plan", "Plan", "", header, rows)


def published_table(measure: str, found: Sequence[tuple[PublishedChurn, Size, float]]) -> Table:
    """One row per benchmark; with each its Size and the margin that all of its items clear."""
    header = ("task", "flips", "items needed", "items it has", "margin that all of them clear", "their MDE")
    rows = tuple(
        (
            each.task,
            number("flips", each.churn),
            units(size.units),
            f"{each.items:,}",
            unsigned(measure, cleared),
            _mde(measure, size.mde),
        )
        for each, size, cleared in found
    )
    return Table("published", "Published churn", PUBLISHED, header, rows)


def pilot_table(found: Sequence[Pilot]) -> Table:
    """One row per rival and task."""
    header = ("model", "task", "flips", "within baseline, model", "excess flips", "items needed", "answers needed")
    return Table("pilot", "Pilot", PILOT, header, tuple(_pilot(each) for each in found))


def _pilot(each: Pilot) -> tuple[str, ...]:
    row, flips = each.row, each.row.flips
    own = [optional(side, lambda value: number("flips", value)) for side in each.within]
    most = f" (to {units(each.units_most)})" if each.units_most else ""
    return (
        each.model,
        f"{row.scope.task or row.scoring}: {row.n} items{repeats_text(each.repeats)}",
        unmeasured(flips.missing) if flips.value is None else f"{number('flips', flips.value)} {interval(flips)}",
        NONE if each.within == (None, None) else ", ".join(own),
        NONE
        if each.excess is None or each.excess.value is None
        else f"{number('flips', each.excess.value)} {interval(each.excess)}",
        (units(each.units) if row.accuracy_change.sd else "nothing changed") + most,
        NONE
        if row.accuracy_change.sampling_sd is None
        else "no number is enough"
        if each.samples is None
        else f"{each.samples:,}",
    )


def units(count: int | None) -> str:
    """A number of items or questions."""
    return TOO_MANY if count is None else f"{count:,}"


def _spread(size: Size) -> str:
    return f"sd {size.sd:.2f}" if size.flips is None else f"{100 * size.flips:.0f} % of the items flip"


def _mde(measure: str, mde: float | None) -> str:
    return NONE if mde is None else unsigned(measure, mde)
