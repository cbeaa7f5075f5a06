"""What a config may ask of vLLM, checked without importing it; and the settings that Assay adds on CPUs.

In: an EngineSpec. Out: arguments and environment for vLLM, or one line that says what is wrong and what to do.
"""

import ast
import difflib
import functools
import importlib.util
import math
import os
from pathlib import Path
from typing import Any

from generation.checkpoints import is_installed, model_config, refuse_unloadable
from generation.orders import EngineSpec
from ledger.errors import ConfigError, EngineError

CPU_CONTEXT_TOKENS = 8192
# What configs call a model's context: vLLM 0.32 takes the smallest of these, and refuses to be asked for more.
CONTEXT_KEYS = (
    *("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "model_max_length"),
    *("max_target_positions", "max_sequence_length", "max_seq_length", "seq_len"),
)
# vLLM refuses to start on a CPU unless this share of all memory is free, whatever the size of the KV cache.
CPU_ARGUMENTS = {"enforce_eager": True, "max_num_seqs": 64, "gpu_memory_utilization": 0.1}
CPU_CACHE_SHARE = 0.2
NO_VLLM = "vLLM is not installed here."
INSTALL_VLLM = 'Install the extra `cpu` or `gpu`, or set engine = "transformers".'
ARGUMENTS_FILE, ARGUMENTS_CLASS = "engine/arg_utils.py", "EngineArgs"
# Assay decides these itself, by the model and by the config's own keys.
OWN_ARGUMENTS = {"model": "`model`", "seed": "`seed`"}
MOST_LOGPROBS = 1024  # of vLLM's own 20, which the config's top_k may exceed
BATCH_INVARIANT = "VLLM_BATCH_INVARIANT"
CPU_BINDING = "VLLM_CPU_OMP_THREADS_BIND"
CPU_W4A8 = "VLLM_CPU_INT4_W4A8"


def check_vllm(spec: EngineSpec, *, here: bool = True) -> None:
    """Refuse what vLLM would refuse after minutes. Raises ConfigError, EngineError.

    `here` is whether the engine will run on this machine: what is not installed is then a fault, and the build decides
    which formats run.
    """
    present = importlib.util.find_spec("vllm") is not None
    if here and not present:
        raise EngineError(NO_VLLM, where=spec.model, remedy=INSTALL_VLLM)
    if present:
        _refuse_unknown(spec)
    if here and spec.batch_invariant and on_cpu():
        raise ConfigError("vLLM's CPU build has no batch-invariant mode.", remedy="Leave `batch_invariant` out.")
    refuse_unloadable(
        spec.model,
        model_config(spec.model),
        spec.arguments,
        on_cpu=here and on_cpu(),
        installed=is_installed if here else lambda _: True,
    )


def on_cpu() -> bool:
    """Whether the installed vLLM is its CPU build."""
    return is_installed("vllm-cpu")


def environment(spec: EngineSpec) -> dict[str, str]:
    """Settings that must stand in the environment before vLLM is imported."""
    invariant = {BATCH_INVARIANT: "1"} if spec.batch_invariant else {}
    return invariant | (cpu_environment() if on_cpu() else {})


def cpu_environment() -> dict[str, str]:
    """Settings for vLLM on CPUs.

    All cores compute (vLLM's own choice keeps one for itself, and loses a third on two cores), a fifth of the free
    memory is the KV cache, and the engine runs in this process: it starts in half the time and ends when it does.
    4-bit weights meet activations of 16 bits, as their checkpoint says: where a CPU has AMX vLLM would round these to 8
    bits, and die of scales that hold a whole channel.
    """
    cores = sorted(os.sched_getaffinity(0))
    contiguous = cores == list(range(cores[0], cores[-1] + 1))
    binding = f"{cores[0]}-{cores[-1]}" if contiguous else ",".join(map(str, cores))
    return {
        CPU_BINDING: os.environ.get(CPU_BINDING, binding),
        "VLLM_CPU_KVCACHE_SPACE": os.environ.get("VLLM_CPU_KVCACHE_SPACE", str(_cache_gib())),
        CPU_W4A8: os.environ.get(CPU_W4A8, "0"),
        "VLLM_ENABLE_V1_MULTIPROCESSING": os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING", "0"),
    }


def bound_threads(binding: str) -> int | None:
    """How many cores a binding such as `0-1` or `0,2,4-7` names; None for vLLM's own words and for no binding."""
    parts = [part.partition("-") for part in binding.split(",")]
    if not all(first.isdecimal() and (last or first).isdecimal() for first, _, last in parts):
        return None
    return sum(int(last or first) - int(first) + 1 for first, _, last in parts)


def llm_arguments(spec: EngineSpec) -> dict[str, Any]:
    """The arguments for vLLM's LLM: ours, and over them the user's.

    On CPUs a prompt is read whole. Where vLLM 0.32 reads a part of a prompt that is sampled with a seed, it turns the
    generator back, which a CPU's cannot ("CPU Generator does not use offset"), and the engine dies.
    """
    arguments: dict[str, Any] = {"enable_prefix_caching": True, "seed": 0, "disable_log_stats": True}
    arguments["max_logprobs"] = MOST_LOGPROBS
    if not on_cpu():
        return arguments | spec.arguments
    arguments |= CPU_ARGUMENTS | {"max_model_len": _cpu_context(spec.model), "enable_chunked_prefill": False}
    arguments |= spec.arguments
    return {"max_num_batched_tokens": arguments["max_model_len"], **arguments}


@functools.cache
def known_arguments() -> frozenset[str]:
    """The names of vLLM's engine arguments; empty if not found. Read from its source: an import takes ten seconds."""
    found = importlib.util.find_spec("vllm")
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / ARGUMENTS_FILE
        if path.is_file():
            tree = ast.parse(path.read_text(encoding="utf-8"))
            classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == ARGUMENTS_CLASS]
            fields = [n.target for each in classes for n in each.body if isinstance(n, ast.AnnAssign)]
            return frozenset(field.id for field in fields if isinstance(field, ast.Name))
    return frozenset()


def _refuse_unknown(spec: EngineSpec) -> None:
    known = known_arguments()
    for name in spec.arguments:
        if name in OWN_ARGUMENTS:
            what = f"{name!r} is decided by the config's {OWN_ARGUMENTS[name]}."
            raise ConfigError(what, where="engine_args", remedy="Leave it out.")
        if known and name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "See vLLM's engine arguments."
            raise ConfigError(f"vLLM has no engine argument {name!r}.", where="engine_args", remedy=hint)


def _cpu_context(model: str) -> int:
    """The model's own context, but no more than a KV cache on CPU comfortably holds."""
    config = model_config(model)
    of_text = config.get("text_config")  # of a model that also sees
    told = {**config, **(of_text if isinstance(of_text, dict) else {})}
    lengths: list[int] = [told[key] for key in CONTEXT_KEYS if isinstance(told.get(key), int)]
    return min([CPU_CONTEXT_TOKENS, *lengths])


def _cache_gib() -> int:
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") / 2**30
    return max(1, min(8, math.floor(free * CPU_CACHE_SHARE)))
