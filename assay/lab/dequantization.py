"""Dequantization: a GGUF file of SmolLM2 written as an ordinary bfloat16 Hugging Face folder.

In: the GGUF file. Out: config, weights, tokenizer, chat template and generation settings that engines load.
Source: transformers' GGUF reader; what it loses on the way is put back here, entry by entry, each with its reason.
"""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, GenerationConfig, GgufConfig

from assay.lab.checkpoints import edit_json, loaded_model, quiet_transformers
from ledger.errors import EngineError

END_OF_TURN, START_OF_TURN = 2, 1
CONTEXT_TOKENS = 8192

PROBES = (
    "<|im_start|>user\nHi<|im_end|>\n",
    "  two leading spaces",
    "def f(x):\n    return 3.14 * x  # 2024\n\n\n1. One\n\n2. Two",
    "Héllo, 世界 😀 — don't",
    "a , b . c ! it 's",
)
"""Texts that a right tokenizer gives back letter for letter."""


def write_dequantized(gguf: Path, folder: Path) -> None:
    """Write the model, its tokenizer and its settings. Raises: EngineError where the result is not right for chat."""
    quantization = GgufConfig(dequantize=True)
    model = loaded_model(
        gguf.parent, gguf_file=gguf.name, quantization_config=quantization, dtype=torch.bfloat16, use_safetensors=None
    )
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
        # The converter derives generation settings from the config and mixes in defaults of the model class.
        model.generation_config = GenerationConfig(
            bos_token_id=START_OF_TURN, eos_token_id=END_OF_TURN, pad_token_id=END_OF_TURN
        )
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    _mend_config(folder)
    _mend_tokenizer(folder)
    check_chat(folder)


def _mend_config(folder: Path) -> None:
    """A title from the file's header stands where a path belongs; float32 spelled 1e-5 with an error of 3e-8."""
    edit_json(folder / "config.json", {"rms_norm_eps": 1e-05}, dropped=("_model_name_or_path",))


def _mend_tokenizer(folder: Path) -> None:
    """Put back what a GGUF file says in one word (`tokenizer.ggml.pre = smollm`) and the converter does not read.

    SmolLM2 splits digits off before anything else. Without that, white space before a digit is cut differently
    ("two newlines, then 1." becomes other tokens than those the model was trained on), so lists and sums suffer.
    The class name `TokenizersBackend` is known to transformers 5 alone; `PreTrainedTokenizerFast` to 4 as well.
    """
    path = folder / "tokenizer.json"
    by_bytes = json.loads(path.read_text(encoding="utf-8"))["pre_tokenizer"]
    digits = {"type": "Digits", "individual_digits": True}
    edit_json(path, {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, by_bytes]}})
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": CONTEXT_TOKENS,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
    }
    edit_json(folder / "tokenizer_config.json", settings, dropped=("backend", "is_local", "local_files_only"))


def check_chat(folder: Path) -> None:
    """Refuse a folder whose tokenizer or settings would spoil a conversation."""
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        settings = GenerationConfig.from_pretrained(folder, local_files_only=True)
    faults = [
        fault
        for fault, found in {
            "generation does not stop at <|im_end|>": settings.eos_token_id != END_OF_TURN,
            "the tokenizer's end is not <|im_end|>": tokenizer.eos_token != "<|im_end|>",
            "<|im_end|> is not token 2": tokenizer.encode("<|im_end|>") != [END_OF_TURN],
            "<|im_start|> is not token 1": tokenizer.encode("<|im_start|>") != [START_OF_TURN],
            "digits are not split off": not _splits_digits(tokenizer),
            "text does not survive the tokenizer": any(_lossy(tokenizer, text) for text in PROBES),
            "the chat template is not SmolLM2's": not _opens_answer(tokenizer),
        }.items()
        if found
    ]
    if faults:
        raise EngineError(f"the converted SmolLM2 is wrong: {'; '.join(faults)}", where=str(folder))


def _splits_digits(tokenizer: Any) -> bool:  # noqa: ANN401 - transformers is not typed here
    """Whether the digits leave white space whole: two newlines are one token, then comes the digit."""
    two_newlines = tokenizer.encode("\n\n")
    return bool(tokenizer.encode("\n\n12") == [*two_newlines, *tokenizer.encode("1"), *tokenizer.encode("2")])


def _lossy(tokenizer: Any, text: str) -> bool:  # noqa: ANN401 - transformers is not typed here
    return bool(tokenizer.decode(tokenizer.encode(text)) != text)


def _opens_answer(tokenizer: Any) -> bool:  # noqa: ANN401 - transformers is not typed here
    talk = [{"role": "user", "content": "Hi"}]
    text: str = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    return text.startswith("<|im_start|>system\n") and text.endswith(
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
