"""How long to wait before a call is made again, the same for judges and for served models.

In: a Retry-After header, the number of attempts. Out: seconds.
Source: RFC 9110, section 10.2.3; "full jitter" (AWS Architecture Blog, Exponential Backoff and Jitter).
"""

import math
import random
from email.utils import parsedate_to_datetime

LONGEST_BACKOFF_SECONDS = 60.0
MOST_DOUBLINGS = 32  # a config may ask for more attempts than a float has room for


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


def backoff(attempts: int, first_seconds: float, asked_seconds: float | None) -> float:
    """Seconds before the next of so many attempts: what the server asks for, or the jitter where that is longer."""
    most = min(LONGEST_BACKOFF_SECONDS, first_seconds * 2.0 ** min(attempts - 1, MOST_DOUBLINGS))
    return max(asked_seconds or 0.0, random.uniform(0.0, most))
