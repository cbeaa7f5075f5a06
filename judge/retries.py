"""When a judge's call is tried again, after how long, and when a whole session has no hope.

In: the error of a call. Out: a wait, or the error that ends the session. The loop is tenacity's.
A server's Retry-After is granted whatever its length; one that reaches beyond the session's deadline ends it.
"""

import asyncio
import math
import time

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from ledger.endpoint.completions import CUT, finish_word
from ledger.endpoint.waits import wait_of, waiting
from ledger.errors import EndpointError, JudgeError, Rejected, Unavailable
from ledger.judge_config import JudgeConfig
from ledger.judgments import Attempt
from ledger.thinking import spoken

LOST_AFTER = 50


class Ending:
    """When a session ends: at an error that every further call would meet, or at its deadline, counted from `begin`.

    Nothing is begun after it; calls in flight may finish, because they are paid for.
    """

    def __init__(self, deadline_seconds: float) -> None:
        self.error: EndpointError | None = None
        self._deadline_seconds, self._ends_at = deadline_seconds, math.inf
        self._lost = 0
        self._last: Unavailable | None = None
        self._over = asyncio.Event()

    def begin(self) -> None:
        """Start the clock, once: the judges' servers stand, the first call follows."""
        self._ends_at = min(self._ends_at, time.monotonic() + self._deadline_seconds)

    def reached(self) -> bool:
        """Whether the session is over."""
        if self._left() <= 0:
            self.stop(out_of_time("the session's deadline is reached", self._last))
        return self._over.is_set()

    def stop(self, error: EndpointError) -> None:
        """End the session for this reason; the first one counts."""
        self.error = self.error or error
        self._over.set()

    def gone_well(self) -> None:
        """A judgment stands: whoever failed before it was not lost for good."""
        self._lost, self._last = 0, None

    def gone_wrong(self, error: Rejected | Unavailable) -> None:
        """A judgment was given up with this error, which may end the session."""
        self._lost = self._lost + 1 if isinstance(error, Unavailable) else 0
        if isinstance(error, Rejected):
            fatal: EndpointError | None = error if error.stops_all else None
        elif self._asks_too_much(error):
            fatal = out_of_time(_too_long(error.retry_after_seconds or 0.0), error)
        elif self._lost >= LOST_AFTER:
            fatal = JudgeError(
                f"{self._lost} judgments in a row failed, the last with: {error.what}", where=error.where
            )
        else:
            fatal = None
        if fatal:
            self.stop(fatal)

    async def pause(self, seconds: float) -> None:
        """Wait, but not longer than the session lasts. Raises Unavailable when it ends meanwhile."""
        if not self.reached() and seconds > self._left():
            self.stop(out_of_time(_too_long(seconds), self._last))
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return
        raise Unavailable("not tried again, because the session was stopped")

    def retrying(self, attempts: int) -> AsyncRetrying:
        """The loop around one call: Unavailable is tried again before the deadline, all else is raised at once."""
        return AsyncRetrying(
            retry=retry_if_exception(self._passes),
            stop=stop_after_attempt(attempts),
            wait=wait_of,
            sleep=self.pause,
            reraise=True,
        )

    def _passes(self, error: BaseException) -> bool:
        """Whether a failure may pass before the deadline; it is what a session that ends meanwhile tells."""
        if not isinstance(error, Unavailable):
            return False
        self._last = error
        return not self._asks_too_much(error)

    def _asks_too_much(self, error: Unavailable) -> bool:
        return (error.retry_after_seconds or 0.0) > max(0.0, self._left())

    def _left(self) -> float:
        return self._ends_at - time.monotonic()


def nobody_answers(error: EndpointError | None) -> JudgeError:
    """The sentence for an endpoint where not even an error came back."""
    where, what = (error.where, error.what) if error else ("", "no answer")
    return JudgeError(
        f"nobody answers as a judge: {what}.", where=where, remedy="Start the judge's server, or correct base_url."
    )


def thoughts_alone(attempt: Attempt) -> bool:
    """Whether a reply was cut before the judge said anything."""
    return finish_word(attempt.finish) == CUT and not (spoken(attempt.reply or "") or "").strip()


def thought_away(attempt: Attempt, config: JudgeConfig) -> JudgeError:
    """The end of a session whose first reply had no room for a verdict, nor had it twice the room."""
    used = f" ({attempt.completion_tokens:,} tokens)" if attempt.completion_tokens else ""
    return JudgeError(
        f"the judge's thinking used up its whole output{used} before a verdict, also with twice `max_tokens`.",
        where=f"judge {config.name}",
        remedy=f"Raise max_tokens to {4 * config.max_tokens}, or lower its reasoning_effort.",
    )


def out_of_time(what: str, error: Unavailable | None = None) -> JudgeError:
    """The end of a session that is at its deadline, or would have to wait beyond it."""
    why = f" ({error.what})" if error else ""
    return JudgeError(
        f"{what}{why}.",
        where=error.where if error else "",
        remedy="Run the same command again later, or raise `deadline_seconds`.",
        status=error.status if error else None,
    )


def _too_long(seconds: float) -> str:
    return f"the next call has to wait {waiting(seconds)}, beyond the session's deadline"
