"""A served model as an engine, and what a run of it gives: replies, faults, threads.

In: a fake server or a script for one, requests. Out: replies by id, the closed engine, the sentence of an error.
"""

import threading

import pytest

from generation.engine import Message, WriteRequest, drive
from generation.orders import EngineSpec
from generation.served_engine import load_served
from ledger.errors import EngineError
from tests.fake_judge_server import KEY_VARIABLE, FakeJudgeServer


def spec(url: str, **changes) -> EngineSpec:
    values = {"kind": "openai", "model": "m", "base_url": url, "api_key_env": KEY_VARIABLE, "concurrency": 4}
    return EngineSpec(**(values | changes))


def write(id="1", temperature=0.0, max_tokens=50, text="hello?", **served) -> WriteRequest:
    return WriteRequest(id, (Message("user", text),), temperature, 7, max_tokens, **served)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "served engine"]


def run(server: FakeJudgeServer, *requests, **changes):
    """The replies by id, and the engine, which is closed."""
    engine = load_served(spec(server.base_url, **changes))
    replies = {}
    try:
        drive(engine, requests, lambda reply: replies.setdefault(reply.id, reply) and None)
    finally:
        engine.close()
        assert not threads()
    return replies, engine


def replied(script, request=None, **changes):
    with FakeJudgeServer(script) as server:
        replies, engine = run(server, request or write(), **changes)
    return next(iter(replies.values())), engine, server


def fault(script, request=None, **changes):
    with FakeJudgeServer(script) as server, pytest.raises(EngineError) as caught:
        run(server, request or write(), **changes)
    assert "\n" not in str(caught.value)
    assert server.base_url.removeprefix("http://").removesuffix("/v1") in str(caught.value)
    return str(caught.value), server


TOO_LONG = "This model's maximum context length is 100 tokens. However, your prompt contains at least 101 input tokens."
