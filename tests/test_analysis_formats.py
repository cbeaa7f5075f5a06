"""The report's formats: equal cells, escaped text, a page that asks for nothing, forty lines of Markdown."""

import base64
import hashlib
import html
import json
import re

import pytest

from analysis.decision.gate_words import Word
from analysis.rendering.formats.data import report_json
from analysis.rendering.formats.markdown import MOST_LINES, report_markdown
from analysis.rendering.formats.page import report_html
from analysis.rendering.formats.rendering import NO_BREAK
from analysis.rendering.formats.terminal import summary
from analysis.rendering.formats.text import markdown, visible
from analysis.rendering.sentences.decisions import cause_texts, sentence
from analysis.rendering.sentences.numbers import count_of
from analysis.rendering.tables.choices import flip_table
from analysis.rendering.tables.relations import correlation_table
from analysis.rendering.tables.review import Table, decision_table, game_table, score_table
from analysis.review.review_report import ReviewReport
from assay import results
from ledger.judgments import Outcome, Winner
from tests.run_folder import HOSTILE, Folder, config, whole

FIVE = ("w8a8", "w4a16", "drop1", "drop2", "prune30")


def hopeless(path, candidates=FIVE, **decision) -> ReviewReport:
    """Five candidates before a judge that nobody can read."""
    folder = Folder(path, config(candidates, **decision))
    for seed, name in enumerate(folder.names):
        folder.answer(name)
        folder.choose(name, wrong=10 + seed % 2, seed=seed, noise=0.4)
    folder.rate(dict.fromkeys(folder.names, 7.0), outcome=Outcome.UNREADABLE)
    for rival in folder.rivals:
        folder.play(rival, (None, Winner.TIE))
    folder.examine(right=0.0)
    folder.sign_judge()
    return folder.report()


def told(report: ReviewReport) -> str:
    """The page's text as it was before it was escaped and kept from breaking."""
    return html.unescape(report_html(report)).replace(NO_BREAK, " ")


def texts(report: ReviewReport) -> list[str]:
    """Every text of the terminal's summary."""
    parts = summary(report)
    cells = [cell for part in parts if isinstance(part, Table) for row in (part.header, *part.rows) for cell in row]
    return [*cells, *(part for part in parts if isinstance(part, str))]


def test_every_face_prints_the_same_cells(tmp_path):
    report = whole(tmp_path, config(("w8", "w5", "w4"), margin=1.0), scores=(7.0, 7.0, 6.8, 6.0, 4.0)).report()
    page = visible(told(report))
    judge = report.judges[0]
    for table in (
        decision_table(report),
        score_table(judge),
        game_table(judge),
        flip_table(report),
        correlation_table(report),
    ):
        for row in table.rows:
            assert all(visible(text) in page for text in row)
    shown = report_markdown(report)
    for row in decision_table(report).rows:
        assert all(markdown(row[place]) in shown for place in (0, 1, 2, 3, 4, 5))
    said = set(texts(report))
    assert {visible(row[2]) for row in decision_table(report).rows} <= said
    change = json.loads(report_json(report))["judges"][0]["scores"][1]["scopes"][0]["change"]
    assert f"{abs(change['value']):.2f}" in score_table(judge).rows[1][3]


def test_hostile_text_is_escaped_in_every_face(tmp_path):
    name = f"w8 {HOSTILE} \x1b[31m \u202e | @team #1 www.evil.example"
    folder = whole(tmp_path, config((name, "w4"), margin=1.0))
    report = folder.report()
    page, shown = report_html(report), report_markdown(report)
    assert re.findall("<script[^>]*>", page) == ['<script type="application/json" id="provenance">']
    assert "<script>alert" not in page
    assert "</script>&lt;" not in page
    assert "{{7*7}}" in page
    assert "49" not in re.findall(r"alert\(1\)&lt;/script&gt;(\S+)", page)
    for text in (page, shown, *texts(report)):
        assert not {"\x1b", "\u202e", "\x00"} & set(text)
    assert "<script" not in shown.replace("\\<", "")
    assert "@team" not in shown
    assert "#1" not in shown
    assert HOSTILE in json.loads(report_json(report))["candidates"][0]


def test_the_page_asks_for_nothing_and_its_policy_names_its_only_style(tmp_path):
    page = report_html(whole(tmp_path, config(margin=1.0)).report())
    style = re.search(r"<style>(.*?)</style>", page, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1))
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert not re.search(r"\s(style|src|on\w+)=", page)
    assert set(re.findall(r'href="(.)', page)) == {"#"}
    assert page.count("<caption>") == page.count("<table ") > 8


def test_sections_stand_in_the_order_of_the_design(tmp_path):
    page = report_html(whole(tmp_path, config(margin=1.0)).report())
    wanted = ["decision", "writing", "evidence", "scores", "games", "flips", "traces", "correlation", "figures"]
    wanted += ["exam", "answers", "parts", "cards", "methods"]
    assert re.findall(r'<section id="(\w+)"', page) == wanted
    assert "■" in page[: page.index("<main>")]
    assert page.index('class="banner') < page.index('class="strip"') < page.index('id="scores"')
    assert "<svg" in page


def test_a_margin_is_in_the_report_before_the_run(tmp_path):
    report = whole(tmp_path, config(margin=0.7)).report()
    assert report.config_digest in report_markdown(report)
    assert "0.70" in report_html(report)


def test_many_candidates_fit_forty_lines_and_none_is_cut_silently(tmp_path):
    folder = whole(tmp_path, config(tuple(f"w{i}" for i in range(12)), margin=1.0), scores=(7.0,) * 14, right=0.3)
    lines = report_markdown(folder.report()).splitlines()
    assert len(lines) <= MOST_LINES
    assert any("7 more in report.html" in line for line in lines)
    assert lines[-1].startswith("Config ")


@pytest.mark.parametrize("made", ["hopeless", "weak", "open", "clear"])
def test_the_terminal_of_five_candidates_fits_seventy_lines(tmp_path, capsys, made):
    settings = config(FIVE, margin=0.3 if made == "open" else 1.0)
    if made == "hopeless":
        report = hopeless(tmp_path)
    else:
        report = whole(tmp_path, settings, (7.0,) * 7, right=0.0 if made == "weak" else 1.0, questions=12).report()
    results.show(report, [])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 70, "\n".join(lines)
    assert max(map(len, lines)) <= 120
    for each in report.decisions:
        assert " ".join(sentence(each).split()) in " ".join(" ".join(lines).split())


def test_no_terminal_cell_is_a_paragraph(tmp_path):
    for report in (hopeless(tmp_path / "a"), whole(tmp_path / "b", config(FIVE), (7.0,) * 7).report()):
        tables = [part for part in summary(report) if isinstance(part, Table)]
        cells = [cell for table in tables for row in (table.header, *table.rows) for cell in row]
        assert max(map(len, cells)) <= 80
        assert all(len(row) == len(table.header) for table in tables for row in table.rows)


def test_the_markdown_of_a_hopeless_judge_is_short(tmp_path):
    report = hopeless(tmp_path)
    lines = report_markdown(report).splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) < 520
    assert all(any(line.startswith(f"| {name} | ▲ UNFIT") for line in lines) for name in FIVE)
    assert "`rating_change`" in lines[2]
    assert not any("rating\\_change" in line for line in lines)


def test_markdown_shows_the_candidates_that_weigh_most_where_they_are_many(tmp_path):
    folder = whole(tmp_path, config(tuple(f"w{i}" for i in range(12)), margin=1.0), (7.0,) * 12 + (3.0, 3.0))
    report = folder.report()
    held = [each.candidate for each in report.decisions if each.word is Word.HOLD]
    assert held
    shown = report_markdown(report)
    assert all(f"| {name} | ■ HOLD" in shown for name in held[:5])


def test_every_coverage_count_stands_on_the_page(tmp_path):
    report = hopeless(tmp_path, limits={"flips": 0.1})
    page = told(report)
    rows = [*report.coverage, *(row for judge in report.judges for row in (*judge.coverage, *judge.paired))]
    assert len(rows) > 100
    for row in rows:
        assert count_of(row.scored, row.planned) in page
        assert ", ".join(f"{count} {name}" for name, count in row.outcomes.items()) in page
        place = [row.kind, row.model, row.scope, count_of(row.scored, row.planned)]
        assert re.search(r"</td>\s*<td[^>]*>".join(map(re.escape, place)), page)


def test_the_page_lists_every_cause_and_no_sentence_twice(tmp_path):
    report = hopeless(tmp_path)
    page = told(report)
    for each in report.decisions:
        assert len(each.causes) > 2
        assert all(f"<li>{cause}</li>" in page for cause in cause_texts(each))
        assert page.count(sentence(each)) == 1
    assert "needs at least" not in page


def test_the_first_screen_shows_the_weightiest_of_many_candidates_and_counts_the_rest(tmp_path):
    folder = whole(tmp_path, config(tuple(f"w{i}" for i in range(12)), margin=1.0), (7.0,) * 12 + (3.0, 3.0))
    report = folder.report()
    page = told(report)
    banner, rest = page[: page.index("<summary>")], page[page.index("<summary>") :]
    held = [each for each in report.decisions if each.word is Word.HOLD]
    assert 0 < len(held) <= 5
    assert all(sentence(each) in banner for each in held)
    assert rest.startswith("<summary>7 more: 7 SHIP</summary>")
    assert all(page.count(sentence(each)) == 1 for each in report.decisions)
