"""How long a server asks to wait, read the same way for judges and for served models.

In: a Retry-After header. Out: seconds. Source: RFC 9110, section 10.2.3.
"""

import math
from email.utils import parsedate_to_datetime


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
