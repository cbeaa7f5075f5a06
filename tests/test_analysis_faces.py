"""The report's faces: equal cells, escaped text, a page that asks for nothing, forty lines of Markdown."""

import base64
import hashlib
import html
import json
import re

from analysis.detail_tables import correlation_table, flip_table
from analysis.report_html import report_html
from analysis.report_json import report_json
from analysis.report_markdown import MOST_LINES, report_markdown
from analysis.report_tables import decision_table, game_table, score_table
from analysis.report_text import markdown, visible
from analysis.summary import summary_tables
from tests.test_analysis_run_folder import HOSTILE, config, whole


def test_every_face_prints_the_same_cells(tmp_path):
    report = whole(tmp_path, config(("w8", "w5", "w4"), margin=1.0), scores=(7.0, 7.0, 6.8, 6.0, 4.0)).report()
    page = visible(html.unescape(report_html(report)))
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
    said = {text for table in summary_tables(report) for row in table.rows for text in row}
    assert {visible(row[2]) for row in decision_table(report).rows} <= said
    change = json.loads(report_json(report))["judges"][0]["scores"][1]["scopes"][0]["change"]
    assert f"{abs(change['value']):.2f}" in score_table(judge).rows[1][3]


def test_hostile_text_is_escaped_in_every_face(tmp_path):
    name = f"w8 {HOSTILE} \x1b[31m \u202e | @team #1 www.evil.example"
    folder = whole(tmp_path, config((name, "w4"), margin=1.0))
    report = folder.report()
    page, shown = report_html(report), report_markdown(report)
    assert "<script" not in page
    assert "</script>&lt;" not in page
    assert "{{7*7}}" in page
    assert "49" not in re.findall(r"alert\(1\)&lt;/script&gt;(\S+)", page)
    for text in (page, shown, *(cell for table in summary_tables(report) for row in table.rows for cell in row)):
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
    assert not re.search(r"\s(style|src|href|on\w+)=", page)
    assert page.count("<caption>") == page.count("<table>") > 8


def test_sections_stand_in_the_order_of_the_design(tmp_path):
    page = report_html(whole(tmp_path, config(margin=1.0)).report())
    wanted = ["decision", "evidence", "scores", "games", "flips", "correlation", "exam", "parts", "cards", "methods"]
    assert re.findall(r'<section id="(\w+)"', page) == wanted
    assert "■" in page[: page.index("<main>")]
    assert "<svg" in page


def test_a_margin_is_in_the_report_before_the_run(tmp_path):
    report = whole(tmp_path, config(margin=0.7)).report()
    assert report.config_digest in report_markdown(report)
    assert "0.70" in report_html(report)


def test_many_candidates_fit_forty_lines_and_none_is_cut_silently(tmp_path):
    folder = whole(tmp_path, config(tuple(f"w{i}" for i in range(12)), margin=1.0), scores=(7.0,) * 14, right=0.3)
    lines = report_markdown(folder.report()).splitlines()
    assert len(lines) <= MOST_LINES
    assert any("8 more in report.html" in line for line in lines)
    assert lines[-1].startswith("Config ")
