"""`assay doctor` and `assay runs`: what is here, without a key's text; runs by name, and only those are removed."""

import pytest

from assay.cli import run as assay
from assay.inventory import NEEDS, checkup, run_lines
from tests.house import PROJECT

SECRET = "sk-very-secret-0123456789"


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    assert assay(["tour", "--runs", str(folder)]) == 0
    (folder / "not-a-run").mkdir()
    broken = folder / "broken"
    (broken / "analysis").mkdir(parents=True)
    (broken / "review.toml").write_text("x")
    (broken / "analysis" / "report.json").write_text("{")
    return folder


def test_every_extra_that_the_doctor_names_exists_and_takes_the_packages_it_looks_for():
    extras = PROJECT["optional-dependencies"]
    for packages, extra in NEEDS.values():
        wanted = " ".join(extras[extra] + extras.get("lab", []) + extras.get("transformers", []))
        assert all(package in wanted for package in packages), extra


def test_the_doctor_tells_keys_by_name_alone(monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    found = {what: (state, remedy) for what, state, remedy in checkup()}
    assert (found["OPENAI_API_KEY"][0], found["HF_TOKEN"][0]) == ("set", "not set")
    assert assay(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "OPENAI_API_KEY" in told
    assert SECRET not in told


def test_what_is_missing_is_told_with_its_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    monkeypatch.setattr("assay.inventory.installed_version", lambda name: "" if name == "ray" else "1.0")
    found = {what: (state, remedy) for what, state, remedy in checkup()}
    assert found["a Ray cluster"] == ("not installed", "pip install 'assay-review[ray]'")
    assert found["models in transformers"] == ("transformers 1.0, torch 1.0", "")
    assert found["fetched smollm2"] == ("no", "assay fetch smollm2")


def test_runs_are_listed_with_what_they_decided_and_only_named_ones_are_removed(runs, capsys):
    lines = {each.name: each for each in run_lines(runs)}
    assert set(lines) == {"tour", "broken"}
    assert "w4a16 " in lines["tour"].decided
    assert lines["broken"].decided == "its report cannot be read"
    assert lines["tour"].size > 100_000
    assert assay(["runs", "--runs", str(runs), "--clean", "not-a-run"]) == 64
    assert assay(["runs", "--runs", str(runs), "--clean", "../runs"]) == 64
    assert (runs / "not-a-run").exists()
    (runs / "linked").symlink_to(runs / "tour")
    twice = ["--clean", "broken", "--clean", "broken", "--clean", "linked"]
    assert assay(["runs", "--runs", str(runs), *twice]) == 0
    assert [each.name for each in run_lines(runs)] == ["tour"]
    assert "tour" in capsys.readouterr().out
    assert assay(["runs", "--runs", str(runs / "nowhere")]) == 0
