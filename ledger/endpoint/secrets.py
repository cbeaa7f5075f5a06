r"""Secrets taken out of whatever an endpoint sends back, in each spelling in which servers echo them.

In: texts, the secrets that were sent. Out: texts without them, the names under which URLs, headers and bodies carry
secrets, and what looks like a key itself.
Spellings: as it is, in any case; escaped as in JSON (`\u002d`, `\/`) or quoted as in URLs (`%2D`); and in base64, as
Basic authorization sends it behind a name of any length.
"""

import base64
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

SHORTEST = 8  # characters; a shorter key is a stand-in such as EMPTY
SHOWN = "[api key]"
IN_HEADERS = re.compile("authorization|api[-_]?key|token|secret|cookie|password", re.IGNORECASE)
IN_BODIES = re.compile(
    r"^(?:key|token)$|authorization|(?:api|access|private|subscription)[-_]?key|(?:access|auth|api|bearer)[-_]?token"
    "|secret|password|credential",
    re.IGNORECASE,
)
"""Closer than in headers: a body may have an `eos_token` or a `prompt_cache_key`."""
IN_URLS = re.compile("code|key|token|secret|sig|auth|pass|pwd|credential", re.IGNORECASE)
_BASE64 = {"+": r"[+-]", "-": r"[+-]", "/": r"\\{0,9}[/_]", "_": r"\\{0,9}[/_]"}  # of URLs, too

_KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-[\w-]{8,}|(?:AIza|AKIA)[\w-]{12,}"
    r"|(?:sk|gsk|csk|hf|xai|ghp|github_pat|nvapi|pplx|fw|r8)[-_](?=[\w-]*\d)[\w-]{16,})"
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNSPOKEN = re.compile(r"(?=.*[a-z])(?=.*\d)[A-Za-z0-9]{20,}")


def holds_key(text: str) -> bool:
    """Whether a key stands in a text, told by how those of known endpoints begin."""
    return bool(_KEYS.search(text))


def names_variable(text: str) -> bool:
    """Whether a text may name an environment variable, and is no key that was put in its place."""
    return bool(_VARIABLE.fullmatch(text)) and not holds_key(text) and not _UNSPOKEN.fullmatch(text)


def secret_fields(body: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 - whatever a config holds
    """The fields of a request's body, however deep, that are named as secrets are or hold a key."""
    if isinstance(body, dict):
        for each, held in body.items():
            yield from secret_fields(held, str(each))
    elif isinstance(body, list | tuple):
        for each in body:
            yield from secret_fields(each, name)
    elif isinstance(body, str) and body and (IN_BODIES.search(name) or holds_key(body)):
        yield name


def redacted(text: str, *secrets: str) -> str:
    """The text without the secrets; one too short to be a secret stays, because it may be a word of an answer."""
    for secret in secrets:
        text = _spellings(secret).sub(SHOWN, text) if len(secret) >= SHORTEST else text
    return text


@lru_cache(maxsize=64)
def _spellings(secret: str) -> "re.Pattern[str]":
    """What finds a secret; the backslashes before it go with it, so that JSON without it is JSON."""
    plain = "".join(rf"\\{{0,9}}(?:{re.escape(sign)}|u00{ord(sign):02x}|%(?:25)*{ord(sign):02x})" for sign in secret)
    coded = (_within_base64(secret.encode(), before) for before in range(3))
    return re.compile(f"(?i:{plain})|{'|'.join(coded)}")


def _within_base64(secret: bytes, before: int) -> str:
    """The part of a text in base64 that a secret alone decides, where so many bytes stand before it in its triple."""
    text = base64.b64encode(bytes(before) + secret).decode().rstrip("=")
    own = text[-(-8 * before // 6) : 8 * (before + len(secret)) // 6]
    return "".join(_BASE64.get(sign, sign) for sign in own)
