"""The rate limiter on a clock of its own: 429s, the learned pace, limits per minute, headers. And the budget."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.budget import Budget, Tokens, spent
from ledger.endpoint.rates import RateLimiter
from ledger.endpoint.waits import reset_after, span_seconds
from ledger.errors import Rejected
from ledger.judge_config import JudgeConfig, Price
from ledger.judgments import Attempt


class Clock:
    """Time that passes only when it is waited for."""

    def __init__(self):
        self.now = 0.0

    async def pause(self, seconds):
        self.now += seconds
        await asyncio.sleep(0)

    def __call__(self):
        return self.now


def limiter(clock, **limits):
    return RateLimiter(clock.pause, clock=clock, **limits)


async def entered(held, count, tokens=1.0):
    for _ in range(count):
        await held.enter(tokens)


def test_a_limit_of_requests_a_minute_spaces_the_calls():
    clock = Clock()
    asyncio.run(entered(limiter(clock, requests_per_minute=120), 11))
    assert clock.now == pytest.approx(5.0)


def test_a_limit_of_tokens_a_minute_counts_what_was_used():
    clock = Clock()
    held = limiter(clock, tokens_per_minute=6000)

    async def three():
        await held.enter(100)
        held.borne(tokens_more=200)  # 300 in all: three seconds
        await held.enter(100)

    asyncio.run(three())
    assert clock.now == pytest.approx(3.0)


def test_a_refusal_sets_a_pace_below_what_was_borne_and_it_grows_by_a_fixed_step():
    clock = Clock()
    held = limiter(clock)

    async def story():
        clock.now = 5.0
        for _ in range(50):
            await held.enter(1)
            held.borne()
        for _ in range(10):
            await held.enter(1)
            held.limited(None)
        paces = [held.facts["learned_requests_per_second"]]
        for _ in range(2):
            clock.now += 10
            await held.enter(1)
            paces.append(held.facts["learned_requests_per_second"])
        return paces

    lowered, *grown = asyncio.run(story())
    assert held.facts["limited_calls"] == 10
    assert lowered == pytest.approx(0.92 * 50, abs=0.1)  # ten 429s in one second lower it once
    assert grown == pytest.approx([lowered + 5.0, lowered + 10.0], abs=0.02)  # a hundredth of 50 per second


def test_a_long_wish_to_wait_is_everybodys_and_a_short_one_is_not():
    clock = Clock()
    held = limiter(clock)
    held.limited(0.5)
    asyncio.run(entered(held, 1))
    assert clock.now < 0.1
    held.limited(30)
    asyncio.run(entered(held, 1))
    assert clock.now == pytest.approx(30, abs=0.1)


def simulated(per_second, latency, seconds, workers=32, stray=0.0, burst=None):
    """Workers against a server that bears so many calls per second, with a burst, else a second's worth; one that is
    refused waits a second. How many were borne and refused.
    """
    most = burst or per_second
    clock, allowance, last, number = Clock(), float(most), 0.0, 0
    counts, busy = [0, 0], []
    held = limiter(clock)

    async def story():
        nonlocal allowance, last, number
        while clock.now < seconds:
            busy[:] = [end for end in busy if end > clock.now]
            if len(busy) >= workers:
                await clock.pause(max(1e-4, min(busy) - clock.now))
                continue
            await held.enter(1)
            number += 1
            allowance = min(most, allowance + per_second * (clock.now - last))
            last = clock.now
            borne = allowance >= 1 and not (stray and number % int(1 / stray) == 0)
            counts[not borne] += 1
            busy.append(clock.now + (latency if borne else 1))
            if borne:
                allowance -= 1
                held.borne()
            else:
                held.limited(1.0)

    asyncio.run(story())
    return counts


def test_a_server_that_bears_twenty_a_second_gets_nearly_twenty_and_few_too_many():
    borne, refused = simulated(20, 0.2, 60)
    assert borne >= 0.9 * 20 * 60
    assert refused <= 0.05 * (borne + refused)


def test_a_server_that_bears_a_burst_and_then_one_call_a_second_is_not_flooded():
    """A pace of one call per second sees one 429 of two calls: no reason to go back to a quarter of the best."""
    borne, refused = simulated(1, 1, 60, burst=50)
    assert borne >= 0.95 * (50 + 60)
    assert refused <= 0.5 * borne


def test_refusals_at_random_do_not_choke_the_calls():
    borne, _ = simulated(100_000, 0.2, 30, stray=0.05)
    assert borne > 0.2 * 32 / 0.2 * 30


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("6m0s", 360), ("120ms", 0.12), ("1h2m3s", 3723), ("17", 17), ("0.5", 0.5), ("", None), ("soon", None)],
)
def test_spans_as_endpoints_write_them(text, seconds):
    assert span_seconds(text) == (None if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=12))
def test_no_span_raises(text):
    found = span_seconds(text)
    assert found is None or found >= 0


def test_an_allowance_that_is_used_up_holds_everybody():
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2s"}
    assert reset_after(headers, 0, refused=False) == 2
    assert reset_after({**headers, "x-ratelimit-remaining-requests": "3"}, 0, refused=False) is None
    assert reset_after({}, 0) is None


PRICE = Price(input=1.0, output=10.0)


def judge(**settings):
    return JudgeConfig(**{"model": "m", "max_tokens": 100, "price": PRICE, **settings})


def answered(prompt_tokens=None, completion_tokens=None, status="answered"):
    counts = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    about = {"judgment": "rating/x", "ask": "first", "attempt": 1, "request_digest": "d", "latency_seconds": 1.0}
    return Attempt(status=status, **about, **counts)


def test_the_budget_lets_no_call_through_that_the_budget_might_not_hold():
    async def story():
        budget = Budget(judge(budget_usd=0.05))  # a call of 1000 tokens out costs a cent at most
        taken = [await budget.take(0, 1000) for _ in range(5)]
        waiting = asyncio.create_task(budget.take(0, 1000))
        await asyncio.sleep(0)
        assert not waiting.done()
        budget.settle(taken[0], answered(0, 100))  # it used a tenth: nine tenths are back, not enough for a sixth
        await asyncio.sleep(0)
        assert not waiting.done()
        budget.settle(taken[1], answered(0, 100))
        assert await waiting == pytest.approx(0.01)
        for each in [*taken[2:], 0.01]:
            budget.settle(each, answered(0, 1000))
        assert budget.spent_usd == pytest.approx(0.042)
        with pytest.raises(Rejected, match="does not hold another call") as error:
            await budget.take(0, 1000)
        assert error.value.stops_all

    asyncio.run(story())


def test_what_nobody_counted_costs_its_whole_output_limit_with_and_without_a_budget():
    """In the session, in the next one and in the manifest: one rule, so that the budget means the same in each."""
    attempts = [answered(status="failed"), answered(1000, 500), answered()]
    total = 0.001 + 0.005 + 0.001
    for config in (judge(), judge(budget_usd=1.0)):
        budget = Budget(config)

        async def story(budget=budget):
            for attempt in attempts:
                budget.settle(await budget.take(1000, 100), attempt)

        asyncio.run(story())
        assert budget.spent_usd == pytest.approx(total)
        assert Budget(config, attempts).spent_usd == spent(attempts, config) == pytest.approx(total)
    assert spent(attempts, judge(price=None)) == 0


def test_calls_that_come_back_in_any_order_leave_no_remainder_to_wait_for():
    """0.1 + 0.2 - 0.1 - 0.2 is 2.8e-17 in floats: a sum would wait for a call that nobody makes."""
    chance = random.Random(5)

    async def story():
        budget = Budget(judge(budget_usd=1.0))
        for _ in range(200):
            taken = [await budget.take(chance.randint(1, 9999), chance.randint(1, 9999)) for _ in range(8)]
            chance.shuffle(taken)
            for each in taken:
                budget.free(each)
            with pytest.raises(Rejected, match="does not hold another call"):
                await asyncio.wait_for(budget.take(0, 200_000), 1)

    asyncio.run(story())


def test_tokens_are_estimated_high_and_then_learned():
    tokens = Tokens()
    messages = [{"role": "user", "content": "a" * 1000}]
    assert tokens.of(messages) > 1000 / 4
    tokens.learn(messages, 250)
    assert 250 < tokens.of(messages) <= 1.2 * 250
    tokens.learn(messages, None)
    assert tokens.of(messages) <= 1.2 * 250
