"""When a judge's call is tried again, after how long, and when a whole session has no hope.

In: the error of a call. Out: a wait, or the error that stops the session.
Source: "full jitter" (AWS Architecture Blog, Exponential Backoff and Jitter); tenacity does the loop.

The wait is the larger of the server's Retry-After, of any length, and a full-jitter exponential. One that reaches
beyond the session's deadline ends it.
"""

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from ledger.errors import JudgeError, Rejected, Unavailable

BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
LOST_AFTER = 50


def retrying(attempts: int, pause: Callable[[float], Awaitable[None]], left: Callable[[], float]) -> AsyncRetrying:
    """The loop around one call: Unavailable is tried again within the seconds `left`, all else is raised at once."""
    return AsyncRetrying(
        retry=retry_if_exception(lambda error: worth_retrying(error, left())),
        stop=stop_after_attempt(attempts),
        wait=wait,
        sleep=pause,
        reraise=True,
    )


def worth_retrying(error: BaseException, left: float) -> bool:
    """Whether the same call may succeed before the deadline."""
    return isinstance(error, Unavailable) and not _asks_too_much(error, left)


def wait(state: RetryCallState) -> float:
    """Seconds before the next attempt: what the server asks for, or more."""
    jitter = wait_random_exponential(multiplier=BACKOFF_SECONDS, max=LONGEST_BACKOFF_SECONDS)(state)
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_seconds if isinstance(error, Unavailable) else None
    return max(asked or 0.0, jitter)


def stopping_error(error: Rejected | Unavailable, lost: int, left: float) -> JudgeError | None:
    """The error that ends the session, or None; `lost` judgments in a row found the endpoint unavailable, and the
    session has `left` seconds.
    """
    if isinstance(error, Rejected):
        return error if error.stops_all else None
    if _asks_too_much(error, left):
        return out_of_time(error.retry_after_seconds or 0.0, error)
    if lost >= LOST_AFTER:
        return JudgeError(f"{lost} judgments in a row failed, the last with: {error.what}", where=error.where)
    return None


def nobody_answers(error: JudgeError | None) -> JudgeError:
    """The sentence for an endpoint where not even an error came back."""
    where, what = (error.where, error.what) if error else ("", "no answer")
    return JudgeError(
        f"nobody answers as a judge: {what}.", where=where, remedy="Start the judge's server, or correct base_url."
    )


def out_of_time(seconds: float, error: Unavailable | None = None) -> JudgeError:
    """The end of a session that would have to wait beyond its deadline."""
    why = f" ({error.what})" if error else ""
    return JudgeError(
        f"the next call has to wait {seconds / 60:.0f} minutes, beyond the session's deadline{why}.",
        where=error.where if error else "",
        remedy="Run the same command again then, or raise `deadline_seconds`; what was answered is kept.",
        status=error.status if error else None,
    )


def _asks_too_much(error: Unavailable, left: float) -> bool:
    return (error.retry_after_seconds or 0.0) > left
