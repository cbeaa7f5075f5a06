"""One version: it stands in `pyproject.toml`; the changelog and `assay --version` say the same. And those of Python."""

import importlib.metadata
import re

import pytest
from packaging.version import Version

from assay.cli import run
from tests.house import HOUSE, PROJECT, ROOMS


def test_the_newest_version_of_the_changelog_is_the_projects():
    headings = re.findall(r"^## (.+)$", (HOUSE / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    versions = [heading for heading in headings if heading != "Unreleased"]
    assert versions[0] == PROJECT["version"]
    assert sorted(versions, key=Version, reverse=True) == versions


def test_the_citation_and_the_tag_of_the_release_steps_are_of_this_version():
    docs = HOUSE / "docs"
    assert f"\nversion: {PROJECT['version']}\n" in (docs / "CITATION.cff").read_text(encoding="utf-8")
    assert f"git tag -a v{PROJECT['version']} " in (docs / "release" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("more", [[], ["review", "nonsense.toml"]])
def test_assay_tells_its_version_before_anything_else(capsys, more):
    assert run(["--version", *more]) == 0
    assert capsys.readouterr().out == importlib.metadata.version(PROJECT["name"]) + "\n"


def test_the_version_stands_in_one_place():
    texts = {path: path.read_text(encoding="utf-8") for room in ROOMS for path in (HOUSE / room).rglob("*.py")}
    assert len(texts) > 40
    assert not [path for path, text in texts.items() if "__version__ =" in text or f'"{PROJECT["version"]}"' in text]


def test_the_readme_tells_the_versions_of_python_that_were_tried():
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert pythons == ["3.11", "3.12", "3.13"]
    readme = (HOUSE / "README.md").read_text(encoding="utf-8")
    assert f"Python {pythons[0]} to {pythons[-1]}" in readme
    assert PROJECT["requires-python"] == f">={pythons[0]}"
