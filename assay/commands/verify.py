"""The command `assay verify`: was this report made from this run, and does it say what the run gives?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledger.config import read_config
from ledger.errors import EXIT_UNFIT, ConfigError
from ledger.manifests import assay_version
from ledger.runs import RunFolder

if TYPE_CHECKING:
    from analysis.rendering.formats.provenance import Provenance


def verify(
    report: Annotated[Path, typer.Argument(help="A report.html or report.json, wherever it lies.")],
    run: Annotated[
        Path | None, typer.Option("--run", help="The run folder; without it the one that the report lies in.")
    ] = None,
    hashes_only: Annotated[bool, typer.Option("--hashes-only", help="Compare the inputs, compute nothing.")] = False,
) -> int:
    """Check that a report is what a run gives.

    The hashes of its inputs are compared, and every byte of the report that the run gives again. Exit code 0: it is
    this run's report. 12: an input or the report itself was changed, and which is told.

    Examples:
        assay verify runs/release/analysis/report.html
        assay verify attached-report.html --run runs/release
        assay verify report.json --run runs/release --hashes-only
    """
    from analysis.evidence.inputs import changed_inputs, run_inputs
    from analysis.rendering.formats.data import report_json
    from analysis.rendering.formats.page import report_html
    from assay.reporting import report_of

    folder = RunFolder(run or report.resolve().parent.parent)
    if not folder.config.exists():
        raise ConfigError(f"no review.toml in {folder.path}", where="--run", remedy="Name the run folder.")
    written = report.read_bytes()
    claims, page = _claims(written.decode("utf-8", "replace"), report)
    config = read_config(folder.config)
    faults = list(changed_inputs(claims.inputs.items(), run_inputs(config, folder)))
    sentences = faults or [f"{len(claims.inputs)} inputs have the recorded hashes."]
    if not faults and not hashes_only:
        built, shown = report_of(config, folder, claims.made_at, redact=claims.redacted)
        given = report_html(built, shown) if page else report_json(built)
        if written != given.encode("utf-8", "backslashreplace"):  # as write_atomically
            faults.append(_difference(claims))
        sentences.append(faults[0] if faults else "The report is, byte for byte, what this run gives.")
    for sentence in sentences:
        print(sentence)
    return EXIT_UNFIT if faults else 0


def _difference(claims: "Provenance") -> str:
    own, version = claims.assay_version, assay_version()
    if own != version:
        return f"The report was written by Assay {own}, and {version} writes it otherwise; compare with {own}."
    return "The inputs are the same, and the report is not what they give: it was edited, or made by other code."


def _claims(text: str, report: Path) -> "tuple[Provenance, bool]":
    """What a report says of itself, and whether it is a page. Raises ConfigError for a file that is no report."""
    from analysis.rendering.formats.provenance import claimed

    try:
        return claimed(text)
    except (ValueError, TypeError) as error:
        what = f"not a report of Assay with its inputs' hashes ({type(error).__name__})"
        raise ConfigError(what, where=str(report), remedy="Name a report.html or report.json.") from error
