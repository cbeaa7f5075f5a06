"""The house's rules, read from the source with `ast`: who imports whom, who owns a vendor, how long things may be."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
ROOMS = ("ledger", "generation", "judge", "analysis", "assay", "prompts")
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
FILE_LINES = 300
TEST_FILE_LINES = 500
BODY_LINES = 60
DRAWERS = {"utils", "common", "helpers", "types", "base", "manager", "misc"}

FILES = sorted(path for room in ROOMS for path in (HOUSE / room).rglob("*.py"))
TESTS = sorted((HOUSE / "tests").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno} imports relatively"
            found.add((node.module or "").split(".")[0])
    return found


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


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
    modules = {node.module or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in modules if name.startswith(tuple(f"{later}." for later in ANALYSIS[level + 1 :]))]


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
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert len(text.splitlines()) <= (TEST_FILE_LINES if path in TESTS else FILE_LINES)
    assert path.stem not in DRAWERS


@pytest.mark.parametrize("path", sorted((HOUSE / "analysis").rglob("*.js")), ids=name_of)
def test_a_script_stays_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_functions_stay_short(path):
    long = {f"{node.name}: {body_lines(node)}" for node in functions(path) if body_lines(node) > BODY_LINES}
    assert not long


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_front_door_prints(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    prints = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert not prints or path.relative_to(HOUSE).parts[0] == "assay", f"prints at {prints}"


def test_most_functions_and_files_are_within_the_normal_limits():
    bodies = [body_lines(node) for path in FILES for node in functions(path)]
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES]
    assert sum(body <= 40 for body in bodies) / len(bodies) > 0.97
    assert sum(length <= 250 for length in lengths) / len(lengths) > 0.9
