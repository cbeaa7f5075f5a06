"""The command `assay plan`: how many questions or items, before anything is run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.commands.arguments import Columns, Filter, Latest, Repeats, Scale, refuse_both
from ledger.config import boundless
from ledger.errors import ConfigError
from ledger.measures import measure_of, measures_in

if TYPE_CHECKING:
    from analysis.evidence.model_evidence import ModelEvidence
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
            help="At the churn of a small run: a run folder, or two models' logs or tables.",
        ),
    ] = None,
    filter: Filter = "",
    latest: Latest = False,
    repeats: Repeats = False,
    columns: Columns = "",
    scale: Scale = 1.0,
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
        assay plan --pilot bf16.csv --pilot int4.csv --columns score=correct
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
    how = {"--filter": filter, "--latest": latest, "--repeats": repeats, "--columns": columns, "--scale": scale != 1}
    if said := ", ".join(option for option, value in how.items() if value):
        _refuse_unread(said, pilot or [])
    found = _published(task, most, power, candidates) if task else None
    if pilot:
        models = _pilot(pilot, filter, columns, scale, latest=latest, repeats=repeats)
        found = _piloted(models, most, power, candidates)
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


def _refuse_unread(said: str, pilot: list[Path]) -> None:
    """Stop at options that choose among logs where no logs are read. Raises ConfigError."""
    from ledger.runs import RunFolder

    if not pilot or (len(pilot) == 1 and RunFolder(pilot[0]).config.exists()):
        what = "a run holds what was read" if pilot else "there is no --pilot to read"
        raise ConfigError(what, where=said, remedy="Leave it out.")


def _pilot(
    paths: list[Path], filter: str, columns: str, scale: float, *, latest: bool, repeats: bool
) -> "tuple[ModelEvidence, list[ModelEvidence]]":
    from assay.sources.lm_eval_folders import Chosen
    from assay.sources.pilot_runs import pilot_models
    from assay.sources.table_columns import said_columns
    from assay.sources.table_offers import TableReading

    refuse_both(latest=latest, repeats=repeats)
    reading = TableReading(said_columns(columns, "--columns"), scale)
    return pilot_models(paths, Chosen(latest, repeats=repeats), filter, reading)


def _piloted(
    models: "tuple[ModelEvidence, list[ModelEvidence]]", margin: float, power: float, candidates: int
) -> "Table":
    from analysis.decision.pilot import pilots
    from analysis.rendering.tables.plans import pilot_table
    from analysis.statistics.resampling import Resamplings
    from analysis.summaries.model_reports import ItemRules, compared_items

    before, rivals = models
    control = any(each.role == "control" and each.solutions.tasks for each in rivals)
    rules = ItemRules(1, margin, lambda _: (margin, None), (), {}, control)
    reports = [compared_items(before, each, rules, Resamplings(1)) for each in rivals]
    found = [each for report in reports for each in pilots(report, margin, power, candidates)]
    if not found:
        raise ConfigError("the models of this pilot share no items", where="--pilot")
    return pilot_table(found)
