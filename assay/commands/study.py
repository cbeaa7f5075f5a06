"""The command `assay study`: the findings of "Accuracy is Not All You Need" measured again, on any machine.

In: nothing. Out: two run folders with their reports, one per engine; the exit code is 0 once both stand, whatever they
decide. The variants are data: `study.toml` and `study-transformers.toml` beside this file.
"""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.commands.arguments import Runs
from assay.display import Display, say
from ledger.errors import ConfigError
from ledger.progress import silent

if TYPE_CHECKING:
    from analysis.review.review_report import ReviewReport
    from assay.pipeline import Review

REVIEWS = ("study", "study-transformers")


def study(
    runs: Runs = Path("runs"),
    models: Annotated[
        Path | None,
        typer.Option("--models", metavar="DIR", help="The folder for the compressed models; Assay's cache by default."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="DIR", help="A folder for study.md, its figures and the data behind both."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="LABEL", help="Run these variants and their baselines alone; the rest later."),
    ] = None,
) -> None:
    """Measure more than twenty compressed SmolLM2 models: hours.

    Flips, KL and accuracy of each, in two engines and without a judge. Takes one to three hours on 2 cores. It may be
    stopped at any moment; the same command goes on from there. With --only the reports tell what is missing.

    Examples:
        assay study
        assay study --only w8a8 --only nf4
        assay study --page docs
    """
    from assay.ready_reviews import begin_ready, prepare_models, ready_review
    from assay.results import show
    from assay.study_pages import keep_study

    ready = [ready_review(name, models) for name in REVIEWS]
    known = [model.name for each in ready for model in each.config.candidate]
    if unknown := [label for label in only or () if label not in known]:
        what = f"no variant is called {', '.join(unknown)}"
        raise ConfigError(what, where="--only", remedy=f"There are {', '.join(known)}.")
    chosen = only or known
    begun = [begin_ready(each, runs, silent) for each in ready]
    for each in ready:
        prepare_models(each, say, chosen)
    for review in begun:
        if not {model.name for model in review.config.candidate}.isdisjoint(chosen):
            show(*_reviewed(review, chosen))
    for path in keep_study([review.run for review in begun], page) if page else ():
        print(path)


def _reviewed(review: "Review", labels: Collection[str]) -> "tuple[ReviewReport, list[Path]]":
    """Run the baseline and the candidates of these labels, and analyze what is there of the whole review."""
    from assay import pipeline
    from assay.preflight import preflight

    with Display() as display:
        review = replace(review, report=display.report)
        chosen = tuple(candidate for candidate in review.config.candidate if candidate.name in labels)
        limited = replace(review, config=review.config.model_copy(update={"candidate": chosen}))
        preflight(limited)
        pipeline.generate(limited)
        return pipeline.analyze(review)
