"""What the calls cost, and the stop before they cost more than they may.

In: a price, a budget, the attempts so far. Out: leave to make a call, or Rejected; the cost by kind of judgment.
A call is let through only if the budget also holds should it use its whole output limit, and so should all others in
flight; so the last cents of a budget stay unspent. Prompt tokens are estimated from bytes until the endpoint has
counted some. Where the endpoint does not count, the estimate is what was spent.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from judge.prompt_sets import Messages
from ledger.errors import Rejected
from ledger.judge_config import Price
from ledger.judgments import Attempt

BYTES_A_TOKEN = 2.5  # fewer than English has: the first calls are estimated high
ROOM = 1.1  # over the densest prompt that the endpoint counted


@dataclass
class Tokens:
    """How many bytes a token of this judge has, learned from what it counted."""

    bytes_a_token: float = BYTES_A_TOKEN
    learned: bool = False

    def of(self, messages: Messages) -> int:
        """The prompt tokens of a conversation, rather too many than too few."""
        return int(prompt_bytes(messages) / self.bytes_a_token) + 1

    def learn(self, messages: Messages, prompt_tokens: int | None) -> None:
        """Take in what the endpoint counted for a conversation."""
        if prompt_tokens:
            seen = prompt_bytes(messages) / prompt_tokens / ROOM
            self.bytes_a_token = min(self.bytes_a_token, seen) if self.learned else seen
            self.learned = True


class Purse:
    """The money of one session."""

    def __init__(self, price: Price | None, budget_usd: float | None, spent_usd: float) -> None:
        self.price, self.budget_usd, self.spent_usd = price, budget_usd, spent_usd
        self._reserved, self._back = 0.0, asyncio.Event()

    async def take(self, prompt_tokens: int, max_tokens: int) -> float:
        """Put the most that a call can cost aside, when others in flight leave room. Raises Rejected if none will."""
        if self.price is None or self.budget_usd is None:
            return 0.0
        most = self.price.usd(prompt_tokens, max_tokens)
        while self.spent_usd + self._reserved + most > self.budget_usd:
            if not self._reserved:
                raise Rejected(
                    f"the budget of ${self.budget_usd:.2f} does not hold another call: ${self.spent_usd:.4f} are "
                    f"spent, the call may cost ${most:.4f}.",
                    remedy="Raise `budget_usd` or --budget and run again; what was answered is kept.",
                    stops_all=True,
                )
            self._back.clear()
            await self._back.wait()
        self._reserved += most
        return most

    def settle(self, reserved: float, prompt_tokens: int | None, completion_tokens: int | None) -> None:
        """Put back what was taken, and count what was used; all of it where nobody counted an answer."""
        self.free(reserved)
        if self.price:
            known = prompt_tokens is not None and completion_tokens is not None
            self.spent_usd += self.price.usd(prompt_tokens or 0, completion_tokens or 0) if known else reserved

    def free(self, reserved: float) -> None:
        """Put back what a call that was not answered had taken."""
        self._reserved = max(0.0, self._reserved - reserved)
        self._back.set()


def spent(attempts: Iterable[Attempt], price: Price | None, max_tokens: int) -> float:
    """What the attempts cost, in US dollars; an answer that nobody counted at its whole output limit."""
    if price is None:
        return 0.0
    total = 0.0
    for attempt in attempts:
        if attempt.status == "answered" or attempt.completion_tokens is not None:
            out = max_tokens if attempt.completion_tokens is None else attempt.completion_tokens
            total += price.usd(attempt.prompt_tokens or 0, out)
    return total


def prompt_bytes(messages: Messages) -> int:
    """The bytes of a conversation's texts."""
    return sum(len(message["content"].encode("utf-8", "surrogatepass")) for message in messages)
