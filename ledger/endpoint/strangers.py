"""What answers where no OpenAI-compatible endpoint is: a page, plain text, another vendor's own API, nothing at all.

In: the body of a reply that is no completion. Out: what it looks like, and what to do about it; nothing for what an
endpoint may well send once.
"""

import json
from dataclasses import dataclass
from typing import Any

from ledger.endpoint.faults import ADD_PATH, CHECK, has_path
from ledger.endpoint.streams import is_stream
from ledger.endpoint.words import is_page, told

IN_A_ROW = 5  # such replies, after completions, which end a session
LOOK = "Look at the endpoint, or at what stands before it, then run again."
_COMPATIBLE = "Give base_url the path of its OpenAI-compatible API: {}."


@dataclass(frozen=True)
class Stranger:
    """What a reply looks like; `words` are its own, `remedy` is where the right place is known."""

    what: str
    words: str = ""
    remedy: str = ""

    def remedy_at(self, url: str) -> str:
        """What to do where the first call to a URL met it."""
        return self.remedy or (CHECK if has_path(url) else ADD_PATH)


def stranger(body: str) -> Stranger | None:
    """What such a reply looks like; None where an endpoint may have failed to complete one."""
    if not body.strip():
        return Stranger("nothing")
    if is_page(body):
        return Stranger("a page", told(body).words)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        begun = is_stream(body) or body.lstrip().startswith(("{", "["))
        return None if begun else Stranger("plain text", told(body).words)
    if isinstance(data, dict):
        return native(data)
    return None if isinstance(data, list) and data else Stranger("JSON of another kind", body.strip())


def native(data: dict[str, Any]) -> Stranger | None:
    """The vendor whose own API answers like this."""
    if data.get("type") == "message":
        return _own("Anthropic", "/v1")
    if "candidates" in data:
        return _own("Gemini", "/v1beta/openai")
    if "done" in data and ("message" in data or "response" in data):
        return _own("Ollama", "/v1")
    return None


def _own(vendor: str, path: str) -> Stranger:
    return Stranger(f"a reply of {vendor}'s own API", remedy=_COMPATIBLE.format(path))
