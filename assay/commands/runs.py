"""The command `assay runs`: the run folders, what each decided, and how to be rid of some."""

from pathlib import Path
from typing import Annotated

import typer

from assay.commands.arguments import Runs


def runs(
    runs: Runs = Path("runs"),
    clean: Annotated[
        list[str] | None,
        typer.Option("--clean", metavar="NAME", help="Remove this run folder, records and all; may be repeated."),
    ] = None,
) -> None:
    """List the runs: decision, age, size.

    The newest first. --clean removes the runs that it names, with their records; what was paid for is lost with them.

    Examples:
        assay runs
        assay runs --clean trial --clean check-base-w4
    """
    from assay.inventory import MIB, removed, run_lines
    from assay.results import console, table

    for name in removed(runs, clean or []):
        print(f"removed {runs / name}")
    rows = [(each.name, each.decided, _age(each.days), f"{each.size / MIB:.1f} MiB") for each in run_lines(runs)]
    console().print(table(("run", "decided", "age", "size"), rows) if rows else f"There is no run in {runs}.")


def _age(days: float) -> str:
    if days >= 1:
        return f"{days:.1f} days"
    return f"{days * 24:.1f} hours" if days * 24 >= 1 else f"{days * 24 * 60:.0f} minutes"
