"""What a judge sent back, whichever way it came: over the wire, or in a batch's result file.

In: a Completion. Out: a Reply, with the log-probabilities of its rating.
"""

import math
from dataclasses import dataclass
from typing import Any

from judge.verdict_forms import is_rating
from ledger.endpoint.completions import Completion
from ledger.judgments import RatingToken

KEPT_TOKENS = 2  # from the first that is a rating: enough for a 10 that is written in two


@dataclass(frozen=True)
class Reply:
    """What the judge sent back; token counts are None where the server does not count.

    `thinking` is what the server has cut off from the text; no record keeps it. `exhausted_seconds`: how long the
    endpoint will take no more calls, where its headers say so. `sent`, `changed` and `words` as in Completion.
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
    thinking: str = ""
    sent: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    words: str = ""


def reply_of(said: Completion) -> Reply:
    """A completion as a judge's reply."""
    return Reply(
        text=said.text,
        finish=said.finish,
        refusal=said.refusal,
        served_model=said.served_model,
        prompt_tokens=said.prompt_tokens,
        completion_tokens=said.completion_tokens,
        rating_tokens=_rating_tokens(said.logprobs),
        exhausted_seconds=said.exhausted_seconds,
        http_status=said.http_status,
        thinking=said.thinking,
        sent=said.sent,
        changed=said.changed,
        words=said.words,
    )


def _rating_tokens(logprobs: dict[str, Any]) -> tuple[RatingToken, ...]:
    """The tokens from the first that is a rating on, with the most likely in their places; none where there is none."""
    content = logprobs.get("content") or []
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
