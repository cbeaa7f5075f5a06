"""How long to wait before a call is made again, the same for judges and for served models.

In: headers and bodies of replies, the number of attempts. Out: seconds.
Source: RFC 9110, section 10.2.3; OpenAI's `x-ratelimit-*` headers; `retryDelay` of google.rpc.RetryInfo; "full jitter"
(AWS Architecture Blog, Exponential Backoff and Jitter).
"""

import math
import random
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState

from ledger.errors import Unavailable

BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
MOST_DOUBLINGS = 32  # a config may ask for more attempts than a float has room for
MINUTE = 60.0
FIRST_EPOCH = 1e9  # a plain number beyond is a moment; beyond a thousand times as much, in milliseconds
_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_DELAY = re.compile(r'"retryDelay"\s*:\s*"([^"]{1,40})"')
_SAID = re.compile(
    r"(?:try(?:ing)? again|retry)\s+(?:in|after)\s+((?:[\d.]+(?:h|ms|m|s))+\b|[\d.]+(?=\s*(?:sec|min|hour)))"
    r"(?:\s*(sec|min|hour))?",
    re.IGNORECASE,
)
_UNITS = {"sec": 1.0, "min": MINUTE, "hour": 60 * MINUTE}


def retry_after(header: str | None, now: float) -> float | None:
    """The seconds that a Retry-After header asks to wait, given as seconds or as a date; None if it says nothing."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def asked_wait(headers: Mapping[str, str], body: str, now: float) -> float | None:
    """The seconds that a refusal asks to wait, by its header, its `retryDelay`, its words, or its allowance."""
    delay, said = _DELAY.search(body), _SAID.search(body)
    found = [
        retry_after(headers.get("retry-after"), now),
        _milliseconds(headers.get("retry-after-ms")),
        span_seconds(delay[1]) if delay else None,
        _told_seconds(said) if said else None,
        reset_after(headers, now),
    ]
    return next((wait for wait in found if wait is not None), None)


def reset_after(headers: Mapping[str, str], now: float, *, refused: bool = True) -> float | None:
    """Seconds until the endpoint's allowance is filled up again, where its headers say that nothing is left.

    Where a call was `refused`, an allowance of which nobody says what is left is taken to be the one that is used up.
    """
    known = []
    for kind in ("-requests", "-tokens", ""):
        left = headers.get(f"x-ratelimit-remaining{kind}", "").strip()
        reset = headers.get(f"x-ratelimit-reset{kind}", "")
        if left in ("0", "0.0") or (refused and not left):
            known.append(_until(reset, now))
    return max((wait for wait in known if wait is not None), default=None)


def span_seconds(text: str) -> float | None:
    """A span such as `1s`, `6m0s` or `120ms`; plain numbers are seconds; None for anything else."""
    text = text.strip()
    try:
        if text and text[-1].isdigit():
            return max(0.0, float(text))
        found = _SPAN.fullmatch(text) if text else None
        if not found or not any(found.groups()):
            return None
        hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def backoff(attempts: int, first_seconds: float, asked_seconds: float | None) -> float:
    """Seconds before the next of so many attempts: what the server asks for, or the jitter where that is longer."""
    most = min(LONGEST_BACKOFF_SECONDS, first_seconds * 2.0 ** min(attempts - 1, MOST_DOUBLINGS))
    return max(asked_seconds or 0.0, random.uniform(0.0, most))


def wait_of(state: RetryCallState) -> float:
    """Tenacity's wait after a call that failed: what the endpoint asked for, or the jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_seconds if isinstance(error, Unavailable) else None
    return backoff(state.attempt_number, BACKOFF_SECONDS, asked)


def waiting(seconds: float) -> str:
    """A wait in words."""
    return f"{seconds / MINUTE:.0f} minutes" if seconds >= MINUTE else f"{seconds:.0f} seconds"


def _until(text: str, now: float) -> float | None:
    """Seconds from a span, or until a moment given as a number or as a date."""
    seconds = span_seconds(text)
    if seconds is None:
        try:
            seconds = datetime.fromisoformat(text.strip()).timestamp() - now
        except (ValueError, OverflowError):
            return None
    elif seconds >= FIRST_EPOCH:
        seconds = (seconds / 1000 if seconds >= 1000 * FIRST_EPOCH else seconds) - now
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _told_seconds(said: "re.Match[str]") -> float | None:
    if unit := said[2]:
        seconds = span_seconds(said[1])
        return None if seconds is None else seconds * _UNITS[unit.lower()]
    return span_seconds(said[1])


def _milliseconds(header: str | None) -> float | None:
    try:
        seconds = float(header or "") / 1000
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
