"""How soon the next call may begin: a pace learned from the endpoint, bounded by the user's limits per minute.

In: what each call came back with. Out: a turn, waited for. No call is made here; how many are in flight is bounded by
the number of workers.
Source: additive increase, multiplicative decrease (Chiu and Jain 1989); Retry-After; x-ratelimit headers as OpenAI's
endpoints send them.

There is no pace until the first 429s; they set it to what was borne in the last second, a little less, at most once a
second, and it grows by a fixed step from there. A few stray 429s change nothing, and as long as most calls are borne
the pace does not fall under a quarter of the best: otherwise an endpoint that refuses at random would be asked ever
more slowly.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ledger.endpoint.waits import MINUTE

DECREASE, COOL_SECONDS = 0.92, 1.0
INCREASE = 0.01  # per second, of the most calls that were ever borne in one
STRAY_SHARE = 0.04  # fewer 429s among the calls of a second mean nothing
LEAST_OF_BEST, FLOOD_SHARE = 0.25, 0.5
SHORTEST_SECONDS = 0.1  # of a session that rates are computed over
SPACING_SECONDS = 0.001  # between two calls, so that the first 429 comes in before all have left
SHARED_WAIT_SECONDS = 2.0  # a Retry-After from here on is everybody's


@dataclass
class Pace:
    """Slots of `per_second` units per second; None does not bound."""

    per_second: float | None
    free_at: float = 0.0

    def book(self, now: float, units: float) -> None:
        """Take so many units from the next free slot on."""
        if self.per_second:
            self.free_at = max(now, self.free_at) + units / self.per_second


class RateLimiter:
    """Lets calls through one by one. `pause` waits, and may raise when the session ends."""

    def __init__(
        self,
        pause: Callable[[float], Awaitable[None]],
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pause, self._clock = pause, clock
        self._requests = Pace(requests_per_minute / MINUTE if requests_per_minute else None)
        self._tokens = Pace(tokens_per_minute / MINUTE if tokens_per_minute else None)
        self._learned, self._spacing = Pace(None), Pace(1 / SPACING_SECONDS)
        self._held_until, self._cut_at, self._grown_at = 0.0, -COOL_SECONDS, 0.0
        self._sent: deque[float] = deque()
        self._refused: deque[float] = deque()
        self._limited, self._best, self._began_at = 0, 0, clock()
        self._turnstile = asyncio.Lock()

    @property
    def facts(self) -> dict[str, float | int]:
        """What was learned: how often the endpoint said that it is too much, and the pace per second that it bears."""
        pace = {"learned_requests_per_second": round(self._learned.per_second, 2)} if self._learned.per_second else {}
        return {"limited_calls": self._limited, **pace} if self._limited else {}

    async def enter(self, tokens: float) -> None:
        """Wait for a turn. Raises what `pause` raises."""
        async with self._turnstile:
            while (wait := self._free_at() - self._clock()) > 0:
                await self._pause(wait)
            now = self._clock()
            self._grow_pace(now)
            for pace, units in ((self._requests, 1), (self._learned, 1), (self._spacing, 1), (self._tokens, tokens)):
                pace.book(now, units)
            _recent(self._sent, now)

    def borne(self, tokens_more: float = 0.0) -> None:
        """The endpoint took the call, however it answered; `tokens_more` were used than the turn was taken for."""
        self._best = max(self._best, self._borne_lately(self._clock()))
        if self._tokens.per_second:
            self._tokens.free_at += tokens_more / self._tokens.per_second

    def limited(self, retry_after_seconds: float | None) -> None:
        """The endpoint said that it is too much (429)."""
        now = self._clock()
        self._limited += 1
        refused = _recent(self._refused, now)
        borne = self._borne_lately(now)
        if (retry_after_seconds or 0.0) >= SHARED_WAIT_SECONDS:
            self.hold(retry_after_seconds or 0.0)
        share = refused / (refused + borne)
        if share < STRAY_SHARE or now - self._cut_at < COOL_SECONDS:
            return
        rate = max(1, borne) / min(COOL_SECONDS, max(SHORTEST_SECONDS, now - self._began_at))
        pace = DECREASE * min(rate, self._learned.per_second or rate)
        self._learned.per_second = max(pace, LEAST_OF_BEST * self._best) if share < FLOOD_SHARE else pace
        self._cut_at = self._grown_at = now

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""
        self._held_until = max(self._held_until, self._clock() + seconds)

    def _borne_lately(self, now: float) -> int:
        """Calls of the last second that were not refused; refusals come at once, answers may take long."""
        sent, refused = (_recent(times, now, add=False) for times in (self._sent, self._refused))
        return max(0, sent - refused)

    def _free_at(self) -> float:
        paces = (self._requests, self._learned, self._spacing, self._tokens)
        return max(self._held_until, *(pace.free_at for pace in paces))

    def _grow_pace(self, now: float) -> None:
        if self._learned.per_second:
            self._learned.per_second += INCREASE * self._best * (now - self._grown_at)
            self._grown_at = now


def _recent(times: deque[float], now: float, *, add: bool = True) -> int:
    """How many of these happened in the last second, this moment's among them; older ones are forgotten."""
    if add:
        times.append(now)
    while times and times[0] <= now - COOL_SECONDS:
        times.popleft()
    return len(times)
