"""Templates filled with the report's texts; everything that came from outside is escaped, and what is invisible shown.

In: a template of analysis/rendering/formats/templates and values. Out: HTML or SVG text.
"""

import re
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from analysis.rendering.figures.catalog import Figure
from analysis.rendering.figures.matrices import Matrix, matrix_drawing
from analysis.rendering.figures.plots import Plot, drawing
from analysis.rendering.figures.row_charts import RowChart, row_drawing
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
            return rendered("plot.svg.j2", d=drawing(figure), alone=alone)
        case RowChart():
            return rendered("rows.svg.j2", d=row_drawing(figure), alone=alone)
        case Matrix():
            return rendered("matrix.svg.j2", d=matrix_drawing(figure), alone=alone)


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
