"""What a judge sent back, whichever way it came: over the wire, or in a batch's result file.

In: a chat completion as JSON. Out: a Reply; whatever is no completion raises one of NO_COMPLETION
(ledger/endpoints.py), and the caller says what that means.
"""

import math
from dataclasses import dataclass
from typing import Any

from judge.verdict_forms import is_rating
from ledger.endpoints import message_text
from ledger.judgments import RatingToken
from ledger.records import without_surrogates

FILTERED = "content_filter"  # a finish, and the code of the error for a prompt that was not let through
KEPT_TOKENS = 2  # from the first that is a rating: enough for a 10 that is written in two
MOST_TOKENS = 10**9  # of one call; a server that counts more has not counted


@dataclass(frozen=True)
class Reply:
    """What the judge sent back; token counts are None where the server does not count.

    `exhausted_seconds`: how long the endpoint will take no more calls, where its headers say so.
    """

    text: str
    finish: str | None = None
    refusal: str | None = None
    served_model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    rating_tokens: tuple[RatingToken, ...] = ()
    exhausted_seconds: float | None = None
    http_status: int = 200


def completion_reply(data: Any, exhausted_seconds: float | None = None) -> Reply:  # noqa: ANN401 - what a server sends
    """The first choice of a completion. Raises one of NO_COMPLETION."""
    choice = data["choices"][0]
    message = choice["message"]
    usage = data.get("usage") or {}
    return Reply(
        text=message_text(message.get("content")),
        finish=_string(choice.get("finish_reason")),
        refusal=_string(message.get("refusal")),
        served_model=_string(data.get("model")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        rating_tokens=_rating_tokens(choice.get("logprobs")),
        exhausted_seconds=exhausted_seconds,
    )


def _rating_tokens(logprobs: Any) -> tuple[RatingToken, ...]:  # noqa: ANN401 - whatever a server sends
    """The tokens from the first that is a rating on, with the most likely in their places; none where there is none."""
    content = (logprobs or {}).get("content") or []
    start = next((i for i, each in enumerate(content) if is_rating(each["token"])), None)
    kept = [] if start is None else content[start : start + KEPT_TOKENS]
    return tuple(
        RatingToken(
            token=each["token"],
            top=tuple(
                (top["token"], float(top["logprob"]))
                for top in each.get("top_logprobs") or [each]
                if math.isfinite(top["logprob"])
            ),
        )
        for each in kept
    )


def _string(value: Any) -> str | None:  # noqa: ANN401 - whatever a server sends
    return str(without_surrogates(value)) if isinstance(value, str) else None


def _count(value: Any) -> int | None:  # noqa: ANN401 - whatever a server sends
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS else None
