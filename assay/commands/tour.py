"""The command `assay tour`: a whole report in seconds, from records that come with Assay.

In: nothing. Out: a run folder with the records of a real review (tour.zip beside this file) and its report, computed
now. No model, no network.
"""

import io
from importlib.resources import files
from pathlib import Path
from zipfile import ZipFile

from assay.commands.arguments import Runs
from assay.display import Display

RECORDS = "tour.zip"
CONFIG = "review.toml"
ABOUT = (
    "These are records of `assay demo`: SmolLM2-135M against five compressed versions of itself, written by vLLM on 2 "
    "cores. Assay's own questions and items, no judge whose word counts. For models of your own: assay check BASELINE "
    "CANDIDATE"
)


def tour(runs: Runs = Path("runs")) -> None:
    """Show a whole report in seconds: no model, no network.

    The records of a real review come with Assay; what they say is computed now, and the page is that of any review.
    The exit code is 0, whatever the review decides.

    Example:
        assay tour
    """
    from assay import pipeline
    from assay.declarations import declaration
    from assay.ready_reviews import begin_ready
    from assay.results import console, show_brief

    packed = (files("assay.commands") / RECORDS).read_bytes()
    with ZipFile(io.BytesIO(packed)) as records, Display() as display:
        ready = declaration(records.read(CONFIG).decode(), "assay tour")
        review = begin_ready(ready, runs, display.report)
        records.extractall(review.run.path, [name for name in records.namelist() if name != CONFIG])
        report, written = pipeline.analyze(review)
    show_brief(report, written)
    console().print(ABOUT)
