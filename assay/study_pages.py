"""The study's page and the data behind it: kept from run folders, and rendered from what was kept.

In: run folders, or the folder `study/` beside the page. Out: `study/` with data and figures, and `study.md`.
"""

from collections.abc import Sequence
from pathlib import Path

from analysis.evidence.run_evidence import read_evidence
from analysis.rendering.formats.study_page import study_figures, study_page
from analysis.review.study_data import study_data, study_report
from assay.sources.study_files import read_study, write_study
from ledger.config import read_config
from ledger.runs import RunFolder
from ledger.store import write_atomically

PAGE, FOLDER = "study.md", "study"
OPENING, CLOSING = "opening.md", "closing.md"


def keep_study(runs: Sequence[RunFolder], docs: Path) -> list[Path]:
    """Reduce finished runs to the data that are kept, and render the page from these; the paths of all files."""
    parts = [study_data(read_evidence(read_config(run.config), run)) for run in runs]
    return [*write_study(parts, docs / FOLDER), *render_study(docs)]


def render_study(docs: Path) -> list[Path]:
    """Write the page and its figures from the kept data and the words beside them."""
    files = study_files(docs)
    for name, text in files.items():
        write_atomically(docs / name, text)
    return [docs / name for name in files]


def study_files(docs: Path) -> dict[str, str]:
    """The page and its figures by their path under `docs`; nothing is written."""
    kept = read_study(docs / FOLDER)
    parts = [(study_report(data, data.began), data.facts) for data in kept]
    words = [_words(docs / FOLDER / name) for name in (OPENING, CLOSING)]
    figures = study_figures(parts[0][0])
    page = study_page(parts, figures, words[0], words[1])
    return {PAGE: page, **{f"{FOLDER}/{name}.svg": svg for name, svg in figures.items()}}


def _words(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
