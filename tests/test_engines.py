"""One table of engines: facts and functions fit, configs take its names, and no other file lists them."""

import ast

import pytest

from generation.engines import ENGINE_FUNCTIONS, check_engine
from generation.orders import EngineSpec
from ledger.config import config_from
from ledger.engines import ENGINES
from ledger.errors import ConfigError
from tests.house import HOUSE


def config(**baseline):
    models = {"baseline": {"model": "a", **baseline}, "candidate": [{"model": "b"}]}
    return config_from({"name": "r", "task": [{}], **models}, "test")


def test_names_and_functions_fit_one_to_one():
    assert set(ENGINE_FUNCTIONS) == {name for name, engine in ENGINES.items() if engine.runs}
    assert all(name == engine.name for name, engine in ENGINES.items())


def test_a_config_takes_the_names_of_the_table_alone():
    with pytest.raises(ConfigError, match="there is no engine 'llama'; there are vllm, transformers, openai, imported"):
        config(engine="llama")
    with pytest.raises(ConfigError, match='`loader` needs engine = "transformers"'):
        config(engine="vllm", loader="mine:load")
    assert config(engine="transformers", loader="mine:load").baseline.loader == "mine:load"


def test_a_mode_that_an_engine_lacks_is_refused_before_it_is_loaded():
    with pytest.raises(ConfigError, match='`batch_invariant` is a mode of engine = "vllm" alone'):
        check_engine(EngineSpec(kind="transformers", model="m", batch_invariant=True), here=True)


def test_no_other_file_lists_engines():
    lists = []
    for path in sorted(path for room in ("ledger", "generation", "assay") for path in (HOUSE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
                parts = node.keys if isinstance(node, ast.Dict) else node.elts
                held = {part.value for part in parts if isinstance(part, ast.Constant)} & set(ENGINES)
                lists += [path.relative_to(HOUSE).as_posix()] if held >= {"vllm", "transformers"} else []
    assert set(lists) <= {"generation/engines.py", "ledger/manifests.py"}  # the latter lists packages by name
