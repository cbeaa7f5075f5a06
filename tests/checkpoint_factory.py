"""Checkpoints of SmolLM2 in the formats that other tools write, made here by rounding to the nearest value.

In: the plain model's folder. Out: a folder that vLLM should load as what its config says. For tests alone: good
quantizers calibrate, these do not.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

GROUP = 64
AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
INNER = re.compile(r"\.(q|k|v|o|gate|up|down)_proj\.weight$")
Tensors = dict[str, torch.Tensor]


def written(base: Path, folder: Path, config: dict, convert: Callable[[str, torch.Tensor], Tensors]) -> Path:
    """A copy of the model whose inner matrices (outputs, inputs) went through `convert`, and whose config says so."""
    shutil.copytree(base, folder)
    stored: Tensors = {}
    for name, tensor in load_file(base / "model.safetensors").items():
        stored |= convert(name.removesuffix("weight"), tensor.float()) if INNER.search(name) else {name: tensor}
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"quantization_config": config}))
    return folder


def gptq(base: Path, folder: Path) -> Path:
    """GPTQ's layout, 4 bits, symmetric: eight inputs packed into a word, zero points stored less one."""
    config = {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "desc_act": False, "sym": True}

    def convert(name: str, weight: torch.Tensor) -> Tensors:
        groups = weight.view(weight.shape[0], -1, GROUP)
        scale = groups.abs().amax(-1, keepdim=True).clamp(min=1e-8) / 7
        codes = ((groups / scale).round().clamp(-8, 7) + 8).to(torch.int64).view_as(weight).T  # (inputs, outputs)
        zeros = torch.full((groups.shape[1], weight.shape[0]), 7, dtype=torch.int64)
        return {
            f"{name}qweight": _words(codes.reshape(-1, 8, codes.shape[1]), 1),
            f"{name}qzeros": _words(zeros.reshape(zeros.shape[0], -1, 8), 2),
            f"{name}scales": scale[..., 0].T.contiguous().to(torch.bfloat16),
            f"{name}g_idx": torch.arange(weight.shape[1], dtype=torch.int32) // GROUP,
        }

    return written(base, folder, config, convert)


def awq(base: Path, folder: Path) -> Path:
    """AWQ's layout, 4 bits with zero points: eight outputs packed into a word in AWQ's own order."""
    config = {"quant_method": "awq", "bits": 4, "group_size": GROUP, "zero_point": True, "version": "gemm"}

    def convert(name: str, weight: torch.Tensor) -> Tensors:
        groups = weight.view(weight.shape[0], -1, GROUP)
        low, high = groups.amin(-1, keepdim=True).clamp(max=0), groups.amax(-1, keepdim=True).clamp(min=0)
        scale = (high - low).clamp(min=1e-8) / 15
        zero = (-low / scale).round().clamp(0, 15)
        codes = ((groups / scale).round() + zero).clamp(0, 15).to(torch.int64).view_as(weight).T
        zeros = zero[..., 0].to(torch.int64).T
        order = list(AWQ_ORDER)
        return {
            f"{name}qweight": _words(codes.reshape(codes.shape[0], -1, 8)[..., order], 2),
            f"{name}qzeros": _words(zeros.reshape(zeros.shape[0], -1, 8)[..., order], 2),
            f"{name}scales": scale[..., 0].T.contiguous().to(torch.bfloat16),
        }

    return written(base, folder, config, convert)


def fp8(base: Path, folder: Path) -> Path:
    """compressed-tensors FP8: a scale per channel for weights, a scale per token for activations."""
    shared = {"num_bits": 8, "type": "float", "symmetric": True}
    group = {
        "targets": ["Linear"],
        "weights": {**shared, "strategy": "channel", "dynamic": False},
        "input_activations": {**shared, "strategy": "token", "dynamic": True},
    }
    config = _compressed_tensors(group, "float-quantized")

    def convert(name: str, weight: torch.Tensor) -> Tensors:
        scale = weight.abs().amax(-1, keepdim=True).clamp(min=1e-8) / torch.finfo(torch.float8_e4m3fn).max
        return {f"{name}weight": (weight / scale).to(torch.float8_e4m3fn), f"{name}weight_scale": scale}

    return written(base, folder, config, convert)


def w8a16(base: Path, folder: Path) -> Path:
    """compressed-tensors with 8-bit weights alone: four inputs packed into a word, stored with an offset of 128."""
    weights = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel", "dynamic": False}
    config = _compressed_tensors({"targets": ["Linear"], "weights": weights}, "pack-quantized")

    def convert(name: str, weight: torch.Tensor) -> Tensors:
        scale = weight.abs().amax(-1, keepdim=True).clamp(min=1e-8) / 127
        codes = ((weight / scale).round().clamp(-128, 127) + 128).to(torch.int64)
        return {
            f"{name}weight_packed": _words(codes.reshape(codes.shape[0], -1, 4), 2),
            f"{name}weight_scale": scale.to(torch.bfloat16),
            f"{name}weight_shape": torch.tensor(weight.shape),
        }

    return written(base, folder, config, convert)


def with_sparsity_config(folder: Path) -> Path:
    """The dense `sparsity_config` that many checkpoints of 2024 and 2025 carry, added to a folder."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["quantization_config"]["sparsity_config"] = {"format": "dense", "targets": ["Linear"], "ignore": []}
    path.write_text(json.dumps(config))
    return folder


def _compressed_tensors(group: dict, layout: str) -> dict:
    shared = {"quant_method": "compressed-tensors", "quantization_status": "compressed", "ignore": ["lm_head"]}
    return {**shared, "format": layout, "config_groups": {"group_0": {**group, "format": layout}}}


def _words(codes: torch.Tensor, axis: int) -> torch.Tensor:
    """Pack small codes along an axis into 32-bit words, the first into the lowest bits."""
    count = codes.shape[axis]
    shape = [1] * codes.ndim
    shape[axis] = count
    shifts = (torch.arange(count) * (32 // count)).view(shape)
    words = (codes << shifts).sum(axis)
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)
