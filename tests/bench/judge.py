"""How close the judge layer comes to what the endpoint allows, and to a thread pool.

In: a loopback server in a process of its own. Out: a table, and one JSON object as the last line. Run by hand on a
quiet machine: `python tests/bench/judge.py` (two minutes on two cores).

`ideal_fraction_N`: 1,600 calls of 200 ms, N in flight: the ideal time, calls / N x 0.2 s, over the time from the first
request to the last answer as the server saw it. `limited_*`: 1,600 calls to a server that allows 20 per second (a
bucket of 20) and answers 429 with Retry-After: 1 otherwise: the rate of answered calls over 20, and the share of 429s.
`over_thread_pool_32`: the time of a pool of 32 threads, as FastChat uses, over ours for the same 1,600 calls. The pool
has one HTTP connection per thread and does nothing else; ours renders, retries, parses and writes every call to the
disk.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])  # this folder has a file that is called like a room

# ruff: noqa: E402
from judge.calls import Interviews, Tally
from judge.client import OpenAITransport
from judge.history import History
from judge.plan import Ask
from ledger.judge_config import JudgeConfig
from ledger.judgments import Attempt
from ledger.store import Store, Writer

CALLS, SECONDS, ALLOWED = 1600, 0.2, 20
PROMPT = "A question and an answer of some length, which are to be judged. " * 40
REPLY = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Rating: [[7]]"}}],
    "usage": {"prompt_tokens": 700, "completion_tokens": 7, "total_tokens": 707},
}


class Endpoint:
    """An asyncio HTTP server: every call takes SECONDS; with `allowed`, so many per second, else 429."""

    def __init__(self, allowed: float) -> None:
        self.allowed, self.tokens, self.filled_at = allowed, allowed, time.monotonic()
        self.first = self.last = 0.0
        self.answered = self.refused = 0

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it is closed."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if b": " in line)
                await reader.readexactly(int(fields.get(b"content-length", b"0")))
                writer.write(await self.response(head))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def response(self, head: bytes) -> bytes:
        """What one request gets."""
        if head.startswith(b"GET"):
            told = {"span": self.last - self.first, "answered": self.answered, "refused": self.refused}
            return _http(200, told)
        now = time.monotonic()
        self.first = self.first or now
        if self.allowed:
            self.tokens = min(self.allowed, self.tokens + (now - self.filled_at) * self.allowed)
            self.filled_at = now
            if self.tokens < 1:
                self.refused += 1
                return _http(429, {"error": {"message": "slow down", "code": "rate_limit"}}, b"retry-after: 1\r\n")
            self.tokens -= 1
        await asyncio.sleep(SECONDS)
        self.answered += 1
        self.last = time.monotonic()
        return _http(200, REPLY)


def _http(status: int, body: object, more: bytes = b"") -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n".encode()
    return head + more + b"\r\n" + data


async def serve(allowed: float) -> None:
    """Serve until standard input ends, that is until the benchmark does."""
    server = await asyncio.start_server(Endpoint(allowed).connection, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def endpoint(allowed: float = 0) -> Iterator[str]:
    """The server in a process of its own; its base URL."""
    command = [sys.executable, __file__, "serve", str(allowed)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin
    assert child.stdout
    try:
        yield f"http://127.0.0.1:{int(child.stdout.readline())}/v1"
    finally:
        child.stdin.close()
        child.wait(10)


def seen(url: str) -> dict[str, float]:
    """What the server saw."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=10) as reply:
        found: dict[str, float] = json.load(reply)
        return found


def ours(url: str, concurrency: int) -> None:
    """All calls through Assay's own layer, attempts on the disk; none may be lost or made twice."""
    messages = [{"role": "system", "content": "You judge."}, {"role": "user", "content": PROMPT}]
    asks = [Ask(f"rating/{number}", "single", lambda: messages) for number in range(CALLS)]
    config = JudgeConfig(model="m", concurrency=concurrency, attempts=12)
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "attempts.jsonl", Attempt)
        with Writer(store) as writer:
            transport, tally = OpenAITransport(url, "key", "m", 60), Tally()
            asyncio.run(Interviews(transport, config, History(), writer, lambda _: None, tally).hold(asks))
        answered = {each.judgment for each in store.records() if each.status == "answered"}
    if len(answered) != CALLS or tally.failed:
        raise SystemExit(f"{len(answered)} of {CALLS} answered, {tally.failed} failed")


def pool(url: str, threads: int) -> None:
    """The same calls from a thread pool, one connection per thread."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 4096})
    address = url.removeprefix("http://").split("/")[0]
    own = threading.local()

    def call(_: int) -> None:
        if not hasattr(own, "connection"):
            own.connection = HTTPConnection(address, timeout=60)
        own.connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        json.load(own.connection.getresponse())

    with ThreadPoolExecutor(threads) as executor:
        list(executor.map(call, range(CALLS)))


def main() -> None:
    """Measure, print the table and the JSON line."""
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(float(sys.argv[2])))
        return
    figures: dict[str, float] = {}
    spans = {}
    for name, way, width in (("ours", ours, 32), ("pool", pool, 32), ("ours", ours, 64)):
        with endpoint() as url:
            way(url, width)
            span = seen(url)["span"]
        ideal = CALLS * SECONDS / width
        spans[name, width] = span
        print(f"{name}, {width} in flight: {span:.2f} s, ideal {ideal:.2f} s", flush=True)
        if way is ours:
            figures[f"ideal_fraction_{width}"] = round(ideal / span, 3)
    with endpoint(ALLOWED) as url:
        ours(url, 32)
        found = seen(url)
    print(
        f"limited: {found['answered']:.0f} answered in {found['span']:.1f} s, {found['refused']:.0f} refused",
        flush=True,
    )
    figures["limited_rate_fraction"] = round(found["answered"] / found["span"] / ALLOWED, 3)
    figures["limited_429_share"] = round(found["refused"] / (found["answered"] + found["refused"]), 4)
    figures["over_thread_pool_32"] = round(spans["pool", 32] / spans["ours", 32], 3)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
