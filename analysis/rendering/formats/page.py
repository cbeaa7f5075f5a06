"""The report as one HTML file: no request, one style sheet and one script, both named by hash in the page's CSP.

In: a ReviewReport and, for the browser of answers, Exhibits. Out: HTML; Jinja2's autoescape escapes what came from
outside, and the exhibits are packed as base64 and only ever become textContent.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from analysis.rendering.figures.catalog import figures_by_section
from analysis.rendering.figures.forests import primary_forest
from analysis.rendering.figures.row_charts import DrawnRow, RowDrawing, row_drawing
from analysis.rendering.formats.exhibit_data import MOST_CHARACTERS, WHOLE_ROWS, Packed, packed
from analysis.rendering.formats.labels import NO_ENDS, Ends, report_ends, shortened_apart
from analysis.rendering.formats.provenance import Provenance
from analysis.rendering.formats.rendering import figure_svg, rendered, template_text
from analysis.rendering.formats.text import visible_lines
from analysis.rendering.sentences.decisions import cause_texts, sentence
from analysis.rendering.tables.first_screen import asked, beside, counted, headline, panels
from analysis.rendering.tables.review import MOST_CANDIDATES, SHAPES, foremost, ranked
from analysis.rendering.tables.sections import Section, sections, silence
from analysis.rendering.tables.strip import SIGNS, evidence_strip
from analysis.rendering.tables.words import term
from analysis.review.changed_solutions import NONE_CHANGED, ChangedSolutions
from analysis.review.exhibits import KINDS, TEXT_SIGNS, Exhibits
from analysis.review.review_report import ReviewReport
from analysis.writing.thoughts import THOUGHTS
from ledger.measures import measure_of
from ledger.records import Item

MOST_LABEL, MOST_COLUMN = 24, 20  # characters of a name at a table's row, and over a column of the tasks
FIRST_FIGURES = 2  # of a section; the others unfold
FOLDED = ("parts", "cards")
FIRST_SCREEN = "decision"  # its figure is drawn in the rows of the first screen, once
BROWSER = Section("answers", "Answers and items", ())
PAPER = Section("figures", "Figures of the paper", ())
REDACTED = (
    "Note: redacted. The texts of questions, references, answers, items and judges' replies are left out; every number "
    "stands."
)

MEANINGS = {
    "regressed": "rated lower than the baseline, or a game lost",
    "improved": "rated higher, or a game won",
    "inconsistent": "a judge changed its verdict when the answers were swapped",
    "disagree": "two judges say the opposite, or not the same class",
    "unreadable": "a verdict that could not be read, contradicts itself or is out of range",
    "refused": "a judge or its filter refused",
    "truncated": "an answer or a verdict that was cut off",
    "failed": "a judgment that never came",
    "identical": "the candidate wrote the baseline's own words",
    **{name: f"the candidate {measure_of(name).verb}" for name in TEXT_SIGNS},
}
"""Each kind of exhibit, in words."""


@dataclass(frozen=True)
class Shown:
    """What the page holds beside numbers: exhibits and the items' texts; of a redacted report, only names."""

    exhibits: Exhibits
    items: tuple[Item, ...] = ()
    solved: ChangedSolutions = NONE_CHANGED


@dataclass(frozen=True)
class Browser:
    """What stands around the browser of answers before its script runs."""

    description: str
    rows: int
    items: int
    kinds: tuple[tuple[str, int, str], ...]


def report_html(report: ReviewReport, shown: Shown | None = None) -> str:
    """The whole page; without `shown` it has no browser of answers and no script."""
    css, script = template_text("page.css"), template_text("page_texts.js") + template_text("page.js")
    texts = packed(shown.exhibits, shown.items, shown.solved, redact=report.redacted) if shown else None
    scripts = f" script-src 'sha256-{_digest(script)}';" if shown else ""
    found = {name: each for name, each in figures_by_section(report).items() if name != FIRST_SCREEN}
    parts = tuple(_ordered(sections(report)))
    ends, folded = report_ends(report), ranked(report.decisions)[MOST_CANDIDATES:]
    return rendered(
        "page.html.j2",
        report=report,
        css=Markup(css),
        script=Markup(script),
        policy=f"default-src 'none'; style-src 'sha256-{_digest(css)}';{scripts} base-uri 'none'; form-action 'none'",
        shapes=SHAPES,
        signs=SIGNS,
        folded=FOLDED,
        first_figures=FIRST_FIGURES,
        headline=headline(report),
        asked=asked(report),
        verdicts=_verdicts(report),
        panels=panels(report, (REDACTED,) if report.redacted else ()),
        foremost=foremost(report.decisions),
        others=folded,
        other_words=counted(folded),
        **_names(report, ends),
        beside=beside,
        strip=evidence_strip(report),
        sentence=sentence,
        cause_texts=cause_texts,
        silence=silence,
        sections=parts,
        drawn={
            part.id: [(each, Markup(figure_svg(each, alone=False, ends=ends))) for each in found.get(part.id, ())]
            for part in parts
        },
        term=term,
        lines=lambda text: Markup.escape(visible_lines(text)),
        browser=_browser(shown, texts, redact=report.redacted) if shown and texts else None,
        exhibits=Markup(texts.text) if texts else "",
        provenance=htmlsafe_json_dumps(Provenance.of(report).model_dump()),
    )


def _names(report: ReviewReport, ends: Ends) -> dict[str, object]:
    """What all names share; names at a table's row, where they share something, and over a column of the tasks."""
    models, candidates = ([each.model for each in report.models], [each.candidate for each in report.decisions])
    return {
        "ends": ends,
        "labels": {} if ends == NO_ENDS else shortened_apart(models, MOST_LABEL, ends),
        "columns": shortened_apart(candidates, MOST_COLUMN, ends),
    }


def _digest(text: str) -> str:
    """As a content security policy names a style sheet or a script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _ordered(found: Iterable[Section]) -> Iterable[Section]:
    """The paper's figures and the browser stand before the parts that few will read."""
    for section in found:
        if section.id == "exam":
            yield PAPER
        if section.id == "parts":
            yield BROWSER
        yield section


def _browser(shown: Shown, texts: Packed, *, redact: bool) -> Browser:
    found = shown.exhibits
    cut = MOST_CHARACTERS if redact else texts.reply_characters
    whole = f"whole in the {WHOLE_ROWS} rows that lost most, up to {cut} characters elsewhere"
    description = "" if cut == MOST_CHARACTERS else f"To keep this page small, judges' replies are {whole}."
    told = [kind for kind in KINDS if found.counts[kind] or kind not in THOUGHTS]
    kinds = tuple((kind, found.counts[kind], MEANINGS[kind]) for kind in told)
    return Browser(description, len(found.rows), len(found.changed_items) + len(shown.solved[0]), kinds)


@dataclass(frozen=True)
class Verdicts:
    """The drawing that the rows of the first screen are cut from: one row of it per candidate, the control's last."""

    drawing: RowDrawing
    rows: Mapping[str, DrawnRow]
    floor: DrawnRow | None


def _verdicts(report: ReviewReport) -> Verdicts | None:
    """None where the primary measure is not there for any candidate."""
    chart = next(primary_forest(report), None)
    if chart is None:
        return None
    drawn = row_drawing(chart)
    rows = {decision.candidate: row for decision, row in zip(report.decisions, drawn.rows, strict=False)}
    return Verdicts(drawn, rows, drawn.rows[-1] if report.control_primary else None)
