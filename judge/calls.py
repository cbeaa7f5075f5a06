"""Putting many questions to a judge: how many at once, retries, the re-ask, the budget, and a record of every call.

In: asks (conversations with an id), a Transport, the history of earlier attempts. Out: Attempt records, appended by one
writer as they happen; a Tally of this session.

A fixed number of workers take asks from one iterator, so ten thousand asks are never ten thousand tasks. An error that
would meet every further call stops all workers; calls in flight may finish, because they are paid for.

The probe is the first ask, put alone: it carries every parameter that the session needs, so what the endpoint refuses
is learned before money is spent on others, and no call is spent on learning alone.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from itertools import chain

from judge.attempts import answer_fields, conversation, failure_fields, request_digest
from judge.budget import Budget, Tokens
from judge.client import Transport
from judge.history import Due, History, token_total
from judge.plan import Ask
from judge.prompt_sets import Messages
from judge.replies import Reply
from judge.retries import Ending, nobody_answers, thought_away, thoughts_alone
from judge.verdict_forms import extras
from ledger.endpoint.cut_prompts import plain_bytes
from ledger.endpoint.rates import RateLimiter
from ledger.errors import EndpointError, Rejected, Unavailable
from ledger.judge_config import JudgeConfig
from ledger.judgments import Attempt
from ledger.store import Writer

PROBE_ATTEMPTS = 3


@dataclass
class Tally:
    """What happened in this session; `stopped` is the error that ended it early, `last_error` any error."""

    asked: int = 0
    failed: int = 0
    calls: int = 0
    stopped: EndpointError | None = None
    last_error: EndpointError | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    spent_usd: float | None = None
    pace: dict[str, float | int] = field(default_factory=dict)


class Interviews:
    """One session of calls to one judge."""

    def __init__(
        self,
        transport: Transport,
        config: JudgeConfig,
        history: History,
        writer: Writer[Attempt],
        report: Callable[[Tally], None],
        tally: Tally,
    ) -> None:
        self._transport, self._config, self._history = transport, config, history
        self._writer, self._report = writer, report
        self._unsaved: list[Attempt] = []
        self._ending = Ending(config.deadline_seconds)
        minute = config.requests_per_minute, config.tokens_per_minute
        self._limiter = RateLimiter(self._ending.pause, *minute)
        self._tokens = Tokens()
        self._budget = Budget(config, history.all())
        self.tally = tally

    async def hold(self, asks: Sequence[Ask]) -> None:
        """Put every ask; what was answered is saved also when this is interrupted."""
        try:
            async with AsyncExitStack() as stack:
                if isinstance(self._transport, AbstractAsyncContextManager):
                    await stack.enter_async_context(self._transport)
                self._ending.begin()
                pending = await self._probed(iter(asks))
                async with asyncio.TaskGroup() as workers:
                    for _ in range(min(self._config.concurrency, len(asks))):
                        workers.create_task(self._work(pending))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            self._save()
            self.tally.stopped, self.tally.pace = self._ending.error, self._limiter.facts

    async def _work(self, pending: Iterator[Ask]) -> None:
        for ask in pending:
            if self._ending.reached():
                return
            await self._settle(ask, self._config.attempts)
            self._count(ask)

    async def _probed(self, pending: Iterator[Ask]) -> Iterator[Ask]:
        """The asks that are left after the first was put alone, so that a wrong URL costs seconds, not hours.

        Nobody answering at all stops the session. A server that answered badly is put to it again with the others.
        """
        first = next(pending, None)
        if first is None:
            return pending
        before = len(self._history.of(first.judgment))
        await self._settle(first, min(PROBE_ATTEMPTS, self._config.attempts))
        made = self._history.of(first.judgment)[before:]
        if not any(attempt.http_status for attempt in made) and not self._ending.error:
            self._ending.stop(nobody_answers(self.tally.last_error))
        if made and thoughts_alone(made[-1]) and not self._due(first):
            self._ending.stop(thought_away(made[-1], self._config))
        if not self._ending.error and self._due(first) and made[-1].status == "failed":
            return chain([first], pending)
        self._count(first)
        return iter(()) if self._ending.error else pending

    def _count(self, ask: Ask) -> None:
        self.tally.asked += 1
        self.tally.failed += self._due(ask) is not None
        self.tally.spent_usd = self._budget.spent_usd if self._config.price else None
        self._report(self.tally)

    async def _settle(self, ask: Ask, attempts: int) -> None:
        """Put one judgment until it stands, its attempts are used up, or the session ends."""
        while (due := self._due(ask)) and not self._ending.reached():
            if not await self._answered(ask, due, attempts):
                return

    def _due(self, ask: Ask) -> Due | None:
        return self._history.due(ask.judgment, ask.mode, self._config.rules)

    async def _answered(self, ask: Ask, due: Due, attempts: int) -> bool:
        messages = conversation(ask, due, self._config.rules)
        try:
            await self._ending.retrying(attempts)(self._call, ask, due, messages)
        except (Rejected, Unavailable) as error:
            if not self._ending.error:
                self.tally.last_error = error
                self._ending.gone_wrong(error)
            return False
        self._ending.gone_well()
        return True

    async def _call(self, ask: Ask, due: Due, messages: Messages) -> None:
        limit = due.room(self._config.max_tokens)
        expected = self._tokens.of(messages)
        reserved = await self._budget.take(expected, limit)
        try:
            await self._turn(expected)
        except BaseException:
            self._budget.free(reserved)
            raise
        started = time.monotonic()
        try:
            said: Reply | EndpointError = await self._transport.call(
                messages, limit, extras(self._config.form, ask.mode)
            )
        except EndpointError as failure:
            said = failure
        attempt = Attempt(
            judgment=ask.judgment,
            ask=due.ask,
            attempt=self._history.next_number(ask.judgment, due.ask),
            request_digest=request_digest(messages, limit, self._config),
            latency_seconds=time.monotonic() - started,
            prompt_bytes=plain_bytes(message["content"] for message in messages),
            **(answer_fields(said) if isinstance(said, Reply) else failure_fields(said)),
        )
        self._budget.settle(reserved, attempt)
        self._learn(said, messages, expected)
        self.tally.calls += 1
        self._history.add(attempt)
        await self._saved(attempt)
        if isinstance(said, EndpointError):
            raise said

    async def _turn(self, tokens: int) -> None:
        """Wait until the call may be made. Raises Unavailable if the session ended meanwhile."""
        await self._limiter.enter(tokens)
        if self._ending.reached():
            raise Unavailable("not sent, because the session was stopped")

    def _learn(self, said: Reply | EndpointError, messages: Messages, expected: int) -> None:
        """What a call tells about the next ones: its tokens, and whether the endpoint bears as many."""
        if isinstance(said, Reply):
            self._tokens.learn(messages, said.prompt_tokens)
            used = (said.prompt_tokens or expected) + (said.completion_tokens or 0)
            self._limiter.borne(used - expected)
            if said.exhausted_seconds:
                self._limiter.hold(said.exhausted_seconds)
        elif isinstance(said, Unavailable) and said.status == 429:
            self._limiter.limited(said.retry_after_seconds)
        else:
            self._limiter.borne()

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
