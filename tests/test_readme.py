"""The README is short, docs/ name every command; their folders, links, extras and exit codes exist."""

import re

import typer

from assay.cli import app_for
from ledger import errors
from tests.command_lines import ALL_PAGES
from tests.house import HOUSE, PROJECT, ROOMS

README = (HOUSE / "README.md").read_text(encoding="utf-8")
COMMANDS = (HOUSE / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
JOINING = (HOUSE / "docs" / "contributing" / "README.md").read_text(encoding="utf-8")
MOST_LINES = 120
TEXTS = [path.read_text(encoding="utf-8") for path in ALL_PAGES]
OUTSIDE = (HOUSE / "CHANGELOG.md", *sorted((HOUSE / ".github").rglob("*.md")))


def test_every_command_is_mentioned():
    missing = [name for name in typer.main.get_command(app_for()).commands if f"assay {name}" not in COMMANDS]
    assert not missing


def test_it_is_short():
    assert len(README.splitlines()) <= MOST_LINES


def test_its_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (HOUSE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", "\n".join(TEXTS), re.MULTILINE)) <= targets


def test_its_tree_is_the_tree():
    for room in (*ROOMS, "tests"):
        assert re.search(rf"^{room}/ ", JOINING, re.MULTILINE)
        assert (HOUSE / room).is_dir()


def test_its_extras_are_declared():
    named = set(re.findall(r"'(?:\.|assay-review)\[([a-z]+)\]'", "\n".join(TEXTS)))
    assert {"gpu"} <= named <= set(PROJECT["optional-dependencies"])


def anchors(text):
    """A page's headings as GitHub links to them."""
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^#+ (.+)$", text, re.M)}


def test_its_links_lead_somewhere():
    for path in (*ALL_PAGES, *OUTSIDE):
        links = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
        for target, _, part in (link.partition("#") for link in links if "://" not in link):
            page = path.parent / target if target else path
            assert page.exists(), f"{path.name}: {target}"
            assert not part or part in anchors(page.read_text(encoding="utf-8")), f"{path.name}: {target}#{part}"


def test_its_exit_codes_are_the_codes():
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    rows = re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE)
    assert {int(code) for row in rows for code in row.split(",")} == codes
