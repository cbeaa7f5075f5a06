"""The report as one HTML file: no script, no request, no inline style but one sheet that the page's CSP names by hash.

In: a ReviewReport. Out: HTML; everything that came from outside is escaped by Jinja2's autoescape.
"""

import base64
import hashlib
from dataclasses import replace
from importlib.resources import files

import jinja2
from markupsafe import Markup

from analysis.detail_tables import (
    card_table,
    correlation_table,
    coverage_table,
    exam_table,
    flip_table,
    method_table,
    subject_table,
)
from analysis.figures import Bar, game_bars, scatter
from analysis.numbers import cell, number
from analysis.report_tables import (
    SHAPES,
    Table,
    decision_table,
    evidence_table,
    exam_mark,
    game_scope_table,
    game_table,
    judge_warnings,
    score_scope_table,
    score_table,
)
from analysis.report_text import visible
from analysis.review_report import ReviewReport

Section = tuple[str, str, tuple[Table, ...]]


def report_html(report: ReviewReport) -> str:
    """The whole page."""
    folder = files("analysis.templates")
    css = (folder / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_finalized
    )
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    return template.render(
        report=report,
        css=Markup(css),
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        shape=SHAPES[report.word],
        facts=_facts(report),
        warnings=judge_warnings(report),
        sections=_sections(report),
        bars=_bars(report),
        scatter=scatter(report),
    )


def _sections(report: ReviewReport) -> tuple[Section, ...]:
    judges = report.judges
    return (
        ("decision", "Decision", (decision_table(report),)),
        ("evidence", "Evidence", (evidence_table(report),)),
        ("scores", "Scores", tuple(score_table(judge) for judge in judges if judge.scores)),
        ("games", "Games", tuple(game_table(judge) for judge in judges if judge.games)),
        ("flips", "Flips and KL", (flip_table(report),) if report.choices else ()),
        ("correlation", "Do the measures agree?", (correlation_table(report),)),
        ("exam", "The judge's exam", tuple(exam_table(judge) for judge in judges)),
        (
            "parts",
            "Coverage and parts",
            (
                coverage_table(report),
                *(score_scope_table(judge) for judge in judges if judge.scores),
                *(game_scope_table(judge) for judge in judges if judge.games),
                *((subject_table(report),) if report.choices else ()),
            ),
        ),
        ("cards", "Judge card and reproducibility", (card_table(report),)),
        ("methods", "Method notes", (method_table(),)),
    )


def _facts(report: ReviewReport) -> tuple[tuple[str, str], ...]:
    """The banner's lines: the primary of each candidate, margin, judge, exam, date, config."""
    judge = report.primary_judge
    margin = number(report.primary, report.margin).lstrip("+")
    primaries = [(f"{report.primary} of {d.candidate}", cell(d.primary.estimate)) for d in report.decisions]
    return (
        *primaries,
        ("margin", margin),
        ("limits", ", ".join(f"{name} ≤ {number(name, most)}" for name, most in report.limits) or "none"),
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


def _finalized(value: object) -> object:
    """Show invisible characters of every text that the template prints; trusted markup passes as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
