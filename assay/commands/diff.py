"""The command `assay diff`: what changed between two runs, like with like or not at all."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.config import read_config
from ledger.errors import MissingRecords
from ledger.runs import RunFolder

if TYPE_CHECKING:
    from analysis.evidence.run_evidence import RunEvidence


def diff(
    run_a: Annotated[Path, typer.Argument(help="The earlier run's folder, with its review.toml.")],
    run_b: Annotated[Path, typer.Argument(help="The later run's folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Also write diff.md and diff.json into this folder.")
    ] = None,
    match: Annotated[
        list[str] | None, typer.Option("--match", metavar="OLD=NEW", help="A candidate that was renamed; repeatable.")
    ] = None,
    without_judges: Annotated[
        bool, typer.Option("--without-judges", help="Leave the judged part out, where the judges differ.")
    ] = False,
) -> int:
    """Compare two runs, model by model; no model is called.

    For last week's candidate and this week's, or one review repeated.

    Ratings are paired by question and choices by item, B minus A; games and decisions stand side by side. Runs with
    other judges, prompts, questions or items under the same names are refused, and the field is named. Exit code 0.

    Examples:
        assay diff runs/release-1 runs/release-2
        assay diff runs/release-1 runs/release-2 --match w4=w4-gptq --out diff
        assay diff runs/release-1 runs/release-2 --without-judges
    """
    from analysis.rendering.formats.difference import difference_summary, write_difference
    from analysis.run_diff.matched_models import renamings
    from analysis.run_diff.run_difference import run_difference
    from assay.results import show_parts

    before, after = _evidence(run_a), _evidence(run_b)
    renamed = renamings(match or [], before, after)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    difference = run_difference(before, after, made_at, renamed=renamed, judged=not without_judges)
    show_parts(difference_summary(difference), write_difference(difference, out) if out else [])
    return 0


def _evidence(folder: Path) -> "RunEvidence":
    """A run's records. Raises MissingRecords for a folder that is no run, and what reading them raises."""
    from analysis.evidence.run_evidence import read_evidence

    run = RunFolder(folder)
    if not run.config.exists():
        raise MissingRecords(run.config, "the run's config", "Give the folder of a run, as runs/NAME.")
    return read_evidence(read_config(run.config), run)
