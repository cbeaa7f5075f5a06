"""A served engine's background thread: it ends with an error, with Ctrl-C, with `close` and with Python."""

import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from generation.engine import drive
from generation.served_engine import load_served
from ledger.errors import EngineError
from tests.fake_judge_server import FakeJudgeServer, Served, completion, refusal
from tests.house import HOUSE
from tests.served_models import run, spec, threads, write

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")


def test_an_error_cancels_what_is_in_flight_and_stays():
    def script(body):
        asked = body["messages"][0]["content"]
        return refusal(401, "no") if asked == "bad" else Served(completion("x").body, delay_seconds=300)

    with FakeJudgeServer(script) as server:
        engine = load_served(spec(server.base_url))
        for text in ("slow", "slow", "bad"):
            engine.submit(write(text=text))
        started = time.monotonic()
        with pytest.raises(EngineError, match="HTTP 401"):
            engine.step()
        assert time.monotonic() - started < 50
        assert not threads()
        with pytest.raises(EngineError, match="HTTP 401"):
            engine.submit(write())
        engine = load_served(spec(server.base_url))
        engine._outcomes.put("a reply")
        engine.submit(write(text="bad"))
        while engine._outcomes.qsize() < 2:
            time.sleep(0.01)
        assert engine.step() == ["a reply"]
        with pytest.raises(EngineError, match="HTTP 401"):
            engine.step()


def test_nobody_listening_gives_one_sentence():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    engine = load_served(spec(f"http://127.0.0.1:{port}/v1"))
    engine.submit(write())
    with pytest.raises(EngineError, match=rf"^127\.0\.0\.1:{port}: no connection \(.*\) \(6 attempts\)\. See that"):
        engine.step()
    assert not threads()


def test_an_idle_engine_has_nothing_to_give_and_can_be_used_again_after_closing():
    with FakeJudgeServer(lambda _: completion("x")) as server:
        engine = load_served(spec(server.base_url, concurrency=1))
        assert engine.step() == []
        for _ in range(2):
            drive(engine, [write("1"), write("2"), write("3")], lambda reply: None)
            engine.close()
            assert not threads()


def test_a_bug_in_the_background_is_raised_in_front(monkeypatch):
    for broken in ("served_model.ServedModel._fields", "served_calls.Endpoint._opened"):
        monkeypatch.setattr(f"generation.{broken}", lambda *_: 1 / 0)
        with FakeJudgeServer() as server, pytest.raises(EngineError, match="ZeroDivisionError"):
            run(server, write())


def test_ctrl_c_in_a_step_leaves_no_thread():
    with FakeJudgeServer(lambda _: Served(hang_up=True, delay_seconds=30)) as server:
        engine = load_served(spec(server.base_url))
        engine.submit(write())
        timer = threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            engine.step()
        timer.join()
        assert not threads()


def test_python_ends_while_requests_are_in_flight():
    code = """
        import time
        from generation.served_engine import load_served
        from tests.fake_judge_server import FakeJudgeServer, Served
        from tests.served_models import spec, write
        server = FakeJudgeServer(lambda _: Served(hang_up=True, delay_seconds=60)).__enter__()
        engine = load_served(spec(server.base_url))
        engine.submit(write())
        while not server.requests: time.sleep(0.02)
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=HOUSE, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
