"""What an endpoint says, fit to be written down: without secrets, on one line, and found wherever it stands.

In: the body of a reply, the secrets that were sent. Out: texts. Sources: OpenAI's `{"error": {"message"}}`, FastAPI's
`detail`, Google's list of errors, OpenRouter's `metadata.raw`, plain text, the title of a proxy's page.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.endpoint.secrets import redacted
from ledger.records import without_surrogates

ERROR_CHARACTERS = 500
COMPLAINT_CHARACTERS = 20_000
_VARYING = re.compile(r"\b(?=\w*\d)\w+")  # numbers and ids, in which two complaints of one cause differ
BYTE_ORDER_MARK = "\ufeff"
NO_COMPLETION = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading foreign JSON as a completion may raise: no JSON, another shape, or numbers beyond all bounds."""
_SPOKEN = (
    "message",
    "msg",
    "detail",
    "error",
    "errors",
    "error_message",
    "error_msg",
    "error_description",
    "reason",
    "title",
)
_CODED = ("code", "type", "status", "status_code")
_PAGE = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Told:
    """The words of an error, its codes in lower case, and the status that stands in it rather than in the header."""

    words: str
    codes: frozenset[str] = frozenset()
    status: int | None = None


def body_text(content: bytes, declared: str | None) -> str:
    """A body as text: by the encoding that its header declares, else UTF-8, else that of old pages; without its mark.

    What is declared and does not hold is passed over, so that no error is told in signs that nobody can read.
    """
    for encoding in (declared or "utf-8", "utf-8", "cp1252"):
        try:
            return content.decode(encoding).removeprefix(BYTE_ORDER_MARK)
        except (LookupError, UnicodeError):
            continue
    return content.decode("latin-1")


def received(body: str, *secrets: str) -> Any:  # noqa: ANN401 - whatever a server sends
    """A server's JSON as it can be written down, and without secrets, however its text escapes either.

    Raises ValueError, RecursionError.
    """
    whole = without_surrogates(json.dumps(json.loads(body), ensure_ascii=False))
    return json.loads(redacted(whole, *secrets))


def excerpt(text: str, *secrets: str) -> str:
    """What a server said, for an error: on one line, not too long, without secrets."""
    flat = " ".join(without_surrogates(redacted(text, *secrets)).split())
    return flat if len(flat) <= ERROR_CHARACTERS else flat[:ERROR_CHARACTERS] + "…"


def is_page(body: str) -> bool:
    """Whether this is a page for people."""
    return _PAGE.match(body) is not None


def told(body: str) -> Told:
    """What the body of an error says."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return Told(_shown(body))
    layers = list(_layers(data))
    codes = [layer[name] for layer in layers for name in _CODED if isinstance(layer.get(name), str | int)]
    status = next((code for code in codes if isinstance(code, int) and 400 <= code < 600), None)
    return Told(_message(data) or body.strip(), frozenset(str(code).lower() for code in codes), status)


def _layers(data: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - whatever a server sends
    """The tables in which an error may name its code, from the outermost."""
    while isinstance(data, list) and data:
        data = data[0]
    while isinstance(data, dict):
        yield data
        inner = data.get("error") or data.get("innererror") or data.get("detail")
        data = inner[0] if isinstance(inner, list) and inner else inner


def _message(data: Any, depth: int = 0) -> str:  # noqa: ANN401 - whatever a server sends
    if isinstance(data, str):
        return data.strip()
    if depth > len(_SPOKEN):
        return ""
    if isinstance(data, list):
        return "; ".join(filter(None, (_message(each, depth + 1) for each in data[:3])))
    if not isinstance(data, dict):
        return ""
    said = next(filter(None, (_message(data.get(name), depth + 1) for name in _SPOKEN)), "")
    place, further = data.get("loc"), data.get("metadata")
    if said and isinstance(place, list):
        said = f"{'.'.join(map(str, place))}: {said}"
    raw = _message(further.get("raw"), depth + 1) if isinstance(further, dict) else ""
    return f"{said} ({raw})" if said and raw else said or raw


def _shown(body: str) -> str:
    """What a reader would see of a text or page."""
    if not is_page(body):
        return body.strip()
    title = _TITLE.search(body)
    return (title[1].strip() if title else "") or " ".join(_MARKUP.sub(" ", body).split())


def by_cause(said: Iterable[str]) -> list[list[str]]:
    """What failures say, those together that differ in numbers and ids alone; the commonest cause first."""
    found: dict[str, list[str]] = {}
    for words in said:
        found.setdefault(_VARYING.sub("#", words), []).append(words)
    return sorted(found.values(), key=len, reverse=True)


def complaint(body: str, secrets: Sequence[str]) -> str:
    """All that an error says, also the names of fields, to learn from."""
    return redacted(body[: 2 * COMPLAINT_CHARACTERS], *secrets)[:COMPLAINT_CHARACTERS]
