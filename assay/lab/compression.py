"""Compression: from a local model and a scheme to a finished folder.

In: a base folder, a place, a scheme. Out: a Hugging Face folder that engines load like any other, with a card that
says what was done. Loads torch only once there is something to do.
"""

import json
from collections.abc import Callable
from pathlib import Path

from assay.lab.calibration import calibration_digest
from assay.lab.cards import CARD_FILE, Effect, LabCard, Request, contents, write_card, written_card
from assay.lab.folders import whole_folder
from assay.lab.libraries import library_versions, require_libraries
from assay.lab.schemes import LayerDrop, Noise, Pruning, Quantization, Scheme, Wanda, parsed_scheme
from ledger.digests import file_digest
from ledger.errors import ConfigError

LIBRARIES = ("torch", "transformers", "accelerate", "safetensors")
BASE_PATTERNS = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model")


def say_nothing(_: str) -> None:
    """Report to nobody."""


def compress(
    base: Path,
    out: Path,
    scheme: str,
    *,
    seed: int = 0,
    progress: Callable[[str], None] = say_nothing,
) -> Path:
    """Write the base, compressed by a scheme, into a new folder `out`, and return it.

    Where `out` already answers exactly this request, nothing is done.
    Raises: ConfigError for an unknown scheme, a number out of range, a base that is no model, an `out` that is taken;
    EngineError where the base cannot be loaded.
    """
    plan = parsed_scheme(scheme, seed)
    libraries = libraries_of(plan)
    check_base(base)
    request = Request(
        scheme=plan.text,
        group_size=plan.group if isinstance(plan, Quantization) and isinstance(plan.group, int) else None,
        seed=plan.seed if isinstance(plan, Noise) else None,
        base_files=base_digests(base),
        calibration=calibration_digest() if isinstance(plan, Wanda) else None,
    )
    if already_there(out, request):
        progress(f"{out} is already there")
        return out
    require_libraries(libraries, "The model lab")
    with whole_folder(out) as (folder, _):
        progress(f"compressing {base} by {plan.text}")
        effect = _write_compressed(base, folder, plan)
        write_card(
            folder,
            LabCard(
                base=base.resolve().name,
                request=request,
                effect=effect,
                libraries=library_versions(libraries),
                files=contents(folder),
            ),
        )
    progress(_summary(effect))
    return out


def libraries_of(plan: Scheme) -> tuple[str, ...]:
    """What must be installed to make it."""
    return (*LIBRARIES, "compressed-tensors") if isinstance(plan, Quantization) else LIBRARIES


def check_base(base: Path) -> None:
    """Refuse what is no local model with safetensors weights, or is quantized already."""
    where, remedy = str(base), "Give a folder with config.json and *.safetensors, or the name smollm2."
    if not (base / "config.json").is_file():
        raise ConfigError("this is no model folder: it has no config.json.", where=where, remedy=remedy)
    if not any(base.glob("*.safetensors")):
        raise ConfigError("the folder has no *.safetensors; no other weights are read.", where=where, remedy=remedy)
    try:
        config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError("config.json is not JSON.", where=where, remedy=remedy) from error
    if not isinstance(config, dict):
        raise ConfigError("config.json is not a JSON object.", where=where, remedy=remedy)
    if config.get("quantization_config"):
        raise ConfigError("the model is quantized already.", where=where, remedy="Start from the full model.")


def base_digests(base: Path) -> dict[str, str]:
    """The hashes of all that the result depends on: weights, config, tokenizer and generation settings."""
    files = sorted({path for pattern in BASE_PATTERNS for path in base.glob(pattern) if path.is_file()})
    return {path.name: file_digest(path) for path in files if path.name != CARD_FILE}


def already_there(out: Path, request: Request) -> bool:
    """Whether `out` is the finished answer to this request. Raises: ConfigError where it is anything else."""
    if not out.exists() and not out.is_symlink():
        return False
    card = written_card(out, LabCard)
    if card is not None and card.request == request:
        return True
    made = f"it holds {card.base} by {card.request.scheme}, from another request" if card else "it exists already"
    raise ConfigError(f"{made}.", where=str(out), remedy="Choose another OUT, or remove this one.")


def _write_compressed(base: Path, folder: Path, plan: Scheme) -> Effect:
    from assay.lab.checkpoints import loaded_model, save_model

    model = loaded_model(base)
    if isinstance(plan, Quantization):
        from assay.lab.quantization import quantize

        quantized = quantize(model, plan)
        save_model(model, base, folder)
        quantized.complete_config(folder)
        return quantized.effect
    effect = _changed(model, plan, base)
    save_model(model, base, folder)
    return effect


def _changed(model: object, plan: LayerDrop | Pruning | Wanda | Noise, base: Path) -> Effect:
    if isinstance(plan, LayerDrop):
        from assay.lab.layers import drop_last_layers

        return drop_last_layers(model, plan)
    if isinstance(plan, Pruning):
        from assay.lab.pruning import prune

        return prune(model, plan)
    if isinstance(plan, Wanda):
        from assay.lab.tokens import calibration_tokens
        from assay.lab.wanda import prune_by_inputs

        return prune_by_inputs(model, plan, calibration_tokens(base))
    from assay.lab.noise import disturb

    return disturb(model, plan)


def _summary(effect: Effect) -> str:
    parts = [f"{effect.matrices} matrices, {effect.share_touched:.0%} of the weights"]
    if effect.layers_after != effect.layers_before:
        parts.append(f"{effect.layers_before} to {effect.layers_after} layers")
    if effect.group_size:
        parts.append(f"groups of {effect.group_size}")
    if effect.share_zero is not None:
        parts.append(f"{effect.share_zero:.1%} zeros")
    if effect.mean_relative_error is not None:
        parts.append(f"mean relative error {effect.mean_relative_error:.4f}")
    return "; ".join(parts)
