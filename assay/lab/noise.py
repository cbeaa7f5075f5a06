"""Noise: Gaussian disturbance of the weights, the family of changes that is no compression at all.

In: a model, a strength, a seed. Out: the model, changed in place, and the effect; the same seed gives the same model.
"""

import torch

from assay.lab.cards import Effect
from assay.lab.checkpoints import Model, inner_matrices, relative_error, share_of_weights
from assay.lab.layers import decoder_layers
from assay.lab.schemes import Noise


def disturb(model: Model, scheme: Noise) -> Effect:
    """Add noise of `sigma` times each matrix's own standard deviation; embedding, head and norms stay.

    The noise is drawn in float32 from one generator, matrix after matrix in the model's order; the sum is then
    rounded to the model's number format.
    """
    generator = torch.Generator().manual_seed(scheme.seed)
    matrices = inner_matrices(model)
    errors = []
    for module in matrices.values():
        before = module.weight.detach().float()
        noise = torch.randn(before.shape, generator=generator) * (scheme.sigma * before.std())
        after = (before + noise).to(module.weight.dtype)
        errors.append(relative_error(before, after))  # before the copy: of a float32 weight, `before` is a view
        module.weight.data.copy_(after)
    layers = len(decoder_layers(model))
    return Effect(
        layers_before=layers,
        layers_after=layers,
        matrices=len(matrices),
        weights=sum(module.weight.numel() for module in matrices.values()),
        share_touched=share_of_weights(model, matrices),
        mean_relative_error=sum(errors) / len(errors),
    )
