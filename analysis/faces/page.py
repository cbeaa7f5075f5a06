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
from analysis.tables.cards import card_table, method_table
from analysis.tables.choices import flip_table, loss_table, margin_table, overlap_table, subject_table
from analysis.tables.evidence import coverage_table, evidence_table, exam_mark, exam_table
from analysis.tables.judged import depth_tables
from analysis.tables.relations import relation_tables
from analysis.tables.review import (
    SHAPES,
    Table,
    decision_table,
    game_scope_table,
    game_table,
    score_scope_table,
    score_table,
    warnings,
)
from analysis.tables.traces import trace_table, vocabulary_table
from analysis.tables.trust import trust_tables

Section = tuple[str, str, tuple[Table, ...]]
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
        sections=_sections(report),
        bars=_bars(report),
        figures=[(plot, Markup(plot_svg(plot, alone=False))) for plot in figures(report)],
    )


def _sections(report: ReviewReport) -> tuple[Section, ...]:
    judges = report.judges
    return (
        ("decision", "Decision", (decision_table(report),)),
        ("evidence", "Evidence", (evidence_table(report),)),
        ("scores", "Scores", tuple(score_table(judge) for judge in judges if judge.scores)),
        ("games", "Games", tuple(game_table(judge) for judge in judges if judge.games)),
        ("flips", "Flips and KL", _choice_tables(report)),
        ("traces", "Token distributions", _token_tables(report)),
        ("correlation", "Do the measures agree?", tuple(relation_tables(report))),
        ("exam", "The judge's exam", (*map(exam_table, judges), *(trust_tables(report.trust) if report.trust else ()))),
        (
            "parts",
            "Coverage and parts",
            (
                coverage_table(report),
                *(table for judge in judges for table in depth_tables(judge)),
                *(score_scope_table(judge) for judge in judges if judge.scores),
                *(game_scope_table(judge) for judge in judges if judge.games),
                *((subject_table(report),) if report.choices else ()),
                *((overlap_table(report),) if report.overlaps else ()),
            ),
        ),
        ("cards", "Judge card and reproducibility", (card_table(report),)),
        ("methods", "Method notes", (method_table(),)),
    )


def _choice_tables(report: ReviewReport) -> tuple[Table, ...]:
    return (flip_table(report), loss_table(report), margin_table(report)) if report.choices else ()


def _token_tables(report: ReviewReport) -> tuple[Table, ...]:
    """A measure that was not run says so: its table stands there without a row."""
    vocabulary = (vocabulary_table(report),) if report.choices else ()
    return (*vocabulary, *((trace_table(report),) if report.questions else ()))


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
