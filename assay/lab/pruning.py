"""Pruning: the least important weights of each matrix become zero.

In: a model, and for each matrix how important each weight is. Out: the model, changed in place, and the effect.
Source: magnitude pruning, |W| as importance (Han et al. 2015, arXiv 1506.02626), one matrix at a time as in
"A Simple and Effective Pruning Approach" (WANDA, arXiv 2306.11695), whose importance, |W| times the norm of the
inputs, would be another `Importance` here.
"""

from collections.abc import Callable

import torch

from assay.lab.cards import Effect
from assay.lab.checkpoints import Model, inner_matrices, relative_error, share_of_weights
from assay.lab.layers import decoder_layers
from assay.lab.schemes import Pruning

Importance = Callable[[str, torch.Tensor], torch.Tensor]
"""Name and weights (outputs, inputs) of a matrix to one number a weight; the smallest are pruned first."""


def magnitude(_: str, weight: torch.Tensor) -> torch.Tensor:
    """Importance by absolute value."""
    return weight.abs()


def prune(model: Model, scheme: Pruning, importance: Importance = magnitude) -> Effect:
    """Set the least important `share` of each matrix to zero; embedding, head and norms stay."""
    matrices = inner_matrices(model)
    errors, zeros, total = [], 0, 0
    for name, module in matrices.items():
        before = module.weight.detach().clone()
        zero_smallest(module.weight.data, importance(name, before), scheme.share)
        errors.append(relative_error(before, module.weight.detach()))
        zeros += int((module.weight == 0).sum())
        total += before.numel()
    layers = len(decoder_layers(model))
    return Effect(
        layers_before=layers,
        layers_after=layers,
        matrices=len(matrices),
        weights=total,
        share_touched=share_of_weights(model, matrices),
        share_zero=zeros / total,
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
