"""The model lab: each scheme does to a tiny Llama exactly what it says, and the card tells it."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from assay.lab.cards import CARD_FILE, Effect, LabCard, written_card
from assay.lab.compression import compress
from assay.lab.libraries import library_versions, require_libraries
from assay.lab.schemes import SCHEMES, LayerDrop, Noise, Pruning, Quantization, Wanda, parsed_scheme
from ledger.errors import ConfigError, EngineError

try:
    import torch
    import transformers
except ImportError:  # the core installs without them
    torch = transformers = None

with_models = pytest.mark.skipif(torch is None, reason="torch and transformers are not installed")
with_quantizer = pytest.mark.skipif(
    find_spec("compressed_tensors") is None, reason="compressed-tensors is not installed"
)


class TestSchemes:
    @pytest.mark.parametrize(
        ("text", "scheme"),
        [
            ("w8a8", Quantization("w8a8")),
            ("W4A16", Quantization("w4a16")),
            ("w4a16=32", Quantization("w4a16", 32)),
            ("w4a16=Channel", Quantization("w4a16", "channel")),
            ("drop-layers=2", LayerDrop(2)),
            ("prune=0.30", Pruning(0.3)),
            ("wanda=0.50", Wanda(0.5)),
            ("noise=.05", Noise(0.05, 0)),
        ],
    )
    def test_a_text_names_a_scheme(self, text, scheme):
        assert parsed_scheme(text) == scheme
        assert parsed_scheme(scheme.text) == scheme

    @pytest.mark.parametrize(
        "text",
        ["", "w3a16", "w8a8=1", "prune", "prune=", "prune=0", "prune=1", "prune=nan", "prune=-0.1", "noise=0",
         "wanda", "wanda=", "wanda=0", "wanda=1", "wanda=50", "wanda=half",
         "noise=inf", "noise=x", "drop-layers", "drop-layers=0", "drop-layers=-1", "drop-layers=1.5", "drop-layers=²"],
    )  # fmt: skip
    def test_what_is_no_scheme_is_refused_with_the_list(self, text):
        with pytest.raises(ConfigError) as caught:
            parsed_scheme(text)
        assert SCHEMES in str(caught.value)

    @pytest.mark.parametrize("text", ["w4a16=", "w4a16=48", "w4a16=-1", "w4a16=64.0", "w4a16=row"])
    def test_a_group_is_one_that_kernels_take(self, text):
        with pytest.raises(ConfigError, match="needs a group of 128, 64, 32 or channel"):
            parsed_scheme(text)

    def test_the_seed_is_kept_only_where_chance_plays_a_part(self):
        assert parsed_scheme("noise=1", seed=7) == Noise(1.0, 7)
        assert parsed_scheme("prune=0.5", seed=7) == parsed_scheme("prune=0.5", seed=8)
        with pytest.raises(ConfigError, match="seed"):
            parsed_scheme("noise=1", seed=-1)


class TestLibraries:
    def test_a_missing_library_is_named(self):
        with pytest.raises(ConfigError, match=r"needs no-such-library-xyz, which is not installed"):
            require_libraries(("pydantic", "no-such-library-xyz"), "The model lab")

    def test_versions_leave_out_what_is_not_installed(self):
        assert list(library_versions(("no-such-library-xyz", "pydantic"))) == ["pydantic"]


def folder_with(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / name.replace("__", ".")).write_text(text)
    return path


class TestRefusals:
    """None of these loads torch."""

    def test_a_folder_without_config(self, tmp_path):
        with pytest.raises(ConfigError, match=r"no config\.json"):
            compress(folder_with(tmp_path / "a"), tmp_path / "out", "w8a8")

    def test_a_scheme_is_refused_before_the_folder_is_read(self, tmp_path):
        with pytest.raises(ConfigError, match="wanda=50"):
            compress(tmp_path / "a", tmp_path / "out", "wanda=50")

    def test_a_missing_folder(self, tmp_path):
        with pytest.raises(ConfigError, match=r"no config\.json"):
            compress(tmp_path / "a", tmp_path / "out", "w8a8")

    def test_pickled_weights_are_not_read(self, tmp_path):
        base = folder_with(tmp_path / "a", config__json="{}", pytorch_model__bin="pickle")
        with pytest.raises(ConfigError, match="no other weights are read"):
            compress(base, tmp_path / "out", "w8a8")

    @pytest.mark.parametrize(
        ("config", "sentence"), [("{", "not JSON"), ('{"quantization_config": {"bits": 4}}', "already")]
    )
    def test_an_unfit_config(self, tmp_path, config, sentence):
        base = folder_with(tmp_path / "a", config__json=config, model__safetensors="")
        with pytest.raises(ConfigError, match=sentence):
            compress(base, tmp_path / "out", "w8a8")

    def test_an_out_that_exists(self, tmp_path):
        base = folder_with(tmp_path / "a", config__json="{}", model__safetensors="")
        with pytest.raises(ConfigError, match="exists already"):
            compress(base, folder_with(tmp_path / "out"), "w8a8")


LAYERS, HIDDEN, INNER = 4, 64, 128
MATRICES = 7 * LAYERS


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A random Llama in bfloat16 with tied embeddings, and companions that only have to be copied."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
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


@with_models
class TestFolder:
    def test_the_folder_is_whole_and_its_card_true(self, base, tmp_path):
        heard: list[str] = []
        out = compress(base, tmp_path / "models" / "out", "prune=0.25", progress=heard.append)
        card = card_of(out)
        assert card.base == "tiny"
        assert card.request.scheme == "prune=0.25"
        assert card.request.seed is card.request.group_size is None
        assert set(card.request.base_files) == {
            "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
        }  # fmt: skip
        assert set(card.files) == set(card.request.base_files)
        assert {"torch", "transformers"} <= set(card.libraries)
        assert [path.name for path in (tmp_path / "models").iterdir()] == ["out"]
        assert "25.0% zeros" in heard[-1]

    def test_tokenizer_and_generation_settings_are_copied_byte_for_byte(self, base, tmp_path):
        out = compress(base, tmp_path / "out", "drop-layers=1")
        for name in ("tokenizer.json", "generation_config.json"):
            assert (out / name).read_bytes() == (base / name).read_bytes()

    def test_weights_are_readable_to_all(self, base, tmp_path):
        out = compress(base, tmp_path / "out", "drop-layers=1")
        assert all(path.stat().st_mode & 0o444 == 0o444 for path in out.iterdir())

    def test_the_same_request_is_answered_at_once(self, base, tmp_path):
        out = compress(base, tmp_path / "out", "noise=0.1", seed=3)
        heard: list[str] = []
        assert compress(base, out, "noise=0.10", seed=3, progress=heard.append) == out
        assert heard == [f"{out} is already there"]

    def test_another_request_is_refused(self, base, tmp_path):
        out = compress(base, tmp_path / "out", "noise=0.1", seed=3)
        with pytest.raises(ConfigError, match=r"holds tiny by noise=0\.1"):
            compress(base, out, "noise=0.1", seed=4)

    def test_a_changed_result_is_not_taken_for_the_answer(self, base, tmp_path):
        out = compress(base, tmp_path / "out", "drop-layers=1")
        (out / "config.json").write_text("{}")
        with pytest.raises(ConfigError, match="exists already"):
            compress(base, out, "drop-layers=1")

    def test_a_failure_leaves_nothing(self, base, tmp_path, monkeypatch):
        import assay.lab.checkpoints as checkpoints

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(checkpoints, "saved_model", full)
        with pytest.raises(ConfigError, match="disk is full"):
            compress(base, tmp_path / "out", "drop-layers=1")
        assert os.listdir(tmp_path) == []  # noqa: PTH208 - also hidden names

    def test_a_weight_that_is_missing_is_not_made_up(self, base, tmp_path):
        from safetensors.torch import save_file

        weights = weights_of(base)
        weights.pop("model.layers.0.mlp.up_proj.weight")
        (tmp_path / "torn").mkdir()
        save_file(weights, tmp_path / "torn" / "model.safetensors", metadata={"format": "pt"})
        (tmp_path / "torn" / "config.json").write_bytes((base / "config.json").read_bytes())
        with pytest.raises(EngineError, match="weights are missing"):
            compress(tmp_path / "torn", tmp_path / "out", "prune=0.5")

    def test_damaged_weights_are_an_engine_error(self, base, tmp_path):
        (tmp_path / "torn").mkdir()
        (tmp_path / "torn" / "model.safetensors").write_bytes(b"\0" * 100)
        (tmp_path / "torn" / "config.json").write_bytes((base / "config.json").read_bytes())
        with pytest.raises(EngineError, match="cannot be loaded"):
            compress(tmp_path / "torn", tmp_path / "out", "prune=0.5")

    def test_a_model_without_linear_layers_is_refused(self, tmp_path):
        config = transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=64, n_positions=64)
        transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
        with pytest.raises(EngineError, match="linear layers"):
            compress(tmp_path / "gpt2", tmp_path / "out", "prune=0.5")


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


def test_a_card_refuses_what_is_not_a_number():
    with pytest.raises(ValueError, match="finite"):
        Effect(layers_before=1, layers_after=1, matrices=1, weights=1, share_touched=float("nan"))
    assert CARD_FILE == "assay-card.json"


class TestCommand:
    def test_prints_the_new_folder_alone_on_stdout(self, monkeypatch, tmp_path, capsys):
        from assay.commands import compress as command

        def made(base: Path, out: Path, scheme: str, **options: object) -> Path:
            options["progress"](f"[{base.name}] {scheme} {options['seed']}")
            return out

        monkeypatch.setattr(command, "compressed", made)
        command.compress(str(tmp_path / "base"), tmp_path / "out", "w8a8")
        captured = capsys.readouterr()
        assert captured.out == f"{tmp_path / 'out'}\n"
        assert captured.err == "[base] w8a8 0\n"

    def test_smollm2_is_the_fetched_one(self, monkeypatch, tmp_path):
        from assay.commands.compress import compress as run

        monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError, match="assay fetch smollm2"):
            run("smollm2", tmp_path / "out", "w8a8")
