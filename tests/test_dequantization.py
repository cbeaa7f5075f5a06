"""SmolLM2 out of GGUF: what the converter drops, the lab puts back and checks."""

import json
from pathlib import Path

import pytest

from ledger.errors import EngineError


class TestWhatGgufLoses:
    """What the converter drops and the lab puts back, on a tokenizer of bytes and two merges."""

    @pytest.fixture
    def folder(self, tmp_path) -> Path:
        pytest.importorskip("torch")
        transformers = pytest.importorskip("transformers")
        tokenizers = pytest.importorskip("tokenizers")
        letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
        vocabulary = {token: place for place, token in enumerate(["<e>", "<|im_start|>", "<|im_end|>", *letters, "ĊĊ"])}
        tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, [("Ċ", "Ċ")]))
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = tokenizers.decoders.ByteLevel()
        tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>"])
        template = (
            "{% for m in messages %}{% if loop.first %}{{ '<|im_start|>system\n<|im_end|>\n' }}{% endif %}"
            "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
            "{{ '<|im_start|>assistant\n' }}"
        )
        fast = transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, eos_token="<|im_end|>", chat_template=template
        )
        fast.save_pretrained(tmp_path)
        transformers.GenerationConfig(eos_token_id=2).save_pretrained(tmp_path)
        return tmp_path

    def test_digits_are_split_off_again(self, folder):
        from assay.lab.dequantization import _mend_tokenizer, check_chat

        with pytest.raises(EngineError, match="digits are not split off"):
            check_chat(folder)
        _mend_tokenizer(folder)
        check_chat(folder)
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        assert settings["tokenizer_class"] == "PreTrainedTokenizerFast"
        assert not {"is_local", "local_files_only", "backend"} & settings.keys()

    def test_another_end_of_turn_is_refused(self, folder):
        from assay.lab.dequantization import check_chat

        (folder / "generation_config.json").write_text('{"eos_token_id": 0}')
        with pytest.raises(EngineError, match="does not stop at"):
            check_chat(folder)


@pytest.mark.model
def test_the_real_smollm2_is_right_for_chat(smollm2):
    pytest.importorskip("torch", reason="torch is not installed (extra cpu, gpu or transformers)")
    from assay.lab.dequantization import check_chat

    check_chat(smollm2)
