"""The report as one HTML file: no script, no request, no inline style but one sheet that the page's CSP names by hash.

In: a ReviewReport. Out: HTML; everything that came from outside is escaped by Jinja2's autoescape.
"""

import base64
import hashlib
from dataclasses import replace

from markupsafe import Markup

from analysis.faces.rendering import plot_svg, rendered, template_text
from analysis.figures.game_bars import Bar, game_bars
from analysis.figures.paper import figures
from analysis.numbers import number
from analysis.review_report import ReviewReport
from analysis.tables.evidence import exam_mark
from analysis.tables.review import SHAPES, warnings
from analysis.tables.sections import sections

FOLDED = ("parts", "cards")


def report_html(report: ReviewReport) -> str:
    """The whole page."""
    css = template_text("page.css")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return rendered(
        "page.html.j2",
        report=report,
        css=Markup(css),
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        shapes=SHAPES,
        folded=FOLDED,
        facts=_facts(report),
        warnings=warnings(report),
        sections=sections(report),
        bars=_bars(report),
        figures=[(plot, Markup(plot_svg(plot, alone=False))) for plot in figures(report)],
    )


def _facts(report: ReviewReport) -> tuple[tuple[str, str], ...]:
    """The banner's lines: what was asked, of how much, by whom, and when."""
    judge = report.primary_judge
    margin = number(report.primary, report.margin).lstrip("+")
    return (
        ("primary measure", f"{report.primary}, margin {margin}"),
        ("limits", ", ".join(f"{name} ≤ {number(name, most)}" for name, most in report.limits) or "none"),
        ("evidence", f"{report.questions} questions, {report.items} items"),
        ("judge", judge.name if judge else "no judge"),
        ("exam", exam_mark(judge) if judge else "no judge"),
        ("made at", report.made_at),
        ("config digest", report.config_digest),
    )


def _bars(report: ReviewReport) -> tuple[Bar, ...]:
    several = len(report.judges) > 1
    return tuple(
        replace(bar, label=f"{judge.name}: {bar.label}" if several else bar.label)
        for judge in report.judges
        for bar in game_bars(judge)
    )
