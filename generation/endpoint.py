"""An OpenAI-compatible endpoint that serves a model under test: one call, tried again where that helps. Owns `openai`.

In: the fields of a request and a function that reads the reply. Out: what it read, or an EngineError: Refused where no
waiting helps, else the last failure of several attempts.
tenacity does the loop; openai's own retries are off, because they hide calls. The API key is taken out of everything
that comes back, errors and replies alike. What judges' endpoints have in common with it stands in ledger/endpoints.py.
"""

import asyncio
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from ledger.endpoints import (
    CONNECT_SECONDS,
    NO_COMPLETION,
    NO_KEY,
    NO_QUOTA,
    OPENAI_URL,
    excerpt,
    is_local,
    is_transient,
    no_connection,
    place,
    received,
    redacted,
)
from ledger.errors import EngineError
from ledger.waits import backoff, retry_after

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

T = TypeVar("T")
Route = Literal["chat/completions", "completions"]

ATTEMPTS = 6
BACKOFF_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 900.0
TIMEOUT_SECONDS = 600.0
STOPS_ALL = frozenset({401, 403})


class Transient(EngineError):
    """The endpoint did not answer well this time; another attempt may go better."""

    def __init__(self, what: str, *, where: str, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(what, where=where)


class Refused(EngineError):
    """The endpoint refused a request; `complaint` is all it said, `stops_all` if every request would be refused."""

    def __init__(self, what: str, complaint: str, *, where: str, remedy: str, status: int, code: str) -> None:
        self.complaint, self.status, self.code = complaint, status, code
        self.stops_all = status in STOPS_ALL or code == NO_QUOTA
        super().__init__(what, where=where, remedy=remedy)


class Endpoint:
    """A server, with at most `concurrency` requests in flight; enter it (`async with`) in the loop that calls it."""

    def __init__(self, base_url: str, api_key_env: str, concurrency: int) -> None:
        self._url, self._concurrency = base_url or OPENAI_URL, concurrency
        self.where = place(self._url)
        self._key = os.environ.get(api_key_env, "").strip() if api_key_env else ""
        if not self._key and not is_local(self._url):
            name = f"{api_key_env} is not set" if api_key_env else "`api_key_env` is empty"
            raise EngineError(
                f"no API key: {name}", where=self.where, remedy="Any text will do for a server that needs no key."
            )
        if not (self._key.isascii() and self._key.isprintable()):
            raise EngineError(f"the key in {api_key_env} holds characters that no header can carry", where=self.where)

    def __repr__(self) -> str:
        return f"Endpoint({self.where})"

    async def __aenter__(self) -> "Endpoint":
        self._slots = asyncio.Semaphore(self._concurrency)
        self._client = self._opened()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(self, route: Route, fields: dict[str, Any], extra: dict[str, Any], read: Callable[[Any], T]) -> T:
        """What `read` makes of the reply; whatever it cannot read is tried again, as other passing faults are."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(_worth_retrying),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            sleep=asyncio.sleep,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, route, fields, extra, read)
        except Transient as error:
            raise _given_up(error) from None

    async def _attempt(
        self, route: Route, fields: dict[str, Any], extra: dict[str, Any], read: Callable[[Any], T]
    ) -> T:
        import openai

        resource: Any = self._client.chat.completions if route == "chat/completions" else self._client.completions
        try:
            async with self._slots, asyncio.timeout(TIMEOUT_SECONDS):
                raw = await resource.with_raw_response.create(**fields, extra_body=extra)
        except (TimeoutError, openai.APITimeoutError):
            raise Transient(f"no answer within {TIMEOUT_SECONDS:g} s", where=self.where) from None
        except openai.APIConnectionError as error:
            raise Transient(self._said(no_connection(error)), where=self.where) from None
        except openai.APIStatusError as error:
            raise self._failure(error) from None
        try:
            return read(received(raw.text, self._key))
        except NO_COMPLETION:
            raise Transient(f"HTTP 200, but not a completion: {self._said(raw.text)}", where=self.where) from None

    def _opened(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, DefaultAsyncHttpx2Client, Timeout

        # A proxy of the environment cannot reach this machine's own loopback.
        return AsyncOpenAI(
            base_url=self._url,
            api_key=self._key or NO_KEY,
            timeout=Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
            max_retries=0,
            http_client=DefaultAsyncHttpx2Client(trust_env=False) if is_local(self._url) else None,
        )

    def _failure(self, error: "APIStatusError") -> EngineError:
        """What a 4xx or 5xx means."""
        status, code = error.status_code, str(error.code or error.type or "")
        body: Any = error.body if isinstance(error.body, dict) else {}
        said = body.get("message") or str(error).removeprefix(f"Error code: {status}").removeprefix(" - ")
        what = f"HTTP {status}: {self._said(str(said)) or 'no message'}"
        if code != NO_QUOTA and is_transient(status):
            wait = retry_after(error.response.headers.get("retry-after"), time.time())
            return Transient(what, where=self.where, retry_after_seconds=wait)
        remedy = "Check base_url, the model's name, and the variable that api_key_env names."
        if code == NO_QUOTA:
            remedy = "Top up the account and run again; what was answered is kept."
        elif status not in (*STOPS_ALL, 404):
            remedy = ""
        complaint = redacted(f"{said} {error.param or ''}", self._key)
        return Refused(what, complaint, where=self.where, remedy=remedy, status=status, code=code)

    def _said(self, text: str) -> str:
        return excerpt(text, self._key)


def _worth_retrying(error: BaseException) -> bool:
    return isinstance(error, Transient) and (error.retry_after_seconds or 0.0) <= LONGEST_WAIT_SECONDS


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_seconds if isinstance(error, Transient) else None
    return backoff(state.attempt_number, BACKOFF_SECONDS, asked)


def _given_up(error: Transient) -> EngineError:
    """The last failure as the sentence that ends the run."""
    what = error.what.rstrip(".")
    if not _worth_retrying(error):
        minutes = (error.retry_after_seconds or 0) / 60
        what = f"asks to wait {minutes:.0f} minutes before the next call ({what})"
    else:
        what = f"{what} ({ATTEMPTS} attempts)"
    remedy = "See that the model's server runs, then run the same command again; what was answered is kept."
    return EngineError(what, where=error.where, remedy=remedy)
