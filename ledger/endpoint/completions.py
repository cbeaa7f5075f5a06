"""What a completion holds, whichever way it came: in one piece, as a stream, or in a batch's result file.

In: a completion's JSON. Out: a Completion; whatever is none raises one of NO_COMPLETION, one that did not come to its
end raises Unfinished.
Only a finished text is read: a finish that nobody here knows may mean that half of it is missing.
"""

import json
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
            "refusal",
            "guardrail_intervened",
            "recitation",
        ),
        FILTERED,
    ),
}
"""The finishes that are read, in lower case, and the words that records have for them."""
MOST_TOKENS = 10**9  # of one call; a server that counts more has not counted
BROKEN = frozenset({"error", "failed", "incomplete"})  # a whole reply's `status`
FAULTS = ("error", "errors", "error_msg")
SEVERAL, TOO_MANY = "several", "several choices came where one was asked for"
SAID = (*FAULTS, "error_code", "code", "type", "status", "message", "detail", "incomplete_details")


class Unfinished(Exception):
    """A reply that ended before its text did; `said` is the endpoint's error, as it came, `words` are its words."""

    def __init__(self, finish: str, said: str) -> None:
        words = told(said).words
        self.finish, self.said, self.words = finish, said, words
        super().__init__(f"the reply did not come to its end (finish {finish!r}){f': {words}' if words else ''}")


@dataclass(frozen=True)
class Completion:
    """The first choice; counts are None where the server does not count, `thinking` is what it cut off from the text.

    `exhausted_seconds`: how long the endpoint will take no more calls, where its headers say so. `sent` are the fields
    that the call had as they were asked for, `changed` those that the endpoint refuses. `words` are
    its own where its filter took the prompt.
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
    words: str = ""
    sent: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def completion(data: Any, exhausted_seconds: float | None = None, most_tokens: int | None = None) -> Completion:  # noqa: ANN401 - what a server sends
    """The first choice of a chat completion or of a continued text, of which the call allowed `most_tokens`.

    One without a finish was cut where it has as many, else it did not come to its end. Raises Unfinished, or one of
    NO_COMPLETION.
    """
    choice = data["choices"][0]
    if len(data["choices"]) > 1:
        raise Unfinished(SEVERAL, TOO_MANY)
    if whole_fault(data):
        raise Unfinished(str(without_surrogates(str(choice.get("finish_reason")))), the_fault(data))
    message = choice["message"] if "text" not in choice else choice
    usage = data.get("usage") or {}
    written, finish = _count(usage.get("completion_tokens")), ended(choice)
    said = Completion(
        text=message_text(message.get("text") if message is choice else message.get("content")),
        finish=finish or CUT,
        refusal=_string(message.get("refusal")),
        thinking=message_text(message.get("reasoning_content")) or message_text(message.get("reasoning")),
        served_model=_string(data.get("model")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=written,
        logprobs=choice.get("logprobs") or {},
        exhausted_seconds=exhausted_seconds,
    )
    if finish is None and (not most_tokens or (written or 0) < most_tokens):
        raise Unfinished("none", "no finish is told")
    return said


def ended(choice: dict[str, Any]) -> str | None:
    """How a choice ended, in the records' words; None where the server does not say. Raises Unfinished.

    A router tells beside its own word that of the server behind it, by which a text may have been cut or filtered.
    """
    finish, fault = choice.get("finish_reason"), choice.get("error")
    if fault or (finish is not None and finish_word(finish) is None):
        raise Unfinished(str(without_surrogates(str(finish))), json.dumps(fault) if fault else "")
    behind = finish_word(choice.get("native_finish_reason"))
    return None if finish is None else behind if behind in (CUT, FILTERED) else finish_word(finish)


def whole_fault(data: dict[str, Any]) -> bool:
    """Whether a reply as a whole is a failure, whatever text and finish stand in it."""
    status = data.get("status")
    broken = isinstance(status, str) and status.lower() in BROKEN
    return broken or data.get("object") == "error" or any(_tells(data.get(name)) for name in FAULTS)


def the_fault(data: dict[str, Any]) -> str:
    """What a failed reply says of its failure, without the text that it may hold."""
    return json.dumps({name: data[name] for name in SAID if data.get(name)})


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


def _tells(error: Any) -> bool:  # noqa: ANN401 - whatever a server sends
    """Whether an error is one: some send the field always, with nothing in it."""
    if isinstance(error, dict):
        return any(error.values())
    return isinstance(error, str | list) and bool(error)


def _string(value: Any) -> str | None:  # noqa: ANN401 - whatever a server sends
    return str(without_surrogates(value)) if isinstance(value, str) else None


def _count(value: Any) -> int | None:  # noqa: ANN401 - whatever a server sends
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS else None
