"""Tokenizers: which ones cut text alike.

In: a tokenizer. Out: a digest; models with equal digests can be compared token by token.
"""

import importlib.util
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ledger.digests import digest_of
from ledger.facts import CLOCK_FUNCTION, ModelFacts

PROBE = "  It's 2026-11-24, 3.14159 and \n\n\u00fcber \U0001f600 def f(x):\n\treturn x**10000 <|end|>"


def tokenizer_digest(tokenizer: Any) -> str:  # noqa: ANN401 - a transformers tokenizer
    """Hash of the vocabulary and of how a text full of rare cases is cut."""
    vocabulary = sorted(tokenizer.get_vocab().items())
    return digest_of([vocabulary, tokenizer.encode(PROBE, add_special_tokens=False)])


def asks_clock(tokenizer: Any) -> bool:  # noqa: ANN401 - a transformers tokenizer
    """Whether its chat template writes the day into a prompt, so that one of another day is another prompt."""
    return CLOCK_FUNCTION in str(getattr(tokenizer, "chat_template", None))


def clock_fact(tokenizer: Any) -> dict[str, Any]:  # noqa: ANN401 - a transformers tokenizer
    """The same as a fact of an engine; nothing where it does not."""
    return ModelFacts(asks_clock=True).noted() if asks_clock(tokenizer) else {}


def encoder(tokenizer: Any) -> Callable[[str], list[int]]:  # noqa: ANN401 - a transformers tokenizer
    """The tokenizer's own way to cut a text; what begins with the token that begins texts is not given a second one."""
    begin = str(getattr(tokenizer, "bos_token", None) or "")

    def encode(text: str) -> list[int]:
        begun = begin != "" and text.startswith(begin)
        tokens: list[int] = tokenizer.encode(text, **({"add_special_tokens": False} if begun else {}))
        return tokens

    return encode


def first_token(tokenizer: Any) -> int | None:  # noqa: ANN401 - a transformers tokenizer
    """The token that stands for an empty context: the one that begins texts, or else the one that ends them."""
    begin = getattr(tokenizer, "bos_token_id", None)
    return begin if begin is not None else getattr(tokenizer, "eos_token_id", None)


@lru_cache(maxsize=8)
def stored_tokenizer(model: str) -> Any:  # noqa: ANN401 - a transformers tokenizer
    """A model's tokenizer without the model, loaded once; None where it cannot be had here."""
    if importlib.util.find_spec("transformers") is None:
        return None
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(model, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError):
        return None


def stored_tokenizer_digest(model: str) -> str | None:
    """The digest of a model's tokenizer without loading the model; None where it cannot be had here."""
    tokenizer = stored_tokenizer(model)
    return None if tokenizer is None else tokenizer_digest(tokenizer)
