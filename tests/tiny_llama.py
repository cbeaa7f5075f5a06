"""A random little Llama on the disk, and what the lab's tests read of models: weights, cards, logits.

In: a folder. Out: a model in Hugging Face's layout. Where torch is not installed, `torch` and `transformers` are None.
"""

from pathlib import Path

import pytest

from assay.lab.cards import LabCard, written_card

try:
    import torch
    import transformers
except ImportError:  # the core installs without them
    torch = transformers = None

with_models = pytest.mark.skipif(torch is None, reason="torch and transformers are not installed")
LAYERS, HIDDEN, INNER = 4, 64, 128
MATRICES = 7 * LAYERS


def tiny_llama(folder: Path) -> Path:
    """A random Llama in bfloat16 with tied embeddings, and companions that only have to be copied."""
    config = transformers.LlamaConfig(
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=96,
        tie_word_embeddings=True,
        initializer_range=0.2,
    )
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    (folder / "tokenizer.json").write_text('{"not": "read"}')
    (folder / "generation_config.json").write_text('{"eos_token_id": 2, "temperature": 0.7, "do_sample": true}\n')
    return folder


def weights_of(folder: Path) -> dict[str, "torch.Tensor"]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def model_of(folder: Path) -> "transformers.LlamaForCausalLM":
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto").eval()


def card_of(folder: Path) -> LabCard:
    card = written_card(folder, LabCard)
    assert card is not None
    return card


def logits_of(model: "transformers.LlamaForCausalLM") -> "torch.Tensor":
    with torch.no_grad():
        return model(torch.arange(1, 20)[None]).logits.float()


def alike(one: "torch.Tensor", other: "torch.Tensor") -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


def inner(weights: dict[str, "torch.Tensor"]) -> dict[str, "torch.Tensor"]:
    return {name: weight for name, weight in weights.items() if name.endswith("proj.weight")}
