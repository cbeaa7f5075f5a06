"""The study: its page is what the kept data give, the data are what the runs gave, findings are counted rightly."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.evidence.run_evidence import read_evidence
from analysis.rendering.sentences.cells import cell
from analysis.rendering.tables.findings import finding_table
from analysis.rendering.tables.study import token_table, variant_table, variants
from analysis.review.review_report import report_from
from analysis.review.study_data import coarse, study_data, study_report
from analysis.token_distributions.token_turns import Turn
from assay.sources.study_files import read_study, write_study
from assay.study_pages import render_study, study_files
from tests.house import HOUSE
from tests.review_factory import Factory

DOCS = HOUSE / "docs"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A study of five variants without traces, and turns put to it by hand."""
    decision = {"primary": "accuracy_change", "limits": {"flips": 0.1}}
    made = Factory(
        tmp_path_factory.mktemp("study") / "study", questions=8, items=240, words=5, judges=(), decision=decision
    )
    found = study_data(read_evidence(made.config, made.write()))
    generator = np.random.default_rng(3)
    models = []
    for place, model in enumerate(found.models):
        shape = (4, 30)
        values = coarse(np.abs(generator.normal(0, 0.1 * place, shape))), generator.random(shape) > 0.1 * place
        change = coarse(generator.normal(-0.05 * place, 0.2, shape))
        turns = {("made", f"{101 + i}", 0, 1): Turn(values[0][i], values[1][i], change[i], 0) for i in range(4)}
        items = dict.fromkeys(model.choices.items[:50], 0.1 * place)
        rival = place > 0
        models.append(dataclasses.replace(model, turns=turns if rival else {}, items=items if rival else {}))
    return dataclasses.replace(found, models=tuple(models), facts={"began": "2026-11-25", "machine": "2 cores"})


@pytest.fixture(scope="module")
def report(data):
    return study_report(data, "now")


def test_the_page_and_its_figures_are_what_the_kept_data_give():
    files = study_files(DOCS)
    assert len(files) > 10
    for name, text in files.items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, f"{name}: run `assay study --page docs`"
    drawn = {path.name for path in (DOCS / "study").glob("*.svg")}
    assert drawn == {Path(name).name for name in files if name.endswith(".svg")}


def test_the_table_of_the_readme_is_the_pages():
    readme, page = ((DOCS / name).read_text(encoding="utf-8") for name in ("../README.md", "study.md"))
    rows = [line for line in readme.split("## The study")[1].split("\n## ")[0].splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 3  # the head, and the study in three lines
    assert all(row in page.splitlines() for row in rows)


def test_the_kept_files_are_small_and_name_no_place_on_a_machine():
    files = [DOCS / "study.md", *(DOCS / "study").iterdir()]
    assert sum(path.stat().st_size for path in files) < 3 * MEGABYTE
    for path in files:
        text = path.read_bytes().decode("utf-8", "replace")
        assert not re.search(r"/(work|root|home|tmp|Users)/", text), path


def test_the_study_has_its_variants_and_every_one_its_measures():
    parts = read_study(DOCS / "study")
    assert sum(len(part.models) for part in parts) >= 16 + 2
    for part in parts:
        baseline, *rivals = part.models
        assert len(baseline.choices) >= 500
        for model in rivals:
            assert len(model.choices) == len(baseline.choices)
            assert model.turns
            assert model.items


def test_what_is_written_reads_back_whole(data, tmp_path):
    write_study([data], tmp_path)
    (again,) = read_study(tmp_path)
    assert dict(again.facts) == dict(data.facts)
    assert [(m.name, m.role, m.family) for m in again.models] == [(m.name, m.role, m.family) for m in data.models]
    for one, other in zip(data.models, again.models, strict=True):
        assert np.array_equal(one.choices.logprobs, other.choices.logprobs)
        assert one.choices.frame.equals(other.choices.frame)
        assert other.items == pytest.approx(dict(one.items), rel=1e-6)
        assert one.turns.keys() == other.turns.keys()
        for key, turn in one.turns.items():
            for name in ("kl", "same", "change"):
                assert np.array_equal(getattr(turn, name), getattr(other.turns[key], name))


def test_the_page_is_the_same_from_the_files_and_again(data, tmp_path):
    write_study([data], tmp_path / "study")
    (tmp_path / "study" / "opening.md").write_text("# A study\n")
    render_study(tmp_path)
    page = (tmp_path / "study.md").read_text()
    assert page.startswith("# A study\n")
    assert page == study_files(tmp_path)["study.md"]
    shutil.rmtree(tmp_path / "study")
    write_study([data], tmp_path / "study")
    (tmp_path / "study" / "opening.md").write_text("# Another\n")
    assert study_files(tmp_path)["study.md"] == page.replace("# A study", "# Another")


def test_choices_give_the_same_numbers_as_in_the_review_itself(data, tmp_path):
    made = Factory(tmp_path / "r", questions=8, items=120, words=5, judges=(), decision={"primary": "accuracy_change"})
    evidence = read_evidence(made.config, made.write())
    whole = report_from(evidence, "now")
    reduced = study_report(study_data(evidence), "now")
    for one, other in zip(whole.choices, reduced.choices, strict=True):
        for mine, theirs in zip(one.results, other.results, strict=True):
            assert (mine.transitions, mine.flips, mine.distances) == (
                theirs.transitions,
                theirs.flips,
                theirs.distances,
            )


def test_a_row_a_variant_with_the_reports_own_cells(report):
    table = variant_table(report)
    assert [row[0] for row in table.rows] == [*report.candidates, report.control]
    flips = {each.name: each.row for each in variants(report)}
    for row in table.rows[:-1]:
        assert cell(flips[row[0]].flips, with_n=False) == row[2]
        moved = flips[row[0]].transitions
        assert row[4] == f"{moved.right_to_wrong}, {moved.wrong_to_right}"
    assert len(token_table(report).rows) == len(table.rows)


def test_findings_are_counted_over_the_variants(report):
    rows = {row[0]: row for row in finding_table(report).rows}
    found = variants(report)
    small = [each for each in found if abs(each.row.accuracy_change.value) <= 0.02]
    hidden = rows["Accuracy hardly changes while answers flip"][2]
    assert hidden.startswith(f"{len(small)} of {len(found)} variants")
    lost = sum(each.row.transitions.right_to_wrong for each in found)
    gained = sum(each.row.transitions.wrong_to_right for each in found)
    directions = rows["Right→wrong and wrong→right in proportion, also under noise"]
    assert directions[2].endswith(f"{lost} against {gained} in all")
    assert directions[3] == "no"
    pairs = [(each.vocabulary.value, each.row.flips.value) for each in found]
    rho = stats.spearmanr(*zip(*pairs, strict=True)).statistic
    assert f"Spearman +{rho:.2f} [" in rows["Flips follow KL over the vocabulary"][2]
    assert "(n 5)" in rows["Flips follow KL over the vocabulary"][2]


def test_findings_of_a_study_that_found_nothing_say_so(data):
    same = [dataclasses.replace(m, choices=data.models[0].choices, items={}, turns={}) for m in data.models]
    report = study_report(dataclasses.replace(data, models=tuple(same)), "now")
    rows = {row[0]: row for row in finding_table(report).rows}
    assert rows["Right→wrong and wrong→right in proportion, also under noise"][2:] == ("no flips", "not shown")
    assert rows["Flips follow KL over the vocabulary"][3] == "not shown"
    assert rows["Gains and losses of tokens' log-likelihood cancel in perplexity"][3] == "not shown"
    assert rows["Changed answers had a smaller top margin than kept ones"][3] == "not shown"
    assert rows["All flips follow flips"][3] == "not shown"
    assert rows["More of the baseline's wrong answers change than of its right ones"][3] == "no"
    assert rows["Accuracy hardly changes while answers flip"][3] == "no"


@given(st.lists(st.floats(-50, 50, allow_subnormal=False), min_size=1, max_size=50))
def test_coarse_values_are_near_and_stay_coarse(values):
    before = np.array(values)
    after = coarse(before)
    assert np.abs(after - before).max() <= np.abs(before).max() * 2.0**-11 + 1e-37
    assert np.array_equal(coarse(after), after)
    assert np.array_equal(after.astype(np.float32).astype(np.float64), after)


def test_the_kept_config_has_names_instead_of_places(data, tmp_path):
    write_study([data], tmp_path)
    (part,) = json.loads((tmp_path / "facts.json").read_text())
    assert [each["model"] for each in part["config"]["candidate"]] == [each.name for each in data.config.candidate]


def test_the_ends_of_a_sweep_are_its_smallest_and_largest_amounts(report):
    swept = report.model_copy(update={"families": ("bits",) * 5, "amounts": (3.0, 5.0, 1.0, 4.0, 2.0)})
    rows = {row[0]: row[2] for row in finding_table(swept).rows}
    smallest, largest = rows["Flips rise while accuracy is still flat (bits)"].split(". ", 1)[1].split("; ")
    assert smallest.startswith(f"{report.candidates[2]}: ")
    assert largest.startswith(f"{report.candidates[1]}: ")


def test_a_correlation_without_an_interval_shows_nothing(report):
    few = report.model_copy(update={"choices": report.choices[:3]})
    rows = {row[0]: row for row in finding_table(few).rows}
    assert rows["Flips follow KL over the options"][2].endswith("[no interval: too few] (n 3)")
    assert rows["Flips follow KL over the options"][3] == rows["All flips follow flips"][3] == "not shown"
