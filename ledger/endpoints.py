"""The edge of an OpenAI-compatible endpoint, the same for judges and for models under test: where it is, which faults
may pass, and what it says without the key.

In: a URL, a status, a text, a key. Out: places and sentences. No call is made here; `openai` has its owners elsewhere.
"""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from ledger.errors import ConfigError
from ledger.records import without_surrogates

OPENAI_URL = "https://api.openai.com/v1"
NO_KEY = "no-key"  # sent where a server needs none: the SDK insists on one
CONNECT_SECONDS = 10.0
TRANSIENT = frozenset({408, 409, 425, 429})
NOT_IMPLEMENTED = 501
NO_QUOTA = "insufficient_quota"  # comes as a 429 that no waiting mends
ERROR_CHARACTERS = 500
SHORTEST_SECRET = 8  # characters; a shorter key is a stand-in such as EMPTY
NO_COMPLETION = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading foreign JSON as a completion may raise: no JSON, another shape, or numbers beyond all bounds."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def address(url: str, where: str = "") -> tuple[str, int]:
    """Host and port of a URL, OpenAI's if it is empty. Raises ConfigError, without the URL: it may hold a password."""
    with suppress(ValueError):
        parts = urlsplit(url or OPENAI_URL)
        if parts.scheme in ("http", "https") and parts.hostname:
            return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    raise ConfigError("base_url must look like http://host:port/v1 or https://host/v1", where=where)


def place(url: str) -> str:
    """Host and port of a URL in one text, without the user, password and path that it may carry. Raises ConfigError."""
    host, port = address(url)
    return f"{host}:{port}"


def is_local(url: str, where: str = "") -> bool:
    """Whether a URL is this machine's own loopback: no proxy of the environment reaches it, and it may need no key."""
    return address(url, where)[0] in LOOPBACK


def is_transient(status: int) -> bool:
    """Whether the same call may succeed later."""
    return status in TRANSIENT or (status >= 500 and status != NOT_IMPLEMENTED)


def redacted(text: str, key: str) -> str:
    """The text without the key; one too short to be a secret stays, because it may be a word of an answer."""
    return text.replace(key, "[api key]") if len(key) >= SHORTEST_SECRET else text


def received(body: str, key: str) -> Any:  # noqa: ANN401 - whatever a server sends
    """A server's JSON as it can be written down, and without the key, however its text escapes either.

    Raises ValueError, RecursionError.
    """
    whole = without_surrogates(json.dumps(json.loads(body), ensure_ascii=False))
    return json.loads(redacted(whole, json.dumps(key, ensure_ascii=False)[1:-1]))


def message_text(content: Any) -> str:  # noqa: ANN401 - whatever a server sends
    """The text of a message; some servers send it in parts. Raises TypeError for anything else."""
    if isinstance(content, list):
        return "".join(str(part["text"]) for part in content if part.get("type") == "text")
    if content is not None and not isinstance(content, str):
        raise TypeError("content is no text")
    return content or ""


def excerpt(text: str, key: str) -> str:
    """What a server said, for an error: on one line, not too long, without the key."""
    flat = " ".join(redacted(text, key).split())
    return flat if len(flat) <= ERROR_CHARACTERS else flat[:ERROR_CHARACTERS] + "…"


def no_connection(error: BaseException) -> str:
    """Why there is none, from the error at the root of others."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"no connection ({error or type(error).__name__})"
