"""The report's files for programs: the same numbers in each, hostile names as text, nobody else's file removed."""

import csv
import io
import json
import unicodedata
from dataclasses import fields, is_dataclass, replace
from xml.etree import ElementTree

import pytest
import yaml

from analysis.rendering.formats.csv_tables import COLUMNS, csv_tables, estimates, estimates_csv, harmless
from analysis.rendering.formats.data import report_json
from analysis.rendering.formats.junit import report_junit
from analysis.rendering.formats.model_card import model_cards
from analysis.rendering.formats.text import HIDDEN, visible
from analysis.rendering.formats.writers import WRITTEN, write_reports
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.numbers import number
from analysis.rendering.tables.sections import sections
from analysis.review.review_report import ReviewReport
from ledger.config import config_from
from tests.run_folder import NOW, Folder, build_report, config, whole

HOSTILE = '=HYPERLINK("http://x") </script> ]]> <!-- \x00 \ud800 \u202e \x1b[31m \ufffe\n---'


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


def runs(text):
    """Whether a spreadsheet would take a cell for a formula."""
    try:
        float(text)
    except ValueError:
        return text.lstrip().startswith(("=", "+", "-", "@"))
    return False


def estimate_rows(report):
    header, *rows = rows_of(estimates_csv(report))
    assert tuple(header) == COLUMNS
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


def renamed(part, names):
    """The same report with other names wherever they stand, also those that no config would let in."""
    if isinstance(part, ReviewReport):
        return part.model_copy(update={name: renamed(getattr(part, name), names) for name in type(part).model_fields})
    if is_dataclass(part):
        return replace(part, **{each.name: renamed(getattr(part, each.name), names) for each in fields(part)})
    if isinstance(part, tuple):
        return tuple(renamed(each, names) for each in part)
    if isinstance(part, dict):
        return {renamed(key, names): renamed(value, names) for key, value in part.items()}
    if type(part) is str:
        for old, new in names.items():
            part = part.replace(old, new)
    return part


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    settings = config(margin=1.0, limits={"flips": 0.2, "kl_options": 0.5})
    return whole(tmp_path_factory.mktemp("run"), settings).report()


def two_judges(folder) -> ReviewReport:
    one = whole(folder, config(margin=1.0))
    data = one.config.model_dump(mode="json")
    data["judge"] = [*data["judge"], {"model": "pairs/only", "modes": ["pair"]}]
    return build_report(config_from(data, "test"), one.run, NOW)


def test_every_face_holds_the_same_numbers(report):
    data, rows = json.loads(report_json(report)), estimate_rows(report)
    suites = {suite.get("name"): suite for suite in ElementTree.fromstring(report_junit(report))}
    decided = {row[0]: row for row in rows_of(csv_tables(report)["decision.csv"])}
    for place, decision in enumerate(report.decisions):
        name, primary = decision.candidate, decision.primary.estimate
        flips, kl = (limit.estimate for limit in decision.limits)
        card = yaml.safe_load(model_cards(report)[name])["model-index"][0]
        values = {m["type"]: m["value"] for result in card["results"] for m in result["metrics"]}
        for gate, estimate in (("primary", primary), ("limits/flips", flips), ("limits/kl_options", kl)):
            row = rows[f"decisions/{name}/{gate}/estimate"]
            low, high = estimate.interval
            assert [float(row[key]) for key in ("n", "value", "low", "high")] == [estimate.n, estimate.value, low, high]
            assert values[estimate.measure] == estimate.value
            assert cell(estimate) in "".join(suites[name].itertext())
            assert cell(estimate) in {text.removeprefix("'") for text in decided[name]}
        assert data["decisions"][place]["primary"]["estimate"]["value"] == primary.value
        for bound in ("lower_bound", "upper_bound"):
            told = number("rating_change", getattr(decision, bound))
            assert data["decisions"][place][bound] == getattr(decision, bound)
            assert f"{bound.replace('_', ' ')} {told};" in "".join(suites[name].itertext())
            assert told in decided[name]
    assert len(report.decisions) == 2


def test_every_estimate_stands_in_the_table_once_under_a_path_of_its_own(report, tmp_path):
    def count(part):
        if isinstance(part, list):
            return sum(map(count, part))
        return ("lower_bounds" in part) + sum(map(count, part.values())) if isinstance(part, dict) else 0

    for made in (report, two_judges(tmp_path)):
        paths = [path for path, _ in estimates(made)]
        assert len(set(paths)) == len(paths) == count(json.loads(report_json(made))) > 100
        assert not any("//" in path or path.endswith("/") for path in paths)
    assert float(estimate_rows(report)["judges/judge-1/scores/w8/turn 1/change"]["value"]) == pytest.approx(0.15)


def test_what_was_not_measured_is_empty_in_the_table_and_absent_from_the_card(tmp_path):
    report = Folder(tmp_path, config(("w8",))).report()
    row = estimate_rows(report)["decisions/w8/primary/estimate"]
    assert (row["value"], row["low"], row["high"]) == ("", "", "")
    assert row["missing"] == clause(report.decisions[0].primary.estimate.missing)
    assert yaml.safe_load(model_cards(report)["w8"]) == {"model-index": [{"name": "w8", "results": []}]}


def test_every_table_of_the_page_is_a_file_in_its_words(report):
    found = csv_tables(report)
    tables = [table for section in sections(report) for table in section.tables]
    assert set(found) == {"estimates.csv", *(f"{table.id}.csv" for table in tables)}
    for table in tables:
        shown = [[text.removeprefix("'") for text in row] for row in rows_of(found[f"{table.id}.csv"])]
        assert shown == [[visible(text) for text in row] for row in (table.header, *table.rows)]


def test_tables_of_several_judges_are_told_apart_by_name(tmp_path):
    report = two_judges(tmp_path)
    found = csv_tables(report)
    assert "scores.csv" in found
    assert {name for name in found if name.startswith("games")} == {"games.csv"}  # the second judge has none
    assert sum(name.startswith("exam-pairs_only") for name in found) == 1
    assert len(found) == 1 + sum(len(section.tables) for section in sections(report))


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-1+1", "@SUM(1)", "\t=1", "\r=1", " =1", "＝1", "+0.1 [0, 1]"]
)
def test_a_formula_gets_an_apostrophe(text):
    assert harmless(text) == f"'{visible(text)}"


@pytest.mark.parametrize("text", ["-0.5", "+0.25", "1e-05", "−0.5 [−1.0, +0.1]", "—", "a=b", "'=1", ""])
def test_a_number_and_plain_words_stay_as_they_are(text):
    assert harmless(text) == text


def test_hostile_names_are_text_in_every_file(report, tmp_path):
    made = renamed(report, {"w8": HOSTILE, "math": f"@{HOSTILE}", "judge-1": f"\x1b]0;{HOSTILE}"})
    write_reports(made, tmp_path)
    paths = [path for path in tmp_path.rglob("*") if path.suffix in (".xml", ".csv", ".svg", ".yaml")]
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    assert len(paths) > 40
    for path, text in texts.items():
        assert not {c for c in text if unicodedata.category(c) in HIDDEN} - {"\n"}, path
        if path.suffix == ".csv":
            assert not [each for row in rows_of(text) for each in row if runs(each)], path
        elif path.suffix != ".yaml":
            root = ElementTree.fromstring(text)
            assert not {"script", "img"} & {element.tag.rpartition("}")[2] for element in root.iter()}
    (card,) = [text for path, text in texts.items() if path.suffix == ".yaml" and path.name != "w4.yaml"]
    assert yaml.safe_load(card)["model-index"][0]["name"] == visible(HOSTILE)
    suites = ElementTree.fromstring(texts[tmp_path / "junit.xml"])
    assert [suite.get("name") for suite in suites] == [visible(HOSTILE), "w4"]
    assert f"'{visible(HOSTILE)}" in {row[0] for row in rows_of(texts[tmp_path / "tables" / "decision.csv"])}
    parts = {row[1] for row in rows_of(texts[tmp_path / "tables" / "score-parts.csv"])}
    assert f"'{visible('@' + HOSTILE)}" in parts
    assert json.loads((tmp_path / "report.json").read_text())["candidates"] == [HOSTILE, "w4"]


def test_files_of_an_earlier_report_go_and_those_of_others_stay(report, tmp_path):
    write_reports(report, tmp_path)
    before = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    mine = [tmp_path / "tables" / "mine.csv", tmp_path / "figures" / "mine.svg", tmp_path / "notes.md"]
    for path in mine:
        path.write_text("mine")
    folder = Folder(tmp_path / "run", config(("other",), task=False, judge=False))
    write_reports(folder.report(), tmp_path)
    after = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    gone = before - after
    assert {"model-cards/w8.yaml", "tables/flips.csv", "figures/flips_beside_all_flips.svg"} <= gone
    assert "model-cards/other.yaml" in after
    assert all(path.read_text() == "mine" for path in mine)


def test_a_list_that_names_another_place_removes_nothing_there(report, tmp_path):
    folder = tmp_path / "analysis"
    (folder / "tables" / "deep").mkdir(parents=True)
    kept = [tmp_path / "review.toml", folder / "notes.md", folder / "tables" / "deep" / "x.csv"]
    for path in kept:
        path.write_text("kept")
    (folder / "tables" / "old.csv").write_text("old")
    names = ["../review.toml", "tables/../notes.md", "notes.md", "tables/deep/x.csv", str(kept[0]), "tables/old.csv"]
    names += ["tables/..", "tables/", "tables/deep", "tables/a\0b", f"tables/{'x' * 300}"]
    (folder / WRITTEN).write_text("\n".join(names))
    write_reports(report, folder)
    assert all(path.read_text() == "kept" for path in kept)
    assert not (folder / "tables" / "old.csv").exists()
