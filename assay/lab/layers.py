"""Layers: a model with some of its decoder layers removed.

In: a model and which layers stay. Out: the model, changed in place with its config, and the effect.
Source: dropping the last layers without any healing, the harshest case of "The Unreasonable Ineffectiveness of the
Deeper Layers" (arXiv 2403.17887).
"""

from collections.abc import Sequence

import torch

from assay.lab.cards import Effect
from assay.lab.checkpoints import Model
from assay.lab.schemes import LayerDrop
from ledger.errors import ConfigError, EngineError


def decoder_layers(model: Model) -> torch.nn.ModuleList:
    """The list of decoder layers, wherever the architecture keeps it. Raises: EngineError where there is none."""
    layers = getattr(model.get_decoder(), "layers", None)
    if not isinstance(layers, torch.nn.ModuleList):
        raise EngineError("its decoder layers are not in a list named `layers`", where=type(model).__name__)
    return layers


def drop_last_layers(model: Model, scheme: LayerDrop) -> Effect:
    """Remove the last `count` decoder layers. Raises: ConfigError where none would be left."""
    layers = decoder_layers(model)
    before, weights = len(layers), sum(p.numel() for p in model.parameters())
    if scheme.count >= before:
        raise ConfigError(
            f"the model has {before} layers; at most {before - 1} can be dropped.", where=f"--scheme {scheme.text}"
        )
    dropped = layers[before - scheme.count :]
    removed = sum(p.numel() for p in dropped.parameters())
    effect = Effect(
        layers_before=before,
        layers_after=before - scheme.count,
        matrices=sum(isinstance(module, torch.nn.Linear) for module in dropped.modules()),
        weights=removed,
        share_touched=removed / weights,
    )
    keep_layers(model, range(before - scheme.count))
    return effect


def keep_layers(model: Model, kept: Sequence[int]) -> None:
    """Keep these decoder layers, in this order, and make the config say so.

    The key-value cache finds its place by `layer_idx`, so layers are numbered anew. Lists in the config that have
    one entry per layer (`layer_types`, `no_rope_layers`) are cut with them.
    """
    decoder, layers, config = model.get_decoder(), decoder_layers(model), model.config.get_text_config()
    before = len(layers)
    decoder.layers = torch.nn.ModuleList([layers[index] for index in kept])
    for number, layer in enumerate(decoder.layers):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = number
    config.num_hidden_layers = len(kept)
    for name, value in config.to_dict().items():
        if "layer" in name and isinstance(value, list | tuple) and len(value) == before:
            setattr(config, name, [value[index] for index in kept])
