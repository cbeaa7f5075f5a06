"""Putting many questions to a judge: bounded concurrency, retries, the re-ask, and a record of every call.

In: asks (conversations with an id), a Transport, the history of earlier attempts. Out: Attempt records, appended by one
writer as they happen; a Tally of this session.

A fixed number of workers take asks from one iterator, so ten thousand asks are never ten thousand tasks. An error that
would meet every further call stops all workers; calls in flight may finish, because they are paid for.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from judge.client import Reply, Transport
from judge.history import Due, History, token_total
from judge.plan import Ask
from judge.prompt_sets import FORM, TEMPERATURE, Messages
from judge.retries import nobody_answers, retrying, stopping_error
from judge.verdicts import REMINDERS, Parsing, spoken
from ledger.digests import digest_of
from ledger.errors import JudgeError, Rejected, Unavailable
from ledger.judgments import Attempt
from ledger.store import Writer

PROBE_ATTEMPTS = 3


@dataclass(frozen=True)
class Limits:
    """How much at once, how often, how long a reply, and the rules that decide whether a reply can be read."""

    concurrency: int
    attempts: int
    max_tokens: int
    parsing: Parsing


@dataclass
class Tally:
    """What happened in this session; `stopped` is the error that ended it early, `last_error` any error."""

    asked: int = 0
    failed: int = 0
    calls: int = 0
    stopped: JudgeError | None = None
    last_error: JudgeError | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Interviews:
    """One session of calls to one judge."""

    def __init__(
        self,
        transport: Transport,
        limits: Limits,
        history: History,
        writer: Writer[Attempt],
        report: Callable[[Tally], None],
        tally: Tally,
    ) -> None:
        self._transport, self._limits, self._history = transport, limits, history
        self._writer, self._report = writer, report
        self._unsaved: list[Attempt] = []
        self._stopping = asyncio.Event()
        self._lost = 0
        self.tally = tally

    async def hold(self, asks: Sequence[Ask]) -> None:
        """Put every ask; what was answered is saved also when this is interrupted."""
        try:
            async with AsyncExitStack() as stack:
                if isinstance(self._transport, AbstractAsyncContextManager):
                    await stack.enter_async_context(self._transport)
                pending = await self._probed(iter(asks))
                async with asyncio.TaskGroup() as workers:
                    for _ in range(min(self._limits.concurrency, len(asks))):
                        workers.create_task(self._work(pending))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            self._save()

    async def _work(self, pending: Iterator[Ask]) -> None:
        for ask in pending:
            await self._settle(ask, self._limits.attempts)
            self._count(ask)
            if self._stopping.is_set():
                return

    async def _probed(self, pending: Iterator[Ask]) -> Iterator[Ask]:
        """The asks that are left after the first was put alone, so that a wrong URL costs seconds, not hours.

        Nobody answering at all stops the session. A server that answered badly is put to it again with the others.
        """
        first = next(pending, None)
        if first is None:
            return pending
        before = len(self._history.of(first.judgment))
        await self._settle(first, min(PROBE_ATTEMPTS, self._limits.attempts))
        made = self._history.of(first.judgment)[before:]
        if not any(attempt.http_status for attempt in made) and self.tally.stopped is None:
            self._stop(nobody_answers(self.tally.last_error))
        if self.tally.stopped is None and self._due(first) and made[-1].status == "failed":
            return chain([first], pending)
        self._count(first)
        return iter(()) if self.tally.stopped else pending

    def _count(self, ask: Ask) -> None:
        self.tally.asked += 1
        self.tally.failed += self._due(ask) is not None
        self._report(self.tally)

    async def _settle(self, ask: Ask, attempts: int) -> None:
        """Put one judgment until it stands, its attempts are used up, or the session is stopped."""
        while (due := self._due(ask)) and not self._stopping.is_set():
            if not await self._answered(ask, due, attempts):
                return

    def _due(self, ask: Ask) -> Due | None:
        return self._history.due(ask.judgment, ask.mode, self._limits.parsing)

    async def _answered(self, ask: Ask, due: Due, attempts: int) -> bool:
        messages = [*ask.messages(), *_reminder(ask, due)]
        try:
            await retrying(attempts, self._pause)(self._call, ask, due, messages)
        except (Rejected, Unavailable) as error:
            self._give_up(error)
            return False
        self._lost = 0
        return True

    def _give_up(self, error: Rejected | Unavailable) -> None:
        if self._stopping.is_set():
            return
        self.tally.last_error = error
        self._lost = self._lost + 1 if isinstance(error, Unavailable) else 0
        fatal = stopping_error(error, self._lost)
        if fatal:
            self._stop(fatal)

    def _stop(self, error: JudgeError) -> None:
        self.tally.stopped = self.tally.stopped or error
        self._stopping.set()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than the session lasts."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise Unavailable("not tried again, because the session was stopped")

    async def _call(self, ask: Ask, due: Due, messages: Messages) -> None:
        limit = self._limits.max_tokens * (2 if due.doubled else 1)
        started = time.monotonic()
        try:
            reply: Reply | None = await self._transport.call(messages, limit)
            error = None
        except JudgeError as failure:
            reply, error = None, failure
        self.tally.calls += 1
        number = 1 + sum(attempt.ask == due.ask for attempt in self._history.of(ask.judgment))
        attempt = Attempt(
            judgment=ask.judgment,
            ask=due.ask,
            attempt=number,
            request_digest=request_digest(messages, limit),
            latency_seconds=time.monotonic() - started,
            **(_answer(reply) if reply else _failure(error)),
        )
        self._history.add(attempt)
        await self._saved(attempt)
        if error:
            raise error

    async def _saved(self, attempt: Attempt) -> None:
        """On the disk when this returns, in one sync with the attempts that ended at the same moment."""
        self.tally.prompt_tokens = token_total((self.tally.prompt_tokens, attempt.prompt_tokens))
        self.tally.completion_tokens = token_total((self.tally.completion_tokens, attempt.completion_tokens))
        batch = self._unsaved
        batch.append(attempt)
        await asyncio.sleep(0)  # lets every other reply that has come in add its attempt first
        if batch is self._unsaved:
            self._save()

    def _save(self) -> None:
        attempts, self._unsaved = self._unsaved, []
        if attempts:
            self._writer.append(*attempts)


def request_digest(messages: Messages, max_tokens: int) -> str:
    """Hash of what one call asks for."""
    return digest_of({"messages": messages, "max_tokens": max_tokens, "temperature": TEMPERATURE, "form": FORM})


def _reminder(ask: Ask, due: Due) -> Messages:
    """The continuation of the conversation in a re-ask: what the judge said, and what is missing.

    Thoughts are left out, as chat templates do; servers refuse empty messages, so an empty reply is stated.
    """
    if due.ask == "first":
        return []
    said = due.replied or ""
    reply = (spoken(said) or said).strip() or "(no text)"
    return [{"role": "assistant", "content": reply}, {"role": "user", "content": REMINDERS[ask.mode]}]


def _answer(reply: Reply) -> dict[str, Any]:
    return {
        "status": "answered",
        "http_status": 200,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "served_model": reply.served_model,
        "finish": reply.finish,
        "refusal": reply.refusal,
        "reply": reply.text,
    }


def _failure(error: JudgeError | None) -> dict[str, Any]:
    status: Literal["failed", "rejected"] = "rejected" if isinstance(error, Rejected) else "failed"
    return {"status": status, "http_status": error.status if error else None, "error": str(error)}
