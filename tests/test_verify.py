"""assay verify: a report is its run's, or the file that differs is named; and so is a report that was edited."""

import shutil
from importlib import metadata

import pytest

from assay.cli import run as assay
from ledger.errors import EXIT_UNFIT, EXIT_USAGE
from tests.review_factory import Factory


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory):
    """A run folder with its report, and the redacted page beside it."""
    runs = tmp_path_factory.mktemp("runs")
    made = Factory(runs / "r", questions=8, items=40, words=8, judges=("judge-a",))
    made.write()
    (runs / "review.toml").write_text(made.toml(), encoding="utf-8")
    for redact in (["--redact"], []):
        assert assay(["analyze", str(runs / "review.toml"), "--runs", str(runs), *redact]) in (0, 10, 11, 12)
        shutil.copy(runs / "r/analysis/report.html", runs / ("redacted.html" if redact else "open.html"))
    return runs


@pytest.fixture
def folder(analyzed, tmp_path):
    return shutil.copytree(analyzed, tmp_path / "runs")


def verified(capsys, *arguments) -> tuple[int, str]:
    capsys.readouterr()
    return assay(["verify", *map(str, arguments)]), capsys.readouterr().out


@pytest.mark.parametrize("name", ["report.html", "report.json"])
def test_a_report_in_its_run_folder_is_verified_byte_for_byte(folder, capsys, name):
    code, told = verified(capsys, folder / "r/analysis" / name)
    assert code == 0
    assert "byte for byte" in told


@pytest.mark.parametrize("name", ["open.html", "redacted.html"])
def test_a_page_that_was_sent_around_is_verified_against_a_run(folder, capsys, name):
    assert verified(capsys, folder / name, "--run", folder / "r")[0] == 0
    assert ("Note: redacted" in (folder / name).read_text()) == (name == "redacted.html")


@pytest.mark.parametrize(
    "name",
    [
        "review.toml",
        "items.jsonl",
        "labels.jsonl",
        "generation/w8a8/choices.jsonl",
        "generation/bf16/answers.jsonl",
        "generation/bf16/manifest.json",
        "judge/judge-a/games.jsonl",
    ],
)
def test_a_changed_input_is_named_with_both_hashes(folder, capsys, name):
    path = folder / "r" / name
    path.write_text(path.read_text() + "\n")
    code, told = verified(capsys, folder / "r/analysis/report.html", "--hashes-only")
    assert code == EXIT_UNFIT
    assert told.startswith(name)
    assert told.count("sha256:") == 2


def test_a_file_that_went_or_came_is_named(folder, capsys):
    (folder / "r/generation/w8a8/choices.jsonl").unlink()
    (folder / "r/judge/judge-a/notes.jsonl").write_text("")
    code, told = verified(capsys, folder / "r/analysis/report.html")
    assert code == EXIT_UNFIT
    assert [line.split(" ")[0].rstrip(":,") for line in told.splitlines()] == [
        "generation/w8a8/choices.jsonl",
        "judge/judge-a/notes.jsonl",
    ]
    assert told.count("missing") == 2


@pytest.mark.parametrize("name", ["report.html", "report.json"])
def test_an_edited_report_is_found_although_its_hashes_are_right(folder, capsys, name):
    path = folder / "r/analysis" / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("HOLD", "SHIP"), encoding="utf-8")
    assert text != path.read_text(encoding="utf-8")
    code, told = verified(capsys, path)
    assert code == EXIT_UNFIT
    assert "edited" in told
    assert verified(capsys, path, "--hashes-only")[0] == 0


def test_bytes_that_look_like_the_same_character_are_other_bytes(tmp_path, capsys):
    """A byte that is no UTF-8 is shown as U+FFFD, which a name may hold itself."""
    made = Factory(tmp_path / "r", candidates=("w\ufffd",), questions=4, items=20, words=4, judges=("judge-a",))
    made.write()
    (tmp_path / "review.toml").write_text(made.toml(), encoding="utf-8")
    assay(["analyze", str(tmp_path / "review.toml"), "--runs", str(tmp_path)])
    page = tmp_path / "r/analysis/report.html"
    assert verified(capsys, page)[0] == 0
    page.write_bytes(page.read_bytes().replace("\ufffd".encode(), b"\xff", 1))
    assert verified(capsys, page)[0] == EXIT_UNFIT


def test_a_report_of_another_version_is_said_to_be_one(folder, capsys):
    path = folder / "r/analysis/report.html"
    version = metadata.version("assay-review")
    path.write_text(path.read_text(encoding="utf-8").replace(f'"{version}"', '"0.0.7"'), encoding="utf-8")
    code, told = verified(capsys, path)
    assert code == EXIT_UNFIT
    assert f"0.0.7, and {version}" in told


@pytest.mark.parametrize("text", ["", "{}", "<html></html>", "[1]", '{"inputs": 3}', "\xff"])
def test_what_is_no_report_is_refused_by_name(folder, capsys, text):
    (folder / "other.html").write_bytes(text.encode("latin-1"))
    assert assay(["verify", str(folder / "other.html"), "--run", str(folder / "r")]) == EXIT_USAGE
    assert "not a report of Assay" in capsys.readouterr().err


def test_a_missing_run_or_report_is_told(folder, capsys):
    assert assay(["verify", str(folder / "open.html")]) == EXIT_USAGE
    assert "--run" in capsys.readouterr().err
    assert assay(["verify", str(folder / "r/analysis/none.html")]) != 0
