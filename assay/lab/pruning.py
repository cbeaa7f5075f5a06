"""Pruning: the least important weights of each matrix become zero.

In: a model. Out: the model, changed in place, and the effect.
Source: magnitude pruning, |W| as importance (Han et al. 2015, arXiv 1506.02626), one matrix at a time; wanda.py has
another importance, and another group of weights that are compared.
"""

import torch

from assay.lab.cards import Effect
from assay.lab.checkpoints import Model, inner_matrices, relative_error, share_of_weights
from assay.lab.layers import decoder_layers
from assay.lab.schemes import Pruning


def prune(model: Model, scheme: Pruning) -> Effect:
    """Set the `share` of each matrix that is smallest in magnitude to zero; embedding, head and norms stay."""
    matrices = inner_matrices(model)
    errors = []
    for module in matrices.values():
        before = module.weight.detach().clone()
        zero_smallest(module.weight.data, before.abs(), scheme.share)
        errors.append(relative_error(before, module.weight.detach()))
    return pruning_effect(model, matrices, errors)


def pruning_effect(model: Model, matrices: dict[str, torch.nn.Linear], errors: list[float]) -> Effect:
    """The effect on a pruned model, with each matrix's relative error."""
    layers = len(decoder_layers(model))
    total = sum(module.weight.numel() for module in matrices.values())
    return Effect(
        layers_before=layers,
        layers_after=layers,
        matrices=len(matrices),
        weights=total,
        share_touched=share_of_weights(model, matrices),
        share_zero=sum(int((module.weight == 0).sum()) for module in matrices.values()) / total,
        mean_relative_error=sum(errors) / len(errors),
    )


def zero_smallest(weight: torch.Tensor, scores: torch.Tensor, share: float) -> None:
    """Zero, in place, exactly round(share · n) weights of lowest score; of equal scores the first in row order.

    Equal scores are common: a bfloat16 matrix holds only some thousand different magnitudes.
    """
    count = round(share * weight.numel())
    if count == 0:
        return
    flat = scores.float().flatten()
    threshold = torch.kthvalue(flat, count).values
    below = flat < threshold
    level = torch.nonzero(flat == threshold).flatten()
    below[level[: count - int(below.sum())]] = True
    weight.masked_fill_(below.view_as(weight), 0.0)
