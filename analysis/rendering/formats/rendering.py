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
from analysis.rendering.formats.labels import NO_ENDS, Ends, shortened
from analysis.rendering.formats.text import visible

NO_BREAK = "\u00a0"
JOINED = "\u2060"
_MARKS = re.compile(r"([._/:@→-])")
_TOGETHER = re.compile(r"\[[^][]{1,24}\]|\(n \d|\d (?=%|pp|nats)|\bp [=<] (?=\d)")


def rendered(name: str, **values: object) -> str:
    """The template with these values. Raises jinja2.UndefinedError for one that is missing."""
    return _environment().get_template(name).render(values)


def figure_svg(figure: Figure, *, alone: bool, ends: Ends = NO_ENDS) -> str:
    """A figure as SVG; `alone` for a file of its own, with its size, its font and white paper.

    `ends` are what all models' names share, which its labels leave out.
    """
    match figure:
        case Plot():
            return _svg("plot.svg.j2", drawing(figure), alone, ends)
        case RowChart():
            return _svg("rows.svg.j2", row_drawing(figure), alone, ends)
        case Matrix():
            return _svg("matrix.svg.j2", matrix_drawing(figure), alone, ends)


def _svg(template: str, drawn: Drawing | RowDrawing | MatrixDrawing, alone: bool, ends: Ends) -> str:
    characters = LEGENDS[-1][0]
    return rendered(template, d=drawn, alone=alone, ends=ends, paper_width=PAPER_WIDTH, legend_characters=characters)


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
    environment.filters |= {"label": shortened, "breakable": _breakable}
    return environment


def _breakable(text: str) -> Markup:
    """A name whose line may break after each of its marks, before it does elsewhere; not after what opens it."""
    escaped = _MARKS.sub(r"\1<wbr>", str(Markup.escape(visible(text))))
    return Markup(f"…{JOINED}{escaped[1:]}" if escaped.startswith("…") else escaped)


def _finalized(value: object) -> object:
    """Show invisible characters of every text that a template prints; trusted markup passes as it is.

    An interval, an n, a p and a unit stay on one line with what they belong to.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _TOGETHER.sub(lambda found: found[0].replace(" ", NO_BREAK), visible(value))
