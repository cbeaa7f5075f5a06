"""The study's page: tables, figures and how it was made, as Markdown that depends only on the data that were kept.

In: the reports of a study's parts and their facts. Out: Markdown, and the SVG figures that it shows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from analysis.rendering.figures.catalog import figures
from analysis.rendering.formats.markdown_tables import pipe_table
from analysis.rendering.formats.rendering import figure_svg
from analysis.rendering.formats.text import visible
from analysis.rendering.tables.findings import finding_table
from analysis.rendering.tables.review import Table
from analysis.rendering.tables.study import token_table, variant_table
from analysis.review.review_report import ReviewReport

FIGURES = {
    "accuracy_change_against_flips": "Accuracy hardly tells which variant changed its answers (the paper's figure 1).",
    "flips_against_kl_vocabulary": "KL over the vocabulary does (figure 2).",
    "sweep_layers": "The last layers dropped (figure 3, left).",
    "sweep_wanda": "WANDA pruning (figure 3, right).",
    "sweep_magnitude": "Magnitude pruning at the same sparsities.",
    "sweep_noise": "Gaussian noise: no compression at all (table 1).",
    "top_margin_stay_change_w8a8": "How sure the baseline was of answers that stayed and changed (figure 4).",
    "top_margin_correct_wrong": "The same for its right and wrong answers.",
    "probability_change_against_top_margin": "How far probabilities moved, by that margin (figure 7).",
    "flips_beside_all_flips": "Flips, and all answers that changed (figure 8).",
    "loglikelihood_difference_w8a8": "Tokens' log-likelihood: losses and gains that perplexity cancels.",
    "flips_by_direction": "Which way the answers went.",
    "flips_and_floor": "Flips against the baseline run again.",
}
Part = tuple[ReviewReport, Mapping[str, str]]


def study_page(parts: Sequence[Part], drawn: Iterable[str], opening: str, closing: str) -> str:
    """The page with the figures of these names; `opening` and `closing` are what a person wrote around the numbers."""
    findings = finding_table(parts[0][0])
    lines = [opening.strip(), "", f"## {findings.title}", "", findings.caption, "", *_drawn(findings), ""]
    for table in (table for report, _ in parts for table in (variant_table(report), token_table(report))):
        lines += [f"## {table.title}", "", table.caption, "", *_drawn(table), ""]
    lines += ["## Figures", ""]
    for name in drawn:
        lines += [f"**{FIGURES[name]}**", "", f"![{name}](study/{name}.svg)", ""]
    lines += ["## How it was made", ""]
    for report, facts in parts:
        made = [*facts.items(), ("seed", f"{report.seed}, of orders, answers and resampling")]
        lines += [f"**{visible(report.name)}**", "", *pipe_table(("", ""), made, _cell), ""]
    return "\n".join([*lines, closing.strip(), ""])


def study_figures(report: ReviewReport) -> dict[str, str]:
    """The figures of the page, in its order: name and SVG."""
    found = {figure.id: figure for figure in figures(report)}
    return {name: figure_svg(found[name], alone=True) for name in FIGURES if name in found}


def _drawn(table: Table) -> Iterator[str]:
    return pipe_table(table.header, table.rows, _cell)


def _cell(text: str) -> str:
    return visible(text).replace("|", "\\|")
