"""What goes with a release says what `pyproject.toml` says: locks, bill of materials, notices."""

import json
import re
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from assay.sources import mt_bench, smollm2
from tests.house import HOUSE, PROJECT

RELEASE = HOUSE / "docs" / "release"
EXTRAS = PROJECT["optional-dependencies"]
PYTHONS = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
LOCKS = {name: RELEASE / f"requirements-{name}.txt" for name in ("core", *EXTRAS)}
NOTICES = (RELEASE / "NOTICES.md").read_text(encoding="utf-8")
SBOM = json.loads((RELEASE / "sbom.json").read_text(encoding="utf-8"))
PLACES = re.compile(r"(?<![\w.])/(work|root|home|tmp|opt|Users)/|file:|--(extra-)?index-url|pypi\.org|pythonhosted|@ ")


def asked(extra: str) -> list[Requirement]:
    """What an extra asks for, the extras that it includes and the core."""
    found = [Requirement(each) for each in PROJECT["dependencies"]]
    for each in map(Requirement, EXTRAS.get(extra, ())):
        if each.name == PROJECT["name"]:
            found += [requirement for included in each.extras for requirement in asked(included)]
        else:
            found.append(each)
    return found


def locked(path: Path, python: str) -> dict[str, list[str]]:
    """The versions that a lock gives to each package under a version of Python."""
    environment = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0"}
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if not text:
            continue
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            [exact] = requirement.specifier
            assert exact.operator == "=="
            found.setdefault(canonicalize_name(requirement.name), []).append(exact.version)
    return found


def noticed(section: str) -> dict[str, str]:
    """The packages in the tables under a heading of the notices, and their licenses."""
    part = NOTICES.split(f"## {section}")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\|.*\|$", part, re.MULTILINE)]
    head = rows[0]
    return {row[head.index("package")]: row[head.index("license")] for row in rows[2:]}


def declared_licenses(component: dict) -> str:
    each = component.get("licenses", [])
    return " ".join(x.get("expression") or x["license"].get("id") or x["license"]["name"] for x in each)


def test_every_extra_has_a_lock_and_every_lock_an_extra():
    assert {path.name for path in RELEASE.glob("requirements-*.txt")} == {path.name for path in LOCKS.values()}
    assert len(PYTHONS) == 3


# The CPU build of vLLM is locked for one Python alone (docs/release/README.md).
@pytest.mark.parametrize(("extra", "python"), [(e, p) for e in LOCKS for p in PYTHONS if e != "cpu" or p == "3.11"])
def test_a_lock_has_one_version_of_everything_and_the_right_one_of_what_is_asked(extra, python):
    versions = locked(LOCKS[extra], python)
    assert not {name: each for name, each in versions.items() if len(each) != 1}
    for requirement in asked(extra):
        [version] = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} is not {version}"


@pytest.mark.parametrize("extra", LOCKS)
def test_a_lock_does_not_run_ahead_of_the_engines_that_were_tried(extra):
    tried = locked(RELEASE / "constraints.txt", "3.11")
    versions = locked(LOCKS[extra], "3.11")
    assert tried.keys() == {"torch", "transformers", "vllm"}
    for name in tried.keys() & versions.keys():
        assert Version(versions[name][0]).public == tried[name][0]


@pytest.mark.parametrize("path", sorted(RELEASE.iterdir()), ids=lambda path: path.name)
def test_a_release_file_is_small_and_names_no_place_on_a_machine(path):
    assert path.stat().st_size < 300_000
    found = PLACES.search(path.read_text(encoding="utf-8"))
    assert not found, found and found[0]


def test_the_bill_of_materials_is_this_versions_and_the_cpu_locks():
    subject = SBOM["metadata"]["component"]
    assert (SBOM["bomFormat"], SBOM["specVersion"]) == ("CycloneDX", "1.6")
    assert (subject["name"], subject["version"]) == (PROJECT["name"], PROJECT["version"])
    listed = {canonicalize_name(each["name"]): [each["version"]] for each in SBOM["components"]}
    assert listed == locked(LOCKS["cpu"], "3.11")


def test_every_core_dependency_stands_in_the_bill_and_in_the_notices():
    core = {canonicalize_name(requirement.name) for requirement in asked("core")}
    assert len(core) >= 12
    assert core <= {canonicalize_name(each["name"]) for each in SBOM["components"]}
    assert core == noticed("Depended on, by every installation").keys()


def test_every_extras_dependency_is_noticed():
    core = {requirement.name for requirement in asked("core")}
    own = {extra: {r.name for r in map(Requirement, each)} - {PROJECT["name"]} for extra, each in EXTRAS.items()}
    assert own.pop("dev") == noticed("For development only").keys()
    assert set().union(*own.values()) - core == noticed("Depended on, by an extra").keys()


def test_a_noticed_license_is_the_one_that_the_package_declares():
    bill = {canonicalize_name(each["name"]): declared_licenses(each) for each in SBOM["components"]}
    notices = {**noticed("Depended on, by every installation"), **noticed("Depended on, by an extra")}
    compared = {name for name in notices if bill.get(name)}
    assert len(compared) >= 16
    for name in compared:
        family = notices[name].split("-")[0].split(",")[0]
        assert family in bill[name], name


def test_what_is_fetched_is_noticed_with_its_pin():
    pins = {smollm2.WHEEL.pin, mt_bench.INSTRUCTLAB.pin, mt_bench.NVIDIA.pin}
    assert noticed("Fetched at run time") == dict.fromkeys(pins, "Apache-2.0")
