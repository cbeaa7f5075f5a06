"""What a config may ask of the transformers engine; all of it is checked before a model is loaded.

In: an EngineSpec. Out: arguments of `from_pretrained`, or one line that says what is wrong and what to write instead.
Quantization on the way in is asked for by a short name, `engine_args = { quantization = "nf4" }`, or in full:
`engine_args = { quantization_config = { quant_method = "bitsandbytes", load_in_8bit = true } }`.
"""

import difflib
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from generation.checkpoints import is_installed, model_config, stored_quantization
from generation.orders import EngineSpec
from ledger.errors import ConfigError, EngineError, first_line

NO_TRANSFORMERS = "transformers or torch is not installed here."
INSTALL_TRANSFORMERS = "Install the extra `transformers`."
METHOD = "quant_method"
QUANTIZATIONS: dict[str, dict[str, Any]] = {
    "llm.int8": {METHOD: "bitsandbytes", "load_in_8bit": True},
    "nf4": {METHOD: "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "fp4": {METHOD: "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "fp4"},
}
# What a method needs installed, by the name of its distribution; each was looked up in transformers' own checks.
PACKAGES = {
    "aqlm": "aqlm",
    "awq": "gptqmodel",
    "bitsandbytes": "bitsandbytes",
    "compressed-tensors": "compressed-tensors",
    "eetq": "eetq",
    "gptq": "gptqmodel",
    "hqq": "hqq",
    "quanto": "optimum-quanto",
    "spqr": "spqr-quant",
    "torchao": "torchao",
    "vptq": "vptq",
}
KNOWN = frozenset((
    "allow_all_kernels", "attn_implementation", "cache_dir", "device_map", "dtype", "experts_implementation",
    "force_download", "gguf_file", "ignore_mismatched_sizes", "key_mapping", "local_files_only", "low_cpu_mem_usage",
    "max_memory", "offload_buffers", "offload_folder", "quantization", "quantization_config", "revision", "subfolder",
    "tp_plan", "tp_size", "trust_remote_code", "use_kernels", "use_safetensors", "variant", "weights_only",
))  # fmt: skip
GONE = {
    "load_in_8bit": 'Write engine_args = { quantization = "llm.int8" }.',
    "load_in_4bit": 'Write engine_args = { quantization = "nf4" }.',
    "torch_dtype": "It is called dtype.",
}


def check_transformers(spec: EngineSpec, *, here: bool = True) -> None:
    """Refuse what the engine would refuse after minutes. Raises ConfigError, EngineError.

    `here` is whether the engine will run on this machine, so that what is not installed is a fault.
    """
    if not spec.loader:  # a user's own loader knows its arguments itself
        _refuse_unknown(spec)
        _quantization(spec.arguments)
    if not here:
        return
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
        raise EngineError(NO_TRANSFORMERS, where=spec.model, remedy=INSTALL_TRANSFORMERS)
    if spec.loader:
        user_loader(spec.loader)
        return
    own = stored_quantization(model_config(spec.model))
    asked = _quantization(spec.arguments)
    _refuse_uninstalled(str((asked or own).get(METHOD, "bitsandbytes" if own else "")), spec.model)
    if asked:
        quantization_object(asked)


def loading_arguments(spec: EngineSpec) -> dict[str, Any]:
    """The arguments of `from_pretrained`; a quantization becomes its config object. Raises ConfigError."""
    arguments = {name: value for name, value in spec.arguments.items() if name != "quantization"}
    if asked := _quantization(spec.arguments):
        arguments["quantization_config"] = quantization_object(asked)
    return arguments


def quantization_object(asked: dict[str, Any]) -> Any:  # noqa: ANN401 - a config of transformers
    """transformers' own config for a quantization. Raises ConfigError for keys that it does not know."""  # noqa: D403 - a name
    from transformers.quantizers import HfQuantizer
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING as KINDS
    from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING as QUANTIZERS

    method = str(asked[METHOD])
    name = f"bitsandbytes_{'4' if asked.get('load_in_4bit') else '8'}bit" if method == "bitsandbytes" else method
    if name not in KINDS:
        raise ConfigError(_unknown("a quantization method", method, KINDS), where="engine_args.quantization_config")
    if QUANTIZERS[name].get_quantize_ops is HfQuantizer.get_quantize_ops:
        raise ConfigError(
            f"the installed transformers cannot quantize with {method} on loading.",
            where="engine_args.quantization_config",
            remedy="Give a `loader` of your own that does it, or a model that was quantized before.",
        )
    kind = KINDS[name]
    values = {key: value for key, value in asked.items() if key != METHOD}
    if method == "torchao":
        values = {"quant_type": _torchao_type(values)}
    known = set(inspect.signature(kind.__init__).parameters) - {"self", "kwargs"}
    for key in values:
        if key not in known:
            raise ConfigError(_unknown(f"a setting of {method}", key, known), where="engine_args.quantization_config")
    try:
        return kind(**values)
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigError(f"{method}: {first_line(error)}", where="engine_args.quantization_config") from error


def _torchao_type(values: dict[str, Any]) -> Any:  # noqa: ANN401 - a config of torchao
    """The class of torchao.quantization that `quant_type` names, made with the other settings. Raises ConfigError."""
    name = str(values.get("quant_type", ""))
    try:
        kind = getattr(importlib.import_module("torchao.quantization"), name, None)
        if not (isinstance(kind, type) and name.endswith("Config")):
            raise ConfigError(
                f"torchao has no {name!r}.",
                where="engine_args.quantization_config",
                remedy='Give one of its classes: quant_type = "Int8WeightOnlyConfig".',
            )
        return kind(**{key: value for key, value in values.items() if key != "quant_type"})
    except (ImportError, TypeError, ValueError) as error:
        raise ConfigError(f"torchao: {first_line(error)}", where="engine_args.quantization_config") from error


def user_loader(name: str) -> Callable[..., Any]:
    """The function that a config names as `module:function`. Raises ConfigError."""
    module, _, function = name.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise ConfigError(
            f"cannot be imported: {first_line(error)}",
            where=f"loader {name}",
            remedy="Put the module on PYTHONPATH, or install it.",
        ) from error
    except AttributeError as error:
        raise ConfigError(f"the module has no {function}", where=f"loader {name}") from error
    except Exception as error:  # the user's module may raise anything
        raise ConfigError(f"fails on import: {first_line(error)}", where=f"loader {name}") from error
    if not callable(found):
        raise ConfigError("is not a function", where=f"loader {name}")
    return found


def _quantization(arguments: dict[str, Any]) -> dict[str, Any]:
    """What is asked for in the arguments; empty if nothing is."""
    short, full = arguments.get("quantization"), arguments.get("quantization_config")
    if short is not None and full is not None:
        raise ConfigError("give `quantization` or `quantization_config`, not both", where="engine_args")
    if short is not None:
        if short not in QUANTIZATIONS:
            raise ConfigError(_unknown("a quantization", str(short), QUANTIZATIONS), where="engine_args.quantization")
        return QUANTIZATIONS[short]
    if full is None:
        return {}
    if not isinstance(full, dict):
        raise ConfigError("must be a table", where="engine_args.quantization_config")
    if METHOD not in full and not {"load_in_8bit", "load_in_4bit"} & full.keys():
        raise ConfigError(f"has no {METHOD}", where="engine_args.quantization_config")
    return {METHOD: "bitsandbytes", **full}


def _refuse_unknown(spec: EngineSpec) -> None:
    """Names that `from_pretrained` does not know; settings of the model's own config may be overridden."""
    known = KNOWN | model_config(spec.model).keys()
    for name in spec.arguments:
        if name in GONE:
            raise ConfigError(f"transformers 5 has no {name!r}.", where="engine_args", remedy=GONE[name])
        if name not in known:
            raise ConfigError(_unknown("an argument of transformers", name, KNOWN), where="engine_args")


def _refuse_uninstalled(method: str, model: str) -> None:
    package = PACKAGES.get(method)
    if package and not is_installed(package):
        raise EngineError(f"{method} is not installed here.", where=model, remedy=f"Run: pip install {package}")


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"{name!r} is not {kind}." + (f" Did you mean {near[0]!r}?" if near else "")
