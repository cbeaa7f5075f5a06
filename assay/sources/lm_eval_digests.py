"""Hashes of what a log of lm-evaluation-harness shows: documents, prompts, texts.

In: a document and what belongs to it, or texts. Out: 32 hexadecimal digits.
"""

import hashlib
from typing import Any

from pydantic_core import to_json


def document_digest(parts: list[Any]) -> str:
    """Hash of document, options and gold; quicker than ledger.digests, and it takes the NaN that documents may hold."""
    return _digest(to_json(parts, inf_nan_mode="constants"))


def options_digest(pairs: list[tuple[str, str]]) -> str:
    """Hash of all contexts and continuations; the log's own covers the first request only."""
    shown, before = [], None
    for context, continuation in pairs:
        shown.append(continuation if context == before else f"{context}\0{continuation}")
        before = context
    return text_digest("\1".join(shown))


def text_digest(text: str) -> str:
    """Hash of a text, whatever characters it holds."""
    return _digest(text.encode("utf-8", "surrogatepass"))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
