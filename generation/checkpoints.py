"""What a checkpoint is made of, and whether vLLM can load it: found out from its config, before anything is started.

In: a model's config.json, the engine's arguments, whether vLLM is the CPU build, what is installed. Out: nothing, or
one line with the cause and what to install or to set. Loads no vLLM and no torch.
Source: vLLM 0.32's list of quantization methods; the column `on_cpu` was tried (tests/test_generation_formats.py).
"""

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ledger.errors import EngineError
from ledger.manifests import installed_version

TRANSFORMERS = 'Set engine = "transformers" for all models of this review.'
PLUGINS = {"bitsandbytes": "vllm-bnb-plugin", "gguf": "vllm-gguf-plugin"}
TRANSFORMERS_ONLY = frozenset({"aqlm", "bitnet", "eetq", "higgs", "hqq", "quanto", "sinq", "spqr", "vptq"})
METHODS = frozenset((
    "auto-round", "auto_awq", "auto_gptq", "awq", "awq_marlin", "compressed-tensors", "deepseek_v4_fp8",
    "experts_int8", "fbgemm_fp8", "fp8", "fp_quant", "gpt_oss_mxfp4", "gptq", "gptq_marlin", "humming", "inc",
    "modelopt", "modelopt_fp4", "modelopt_mixed", "modelopt_mxfp8", "moe_wna16", "mxfp4", "nvfp4", "quark", "torchao",
))  # fmt: skip
ONLINE = frozenset((
    "fp8_per_tensor", "fp8_per_block", "fp8_per_channel", "int8_per_channel_weight_only", "nvfp4_per_token", "mxfp8",
    "online",
))  # fmt: skip
NOT_ON_CPU = {
    "compressed-tensors W8A16": "its CPU kernel takes 4-bit weights only",
    "compressed-tensors NVFP4": "it has no CPU kernel",
    "fp8_per_tensor": "it has no CPU kernel",
    "fp8_per_block": "it has no CPU kernel",
    "mxfp4": "it has no CPU kernel",
    "mxfp8": "it has no CPU kernel",
    "modelopt_fp4": "it has no CPU kernel",
    "nvfp4_per_token": "it has no CPU kernel",
}


def is_installed(distribution: str) -> bool:
    """Whether a package is installed in this environment."""
    return bool(installed_version(distribution))


def model_config(model: str) -> dict[str, Any]:
    """A model's config.json: of a folder, or of a hub name that is in the local cache; empty where there is none."""
    path = _cached_config(model) if _is_hub_name(model) else Path(model) / "config.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def hub_revision(model: str, revision: str | None = None) -> str | None:
    """The commit of a hub name's files in the local cache, where `revision` may be a branch; None for a folder."""
    path = _cached_config(model, revision) if _is_hub_name(model) else None
    return path.parent.name if path else None  # the cache keeps them in snapshots/<commit>/


def _is_hub_name(model: str) -> bool:
    return not Path(model).exists() and model.count("/") == 1


def _cached_config(model: str, revision: str | None = None) -> Path | None:
    if not importlib.util.find_spec("huggingface_hub"):
        return None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = try_to_load_from_cache(model, "config.json", revision=revision)
    except HFValidationError:
        return None
    return Path(cached) if isinstance(cached, str) else None


def weights_bytes(model: str) -> int:
    """The size of a model folder's weights, as they lie on the disk; 0 where there is no folder."""
    return sum(path.stat().st_size for path in Path(model).glob("*.safetensors"))


def format_of(model: str, config: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The format in a word or two, such as `gptq` or `compressed-tensors W4A16`; empty for plain weights.

    A stored format decides; an online one (`quantization` in the arguments) is for plain weights.
    """
    if _is_gguf(model) or arguments.get("load_format") == "gguf":
        return "gguf"
    stored = stored_quantization(config)
    method = str(stored.get("quant_method", "bitsandbytes" if "load_in_8bit" in stored else ""))
    if method == "compressed-tensors":
        return f"{method} {_scheme(stored)}".rstrip()
    return method or str(arguments.get("quantization") or "")


def stored_quantization(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint's config says of its own quantization; empty for plain weights."""
    return _table(config, "quantization_config") or _table(config, "compression_config")


def _table(of: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A table in a config; whatever else somebody has written there is none."""
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def refuse_unloadable(
    model: str,
    config: Mapping[str, Any],
    arguments: Mapping[str, Any],
    *,
    on_cpu: bool,
    installed: Callable[[str], bool] = is_installed,
) -> None:
    """Raise EngineError, with the cause and the remedy, where vLLM cannot load this checkpoint."""
    name = format_of(model, config, arguments)
    method = name.split(" ")[0]
    if method in TRANSFORMERS_ONLY:
        raise EngineError(f"vLLM does not load {method} checkpoints.", where=model, remedy=TRANSFORMERS)
    if method in PLUGINS:
        _refuse_without_plugin(method, model, on_cpu=on_cpu, installed=installed)
    elif method and method not in METHODS | ONLINE:
        raise EngineError(f"vLLM knows no quantization method {method!r}.", where=model, remedy=TRANSFORMERS)
    _refuse_sparsity(model, config, arguments)
    if on_cpu and name in NOT_ON_CPU:
        cause = f"vLLM's CPU build cannot run {name}: {NOT_ON_CPU[name]}."
        raise EngineError(cause, where=model, remedy=f"Run it on a GPU. Or: {TRANSFORMERS}")


def _refuse_without_plugin(method: str, model: str, *, on_cpu: bool, installed: Callable[[str], bool]) -> None:
    if on_cpu:
        raise EngineError(f"vLLM loads {method} on GPUs only.", where=model, remedy=TRANSFORMERS)
    if not installed(PLUGINS[method]):
        remedy = f"Run: pip install {PLUGINS[method]}. Or: {TRANSFORMERS}"
        raise EngineError(f"vLLM loads {method} through a plugin that is not installed.", where=model, remedy=remedy)


def _refuse_sparsity(model: str, config: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    overrides = arguments.get("hf_overrides")
    overridden = isinstance(overrides, dict) and "quantization_config" in overrides
    sparsity = _table(stored_quantization(config), "sparsity_config")
    if sparsity.get("targets") and not overridden:
        raise EngineError(
            "vLLM refuses checkpoints whose quantization_config has a `sparsity_config`, even where they are dense.",
            where=model,
            remedy="If its format is dense, drop `sparsity_config` from config.json, or give a quantization_config "
            "without it in engine_args.hf_overrides.",
        )


def _is_gguf(model: str) -> bool:
    """A GGUF file, or `repo:QUANT` as the plugin takes it; a Windows path is not a case here."""
    last = model.rsplit("/", 1)[-1]
    return last.lower().endswith(".gguf") or ("/" in model and ":" in last)


def _scheme(stored: Mapping[str, Any]) -> str:
    """W4A16, W8A16, W8A8, FP8 or NVFP4, from the first group of a compressed-tensors config; empty if unclear."""
    groups = _table(stored, "config_groups")
    group = _table(groups, next(iter(groups), ""))
    weights, activations = _table(group, "weights"), _table(group, "input_activations")
    bits = weights.get("num_bits")
    if weights.get("type") == "float":
        four = "NVFP4" if weights.get("group_size") == 16 else "MXFP4"
        return "FP8" if bits == 8 else four if bits == 4 else ""
    return f"W{bits}A{activations.get('num_bits', 16)}" if bits else ""
