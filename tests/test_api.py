"""Assay as a library: few names, typed; nothing is printed, nothing exits."""

import shutil
import subprocess
import sys

import pandas as pd
import pytest

import assay
from assay.cli import run as command
from ledger.errors import AssayError, ConfigError
from tests.house import HOUSE

ITEMS = 200


def scores(wrong, name="item"):
    return pd.DataFrame(
        {name: [f"q{i}" for i in range(ITEMS)], "score": [0 if i in wrong else 1 for i in range(ITEMS)]}
    )


@pytest.fixture(scope="module")
def toured(tmp_path_factory):
    runs = tmp_path_factory.mktemp("tour")
    assert command(["tour", "--runs", str(runs)]) == 0
    return runs / "tour"


def test_flips_of_two_data_frames_are_those_that_one_can_count(capsys):
    row = assay.flips(scores({0, 1, 2}), scores({2, 3, 4, 5, 6}))
    assert (row.n, row.flips.value) == (ITEMS, 6 / ITEMS)
    assert row.accuracy_change.value == pytest.approx(-2 / ITEMS)
    assert row.flips.interval
    assert row.flips.interval[0] < 6 / ITEMS < row.flips.interval[1]
    assert capsys.readouterr() == ("", "")


def test_flips_of_tables_on_the_disk_are_the_same(tmp_path):
    paths = []
    for name, wrong in (("a", {1}), ("b", {2})):
        paths.append(tmp_path / f"{name}.csv")
        scores(wrong).to_csv(paths[-1], index=False)
    assert assay.flips(*paths).flips.value == assay.flips(scores({1}), scores({2})).flips.value == 2 / ITEMS


def test_what_cannot_be_compared_is_raised_and_not_printed(capsys):
    with pytest.raises(AssayError):
        assay.flips(scores({1}), scores({2}).rename(columns={"score": "other"}))
    with pytest.raises(ConfigError):
        assay.check("a/b")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.assign(score=2.0), r"candidate's data frame, row 0: column 'score' has '2.0'"),
        (
            lambda frame: frame.rename(columns={"score": "s"}),
            r"candidate's data frame: no column is called like a score",
        ),
        (
            lambda frame: pd.concat([frame, frame]),
            "row 0 and again on row 2",
        ),
    ],
    ids=["score", "column", "twice"],
)
def test_faults_of_a_data_frame_are_told_in_its_own_words(change, said):
    frame = pd.DataFrame({"item": [1, 2], "score": [1, 0]})
    with pytest.raises(ConfigError, match=said) as error:
        assay.flips(frame, change(frame))
    assert "columns item and score" in str(error.value)
    assert "--" not in str(error.value)
    assert "csv" not in str(error.value)


def test_what_is_neither_a_place_nor_a_data_frame_is_a_type_error():
    with pytest.raises(TypeError, match="the candidate is a NoneType; give a folder"):
        assay.flips(pd.DataFrame({"item": [1], "score": [1]}), None)


def test_a_task_that_one_side_lacks_is_not_left_out_in_silence():
    both = pd.concat([scores({1}).assign(task="a"), scores({2}).assign(task="b")])
    with pytest.raises(ConfigError, match="b"):
        assay.flips(both, scores({1}).assign(task="a"))
    with pytest.raises(AssayError):
        assay.flips(scores({1}).assign(task="a"), scores({1}).assign(task="c"))


def test_records_without_a_manifest_ship_nothing(toured, tmp_path):
    shutil.copytree(toured, tmp_path / "tour")
    (tmp_path / "tour" / "generation" / "w8a8" / "manifest.json").unlink()
    (found,) = (each for each in assay.load(tmp_path / "tour").decisions if each.candidate == "w8a8")
    assert str(found.word) == "UNFIT"
    assert any("its manifest.json is missing" in line for line in assay.load(tmp_path / "tour").lines)


def test_the_tour_is_a_whole_report_and_its_folder_loads_to_the_same_numbers(toured, capsys):
    result = assay.load(toured)
    assert capsys.readouterr() == ("", "")
    assert {decision.candidate for decision in result.decisions} == {"w8a8", "w4a16", "drop1", "drop2", "prune30"}
    assert (toured / "analysis" / "report.html").exists()
    frame = result.to_frame()
    assert list(frame.columns) == ["path", "measure", "unit", "n", "value", "low", "high", "left_out"]
    flips = frame[(frame.measure == "flips") & frame.value.notna()]
    assert len(flips)
    assert ((flips.low <= flips.value) & (flips.value <= flips.high)).all()
    assert result.exit_code in {0, 10, 11, 12}
    assert any(line.startswith("What they write:") for line in result.lines)
    drawn = result._repr_html_()
    assert "<table>" in drawn
    assert "w4a16" in drawn
    assert "<script" not in drawn


def test_the_tour_may_be_taken_again_but_not_over_a_review_of_the_users(toured, tmp_path, capsys):
    assert command(["tour", "--runs", str(toured.parent)]) == 0
    mine = tmp_path / "tour" / "review.toml"
    mine.parent.mkdir()
    mine.write_text('name = "tour"\n[baseline]\nmodel = "a/b"\n[[candidate]]\nmodel = "a/c"\n[[task]]\n')
    before = mine.read_text()
    assert command(["tour", "--runs", str(tmp_path)]) == 64
    assert mine.read_text() == before
    assert "a review of your own" in capsys.readouterr().err


def test_a_job_of_github_gets_the_markdown_in_its_summary(toured, tmp_path, monkeypatch):
    place = tmp_path / "summary.md"
    place.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))
    assert command(["tour", "--runs", str(toured.parent)]) == 0
    said = place.read_text()
    assert said.startswith("before\n")
    assert (toured / "analysis" / "report.md").read_text() in said


def test_a_summary_that_cannot_be_written_costs_no_decision(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "gone" / "summary.md"))
    assert command(["tour", "--runs", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert "The report: " in told.out
    assert "GITHUB_STEP_SUMMARY cannot be written" in told.err


def test_a_notebook_shows_the_decision_first(toured):
    page = assay.load(toured)._repr_html_()
    assert page.startswith("<table><thead><tr><th>candidate</th><th>decision</th>")
    assert "<th>loops</th>" in page


def test_an_error_can_be_caught_by_assays_own_name(tmp_path):
    with pytest.raises(assay.AssayError, match="is no run folder"):
        assay.load(tmp_path / "nowhere")


def test_the_terminals_summary_fits_80_columns_with_every_number_whole(toured, monkeypatch, capsys):
    monkeypatch.setattr("assay.results.PIPE_COLUMNS", 80)
    command(["analyze", str(toured / "review.toml"), "--runs", str(toured.parent)])
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(str(toured))]
    assert max(map(len, lines)) == 80
    assert not [line for line in lines if "…" in line]
    assert any(line.startswith("w4a16            −3.3 pp [−9.2, ") for line in lines)


def test_the_records_of_the_tour_name_no_place_of_a_machine():
    from io import BytesIO
    from zipfile import ZipFile

    with ZipFile(BytesIO((HOUSE / "assay" / "commands" / "tour.zip").read_bytes())) as records:
        texts = {name: records.read(name).decode() for name in records.namelist()}
    assert texts
    assert not [name for name, text in texts.items() if '"/' in text or "/root" in text or "/home" in text]


def test_to_import_it_loads_nothing_heavy():
    code = "import sys, assay; print(sorted({'pandas', 'torch', 'ledger', 'analysis'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        assay.other  # noqa: B018


def test_an_audit_is_an_object(tmp_path):
    with pytest.raises(AssayError):
        assay.audit(tmp_path / "nowhere")


def test_a_judge_that_was_spared_is_said_to_have_been_asked_for_nothing(toured):
    """The tour's judge failed its exam, so that no table of zeros stands for verdicts that nobody asked for."""
    report = (toured / "analysis" / "report.md").read_text(encoding="utf-8")
    assert "It was asked for no ratings and no games." in report
    assert "no verdict of smollm2-judge is there" in report
    assert "are shown, but they decide nothing" not in report
    assert not list((toured / "analysis" / "tables").glob("games*"))
    assert any(
        "drop1 repeats itself in 53 of 64 turns, the baseline in 10 (2 more signs in the report)" in line
        for line in assay.load(toured).lines
    )
