"""The model lab: schemes, what is refused, and a folder that is whole, with a card that tells what was done."""

import os
from pathlib import Path

import pytest

from assay.lab.cards import CARD_FILE, Effect
from assay.lab.compression import compress
from assay.lab.libraries import library_versions, require_libraries
from assay.lab.schemes import SCHEMES, LayerDrop, Noise, Pruning, Quantization, Wanda, parsed_scheme
from ledger.errors import ConfigError, EngineError
from tests.tiny_llama import card_of, transformers, weights_of, with_models


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
         "noise=inf", "noise=x", "drop-layers", "drop-layers=0", "drop-layers=-1", "drop-layers=1.5", "drop-layers=²",
         "drop-layers=" + "9" * 5000],
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
        ("config", "sentence"),
        [
            ("{", "not JSON"),
            ("[" * 100_000, "not JSON"),
            ("[]", "not a JSON object"),
            ('{"quantization_config": {"bits": 4}}', "already"),
        ],
    )
    def test_an_unfit_config(self, tmp_path, config, sentence):
        base = folder_with(tmp_path / "a", config__json=config, model__safetensors="")
        with pytest.raises(ConfigError, match=sentence):
            compress(base, tmp_path / "out", "w8a8")

    def test_an_out_that_exists(self, tmp_path):
        base = folder_with(tmp_path / "a", config__json="{}", model__safetensors="")
        with pytest.raises(ConfigError, match="exists already"):
            compress(base, folder_with(tmp_path / "out"), "w8a8")


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

        monkeypatch.setattr(checkpoints, "save_model", full)
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
