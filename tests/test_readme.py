"""The README says what is there: its commands, folders, extras and exit codes exist."""

import re
import tomllib
from pathlib import Path

import typer

from assay.cli import app
from ledger import errors

HOUSE = Path(__file__).resolve().parents[1]
README = (HOUSE / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def options_of(command):
    """The options of a command, and of its subcommands."""
    own = {option for parameter in command.params for option in parameter.opts}
    return own.union(*(options_of(each) for each in getattr(command, "commands", {}).values()))


def test_every_command_it_shows_exists_with_its_options():
    group = typer.main.get_command(app)
    shown = re.findall(r"^\s*assay ([a-z]+)([^#\n]*)", README, re.MULTILINE)
    assert {name for name, _ in shown} >= {"init", "fetch", "review", "compress"}
    for name, rest in shown:
        assert set(re.findall(r"--[a-z-]+", rest)) <= options_of(group.commands[name]), f"assay {name}{rest}"


def test_every_command_is_mentioned():
    missing = [name for name in typer.main.get_command(app).commands if f"assay {name}" not in README]
    assert not missing


def test_its_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (HOUSE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_its_tree_is_the_tree():
    for room in ("prompts", "ledger", "generation", "judge", "analysis", "assay", "tests"):
        assert re.search(rf"^{room}/ ", README, re.MULTILINE)
        assert (HOUSE / room).is_dir()


def test_its_extras_are_declared():
    assert set(re.findall(r"'\.\[([a-z]+)\]'", README)) <= set(PROJECT["optional-dependencies"])


def test_its_exit_codes_are_the_codes():
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    rows = re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE)
    assert {int(code) for row in rows for code in row.split(",")} == codes
