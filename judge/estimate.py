"""What a judge's missing calls would take: how many, how many tokens, how much money; nothing is asked.

In: a Brief and what was answered before. Out: one Expected per kind of judgment (exam, rating, game,
ladder); of the ladder all rungs that may still be reached, because a judge that passes them is asked them all.
Tokens are those that the endpoint counted for this review, as far as it did: bytes per token for prompts, the mean for
replies. Before its first call they are assumed: four bytes per token, and a wide range for replies. Re-asks and retries
come on top.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from judge.brief import Brief
from judge.budget import prompt_bytes
from judge.history import History, kind_of
from judge.plan import Ask
from ledger.judge_config import JudgeConfig, Price
from ledger.judgments import Attempt

BYTES_PER_TOKEN = 4.0
REPLY_TOKENS = {"text": (100, 500), "json": (80, 400), "logprob": (1, 8)}


@dataclass(frozen=True)
class Expected:
    """What the missing calls of one kind would take; `usd` is None where no price is known."""

    kind: str
    calls: int
    prompt_tokens: int
    completion_tokens: tuple[int, int]
    usd: tuple[float, float] | None
    counted: bool


def estimate(brief: Brief) -> list[Expected]:
    """One row per kind, in the order in which they are asked. Raises MissingRecords, BadRecord, ConfigError."""
    history = History(brief.run.judge(brief.config.name).attempts.records())
    plan = brief.plan(brief.answers())
    asks = [*plan.asks(exam_only=brief.exam_only), *plan.ladder.at_most(history, brief.config.rules)]
    return expected(brief.config, asks, history)


def expected(config: JudgeConfig, asks: Sequence[Ask], history: History) -> list[Expected]:
    """What those of the asks take that have no reply yet, one row per kind."""
    ratio = _bytes_per_token(asks, history)
    by_kind: dict[str, list[Ask]] = {}
    for ask, _ in history.pending(asks, config.rules):
        by_kind.setdefault(kind_of(ask.judgment), []).append(ask)
    return [_expected(config, kind, some, ratio, history) for kind, some in by_kind.items()]


def _expected(config: JudgeConfig, kind: str, due: list[Ask], ratio: float | None, history: History) -> Expected:
    prompt = sum(int(prompt_bytes(ask.messages()) / (ratio or BYTES_PER_TOKEN)) + 1 for ask in due)
    replied = [each.completion_tokens for each in history.all() if kind_of(each.judgment) == kind]
    known = [count for count in replied if count is not None]
    mean = sum(known) / len(known) if known else None
    low, high = (mean, mean) if mean is not None else REPLY_TOKENS[config.form]
    replies = int(low * len(due)), int(high * len(due))
    return Expected(kind, len(due), prompt, replies, _usd(config.price, prompt, replies), mean is not None)


def _usd(price: Price | None, prompt: int, replies: tuple[int, int]) -> tuple[float, float] | None:
    return (price.usd(prompt, replies[0]), price.usd(prompt, replies[1])) if price else None


def _bytes_per_token(asks: Iterable[Ask], history: History) -> float | None:
    """Measured over the first asks that the endpoint counted."""
    sent = tokens = 0
    for ask in asks:
        if counted := [a for a in history.of(ask.judgment) if _counted(a)]:
            sent += prompt_bytes(ask.messages())
            tokens += counted[0].prompt_tokens or 0
    return sent / tokens if tokens else None


def _counted(attempt: Attempt) -> bool:
    return attempt.ask == "first" and bool(attempt.prompt_tokens)
