"""Every figure of a report, by the section that it stands in.

In: a ReviewReport. Out: figures; one that the review's runs do not allow is left out.
"""

from collections.abc import Iterator

from analysis.rendering.figures.forests import primary_forest
from analysis.rendering.figures.judged import agreement_figures, game_figures, score_figures
from analysis.rendering.figures.ladder import ladder_figures
from analysis.rendering.figures.matrices import Matrix
from analysis.rendering.figures.paper import paper_figures
from analysis.rendering.figures.picks import pick_figures
from analysis.rendering.figures.plots import Plot
from analysis.rendering.figures.relations import relation_figures
from analysis.rendering.figures.rollouts import rollout_figure
from analysis.rendering.figures.row_charts import RowChart
from analysis.rendering.figures.writing import writing_figure
from analysis.review.review_report import ReviewReport

Figure = Plot | RowChart | Matrix


def figures_by_section(report: ReviewReport) -> dict[str, tuple[Figure, ...]]:
    """The figures of each section, by its id."""
    return {
        "decision": tuple(primary_forest(report)),
        "writing": tuple(writing_figure(report)),
        "scores": tuple(score_figures(report)),
        "games": tuple(game_figures(report)),
        "flips": tuple(pick_figures(report)),
        "traces": tuple(rollout_figure(report)),
        "correlation": tuple(relation_figures(report)),
        "figures": tuple(paper_figures(report)),
        "exam": (*ladder_figures(report), *agreement_figures(report)),
    }


def figures(report: ReviewReport) -> Iterator[Figure]:
    """All of them, in the page's order."""
    for found in figures_by_section(report).values():
        yield from found
