"""The wheel and the source distribution: what is in them, and that an installed wheel finds all that it needs.

Built from a copy of the tree, without network: `build` and setuptools come with the extra dev.
"""

import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from tests.house import HOUSE, PROJECT, ROOMS, model_folder

NOT_SOURCE = shutil.ignore_patterns(".*", "runs", "build", "dist", "*.egg-info", "__pycache__", "shared")
LITTER = ("runs/demo/review.toml", "assay/commands/runs/x/review.toml", "prompts/judge/runs/manifest.json")
LARGEST = 1_000_000
CONFIG = """
name = "wheel"
[baseline]
model = "./model"
label = "base"
[[candidate]]
model = "./model"
label = "small"
[questions]
source = "assay"
limit = 2
[[task]]
name = "assay"
limit = 6
"""


def finished(command: list[str | Path], codes: tuple[int, ...] = (0,), **settings) -> str:
    """Run a command to its end, and return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **settings)
    assert done.returncode in codes, done.stdout + done.stderr
    return done.stdout


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def members(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for room in ROOMS for path in (folder / room).rglob("*.*")}


@dataclass(frozen=True)
class Built:
    """The source distribution, the wheel made from it, the wheel made from the tree, and the tree's files."""

    sdist: Path
    wheel: Path
    wheel_of_tree: Path
    files: set[str]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    """Built from a copy of the tree, with a run left lying about as in any working copy."""
    place = tmp_path_factory.mktemp("release")
    tree = place / "tree"
    shutil.copytree(HOUSE, tree, ignore=NOT_SOURCE)
    files = members(tree)
    for litter in LITTER:
        (tree / litter).parent.mkdir(parents=True)
        (tree / litter).write_text("name = 'litter'\n")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir"]
    finished([*build, place / "dist", tree])
    finished([*build, place / "from-tree", "--wheel", tree])
    [sdist], [wheel] = (place / "dist").glob("*.tar.gz"), (place / "dist").glob("*.whl")
    return Built(sdist, wheel, next((place / "from-tree").glob("*.whl")), files)


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory) -> Path:
    """The folder of commands of an environment that has the wheel, and sees this one's packages behind it."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    finished([sys.executable, "-m", "venv", "--without-pip", place])
    python = place / "bin" / "python"
    options = ["--no-deps", "--no-index", "--no-compile", "--ignore-installed", "--quiet"]
    finished([sys.executable, "-m", "pip", "--python", python, "install", *options, built.wheel])
    [packages] = place.glob("lib/*/site-packages")
    # A path file is read as it stands: no editable install of Assay comes along.
    (packages / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    return python.parent


@pytest.fixture
def away(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in, from where the repository cannot be seen."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ASSAY_SCRIPTED_ENGINE", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_wheel_has_every_file_of_every_room_and_nothing_else(built):
    found = contents(built.wheel)
    shipped = {name for name in found if ".dist-info/" not in name}
    assert shipped == built.files
    script = "analysis/rendering/formats/templates/page.js"
    assert {"prompts/items.jsonl", script, "assay/lab/calibration.txt"} <= shipped
    assert max(map(len, found.values())) <= LARGEST
    assert not [name for name in found if name.endswith((".png", ".pyc")) or "test" in name.split("/")[0]]


def test_the_wheel_says_what_it_is(built):
    about = contents(built.wheel)
    [prefix] = {name.split("/")[0] for name in about if ".dist-info/" in name}
    metadata = Metadata.from_email(about[f"{prefix}/METADATA"])  # strict: raises on what a registry would refuse
    assert (metadata.name, str(metadata.version)) == (PROJECT["name"], PROJECT["version"])
    assert metadata.license_expression == "Apache-2.0"
    assert set(metadata.provides_extra or ()) == set(PROJECT["optional-dependencies"])
    assert about[f"{prefix}/licenses/LICENSE"] == (HOUSE / "LICENSE").read_bytes()
    assert b"assay = assay.cli:main" in about[f"{prefix}/entry_points.txt"]


def test_the_source_distribution_builds_the_same_wheel(built):
    assert contents(built.wheel) == contents(built.wheel_of_tree)


def test_the_source_distribution_has_what_a_reader_needs_and_no_litter(built):
    with tarfile.open(built.sdist) as archive:
        found = {member.name.split("/", 1)[-1]: member.size for member in archive if member.isfile()}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "docs/release/NOTICES.md"} <= found.keys()
    assert built.files <= found.keys()
    assert not [name for name in found if name.startswith(("tests/", "runs/")) or name.endswith(".png")]
    assert not found.keys() & set(LITTER)
    assert max(found.values()) <= LARGEST


def test_an_installed_wheel_is_the_code_that_runs(installed, away):
    told = finished([installed / "python", "-c", "import assay.cli, prompts; print(assay.__file__, prompts.__file__)"])
    assert all(Path(place).is_relative_to(installed.parent) for place in told.split())
    assert finished([installed / "assay", "--version"]) == PROJECT["version"] + "\n"
    assert "review" in finished([installed / "assay", "--help"])


def test_an_installed_wheel_writes_a_config(installed, away):
    finished([installed / "assay", "init", "review.toml"])
    assert tomllib.loads((away / "review.toml").read_text())["name"] == "my-review"


def test_an_installed_wheel_reviews_and_reports(installed, away):
    model_folder(away / "model")
    (away / "review.toml").write_text(CONFIG)
    finished([installed / "assay", "review", "review.toml"], codes=(0, 10, 11, 12))
    analysis = away / "runs" / "wheel" / "analysis"
    assert json.loads((analysis / "report.json").read_text())["assay_version"] == PROJECT["version"]
    page = (analysis / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "</html>" in page
    assert list((analysis / "figures").glob("*.svg"))
    told = finished([installed / "assay", "verify", analysis / "report.html"])
    assert "is, byte for byte, what this run gives" in told
