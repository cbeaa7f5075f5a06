"""Putting many questions to a judge: how many at once, retries, the re-ask, the budget, and a record of every call.

In: asks (conversations with an id), a Transport, the history of earlier attempts. Out: Attempt records, appended by one
writer as they happen; a Tally of this session.

A fixed number of workers take asks from one iterator, so ten thousand asks are never ten thousand tasks. An error that
would meet every further call stops all workers; calls in flight may finish, because they are paid for.

The probe is the first ask, put alone: it carries every parameter that the session needs, so what the endpoint refuses
is learned before money is spent on others, and no call is spent on learning alone.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from itertools import chain

from judge.attempts import answer_fields, conversation, failure_fields, request_digest
from judge.budget import Purse, Tokens, spent
from judge.client import Transport
from judge.history import Due, History, token_total
from judge.plan import Ask
from judge.prompt_sets import Form, Messages
from judge.rates import Gate
from judge.replies import Reply
from judge.retries import nobody_answers, out_of_time, retrying, stopping_error
from judge.verdict_forms import extras
from judge.verdicts import Parsing
from ledger.errors import JudgeError, Rejected, Unavailable
from ledger.judge_config import Price
from ledger.judgments import Attempt
from ledger.store import Writer

PROBE_ATTEMPTS = 3


@dataclass(frozen=True)
class Limits:
    """How much at once, how often, how long a reply and a session; the form of a reply and the rules to read it by."""

    concurrency: int
    attempts: int
    max_tokens: int
    parsing: Parsing
    form: Form = "text"
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    deadline_seconds: float = math.inf
    price: Price | None = None
    budget_usd: float | None = None


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
    spent_usd: float | None = None
    pace: dict[str, float | int] = field(default_factory=dict)


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
        self._ends_at = time.monotonic() + limits.deadline_seconds
        self._gate = Gate(limits.concurrency, self._pause, limits.requests_per_minute, limits.tokens_per_minute)
        self._tokens = Tokens()
        spent_before = spent(history.all(), limits.price, limits.max_tokens)
        self._purse = Purse(limits.price, limits.budget_usd, spent_before)
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
            self.tally.pace = self._gate.facts

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
        self.tally.spent_usd = self._purse.spent_usd if self._limits.price else None
        self._report(self.tally)

    async def _settle(self, ask: Ask, attempts: int) -> None:
        """Put one judgment until it stands, its attempts are used up, or the session is stopped."""
        while (due := self._due(ask)) and not self._stopping.is_set():
            if not await self._answered(ask, due, attempts):
                return

    def _due(self, ask: Ask) -> Due | None:
        return self._history.due(ask.judgment, ask.mode, self._limits.parsing)

    async def _answered(self, ask: Ask, due: Due, attempts: int) -> bool:
        messages = conversation(ask, due, self._limits.parsing)
        try:
            await retrying(attempts, self._pause, self._left)(self._call, ask, due, messages)
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
        fatal = stopping_error(error, self._lost, self._left())
        if fatal:
            self._stop(fatal)

    def _stop(self, error: JudgeError) -> None:
        self.tally.stopped = self.tally.stopped or error
        self._stopping.set()

    def _left(self) -> float:
        """Seconds until the session's deadline."""
        return self._ends_at - time.monotonic()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than the session lasts."""
        if seconds > self._left():
            self._stop(out_of_time(seconds))
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise Unavailable("not tried again, because the session was stopped")

    async def _call(self, ask: Ask, due: Due, messages: Messages) -> None:
        limit = due.room(self._limits.max_tokens)
        expected = self._tokens.of(messages)
        reserved = await self._purse.take(expected, limit)
        try:
            await self._turn(expected)
        except BaseException:
            self._purse.free(reserved)
            raise
        started = time.monotonic()
        try:
            reply: Reply | None = await self._transport.call(messages, limit, extras(self._limits.form, ask.mode))
            error = None
        except JudgeError as failure:
            reply, error = None, failure
        finally:
            self._gate.leave()
        self._learn(reply, error, messages, expected, reserved)
        self.tally.calls += 1
        number = self._history.next_number(ask.judgment, due.ask)
        attempt = Attempt(
            judgment=ask.judgment,
            ask=due.ask,
            attempt=number,
            request_digest=request_digest(messages, limit, self._limits.form),
            latency_seconds=time.monotonic() - started,
            **(answer_fields(reply) if reply else failure_fields(error)),
        )
        self._history.add(attempt)
        await self._saved(attempt)
        if error:
            raise error

    async def _turn(self, tokens: int) -> None:
        """Wait until the call may be made. Raises Unavailable if the session was stopped meanwhile."""
        await self._gate.enter(tokens)
        if self._stopping.is_set():
            self._gate.leave()
            raise Unavailable("not sent, because the session was stopped")

    def _learn(
        self, reply: Reply | None, error: JudgeError | None, messages: Messages, expected: int, reserved: float
    ) -> None:
        """What a call tells about the next ones: its tokens, its cost, and whether the endpoint bears as many."""
        if reply:
            self._tokens.learn(messages, reply.prompt_tokens)
            used = (reply.prompt_tokens or expected) + (reply.completion_tokens or 0)
            self._gate.borne(used - expected)
            self._purse.settle(reserved, reply.prompt_tokens, reply.completion_tokens)
            if reply.exhausted_seconds:
                self._gate.hold(min(reply.exhausted_seconds, max(0.0, self._left())))
            return
        self._purse.free(reserved)
        if isinstance(error, Unavailable) and error.status == 429:
            self._gate.limited(error.retry_after_seconds)
        else:
            self._gate.borne()

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
