"""What each scheme of the model lab does to the weights of a tiny Llama, and what the model then gives."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from assay.lab.compression import compress
from ledger.errors import ConfigError
from tests.tiny_llama import (
    MATRICES,
    alike,
    card_of,
    inner,
    logits_of,
    model_of,
    torch,
    transformers,
    weights_of,
    with_models,
)

with_quantizer = pytest.mark.skipif(
    find_spec("compressed_tensors") is None, reason="compressed-tensors is not installed"
)


@with_models
class TestPruning:
    def test_each_matrix_has_its_share_of_zeros_and_the_rest_is_untouched(self, base, tmp_path):
        before = weights_of(base)
        out = compress(base, tmp_path / "out", "prune=0.3")
        after = weights_of(out)
        assert len(inner(after)) == MATRICES
        for name, weight in inner(after).items():
            zero = weight == 0
            assert int(zero.sum()) == round(0.3 * weight.numel())
            assert torch.equal(weight[~zero], before[name][~zero])
            assert before[name][zero].abs().max() <= before[name][~zero].abs().min()
        for name in before.keys() - inner(before).keys():
            assert torch.equal(after[name], before[name])
        effect = card_of(out).effect
        assert effect.share_zero == pytest.approx(0.3, abs=1e-3)
        assert effect.matrices == MATRICES

    def test_of_equal_scores_the_first_are_pruned(self):
        from assay.lab.pruning import zero_smallest

        weight = torch.tensor([[1.0, -1.0, 1.0], [2.0, 1.0, -3.0]])
        zero_smallest(weight, weight.abs(), 0.5)
        assert weight.tolist() == [[0.0, 0.0, 0.0], [2.0, 1.0, -3.0]]

    def test_a_share_too_small_for_one_weight_changes_nothing(self):
        from assay.lab.pruning import zero_smallest

        weight = torch.ones(2, 2)
        zero_smallest(weight, weight, 0.1)
        assert weight.sum() == 4


@with_models
class TestLayers:
    def test_the_reloaded_model_gives_the_logits_of_the_sliced_one(self, base, tmp_path):
        out = compress(base, tmp_path / "out", "drop-layers=1")
        sliced = model_of(base)
        sliced.model.layers = sliced.model.layers[:3]
        sliced.config.num_hidden_layers = 3
        reloaded = model_of(out)
        assert reloaded.config.num_hidden_layers == len(reloaded.model.layers) == 3
        assert torch.equal(logits_of(reloaded), logits_of(sliced))
        effect = card_of(out).effect
        assert (effect.layers_before, effect.layers_after, effect.matrices) == (4, 3, 7)

    def test_at_least_one_layer_stays(self, base, tmp_path):
        with pytest.raises(ConfigError, match="at most 3 can be dropped"):
            compress(base, tmp_path / "out", "drop-layers=4")

    def test_layers_are_numbered_anew_for_the_cache(self, base):
        from assay.lab.layers import keep_layers

        model = model_of(base)
        keep_layers(model, [0, 2, 3])
        assert [layer.self_attn.layer_idx for layer in model.model.layers] == [0, 1, 2]
        prompt = torch.arange(1, 10)[None]
        generated = model.generate(prompt, max_new_tokens=4, do_sample=False, eos_token_id=None, pad_token_id=0)
        with torch.no_grad():
            again = model(generated[:, :-1]).logits[0, -4:].argmax(-1)
        assert generated[0, -4:].tolist() == again.tolist()

    def test_lists_with_an_entry_a_layer_are_cut(self, tmp_path):
        config = transformers.Qwen2Config(
            hidden_size=64, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
            vocab_size=64,
        )  # fmt: skip
        transformers.Qwen2ForCausalLM(config).save_pretrained(tmp_path / "qwen")
        out = compress(tmp_path / "qwen", tmp_path / "out", "drop-layers=1")
        written = json.loads((out / "config.json").read_text())
        assert len(written["layer_types"]) == written["num_hidden_layers"] == 2


@with_models
class TestNoise:
    def test_is_as_strong_as_asked_and_spares_the_rest(self, base, tmp_path):
        before, out = weights_of(base), compress(base, tmp_path / "out", "noise=0.5", seed=1)
        after = weights_of(out)
        for name, weight in inner(before).items():
            noise = after[name].float() - weight.float()
            assert noise.std() / weight.float().std() == pytest.approx(0.5, rel=0.1)
        for name in before.keys() - inner(before).keys():
            assert torch.equal(after[name], before[name])
        assert card_of(out).request.seed == 1
        assert card_of(out).effect.mean_relative_error == pytest.approx(0.5, rel=0.05)

    def test_the_seed_decides(self, base, tmp_path):
        one, same, other = (
            (compress(base, tmp_path / name, "noise=0.5", seed=seed) / "model.safetensors").read_bytes()
            for name, seed in (("one", 1), ("same", 1), ("other", 2))
        )
        assert one == same
        assert one != other


@with_models
@with_quantizer
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")  # on import
class TestQuantization:
    def scales_and_integers(self, folder: Path, name: str, bits: int) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Read from the file itself, independent of the library: integers (outputs, inputs) and a scale for each."""
        stored = weights_of(folder)
        scale = stored[f"{name}_scale"].float()
        if bits == 8:
            integers = stored[name].float()
        else:
            words = stored[f"{name}_packed"].long() & 0xFFFFFFFF
            integers = torch.stack([(words >> 4 * place) & 15 for place in range(8)], -1).flatten(1).float() - 8
        return scale.repeat_interleave(integers.shape[1] // scale.shape[1], 1), integers

    @pytest.mark.parametrize(("scheme", "bits", "limit"), [("w8a8", 8, 127), ("w4a16", 4, 7)])
    def test_weights_lie_within_half_a_step(self, base, tmp_path, scheme, bits, limit):
        out = compress(base, tmp_path / "out", scheme)
        before = weights_of(base)
        errors = []
        for name, weight in inner(before).items():
            scale, integers = self.scales_and_integers(out, name, bits)
            step = (integers * scale - weight.float()).abs() / scale
            # The largest magnitude of a group is 7.5 (127.5) steps and is clipped to 7 (127); its scale is rounded
            # to bfloat16, which moves it by up to 2^-8 of that.
            assert step[integers != limit].max() <= 0.5 + 1e-4
            assert step.max() <= 0.5 + (limit + 0.5) * 2**-8
            assert integers.abs().max() <= limit + 1
            errors.append(float((integers * scale - weight.float()).norm() / weight.float().norm()))
        assert card_of(out).effect.mean_relative_error == pytest.approx(sum(errors) / len(errors), rel=1e-3)

    @pytest.mark.parametrize(("scheme", "bits"), [("w8a8", 8), ("w4a16", 4)])
    def test_transformers_loads_it_and_runs_the_rounded_weights(self, base, tmp_path, scheme, bits):
        out = compress(base, tmp_path / "out", scheme)
        rounded, exact = model_of(base), logits_of(model_of(base))
        for name, module in rounded.named_modules():
            if name.endswith("proj"):
                scale, integers = self.scales_and_integers(out, f"{name}.weight", bits)
                module.weight.data.copy_(scale * integers)
        loaded = logits_of(model_of(out))
        assert not torch.equal(loaded, exact)
        # In w8a8 the activations are rounded as well, which `rounded` does not do.
        assert alike(loaded, logits_of(rounded)) > (0.999 if bits == 4 else 0.99)
        assert alike(loaded, exact) > (0.5 if bits == 4 else 0.99)

    def test_the_config_tells_engines_what_to_run(self, base, tmp_path):
        settings = {}
        for scheme in ("w8a8", "w4a16"):
            out = compress(base, tmp_path / scheme, scheme)
            settings[scheme] = json.loads((out / "config.json").read_text())["quantization_config"]
        assert {entry["quant_method"] for entry in settings.values()} == {"compressed-tensors"}
        assert {entry["quantization_status"] for entry in settings.values()} == {"compressed"}
        assert [settings[scheme]["format"] for scheme in ("w8a8", "w4a16")] == ["int-quantized", "pack-quantized"]
        assert all(entry["ignore"] == ["lm_head"] for entry in settings.values())
        activations = settings["w8a8"]["config_groups"]["group_0"]["input_activations"]
        assert (activations["strategy"], activations["dynamic"], activations["num_bits"]) == ("token", True, 8)

    def test_the_largest_group_that_fits_is_chosen(self, base, tmp_path):
        assert card_of(compress(base, tmp_path / "a", "w4a16")).effect.group_size == 64
        assert card_of(compress(base, tmp_path / "b", "w4a16=32")).effect.group_size == 32
        with pytest.raises(ConfigError, match="64 inputs, which groups of 128 do not divide"):
            compress(base, tmp_path / "c", "w4a16=128")

    def test_a_channel_has_one_scale(self, base, tmp_path):
        out = compress(base, tmp_path / "out", "w4a16=channel")
        assert card_of(out).effect.group_size is None
        scales = {name: scale for name, scale in weights_of(out).items() if name.endswith("_scale")}
        assert len(scales) == MATRICES
        assert {scale.shape[1] for scale in scales.values()} == {1}
        for name, weight in inner(weights_of(base)).items():
            scale, integers = self.scales_and_integers(out, name, 4)
            assert ((integers * scale - weight.float()).abs() / scale).max() <= 0.5 + 7.5 * 2**-8

    def test_embedding_and_norms_keep_their_format(self, base, tmp_path):
        before, after = weights_of(base), weights_of(compress(base, tmp_path / "out", "w4a16"))
        for name in before.keys() - inner(before).keys():
            assert torch.equal(after[name], before[name])
            assert after[name].dtype == torch.bfloat16
