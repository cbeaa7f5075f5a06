"""The house's rules, read from the source with `ast`: who imports whom, who owns a vendor, who writes; all lengths.

One test per rule; a rule that is broken lists everybody who breaks it.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import ledger.errors
from ledger.judgments import Mode
from tests.house import HOUSE, ROOMS

MAY_IMPORT = {
    "prompts": set(),
    "ledger": set(),
    "generation": {"ledger"},
    "judge": {"ledger"},
    "analysis": {"ledger"},
    "assay": {"ledger", "generation", "judge", "analysis"},
}
FLOORS = (
    ("rendering",),
    ("run_diff", "fastchat_audit"),
    ("review",),
    ("correlations",),
    ("decision",),
    ("summaries",),
    ("evidence",),
    ("judged", "multiple_choice", "benchmarks", "token_distributions", "writing"),
    ("statistics",),
)
"""The rooms of analysis/, from the top; a room imports from floors below its own alone, never from its neighbors."""
RENDERING = ("sentences", "tables", "figures", "formats")
"""Within rendering: sentences, tables, drawings, files; each imports from those before it."""
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
    "openai": ("ledger/endpoint/",),
    "lm_eval": ("generation/harness.py",),
    "inspect_ai": ("assay/sources/inspect_library.py",),
    "fastchat": ("generation/templates.py",),
    "ray": ("assay/placement/ray_placement.py",),
    "jinja2": ("judge/prompt_sets.py", "analysis/rendering/formats/"),
    "rapidfuzz": ("analysis/writing/likeness.py",),
    "yaml": ("analysis/rendering/formats/model_card.py", "analysis/rendering/formats/eval_results.py"),
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
NAMES = {
    *("first position's share", "the longer answer's share", "pairs of repeats", "Tango's score interval, paired"),
    *(
        "the whole vocabulary",
        "the quality of free text",
        "refusals and safety",
        "serving as deployed",
        "questions and items",
        "not under git",
    ),
    *("studentized bootstrap over items", "Student's t over items", "ratio of means, by inversion over items"),
    *("abstain as a whole", "no class has more than half of the panel: undecided", "0 minutes, interruptions included"),
}
"""Measures, units, methods, areas and rows of cards whose name has three words or more: names, and no sentences."""
DRAWERS = {"utils", "common", "helpers", "types", "base", "manager", "misc"}

FILES = sorted(path for room in ROOMS for path in (HOUSE / room).rglob("*.py"))
TESTS = sorted((HOUSE / "tests").rglob("*.py"))
ANALYSIS = [path for path in FILES if path.parent != HOUSE / "analysis" and path.is_relative_to(HOUSE / "analysis")]


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


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def imports(path: Path) -> set[str]:
    return {name.split(".")[0] for name in modules(path)}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its signature and docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1 if body else 0


def broken(rule: Callable[[Path], Iterable[str]], paths: Iterable[Path] = FILES) -> list[str]:
    """Who breaks a rule, and how."""
    return [f"{name_of(path)}: {fault}" for path in paths for fault in rule(path)]


def test_the_house_has_its_rooms():
    assert all((HOUSE / room).is_dir() for room in ROOMS)
    assert len(FILES) > 250


def test_a_room_imports_only_what_it_may():
    def strangers(path: Path) -> set[str]:
        room = path.relative_to(HOUSE).parts[0]
        return imports(path) & set(ROOMS) - {room} - MAY_IMPORT[room]

    assert broken(strangers) == []


def test_within_analysis_arrows_point_only_downward():
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

    def upward(path: Path) -> Iterator[str]:
        own = path.parts[len(HOUSE.parts) + 1]
        for name in modules(path):
            other = name.split(".")[1] if name.startswith("analysis.") else own
            if other != own and floor[other] <= floor[own]:
                yield f"imports {name}"

    held = {path.name for path in (HOUSE / "analysis").iterdir()} - {"__pycache__"}
    assert held == {*floor, "__init__.py", "py.typed"}  # no file lies loose
    assert broken(upward, ANALYSIS) == []


def test_within_rendering_words_flow_to_drawings_to_files():
    def backward(path: Path) -> Iterator[str]:
        level = RENDERING.index(path.relative_to(HOUSE).parts[2])
        later = tuple(f"analysis.rendering.{each}." for each in RENDERING[level + 1 :])
        yield from (f"imports {name}" for name in modules(path) if name.startswith(later))

    assert (
        broken(
            backward,
            [path for path in ANALYSIS if path.parts[-3:-1] != ("analysis", "rendering") and "rendering" in path.parts],
        )
        == []
    )


def test_statistics_see_no_world():
    assert broken(lambda path: imports(path) & WORLD, ANALYSIS) == []


def english(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Texts of three words or more with their lines, but for docstrings, methods' names and what an error says."""
    errors = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    errors = {name for name in errors if hasattr(ledger.errors, name)}
    unread: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Raise() | ast.keyword(arg="settings" | "remedy"):
                unread |= {*ast.walk(node)}
            case ast.Assign(targets=[ast.Name(id="settings" | "remedy")]):
                unread |= {*ast.walk(node)}
            case ast.Call(func=ast.Name(id=name)) if name in errors:
                unread |= {*ast.walk(node)}
            case ast.JoinedStr():
                unread |= {*node.values}
    for node in ast.walk(tree):
        if node in unread:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.values)
        else:
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if len(re.findall(r"[A-Za-z]{2,}", text)) > 2 and " " in text:
            yield node.lineno, text


def test_sentences_are_written_in_rendering_alone():
    """Two runs that are not alike are refused, so that run_diff/ has errors' words beside its causes."""
    rooms = [path for path in ANALYSIS if not {"rendering", "run_diff"} & set(path.parts)]

    def sentences(path: Path) -> Iterator[str]:
        yield from (f"line {line}: {text}" for line, text in english(tree_of(path)) if text not in NAMES)

    assert broken(sentences, rooms) == []
    (found,) = english(ast.parse('raise ValueError("not a word of it")\nf"only {n} of {m} judges may be believed"'))
    assert found == (2, "only 0 of 0 judges may be believed")


def test_a_vendor_lives_with_its_owner():
    def strays(path: Path) -> set[str]:
        name = name_of(path)
        return {
            vendor
            for vendor in imports(path) & set(OWNERS)
            if not any(name == owner or (owner.endswith("/") and name.startswith(owner)) for owner in OWNERS[vendor])
        }

    assert broken(strays) == []


def test_a_file_says_what_it_owns():
    def untold(path: Path) -> Iterator[str]:
        opening = ast.get_docstring(tree_of(path)) or ""
        if not opening:
            yield "no docstring"
        if path in TESTS or path.stem == "__init__" or path.parent.name == "commands":  # a command's help says it
            return
        yield from (f"no {part!r}" for part in ("In: ", "Out: ") if part not in opening)

    assert broken(untold, FILES + TESTS) == []


def test_files_and_functions_stay_short():
    def too_long(path: Path) -> Iterator[str]:
        count, most = lines_of(path), TEST_FILE_LINES if path in TESTS else FILE_LINES
        if count > most:
            yield f"{count} lines"
        for node in functions(path) if path not in TESTS else ():
            if body_lines(node) > BODY_LINES:
                yield f"{node.name}: {body_lines(node)} lines"

    assert broken(too_long, FILES + TESTS) == []
    scripts = (HOUSE / "analysis").rglob("*.js")
    assert [name_of(path) for path in scripts if lines_of(path) > SCRIPT_LINES] == []


def test_no_file_is_a_drawer():
    assert [name_of(path) for path in FILES + TESTS if path.stem in DRAWERS] == []


def test_only_the_ledger_and_the_front_door_write_files():
    """Reports and requests for batches are written by the ledger's `write_atomically`."""

    def writing(path: Path) -> Iterator[str]:
        calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
        named = [(call, getattr(call.func, "attr", getattr(call.func, "id", ""))) for call in calls]
        modes = {ast.unparse(each) for call, name in named if name == "open" for each in (*call.args, *call.keywords)}
        yield from {name for _, name in named} & WRITING
        yield from modes - {"'rb'"}

    readers = [path for path in FILES if path.relative_to(HOUSE).parts[0] not in ("ledger", "assay")]
    assert broken(writing, readers) == []


def test_tests_are_modules_of_no_package():
    assert not list((HOUSE / "tests").rglob("__init__.py"))


def test_no_two_classes_share_a_name():
    homes: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(name_of(path))
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_a_mode_is_a_word_of_the_ledger_not_a_string():
    def spelled(path: Path) -> Iterator[str]:
        drawn = [node for node in ast.walk(tree_of(path)) if name_of(path).startswith("analysis/rendering/")]
        headers = {each for node in drawn if isinstance(node, ast.Tuple) for each in node.elts}
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Constant) and node.value in [*Mode] and node not in headers:
                yield f"{node.value!r}, line {node.lineno}"

    assert broken(spelled, [path for path in FILES if name_of(path) != "ledger/judgments.py"]) == []


def aliases(path: Path) -> Iterator[str]:
    """The names that a manifest's facts or settings are given, as they are."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
            of_manifest = isinstance(node.value.value, ast.Name | ast.Attribute) and "manifest" in ast.unparse(
                node.value
            )
            if of_manifest and node.value.attr in ("facts", "settings"):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def test_a_manifest_is_looked_up_by_type_not_by_string():
    def looked_up(path: Path) -> Iterator[str]:
        bound = set(aliases(path))
        for node in ast.walk(tree_of(path)):
            held, key = None, None
            if isinstance(node, ast.Subscript):
                held, key = node.value, node.slice
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
                held, key = node.func.value, next(iter(node.args), None)
            elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
                held, key = node.comparators[0], node.left
            manifests = isinstance(held, ast.Attribute) and held.attr in ("facts", "settings")
            manifests = manifests or (isinstance(held, ast.Name) and held.id in bound)
            own = isinstance(held, ast.Attribute) and isinstance(held.value, ast.Name) and held.value.id == "self"
            if manifests and not own and isinstance(key, ast.Constant):
                yield f"{ast.unparse(node)}, line {node.lineno}"

    assert broken(looked_up, [path for path in FILES if path.parent.name != "ledger"]) == []
