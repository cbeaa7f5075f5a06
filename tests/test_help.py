"""Help texts read well and their examples are real; completion speaks to bash, zsh and fish as Typer does."""

import inspect
import subprocess
import sys
from importlib import import_module
from importlib.resources import files

import typer

from assay.cli import COMMANDS, GROUPS, app_for, run

ENTRY = typer.main.get_command(app_for())
NAMES = [
    *ENTRY.commands,
    *(f"{group} {name}" for group in ("import", "export") for name in ENTRY.commands[group].commands),
]
STARTER = (files("assay.commands") / "review.toml").read_text(encoding="utf-8")
FOR_EXPERTS = {"loader", "answers"}
"""Keys that the starting config leaves out: they run somebody's own code, or make a review that no judge can read."""


def help_of(capsys, *names: str) -> str:
    assert run([*names, "--help"]) == 0
    return capsys.readouterr().out


def first_line(place, name):
    return inspect.getdoc(getattr(import_module(f"assay.commands.{place}"), name)).split("\n")[0]


def test_the_list_of_commands_has_the_first_line_of_each_and_imports_none():
    assert {name: first_line(name, name) for name in COMMANDS} == COMMANDS
    assert {name: first_line("groups", about) for name, (_, about, _) in GROUPS.items()} == {
        name: line for name, (_, _, line) in GROUPS.items()
    }
    script = "import sys; from assay.cli import run; run(sys.argv[1:]); print('modules:', *sys.modules)"
    for words in (["--help"], ["--version"], []):
        done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
        imported = set(done.stdout.rpartition("modules:")[2].split())
        assert "typer" in imported
        assert not {"numpy", "pandas", "scipy", "analysis", "openai"} & imported, words
