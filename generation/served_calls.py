"""Calls to a model under test behind an endpoint: so many at once, at the pace it bears, tried again where that helps.

In: the fields of a request. Out: a Completion; Rejected where the request is refused, or the EngineError that ends the
run: what no waiting mends, or the last failure of several attempts. tenacity does the loop.
"""

import asyncio
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from generation.orders import EngineSpec
from ledger.endpoint.client import Endpoint, Route
from ledger.endpoint.completions import Completion
from ledger.endpoint.places import key_for
from ledger.endpoint.rates import RateLimiter
from ledger.endpoint.waits import wait_of, waiting
from ledger.errors import EngineError, Rejected, Unavailable

ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 900.0
TIMEOUT_SECONDS = 600.0


class ServedCalls:
    """The calls to one model; enter it (`async with`) in the loop that makes them. Raises ConfigError without a key."""

    def __init__(self, spec: EngineSpec) -> None:
        key = key_for(spec.base_url, spec.api_key_env, "")
        self._endpoint = Endpoint(spec.base_url, key, spec.parameters, timeout_seconds=TIMEOUT_SECONDS)
        self.where, self.facts = self._endpoint.where, self._endpoint.facts
        self._concurrency = spec.concurrency

    async def __aenter__(self) -> "ServedCalls":
        self._slots, self._limiter = asyncio.Semaphore(self._concurrency), RateLimiter(asyncio.sleep)
        await self._endpoint.__aenter__()
        return self

    async def __aexit__(self, *why: object) -> None:
        await self._endpoint.__aexit__(*why)

    async def ask(self, route: Route, fields: dict[str, Any], needed: tuple[str, ...] = ()) -> Completion:
        """One completion. Raises Rejected, which may be this request's fault alone, or EngineError."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(_worth_retrying),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_of,
            sleep=asyncio.sleep,
            reraise=True,
        )
        try:
            return await retrying(self._called, route, fields, needed)
        except Unavailable as error:
            raise _given_up(error) from None

    async def _called(self, route: Route, fields: dict[str, Any], needed: tuple[str, ...]) -> Completion:
        async with self._slots:
            await self._limiter.enter(0)
            try:
                said = await self._endpoint.ask(route, fields, needed)
            except Unavailable as error:
                if error.status == 429:
                    self._limiter.limited(error.retry_after_seconds if _worth_retrying(error) else None)
                raise
            self._limiter.borne()
            if said.exhausted_seconds and said.exhausted_seconds <= LONGEST_WAIT_SECONDS:
                self._limiter.hold(said.exhausted_seconds)
            return said


def ending(error: Rejected) -> EngineError:
    """A refusal as the sentence that ends the run."""
    return EngineError(error.what, where=error.where, remedy=error.remedy)


def _worth_retrying(error: BaseException) -> bool:
    return isinstance(error, Unavailable) and (error.retry_after_seconds or 0.0) <= LONGEST_WAIT_SECONDS


def _given_up(error: Unavailable) -> EngineError:
    """The last failure as the sentence that ends the run."""
    what = error.what.rstrip(".")
    if not _worth_retrying(error):
        what = f"asks to wait {waiting(error.retry_after_seconds or 0.0)} before the next call ({what})"
    else:
        what = f"{what} ({ATTEMPTS} attempts)"
    remedy = "See that the model's server runs, then run the same command again."
    return EngineError(what, where=error.where, remedy=remedy)
