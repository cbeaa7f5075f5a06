"""What the calls cost, and the stop before they cost more than they may.

In: a judge's config, its attempts so far. Out: leave to make a call, or Rejected; what the attempts cost.
A call is let through only if the budget also holds should it use its whole output limit, and so should all others in
flight; so the last cents of a budget stay unspent. Prompt tokens are estimated from bytes until the endpoint has
counted some. An answer that the endpoint did not count costs as much as a reply of the judge's whole output limit.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from judge.prompt_sets import Messages
from ledger.errors import Rejected
from ledger.judge_config import JudgeConfig
from ledger.judgments import Attempt

BYTES_PER_TOKEN = 2.5  # fewer than English has: the first calls are estimated high
ROOM = 1.1  # over the densest prompt that the endpoint counted


@dataclass
class Tokens:
    """How many bytes a token of this judge has, learned from what it counted."""

    bytes_per_token: float = BYTES_PER_TOKEN
    learned: bool = False

    def of(self, messages: Messages) -> int:
        """The prompt tokens of a conversation, rather too many than too few."""
        return int(prompt_bytes(messages) / self.bytes_per_token) + 1

    def learn(self, messages: Messages, prompt_tokens: int | None) -> None:
        """Take in what the endpoint counted for a conversation."""
        if prompt_tokens:
            seen = prompt_bytes(messages) / prompt_tokens / ROOM
            self.bytes_per_token = min(self.bytes_per_token, seen) if self.learned else seen
            self.learned = True


class Budget:
    """The money of one session; `spent_usd` begins with what the attempts before it cost."""

    def __init__(self, config: JudgeConfig, attempts: Iterable[Attempt] = ()) -> None:
        self._config = config
        self.spent_usd = spent(attempts, config)
        self._reserved: list[float] = []  # a list, because a sum that is added to and taken from keeps a remainder
        self._back = asyncio.Event()

    async def take(self, prompt_tokens: int, max_tokens: int) -> float:
        """Put the most that a call can cost aside, when others in flight leave room. Raises Rejected if none will."""
        price, budget = self._config.price, self._config.budget_usd
        if price is None or budget is None:
            return 0.0
        most = price.usd(prompt_tokens, max_tokens)
        while self.spent_usd + sum(self._reserved) + most > budget:
            if not self._reserved:
                raise Rejected(
                    f"the budget of ${budget:.2f} does not hold another call: ${self.spent_usd:.4f} are "
                    f"spent, the call may cost ${most:.4f}.",
                    remedy="Raise `budget_usd` or --budget and run again.",
                    stops_all=True,
                )
            self._back.clear()
            await self._back.wait()
        self._reserved.append(most)
        return most

    def settle(self, reserved: float, attempt: Attempt) -> None:
        """Put back what was taken for a call, and count what it cost."""
        self.free(reserved)
        self.spent_usd += spent([attempt], self._config)

    def free(self, reserved: float) -> None:
        """Put back what was taken for a call that was not made."""
        if reserved in self._reserved:
            self._reserved.remove(reserved)
        self._back.set()


def spent(attempts: Iterable[Attempt], config: JudgeConfig) -> float:
    """What the answers cost, in US dollars: 0 without a price; one that nobody counted, its whole output limit."""
    price, total = config.price, 0.0
    for attempt in attempts:
        if price and attempt.status == "answered":
            out = config.max_tokens if attempt.completion_tokens is None else attempt.completion_tokens
            total += price.usd(attempt.prompt_tokens or 0, out)
    return total


def prompt_bytes(messages: Messages) -> int:
    """The bytes of a conversation's texts."""
    return sum(len(message["content"].encode("utf-8", "surrogatepass")) for message in messages)
