"""Noise: the card says how far the weights moved, in every number format."""

import pytest

from assay.lab.schemes import Noise

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_error_is_told_for_float32_as_for_other_formats(dtype):
    from assay.lab.noise import disturb

    small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=32, **small)).to(dtype)
    effect = disturb(model, Noise(sigma=0.1, seed=1))
    assert effect.mean_relative_error == pytest.approx(0.1, rel=0.05)
