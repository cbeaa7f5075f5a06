"""Declarations: a config is declared before the run, and a changed one is seen wherever it was changed."""

from pathlib import Path

import pytest

from assay import pipeline
from assay.declarations import imported_review, section
from ledger.errors import StaleInput
from ledger.progress import silent
from ledger.runs import RunFolder

CONFIG = """
name = "r"
[baseline]
model = "a/base"
[[candidate]]
model = "a/cand"
[[task]]
limit = 1
"""
WIDER = CONFIG + "[decision]\nmargin = 0.5\n"


@pytest.fixture
def run(tmp_path) -> RunFolder:
    """A run that was begun with CONFIG, and has a record."""
    begun(tmp_path, tmp_path / "mine.toml", CONFIG)
    made = RunFolder(tmp_path / "runs" / "r")
    made.generation("base").path.mkdir(parents=True)
    (made.generation("base").path / "choices.jsonl").write_text("{}\n")
    return made


def begun(folder: Path, path: Path, text: str, *, amend: bool = False) -> None:
    path.write_text(text)
    pipeline.begin(path, folder / "runs", silent, amend=amend)


def test_a_margin_that_is_edited_in_the_run_folder_itself_is_refused(tmp_path, run):
    for place in (run.config, tmp_path / "mine.toml"):
        with pytest.raises(
            StaleInput,
            match=r"declared\.toml, decision\.margin: changed after it was used: recorded nothing, now 0\.5\.",
        ):
            begun(tmp_path, place, WIDER)


def test_a_run_that_another_command_declared_otherwise_since_goes_no_further(tmp_path):
    """Two begin one review before the first record, each with its own config: only the one that stands may decide."""
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(CONFIG)
    second.write_text(WIDER)
    early, late = (pipeline.begin(path, tmp_path / "runs", silent) for path in (first, second))
    for stage in (pipeline.generate, pipeline.judge, pipeline.analyze):
        with pytest.raises(StaleInput, match="declared otherwise since this command began"):
            stage(early)
    assert not early.run.analysis.exists()
    assert pipeline.analyze(late)[0].margin == 0.5


def test_an_amended_config_is_the_declared_one_and_the_earlier_one_is_kept(tmp_path, run):
    begun(tmp_path, run.config, WIDER, amend=True)
    assert [path.read_text() for path in run.path.glob("review.*.toml")] == [CONFIG]
    begun(tmp_path, run.config, WIDER)
    with pytest.raises(StaleInput):
        begun(tmp_path, tmp_path / "mine.toml", CONFIG)


def test_a_change_that_no_result_depends_on_is_no_other_config(tmp_path, run):
    begun(tmp_path, run.config, CONFIG + "[placement]\nreplicas = 2\n")
    assert run.declaration.read_text() == CONFIG
    assert "replicas" in run.config.read_text()


def test_a_run_folder_of_an_earlier_version_is_declared_by_its_config(tmp_path, run):
    run.declaration.unlink()
    with pytest.raises(StaleInput, match=r"review\.toml, decision\.margin: changed after it was used"):
        begun(tmp_path, tmp_path / "mine.toml", WIDER)
    begun(tmp_path, tmp_path / "mine.toml", CONFIG)
    assert run.declaration.read_text() == CONFIG


def test_a_config_that_was_edited_in_the_run_folder_is_kept_when_the_declared_one_comes_back(tmp_path, run):
    run.config.write_text(WIDER)
    begun(tmp_path, tmp_path / "mine.toml", CONFIG)
    assert [path.read_text() for path in run.path.glob("review.*.toml")] == [WIDER]


@pytest.mark.parametrize("name", ['b"f\\16', "int4 \N{GRINNING FACE}", "a\x7fb\n"])
def test_any_name_can_stand_in_a_config_that_assay_writes(name):
    made = imported_review("assay compare", "r", ["base", name], [section("[[task]]", name="t")])
    assert [model.name for model in made.config.models] == ["base", name]
