"""How each engine of the table is checked and loaded; its vendor is imported only when a model is.

In: an EngineSpec. Out: an Engine, or the fault that loading would end in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from generation.engine import Engine
from generation.orders import EngineSpec
from generation.transformers_arguments import check_transformers
from generation.vllm_arguments import check_vllm, on_cpu
from ledger.engines import ENGINES
from ledger.errors import ConfigError


@dataclass(frozen=True)
class EngineFunctions:
    """`load` gives the engine. `check(spec, here)` asks whether it can, without loading: here, or on other machines.

    `on_gpus` is whether it uses GPUs where there are any. All raise ConfigError or EngineError.
    """

    load: Callable[[EngineSpec], Engine]
    check: Callable[[EngineSpec, bool], None]
    on_gpus: Callable[[], bool]


def load_engine(spec: EngineSpec) -> Engine:
    """The engine that a spec asks for. Raises ConfigError, EngineError."""
    return ENGINE_FUNCTIONS[spec.kind].load(spec)


def check_engine(spec: EngineSpec, *, here: bool) -> None:
    """Ask a model's engine whether it can load it, without loading it. Raises ConfigError, EngineError."""
    if spec.batch_invariant and not ENGINES[spec.kind].batch_invariant:
        able = ", ".join(name for name, engine in ENGINES.items() if engine.batch_invariant)
        what = f'`batch_invariant` is a mode of engine = "{able}" alone.'
        raise ConfigError(what, where=f"engine {spec.kind}", remedy="Leave it out.")
    ENGINE_FUNCTIONS[spec.kind].check(spec, here)


def _load_vllm(spec: EngineSpec) -> Engine:
    from generation.vllm_engine import load_vllm

    return load_vllm(spec)


def _load_transformers(spec: EngineSpec) -> Engine:
    from generation.transformers_engine import load_transformers

    return load_transformers(spec)


def _load_served(spec: EngineSpec) -> Engine:
    from generation.served_engine import load_served

    return load_served(spec)


def _check_served(spec: EngineSpec, _: bool) -> None:
    from generation.served_engine import load_served

    load_served(spec).close()  # opens no connection: its URL, key and arguments are checked


ENGINE_FUNCTIONS: Mapping[str, EngineFunctions] = {
    "vllm": EngineFunctions(_load_vllm, lambda spec, here: check_vllm(spec, here=here), lambda: not on_cpu()),
    "transformers": EngineFunctions(
        _load_transformers, lambda spec, here: check_transformers(spec, here=here), lambda: True
    ),
    "openai": EngineFunctions(_load_served, _check_served, lambda: False),
}
