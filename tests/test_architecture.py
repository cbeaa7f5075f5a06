"""The house's rules, read from the source with `ast`: who imports whom, who owns a vendor, who writes; all lengths."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.house import HOUSE, ROOMS

MAY_IMPORT = {
    "prompts": set(),
    "ledger": set(),
    "generation": {"ledger"},
    "judge": {"ledger"},
    "analysis": {"ledger"},
    "assay": {"ledger", "generation", "judge", "analysis"},
}
ANALYSIS = ("analysis", "analysis.tables", "analysis.figures", "analysis.faces")  # numbers, words, drawings, files
OWNERS = {
    "vllm": ("generation/vllm_engine.py",),
    "transformers": (
        "generation/transformers_engine.py",
        "generation/transformers_arguments.py",
        "generation/tokenizers.py",
        "assay/lab/",
    ),
    "torch": ("generation/transformers_engine.py", "assay/lab/"),
    "compressed_tensors": ("assay/lab/",),
    "openai": ("judge/client.py", "judge/batch_endpoint.py", "generation/endpoint.py"),
    "lm_eval": ("generation/harness.py",),
    "fastchat": ("generation/templates.py",),
    "ray": ("assay/placement/ray_placement.py",),
    "jinja2": ("judge/prompt_sets.py", "analysis/faces/"),
    "yaml": ("analysis/faces/model_card.py",),
}
FILE_LINES = 250
SCRIPT_LINES = 300
TEST_FILE_LINES = 500
BODY_LINES = 40
WORLD = {"time", "random", "socket", "urllib", "subprocess", "threading", "asyncio", "os"}
"""What statistics never look at: clock, chance that is not handed in, network, processes, environment."""
WRITING = {
    "write_text",
    "write_bytes",
    "write_table",
    "ParquetWriter",
    "to_csv",
    "to_parquet",
    "dump",
    "mkdir",
    "touch",
}
DRAWERS = {"utils", "common", "helpers", "types", "base", "manager", "misc"}

FILES = sorted(path for room in ROOMS for path in (HOUSE / room).rglob("*.py"))
TESTS = sorted((HOUSE / "tests").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(path: Path) -> set[str]:
    """The dotted names of all that a file imports."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports(path: Path) -> set[str]:
    return {name.split(".")[0] for name in modules(path)}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its signature and docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_the_house_has_its_rooms():
    assert all((HOUSE / room).is_dir() for room in ROOMS)
    assert len(FILES) > 40


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_room_imports_only_what_it_may(path):
    room = path.relative_to(HOUSE).parts[0]
    foreign = imports(path) & set(ROOMS) - {room}
    assert foreign <= MAY_IMPORT[room], f"{room} may not import {sorted(foreign - MAY_IMPORT[room])}"


@pytest.mark.parametrize("path", sorted((HOUSE / "analysis").rglob("*.py")), ids=name_of)
def test_within_analysis_numbers_flow_to_words_to_drawings_to_files(path):
    level = ANALYSIS.index(".".join(path.relative_to(HOUSE).parts[:-1][:2]))
    assert not [name for name in modules(path) if f"{name}.".startswith(tuple(f"{e}." for e in ANALYSIS[level + 1 :]))]
    assert not imports(path) & WORLD


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_vendor_lives_with_its_owner(path):
    name = name_of(path)
    strays = {
        vendor
        for vendor in imports(path) & set(OWNERS)
        if not any(name == owner or (owner.endswith("/") and name.startswith(owner)) for owner in OWNERS[vendor])
    }
    assert not strays, f"{name} imports {sorted(strays)}"


@pytest.mark.parametrize("path", FILES + TESTS, ids=name_of)
def test_a_file_says_what_it_owns_and_stays_short(path):
    text = path.read_text(encoding="utf-8")
    opening = ast.get_docstring(tree_of(path))
    assert opening, "no docstring"
    if path not in TESTS and path.stem != "__init__" and path.parent.name != "commands":  # a command's help says it
        assert "In: " in opening
        assert "Out: " in opening
    assert len(text.splitlines()) <= (TEST_FILE_LINES if path in TESTS else FILE_LINES)
    assert path.stem not in DRAWERS


@pytest.mark.parametrize("path", sorted((HOUSE / "analysis").rglob("*.js")), ids=name_of)
def test_a_script_stays_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= SCRIPT_LINES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_functions_stay_short(path):
    long = {f"{node.name}: {body_lines(node)}" for node in functions(path) if body_lines(node) > BODY_LINES}
    assert not long


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.relative_to(HOUSE).parts[0] not in ("ledger", "assay")], ids=name_of
)
def test_only_the_ledger_and_the_front_door_write_files(path):
    """Reports and requests for batches are written by the ledger's `write_atomically`."""
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    named = [(call, getattr(call.func, "attr", getattr(call.func, "id", ""))) for call in calls]
    modes = {ast.unparse(each) for call, name in named if name == "open" for each in (*call.args, *call.keywords)}
    assert not {name for _, name in named} & WRITING
    assert modes <= {"'rb'"}


def test_tests_are_modules_of_no_package():
    assert not list((HOUSE / "tests").rglob("__init__.py"))
