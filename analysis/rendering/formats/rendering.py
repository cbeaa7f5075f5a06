"""Templates filled with the report's texts; everything that came from outside is escaped, and what is invisible shown.

In: a template of analysis/rendering/formats/templates and values. Out: HTML or SVG text.
"""

import re
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from analysis.rendering.figures.axes import LEGENDS, PAPER_WIDTH
from analysis.rendering.figures.catalog import Figure
from analysis.rendering.figures.matrices import Matrix, MatrixDrawing, matrix_drawing
from analysis.rendering.figures.plots import Drawing, Plot, drawing
from analysis.rendering.figures.row_charts import RowChart, RowDrawing, row_drawing
from analysis.rendering.formats.text import shortened, visible

NO_BREAK = "\u00a0"
_TOGETHER = re.compile(r"\[[^][]{1,24}\]|\(n \d|\d (?=%|pp|nats)")


def rendered(name: str, **values: object) -> str:
    """The template with these values. Raises jinja2.UndefinedError for one that is missing."""
    return _environment().get_template(name).render(values)


def figure_svg(figure: Figure, *, alone: bool) -> str:
    """A figure as SVG; `alone` for a file of its own, with its size, its font and white paper."""
    match figure:
        case Plot():
            return _svg("plot.svg.j2", drawing(figure), alone)
        case RowChart():
            return _svg("rows.svg.j2", row_drawing(figure), alone)
        case Matrix():
            return _svg("matrix.svg.j2", matrix_drawing(figure), alone)


def _svg(template: str, drawn: Drawing | RowDrawing | MatrixDrawing, alone: bool) -> str:
    return rendered(template, d=drawn, alone=alone, paper_width=PAPER_WIDTH, legend_characters=LEGENDS[-1][0])


def template_text(name: str) -> str:
    """A file of the templates' folder as it is."""
    return (files("analysis.rendering.formats.templates") / name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(template_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    environment.filters["middle"] = shortened
    return environment


def _finalized(value: object) -> object:
    """Show invisible characters of every text that a template prints; trusted markup passes as it is.

    An interval, an n and a unit stay on one line with what they belong to.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _TOGETHER.sub(lambda found: found[0].replace(" ", NO_BREAK), visible(value))
