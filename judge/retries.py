"""When a judge's call is tried again, after how long, and when a whole session has no hope.

In: the error of a call. Out: a wait, or the error that stops the session.
Source: "full jitter" (AWS Architecture Blog, Exponential Backoff and Jitter); tenacity does the loop.

The wait is the larger of the server's Retry-After and a full-jitter exponential. A server that asks for longer than
LONGEST_WAIT_SECONDS has a daily limit: nobody is served by a process that sleeps for hours, so the session ends.
"""

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from ledger.errors import JudgeError, Rejected, Unavailable

BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 900.0
LOST_AFTER = 50


def retrying(attempts: int, pause: Callable[[float], Awaitable[None]]) -> AsyncRetrying:
    """The loop around one call: Unavailable is tried again, all else is raised at once."""
    return AsyncRetrying(
        retry=retry_if_exception(worth_retrying),
        stop=stop_after_attempt(attempts),
        wait=wait,
        sleep=pause,
        reraise=True,
    )


def worth_retrying(error: BaseException) -> bool:
    """Whether the same call may succeed soon."""
    return isinstance(error, Unavailable) and not _asks_too_much(error)


def wait(state: RetryCallState) -> float:
    """Seconds before the next attempt: what the server asks for, or more."""
    jitter = wait_random_exponential(multiplier=BACKOFF_SECONDS, max=LONGEST_BACKOFF_SECONDS)(state)
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_seconds if isinstance(error, Unavailable) else None
    return max(asked or 0.0, jitter)


def stopping_error(error: Rejected | Unavailable, lost: int) -> JudgeError | None:
    """The error that ends the session, or None; `lost` judgments in a row found the endpoint unavailable."""
    if isinstance(error, Rejected):
        return error if error.stops_all else None
    if _asks_too_much(error):
        return _long_wait(error)
    if lost >= LOST_AFTER:
        return JudgeError(f"{lost} judgments in a row failed, the last with: {error.what}", where=error.where)
    return None


def nobody_answers(error: JudgeError | None) -> JudgeError:
    """The sentence for an endpoint where not even an error came back."""
    where, what = (error.where, error.what) if error else ("", "no answer")
    return JudgeError(
        f"nobody answers as a judge: {what}.", where=where, remedy="Start the judge's server, or correct base_url."
    )


def _asks_too_much(error: Unavailable) -> bool:
    return (error.retry_after_seconds or 0.0) > LONGEST_WAIT_SECONDS


def _long_wait(error: Unavailable) -> JudgeError:
    minutes = (error.retry_after_seconds or 0) / 60
    return JudgeError(
        f"asks to wait {minutes:.0f} minutes before the next call ({error.what}).",
        where=error.where,
        remedy="Run the same command again then; what was answered is kept.",
        status=error.status,
    )
