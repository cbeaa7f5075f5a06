"""What a completion holds, whichever way it came: in one piece, as a stream, or in a batch's result file.

In: a completion's JSON, the text of a stream. Out: a Completion; whatever is none raises one of NO_COMPLETION, one that
did not come to its end raises Unfinished.
Only a finished text is read: a finish that nobody here knows may mean that half of it is missing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ledger.endpoint.words import told
from ledger.records import without_surrogates

STOPPED, CUT, FILTERED = "stop", "length", "content_filter"
FINISHES = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete"), STOPPED),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "max_length", "model_length"), CUT),
    **dict.fromkeys(
        (
            "content_filter",
            "content_filtered",
            "contentfilter",
            "safety",
            "sensitive",
            "prohibited_content",
            "blocklist",
        ),
        FILTERED,
    ),
}
"""The finishes that are read, in lower case, and the words that records have for them."""
MOST_TOKENS = 10**9  # of one call; a server that counts more has not counted
DATA, DONE = "data:", "[DONE]"


class Unfinished(Exception):
    """A reply that ended before its text did; `words` are the endpoint's own."""

    def __init__(self, finish: str, words: str) -> None:
        self.finish, self.words = finish, words
        super().__init__(f"the reply did not come to its end (finish {finish!r}){f': {words}' if words else ''}")


@dataclass(frozen=True)
class Completion:
    """The first choice; counts are None where the server does not count, `thinking` is what it cut off from the text.

    `exhausted_seconds`: how long the endpoint will take no more calls, where its headers say so. `sent` are the fields
    that the call had as they were asked for, `changed` those that the endpoint refuses.
    """

    text: str
    finish: str | None = None
    refusal: str | None = None
    thinking: str = ""
    served_model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    logprobs: dict[str, Any] = field(default_factory=dict)
    exhausted_seconds: float | None = None
    http_status: int = 200
    sent: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def completion(data: Any, exhausted_seconds: float | None = None) -> Completion:  # noqa: ANN401 - what a server sends
    """The first choice of a chat completion or of a continued text. Raises Unfinished, or one of NO_COMPLETION."""
    choice = data["choices"][0]
    message = choice["message"] if "text" not in choice else choice
    usage = data.get("usage") or {}
    return Completion(
        text=message_text(message.get("text") if message is choice else message.get("content")),
        finish=ended(choice),
        refusal=_string(message.get("refusal")),
        thinking=message_text(message.get("reasoning_content")) or message_text(message.get("reasoning")),
        served_model=_string(data.get("model")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        logprobs=choice.get("logprobs") or {},
        exhausted_seconds=exhausted_seconds,
    )


def ended(choice: dict[str, Any]) -> str | None:
    """How a choice ended, in the records' words; None where the server does not say. Raises Unfinished."""
    finish, fault = choice.get("finish_reason"), choice.get("error")
    if fault or (finish is not None and finish_word(finish) is None):
        raise Unfinished(str(without_surrogates(str(finish))), told(json.dumps(fault)).words if fault else "")
    return None if finish is None else finish_word(finish)


def finish_word(finish: Any) -> str | None:  # noqa: ANN401 - whatever a server sends
    """The records' word for a finish; None for one that is not read."""
    return FINISHES.get(finish.strip().lower()) if isinstance(finish, str) else None


def message_text(content: Any) -> str:  # noqa: ANN401 - whatever a server sends
    """The text of a message; some servers send it in parts. Raises TypeError for anything else."""
    if isinstance(content, list):
        return "".join(str(part["text"]) for part in content if part.get("type") == "text")
    if content is not None and not isinstance(content, str):
        raise TypeError("content is no text")
    return content or ""


def is_stream(body: str) -> bool:
    """Whether this is a stream of events rather than one JSON text."""
    return body.lstrip().startswith((DATA, "event:", ":"))


def put_together(body: str) -> str:
    """A stream's events as the JSON of one completion. Raises Unfinished for one that broke off, ValueError."""
    whole: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    message: dict[str, Any] = {}
    for event in _events(body):
        if fault := event.get("error"):
            raise Unfinished("error", told(json.dumps({"error": fault})).words)
        whole |= {name: value for name, value in event.items() if name in ("model", "usage", "id") and value}
        for part in (event.get("choices") or [])[:1]:
            choice |= {name: value for name, value in part.items() if name in ("finish_reason", "error") and value}
            _add(message, part.get("delta") or {name: part[name] for name in ("text",) if name in part})
            if found := (part.get("logprobs") or {}).get("content"):
                choice.setdefault("logprobs", {"content": []})["content"] += found
    if not choice.get("finish_reason") and DONE not in body:
        raise Unfinished("none", "the stream broke off")
    said = {"text": message.get("text", "")} if "text" in message else {"message": message}
    return json.dumps(whole | {"choices": [choice | said]})


def _add(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for name in ("content", "reasoning_content", "reasoning", "refusal", "text"):
        if isinstance(piece := delta.get(name), str | list):
            message[name] = message.get(name, "") + message_text(piece)


def _events(body: str) -> Iterator[dict[str, Any]]:
    for line in body.split("\n"):  # other line ends may stand within a text
        data = line.removeprefix(DATA).strip() if line.startswith(DATA) else ""
        if data and data != DONE:
            event = json.loads(data)
            if not isinstance(event, dict):
                raise ValueError("an event is no table")
            yield event


def _string(value: Any) -> str | None:  # noqa: ANN401 - whatever a server sends
    return str(without_surrogates(value)) if isinstance(value, str) else None


def _count(value: Any) -> int | None:  # noqa: ANN401 - whatever a server sends
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS else None
