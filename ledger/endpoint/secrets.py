r"""Secrets taken out of whatever an endpoint sends back, in each spelling in which servers echo them.

In: texts, the secrets that were sent. Out: texts without them, the names under which URLs and headers carry secrets.
Spellings: as it is, in any case; escaped as in JSON (`\u002d`, `\/`) or quoted as in URLs (`%2D`); and in base64, as
Basic authorization sends it behind a name of any length.
"""

import base64
import re
from functools import lru_cache

SHORTEST = 8  # characters; a shorter key is a stand-in such as EMPTY
SHOWN = "[api key]"
IN_HEADERS = re.compile("authorization|api-?key|token|secret|cookie|password", re.IGNORECASE)
IN_URLS = re.compile("code|key|token|secret|sig|auth|pass|pwd|credential", re.IGNORECASE)
_BASE64 = {"+": r"[+-]", "-": r"[+-]", "/": r"\\{0,9}[/_]", "_": r"\\{0,9}[/_]"}  # of URLs, too


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
