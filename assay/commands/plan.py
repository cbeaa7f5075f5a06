"""The command `assay plan`: how many questions or items, before anything is run."""

from typing import TYPE_CHECKING, Annotated

import typer

from analysis.rendering.sentences.numbers import number
from ledger.config import boundless
from ledger.errors import ConfigError
from ledger.measures import measure_of, measures_in

if TYPE_CHECKING:
    from analysis.decision.sample_size import Size


def plan(
    measure: Annotated[
        str, typer.Option("--measure", metavar="MEASURE", help=", ".join(measures_in("primary")))
    ] = "accuracy_change",
    margin: Annotated[
        float | None, typer.Option("--margin", metavar="NUMBER", help="How much worse is still acceptable.")
    ] = None,
    power: Annotated[
        float, typer.Option("--power", metavar="NUMBER", help="The wanted chance to show it, if nothing is lost.")
    ] = 0.8,
    candidates: Annotated[int, typer.Option("--candidates", metavar="COUNT", help="How many share Holm's 5 %.")] = 1,
) -> None:
    """Say how many items or questions a claim needs.

    Enough to show, with the wanted power, that a candidate which lost nothing lies above minus the margin. For accuracy
    the size follows from how many items flip, for judged changes from their spread over questions: neither is known
    before the run, so several are shown. MDE is the change that so many would find.

    Examples:
        assay plan --margin 0.01
        assay plan --measure rating_change --margin 0.3 --power 0.9 --candidates 6
    """
    from analysis.decision.sample_size import sizes
    from assay.results import console, table

    if measure not in measures_in("primary"):
        remedy = f"Use {', '.join(measures_in('primary'))}."
        raise ConfigError(f"no measure is called {measure!r}", where="--measure", remedy=remedy)
    chosen = measure_of(measure)
    most = (chosen.margin or 0.0) if margin is None else margin
    if fault := boundless(measure, most):
        raise ConfigError(fault, where="--margin")
    if not most > 0 or not 0.5 <= power < 1 or candidates < 1:
        raise ConfigError("a margin is above 0, a power from 0.5 to under 1, and there is a candidate at least")
    rows = [_row(measure, each) for each in sizes(measure, most, power, candidates)]
    shown = number(measure, most).lstrip("+")
    console().print(f"{measure}, margin {shown}, power {100 * power:.0f} %, {candidates} candidate(s)", markup=False)
    console().print(table(["spread", f"{chosen.unit} needed", "MDE"], rows))


def _row(measure: str, size: "Size") -> list[str]:
    spread = f"sd {size.sd:.2f}" if size.flips is None else f"{100 * size.flips:.0f} % of the items flip"
    mde = "—" if size.mde is None else number(measure, size.mde).lstrip("+")
    return [spread, "more than a million" if size.units is None else f"{size.units:,}", mde]
