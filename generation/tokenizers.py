"""Tokenizers: which ones cut text alike.

In: a tokenizer. Out: a digest; models with equal digests can be compared token by token.
"""

import importlib.util
from typing import Any

from ledger.digests import digest_of

PROBE = "  It's 2026-11-24, 3.14159 and \n\n\u00fcber \U0001f600 def f(x):\n\treturn x**10000 <|end|>"


def tokenizer_digest(tokenizer: Any) -> str:  # noqa: ANN401 - a transformers tokenizer
    """Hash of the vocabulary and of how a text full of rare cases is cut."""
    vocabulary = sorted(tokenizer.get_vocab().items())
    return digest_of([vocabulary, tokenizer.encode(PROBE, add_special_tokens=False)])


def stored_tokenizer_digest(model: str) -> str | None:
    """The digest of a model's tokenizer without loading the model; None where it cannot be had here."""
    if importlib.util.find_spec("transformers") is None:
        return None
    from transformers import AutoTokenizer

    try:
        return tokenizer_digest(AutoTokenizer.from_pretrained(model, local_files_only=True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError):
        return None
