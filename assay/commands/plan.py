"""The command `assay plan`: how many questions or items, before anything is run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.commands.arguments import Filter
from ledger.config import boundless
from ledger.errors import ConfigError
from ledger.measures import measure_of, measures_in

if TYPE_CHECKING:
    from analysis.rendering.tables.review import Table

ACCURACY = "accuracy_change"


def plan(
    measure: Annotated[
        str, typer.Option("--measure", metavar="MEASURE", help=", ".join(measures_in("primary")))
    ] = ACCURACY,
    margin: Annotated[
        float | None, typer.Option("--margin", metavar="NUMBER", help="How much worse is still acceptable.")
    ] = None,
    power: Annotated[
        float, typer.Option("--power", metavar="NUMBER", help="The wanted chance to show it, if nothing is lost.")
    ] = 0.8,
    candidates: Annotated[int, typer.Option("--candidates", metavar="COUNT", help="How many share Holm's 5 %.")] = 1,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", metavar="NAME", help="At the published churn of this benchmark; may be repeated."),
    ] = None,
    pilot: Annotated[
        list[Path] | None,
        typer.Option(
            "--pilot",
            metavar="PATH",
            help="At the churn of a small run: a run folder, or two models' logs of lm-evaluation-harness.",
        ),
    ] = None,
    filter: Filter = "",
) -> None:
    """Say how many items or questions a claim needs.

    Enough to show, with the wanted power, that a candidate which lost nothing lies above minus the margin. For accuracy
    the size follows from how many items flip, for judged changes from their spread over questions: neither is known
    before the run, so several are shown. MDE is the change that so many would find.

    --task takes what was published of a benchmark, --pilot what a small run of yours shows: the flips with their
    interval, how much of them repeats of one model explain, and the items, or answers to each item, that are needed.

    Examples:
        assay plan --margin 0.01
        assay plan --measure rating_change --margin 0.3 --power 0.9 --candidates 6
        assay plan --task gsm8k --task ifeval --margin 0.01
        assay plan --pilot logs/bf16 --pilot logs/int4 --margin 0.02
        assay plan --pilot runs/trial
    """
    from analysis.decision.sample_size import sizes
    from analysis.rendering.tables.plans import plan_title, size_table
    from assay.results import show_parts

    if measure not in measures_in("primary"):
        remedy = f"Use {', '.join(measures_in('primary'))}."
        raise ConfigError(f"no measure is called {measure!r}", where="--measure", remedy=remedy)
    most = (measure_of(measure).margin or 0.0) if margin is None else margin
    if fault := boundless(measure, most):
        raise ConfigError(fault, where="--margin")
    if not most > 0 or not 0.5 <= power < 1 or candidates < 1:
        raise ConfigError("a margin is above 0, a power from 0.5 to under 1, and there is a candidate at least")
    if (task or pilot) and measure != ACCURACY:
        raise ConfigError(f"items plan {ACCURACY}, not {measure}", where="--task, --pilot")
    if task and pilot:
        raise ConfigError("a pilot says more than what was published: give one of both", where="--task, --pilot")
    found = _published(task, most, power, candidates) if task else None
    found = _piloted(pilot, filter, most, power, candidates) if pilot else found
    title = plan_title(measure, most, power, candidates)
    shown = found or size_table(measure, [*sizes(measure, most, power, candidates)])
    show_parts([title, shown, *([shown.caption] if shown.caption else [])], [])


def _published(tasks: list[str], margin: float, power: float, candidates: int) -> "Table":
    from analysis.decision.published_churn import PUBLISHED
    from analysis.decision.sample_size import published_size
    from analysis.rendering.tables.plans import published_table

    for name in tasks:
        if name not in PUBLISHED:
            remedy = f"There are {', '.join(PUBLISHED)}; of others a --pilot says more."
            raise ConfigError(f"no churn of {name!r} is published", where="--task", remedy=remedy)
    chosen = [PUBLISHED[name] for name in tasks]
    return published_table(ACCURACY, [(each, *published_size(each, margin, power, candidates)) for each in chosen])


def _piloted(paths: list[Path], chosen: str, margin: float, power: float, candidates: int) -> "Table":
    from analysis.decision.pilot import pilots
    from analysis.rendering.tables.plans import pilot_table
    from analysis.statistics.resampling import Resamplings
    from analysis.summaries.model_reports import ItemRules, compared_items
    from assay.sources.pilot_runs import pilot_models

    before, rivals = pilot_models(paths, chosen)
    control = any(each.role == "control" and each.solutions.tasks for each in rivals)
    rules = ItemRules(1, margin, lambda _: (margin, None), (), {}, control)
    reports = [compared_items(before, each, rules, Resamplings(1)) for each in rivals]
    found = [each for report in reports for each in pilots(report, margin, power, candidates)]
    if not found:
        raise ConfigError("the models of this pilot share no items", where="--pilot")
    return pilot_table(found)
