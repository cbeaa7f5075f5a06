"""WANDA: pruning by weights and activations, one row of a matrix at a time.

In: a model, a share, calibration tokens. Out: the model, changed in place, and the effect.
Source: "A Simple and Effective Pruning Approach for Large Language Models" (arXiv 2306.11695, section 3): importance
|W_ij| · ‖X_j‖₂, compared within each output's row, layer after layer, so that a layer is calibrated on what the pruned
layers before it give. The paper takes 128 sequences of C4; here it is a short text of Assay's own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from assay.lab.cards import Effect
from assay.lab.checkpoints import Model, inner_matrices, relative_error
from assay.lab.layers import decoder_layers
from assay.lab.pruning import pruning_effect
from assay.lab.schemes import Wanda
from ledger.errors import EngineError

Linears = dict[str, torch.nn.Linear]


def prune_by_inputs(model: Model, scheme: Wanda, tokens: torch.Tensor) -> Effect:
    """Set the least important `share` of each row of each inner matrix to zero; embedding, head and norms stay.

    `tokens` (rows, positions) go through the decoder once. On its way into a layer the batch first runs through the
    layer as it was, to measure its matrices' inputs; then these are pruned, and the batch goes on through the result.
    Raises: EngineError where a matrix stands in no decoder layer, or was given no input.
    """
    matrices = inner_matrices(model)
    layers = decoder_layers(model)
    inside = [{name: module for name, module in matrices.items() if _within(layer, module)} for layer in layers]
    if sum(map(len, inside)) != len(matrices):
        raise EngineError("some of its matrices stand outside the decoder layers", where=type(model).__name__)
    errors: dict[str, float] = {}
    hooks = [
        layer.register_forward_pre_hook(_pruned_on_entry(linears, scheme.share, errors), with_kwargs=True)
        for layer, linears in zip(layers, inside, strict=True)
    ]
    try:
        with torch.no_grad():
            model.get_decoder()(tokens, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return pruning_effect(model, matrices, [errors[name] for name in matrices])


def importance(weight: torch.Tensor, input_norms: torch.Tensor) -> torch.Tensor:
    """|weight| (outputs, inputs) times the norm of each input, in float32."""
    return weight.float().abs() * input_norms


def zero_smallest_in_rows(weight: torch.Tensor, scores: torch.Tensor, share: float) -> None:
    """Zero, in place, exactly round(share · inputs) weights of lowest score in each row; of equal scores the first."""
    count = round(share * weight.shape[1])
    lowest = torch.sort(scores, dim=1, stable=True).indices[:, :count]
    weight.scatter_(1, lowest, 0.0)


@contextmanager
def measured_inputs(linears: Linears) -> Iterator[dict[str, torch.Tensor]]:
    """For each linear layer the L2 norm of each input over all positions that it is given inside."""
    squares: dict[str, torch.Tensor] = {}
    norms: dict[str, torch.Tensor] = {}

    def watched(name: str) -> Callable[[torch.nn.Module, tuple[torch.Tensor, ...]], None]:
        def add(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            positions = inputs[0].detach().float().flatten(0, -2)
            squares[name] = squares.get(name, 0.0) + positions.square().sum(0)

        return add

    hooks = [module.register_forward_pre_hook(watched(name)) for name, module in linears.items()]
    try:
        yield norms
    finally:
        for hook in hooks:
            hook.remove()
    norms.update({name: total.sqrt() for name, total in squares.items()})


def _pruned_on_entry(linears: Linears, share: float, errors: dict[str, float]) -> Callable[..., None]:
    """A hook that prunes a layer when a batch enters it; `errors` takes each matrix's relative error."""

    def prune(layer: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        with measured_inputs(linears) as norms:
            layer.forward(*args, **kwargs)
        for name, module in linears.items():
            if name not in norms:
                raise EngineError(f"{name} was given no input by the calibration text", where=type(layer).__name__)
            before = module.weight.detach().clone()
            zero_smallest_in_rows(module.weight.data, importance(before, norms[name]), share)
            errors[name] = relative_error(before, module.weight.detach())

    return prune


def _within(layer: torch.nn.Module, module: torch.nn.Linear) -> bool:
    return any(part is module for part in layer.modules())
