"""A stream of events, put together into the one completion that it is.

In: the text of a whole stream. Out: a completion's JSON; Unfinished where it broke off or an error came in it.
Only a finish ends a text: `[DONE]` closes the stream, also behind a text that broke off.
"""

import json
from collections.abc import Iterator
from typing import Any

from ledger.endpoint.completions import SEVERAL, TOO_MANY, Unfinished, message_text, the_fault, whole_fault

ENDS = ("finish_reason", "native_finish_reason", "error")
DATA, EVENT, DONE = "data:", "event:", "[DONE]"
FIRST_FAILURE = 400


def is_stream(body: str) -> bool:
    """Whether this is a stream of events rather than one JSON text."""
    return body.lstrip().startswith((DATA, EVENT, ":"))


def put_together(body: str) -> str:
    """A stream's events as the JSON of one completion. Raises Unfinished for one that broke off, ValueError."""
    whole: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    message: dict[str, Any] = {}
    for event in _events(body):
        whole |= {name: value for name, value in event.items() if name in ("model", "usage", "id") and value}
        for part in event.get("choices") or []:
            if part.get("index"):
                raise Unfinished(SEVERAL, TOO_MANY)
            added = _add(message, part.get("delta") or {name: part[name] for name in ("text",) if name in part})
            if added and choice.get("finish_reason"):
                raise Unfinished(str(choice["finish_reason"]), "text came after the finish")
            choice |= {name: value for name, value in part.items() if name in ENDS and value}
            if found := (part.get("logprobs") or {}).get("content"):
                choice.setdefault("logprobs", {"content": []})["content"] += found
    if not choice.get("finish_reason") and not choice.get("error"):
        raise Unfinished("none", "the stream broke off")
    said = {"text": message.get("text", "")} if "text" in message else {"message": message}
    return json.dumps(whole | {"choices": [choice | said]})


def _add(message: dict[str, Any], delta: dict[str, Any]) -> bool:
    """Add a piece to the message; whether there was any."""
    before = sum(map(len, message.values()))
    for name in ("content", "reasoning_content", "reasoning", "refusal", "text"):
        if isinstance(piece := delta.get(name), str | list):
            message[name] = message.get(name, "") + message_text(piece)
    return sum(map(len, message.values())) > before


def _events(body: str) -> Iterator[dict[str, Any]]:
    """The events that are parts of a completion. Raises Unfinished for one that is an error."""
    name = ""
    for line in body.split("\n"):  # other line ends may stand within a text
        if not line.strip():
            name = ""
        elif line.startswith(EVENT):
            name = line.removeprefix(EVENT).strip()
        data = line.removeprefix(DATA).strip() if line.startswith(DATA) else ""
        if not data or data == DONE:
            continue
        if name == "error":
            raise Unfinished("error", data)
        event = json.loads(data)
        if not isinstance(event, dict):
            raise ValueError("an event is no table")
        if whole_fault(event) or (not event.get("choices") and _failure(event)):
            raise Unfinished("error", the_fault(event))
        yield event


def _failure(event: dict[str, Any]) -> bool:
    """Whether an event without a part of the text is an error that no field `error` marks."""
    status = event.get("status") or event.get("status_code") or event.get("code")
    counts = isinstance(status, int) and status >= FIRST_FAILURE and bool(event.get("message"))
    return counts or bool(event.get("detail"))
