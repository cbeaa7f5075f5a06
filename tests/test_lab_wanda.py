"""WANDA: the importance by hand, the share of each row, layers calibrated on pruned ones, the text and the command."""

import json

import pytest

from assay.lab.calibration import calibration_digest, calibration_text
from assay.lab.cards import LabCard, written_card
from assay.lab.compression import compress
from assay.lab.schemes import Pruning, Wanda
from ledger.errors import ConfigError, EngineError
from tests.house import HOUSE
from tests.tiny_llama import torch, transformers, with_models

LAYERS, HIDDEN, INNER, VOCABULARY = 3, 40, 64, 96


def tiny() -> "transformers.LlamaForCausalLM":
    """A random Llama in float32 whose norms stretch some inputs much more than others, as those of real models do."""
    config = transformers.LlamaConfig(
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=VOCABULARY,
        tie_word_embeddings=True,
        initializer_range=0.2,
    )
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config).eval()
    for layer in model.model.layers:
        for norm in (layer.input_layernorm, layer.post_attention_layernorm):
            norm.weight.data.copy_(torch.exp(torch.randn(HIDDEN)))
    return model


@pytest.fixture
def tokens() -> "torch.Tensor":
    return torch.randint(0, VOCABULARY, (4, 24), generator=torch.Generator().manual_seed(1))


def states(model: "transformers.LlamaForCausalLM", tokens: "torch.Tensor") -> "torch.Tensor":
    """What the decoder gives for the tokens (rows, positions, hidden)."""
    with torch.no_grad():
        return model.model(tokens).last_hidden_state


@with_models
class TestImportance:
    def test_equals_the_hand_computed_one(self):
        from assay.lab.wanda import importance, measured_inputs

        layer = torch.nn.Linear(3, 2, bias=False)
        layer.weight.data.copy_(torch.tensor([[1.0, -2.0, 0.5], [-4.0, 1.0, 3.0]]))
        with measured_inputs({"one": layer}) as norms, torch.no_grad():
            layer(torch.tensor([[[3.0, 1.0, 0.0], [4.0, 0.0, 2.0]]]))  # (1 row, 2 positions, 3 inputs)
            layer(torch.tensor([[[0.0, 2.0, 4.0]]]))
        # norms: sqrt(9 + 16), sqrt(1 + 4), sqrt(4 + 16)
        expected = torch.tensor([[5.0, 2 * 5**0.5, 0.5 * 20**0.5], [20.0, 5**0.5, 3 * 20**0.5]])
        assert torch.allclose(importance(layer.weight.detach(), norms["one"]), expected)
        assert not layer._forward_pre_hooks

    def test_a_weight_is_kept_for_its_input_and_not_for_its_size(self):
        from assay.lab.wanda import importance, zero_smallest_in_rows

        weight = torch.tensor([[1.0, 2.0], [5.0, -6.0]])
        zero_smallest_in_rows(weight, importance(weight, torch.tensor([3.0, 1.0])), 0.5)
        assert weight.tolist() == [[1.0, 0.0], [5.0, 0.0]]

    def test_of_equal_scores_the_first_in_a_row_are_pruned(self):
        from assay.lab.wanda import zero_smallest_in_rows

        weight = torch.tensor([[1.0, -1.0, 1.0, 2.0], [2.0, 1.0, 1.0, 1.0]])
        zero_smallest_in_rows(weight, weight.abs(), 0.5)
        assert weight.tolist() == [[0.0, 0.0, 1.0, 2.0], [2.0, 0.0, 0.0, 1.0]]


@with_models
class TestPruning:
    def test_each_row_has_its_share_of_zeros_and_the_rest_is_untouched(self, tokens):
        from assay.lab.checkpoints import inner_matrices
        from assay.lab.wanda import prune_by_inputs

        model, before = tiny(), tiny().state_dict()
        effect = prune_by_inputs(model, Wanda(0.3), tokens)
        matrices = inner_matrices(model)
        assert len(matrices) == effect.matrices == 7 * LAYERS
        for name, module in matrices.items():
            zero = module.weight == 0
            assert set(zero.sum(1).tolist()) == {round(0.3 * module.in_features)}
            assert torch.equal(module.weight[~zero], before[f"{name}.weight"][~zero])
        pruned = {f"{name}.weight" for name in matrices}
        after = model.state_dict()
        assert all(torch.equal(after[name], before[name]) for name in before.keys() - pruned)
        assert effect.share_zero == pytest.approx(0.3, abs=0.01)

    def test_a_layer_is_calibrated_on_what_the_pruned_layers_before_it_give(self, tokens):
        from assay.lab.wanda import importance, measured_inputs, prune_by_inputs, zero_smallest_in_rows

        model, by_hand = tiny(), tiny()
        prune_by_inputs(model, Wanda(0.5), tokens)
        for layer in by_hand.model.layers:
            linears = {name: part for name, part in layer.named_modules() if isinstance(part, torch.nn.Linear)}
            with measured_inputs(linears) as norms:
                states(by_hand, tokens)
            for name, part in linears.items():
                zero_smallest_in_rows(part.weight.data, importance(part.weight.detach(), norms[name]), 0.5)
        assert torch.equal(states(model, tokens), states(by_hand, tokens))

    def test_disturbs_the_calibration_input_less_than_magnitude_pruning(self, tokens):
        from assay.lab.pruning import prune
        from assay.lab.wanda import prune_by_inputs

        by_inputs, by_magnitude, exact = tiny(), tiny(), states(tiny(), tokens)
        prune_by_inputs(by_inputs, Wanda(0.5), tokens)
        prune(by_magnitude, Pruning(0.5))
        one, other = (float((states(model, tokens) - exact).norm()) for model in (by_inputs, by_magnitude))
        assert one < 0.8 * other

    def test_leaves_no_hook(self, tokens):
        from assay.lab.wanda import prune_by_inputs

        model = tiny()
        prune_by_inputs(model, Wanda(0.5), tokens)
        assert not any(module._forward_pre_hooks for module in model.modules())

    def test_a_matrix_that_no_token_reaches_is_an_error(self, tokens):
        from assay.lab.wanda import prune_by_inputs

        model = tiny()
        model.model.layers[1].expert = torch.nn.Linear(HIDDEN, HIDDEN)
        with pytest.raises(EngineError, match="expert was given no input"):
            prune_by_inputs(model, Wanda(0.5), tokens)

    def test_a_matrix_outside_the_layers_is_an_error(self, tokens):
        from assay.lab.wanda import prune_by_inputs

        model = tiny()
        model.model.projection = torch.nn.Linear(HIDDEN, HIDDEN)
        with pytest.raises(EngineError, match="outside the decoder layers"):
            prune_by_inputs(model, Wanda(0.5), tokens)


class TestText:
    def test_is_thirty_texts_none_of_which_is_measured(self):
        texts = calibration_text().strip().split("\n\n")
        assert len(texts) == len(set(texts)) == 30
        stored = [(HOUSE / "prompts" / name).read_text().splitlines() for name in ("questions.jsonl", "items.jsonl")]
        lines = [json.loads(line) for file in stored for line in file]
        asked = {text for line in lines for text in (line.get("turns") or [line["question"]])}
        assert not any(text in calibration_text() for text in asked)

    @with_models
    def test_a_folder_without_a_tokenizer_is_an_engine_error(self, tmp_path):
        tiny().save_pretrained(tmp_path / "base")
        with pytest.raises(EngineError, match="tokenizer cannot be loaded"):
            compress(tmp_path / "base", tmp_path / "out", "wanda=0.5")
        assert not (tmp_path / "out").exists()


@with_models
def test_the_card_names_the_text(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    base = tmp_path / "base"
    tiny().save_pretrained(base)
    letters = Tokenizer(models.WordLevel({"<unk>": 0} | {chr(97 + i): i + 1 for i in range(26)}, unk_token="<unk>"))
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    transformers.PreTrainedTokenizerFast(tokenizer_object=letters, unk_token="<unk>").save_pretrained(base)
    heard: list[str] = []
    out = compress(base, tmp_path / "out", "wanda=0.50", progress=heard.append)
    card = written_card(out, LabCard)
    assert card is not None
    assert card.request.scheme == "wanda=0.5"
    assert card.request.calibration == calibration_digest()
    assert "50.0% zeros" in heard[-1]
    assert compress(base, out, "wanda=0.5") == out
    with pytest.raises(ConfigError, match=r"holds base by wanda=0\.5"):
        compress(base, out, "wanda=0.4")


def test_the_help_names_the_scheme(capsys):
    from assay.cli import run

    assert run(["compress", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "wanda=S" in shown
    assert "calibrated inputs" in " ".join(shown.split())
