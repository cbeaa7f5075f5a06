"""Help texts read well and their examples are real; completion speaks to bash, zsh and fish as Typer does."""

import inspect
import json
import re
import subprocess
import sys
from importlib import import_module
from importlib.resources import files

import pytest
import typer

from assay.cli import COMMANDS, COMPLETION, GROUPS, app_for, run
from ledger.config import DecisionConfig, PlacementConfig, ReviewConfig, config_from_text
from ledger.judge_config import JudgeConfig
from ledger.material_config import QuestionsConfig, TaskConfig
from ledger.model_config import BaselineConfig
from tests.command_lines import commands, fault

ENTRY = typer.main.get_command(app_for())
NAMES = [
    *ENTRY.commands,
    *(f"{group} {name}" for group in ("import", "export") for name in ENTRY.commands[group].commands),
]
STARTER = (files("assay.commands") / "review.toml").read_text(encoding="utf-8")
HEAVY = {
    *("numpy", "scipy", "pandas", "pyarrow", "statsmodels", "matplotlib", "jinja2"),
    *("torch", "transformers", "vllm", "ray", "openai", "lm_eval", "datasets", "fastchat"),
}
"""What takes longer to import than a help text may take."""
FOR_EXPERTS = {"loader", "answers", "exam_resolution"}
"""Keys that the starting config leaves out: they run somebody's own code, make a review that no judge can read, or are
told there in words, because another key must be set with them."""


def help_of(capsys, *names: str) -> str:
    assert run([*names, "--help"]) == 0
    return capsys.readouterr().out


def test_the_list_of_commands_has_whole_sentences(capsys):
    shown = help_of(capsys).split("Commands:")[1]
    assert "..." not in shown
    assert all(line.endswith((".", "?")) for line in shown.strip().splitlines())
    assert {line.split()[0] for line in shown.strip().splitlines()} == set(ENTRY.commands)


@pytest.mark.parametrize("name", ["", *NAMES])
def test_every_example_in_a_help_text_is_a_command_that_works(capsys, name):
    shown = help_of(capsys, *name.split())
    examples = commands(re.sub(r"^\s+", "", shown.split("Example")[1].split("\n\n")[0], flags=re.MULTILINE))
    assert examples
    assert [fault(example) for example in examples if fault(example)] == []
    assert any(example.startswith(f"assay {name}".rstrip()) for example in examples)


@pytest.mark.parametrize("name", NAMES)
def test_an_option_is_no_type_of_python(capsys, name):
    shown = help_of(capsys, *name.split()).split("Options:")[1]
    assert not re.findall(r"<(?:str|int|float|list\[\w+\])>", shown)


def test_an_example_with_a_flag_that_is_gone_would_be_found():
    assert fault("assay review review.toml --redact") == ""
    assert "--redacted" in fault("assay review review.toml --redacted")
    assert "--redacted" in fault("assay review --redacted", whole=False)
    assert "'revue'" in fault("assay revue", whole=False)
    assert fault("assay diff runs/a", whole=False) == ""
    assert fault("assay diff runs/a")
    assert commands(
        "A=1 assay judge a.toml \\\n  --estimate > x # assay none\nif assay exam b; then assay analyze c"
    ) == [
        "assay judge a.toml --estimate",
        "assay exam b",
        "assay analyze c",
    ]


@pytest.fixture
def completed(monkeypatch, capsys):
    """What a shell is told that asks by these variables, or by a command line."""

    def told(*arguments: str, **variables: str) -> str:
        for name, value in {COMPLETION: "", **variables}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as left:
            run(list(arguments))
        assert left.value.code == 0
        return capsys.readouterr().out

    return told


def test_completion_completes_names_of_commands_and_options(completed):
    bash = completed(_ASSAY_COMPLETE="complete_bash", COMP_WORDS="assay ", COMP_CWORD="1")
    assert set(bash.split()) == set(ENTRY.commands)
    bash = completed(_ASSAY_COMPLETE="complete_bash", COMP_WORDS="assay import l", COMP_CWORD="2")
    assert set(bash.split()) == {"lm-eval", "labels"}
    zsh = completed(_ASSAY_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="assay review --r")
    assert set(re.findall(r'"(--\w+)"', zsh)) == {"--runs", "--ray", "--redact"}
    fish = completed(
        _ASSAY_COMPLETE="complete_fish", _TYPER_COMPLETE_FISH_ACTION="get-args", _TYPER_COMPLETE_ARGS="assay ex"
    )
    assert [line.split("\t")[0] for line in fish.splitlines()] == ["exam", "export"]


@pytest.mark.parametrize(
    ("shell", "mark"),
    [("bash", "complete -o default -F"), ("zsh", "#compdef assay"), ("fish", "complete --command assay")],
)
def test_show_completion_prints_the_script_of_the_shell_that_is_named(completed, shell, mark):
    shown = completed("--show-completion", shell)
    assert mark in shown
    assert f"_ASSAY_COMPLETE=complete_{shell}" in shown


def test_the_command_as_a_shell_starts_it_prints_that_script():
    command = [sys.executable, "-m", "assay.cli", "--show-completion", "zsh"]
    assert "#compdef assay" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_starting_config_has_every_key_that_a_user_will_want():
    sections = (BaselineConfig, QuestionsConfig, TaskConfig, JudgeConfig, DecisionConfig, PlacementConfig)
    for section in sections:
        missing = {key for key in section.model_fields if not re.search(rf"^(# )?{key} = ", STARTER, re.MULTILINE)}
        assert missing <= FOR_EXPERTS, section.__name__
    tops = {
        key.removeprefix("# ").strip("[]= ") for key in re.findall(r"^(?:# )?\[+\w+\]+|^(?:# )?\w+ =", STARTER, re.M)
    }
    assert set(ReviewConfig.model_fields) <= tops


def uncommented() -> list[str]:
    """The starting config with one of its options on: a key, or a whole block."""
    lines = STARTER.splitlines()
    found, block = [], False
    for number, line in enumerate(lines):
        starts = line.startswith("# [[")
        block = starts or (block and line.startswith("# "))
        if starts:
            end = next(each for each in range(number, len(lines)) if not lines[each].startswith("# "))
            found.append("\n".join([*lines[:number], *(each[2:] for each in lines[number:end]), *lines[end:]]))
        elif not block and re.match(r"# \w+ = ", line):
            found.append("\n".join([*lines[:number], line[2:], *lines[number + 1 :]]))
    return found


def test_every_option_of_the_starting_config_can_be_switched_on():
    plain = config_from_text(STARTER, "review.toml")
    found = uncommented()
    assert len(found) > 25
    assert {type(config_from_text(text, text)) for text in found} == {ReviewConfig}
    changed = [config_from_text(text, text) != plain for text in found]
    assert sum(changed) > 15  # the others write their defaults down


def test_the_starting_config_says_which_lines_to_change():
    marked = [line for line in STARTER.splitlines() if "# CHANGE" in line]
    assert [line.split(" = ")[0] for line in marked] == ["name", "model", "model", "model", "base_url"]
    assert "five lines marked CHANGE" in STARTER


def first_line(place, name):
    return inspect.getdoc(getattr(import_module(f"assay.commands.{place}"), name)).split("\n")[0]


def test_each_command_stands_in_the_list_by_its_first_line_and_the_list_imports_none():
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


def test_no_help_text_waits_for_what_its_command_imports():
    script = """
import json, sys
from assay.cli import run
for words in json.loads(sys.argv[1]):
    assert run([*words.split(), "--help"]) == 0
    print("modules:", words, ":", *{name.split(".")[0] for name in sys.modules})
"""
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps([*NAMES, *GROUPS])], capture_output=True, text=True, check=True
    )
    told = [line.split(":")[1:] for line in done.stdout.splitlines() if line.startswith("modules:")]
    assert len(told) == len([*NAMES, *GROUPS])
    assert [(words.strip(), found) for words, names in told if (found := HEAVY & set(names.split()))] == []
