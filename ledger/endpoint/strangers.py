"""What answers where no OpenAI-compatible endpoint is: a page, plain text, another vendor's own API, nothing at all.

In: the body of a reply that is no completion. Out: what it looks like, and what to do about it; nothing for what an
endpoint may well send once.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ledger.endpoint.faults import ADD_PATH, CHECK, has_path
from ledger.endpoint.streams import DATA, is_stream
from ledger.endpoint.words import is_page, told

IN_A_ROW = 5  # such replies, after completions, which end a session
LOOK = "Look at the endpoint, or at what stands before it, then run again."
_COMPATIBLE = "Give base_url the path of its OpenAI-compatible API: {}."
_ADD = "Add {} to base_url: there is its OpenAI-compatible API."
_LOOKED_AT = 3  # events at the head of a stream


@dataclass(frozen=True)
class Stranger:
    """What a reply looks like; `words` are its own, `path` is that of the right place, where it is known."""

    what: str
    words: str = ""
    path: str = ""

    def remedy_at(self, url: str) -> str:
        """What to do where the first call to a URL met it."""
        if self.path:
            return (_COMPATIBLE if has_path(url) else _ADD).format(self.path)
        return CHECK if has_path(url) else ADD_PATH


def stranger(body: str) -> Stranger | None:
    """What such a reply looks like; None where an endpoint may have failed to complete one."""
    if not body.strip():
        return Stranger("nothing")
    if is_page(body):
        return Stranger("a page", told(body).words)
    if found := native_stream(body):
        return found
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        begun = is_stream(body) or body.lstrip().startswith(("{", "["))
        return None if begun else Stranger("plain text", told(body).words)
    if isinstance(data, dict):
        return native(data)
    return None if isinstance(data, list) and data else Stranger("JSON of another kind", body.strip())


def native(data: dict[str, Any], what: str = "a reply") -> Stranger | None:
    """The vendor whose own API answers like this, in one piece or in the parts of a stream."""
    if data.get("type") in ("message", "message_start", "content_block_start", "content_block_delta"):
        return _own(what, "Anthropic", "/v1")
    if "candidates" in data:
        return _own(what, "Gemini", "/v1beta/openai")
    if "done" in data and ("message" in data or "response" in data):
        return _own(what, "Ollama", "/v1")
    return None


def native_stream(body: str) -> Stranger | None:
    """The vendor whose own API streams like this, in events or in lines of JSON; its parts are no completion's."""
    for part in islice(_parts(body), _LOOKED_AT):
        if found := native(part, "a stream"):
            return found
    return None


def _parts(body: str) -> Iterator[dict[str, Any]]:
    """The tables of a text whose every line is one, as far as it is such a text."""
    lines = [line.strip().removeprefix(DATA).strip() for line in body.split("\n")]
    lines = [line for line in lines if line.startswith("{")]
    for line in lines if len(lines) > 1 or is_stream(body) else ():
        try:
            part = json.loads(line)
        except (ValueError, RecursionError):
            return
        yield part


def _own(what: str, vendor: str, path: str) -> Stranger:
    return Stranger(f"{what} of {vendor}'s own API", path=path)
