"""An HTTP server on this machine's loopback that speaks an OpenAI-compatible endpoint's language.

In: a function from an HttpRequest to a Served. Out: a base URL on 127.0.0.1 for as long as the context lasts. It
decides nothing by itself: `assay replay` answers from stored judgments, tests from scripts.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

HOST = "127.0.0.1"
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class HttpRequest:
    """What a client sent: headers by their names in small letters; `body` is None where there is no JSON object."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any] | None


@dataclass(frozen=True)
class Served:
    """One HTTP response, after a delay: `body` is sent as JSON unless it is bytes; `hang_up` cuts instead."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    hang_up: bool = False


def refusal(status: int, message: str, code: str | None = None, **headers: str) -> Served:
    """An error as OpenAI's servers send it; `retry_after="1"` becomes the header Retry-After."""
    error = {"message": message, "type": "error", "param": None, "code": code}
    return Served({"error": error}, status, {name.replace("_", "-"): value for name, value in headers.items()})


class LoopbackServer:
    """Answers every request by `respond`, each in a thread; a `port` of 0 is any that is free. Raises OSError."""

    def __init__(self, respond: Callable[[HttpRequest], Served], port: int = 0) -> None:
        self._respond = respond
        self._server = _QuietServer((HOST, port), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, daemon=True
        )
        self._heard = time.monotonic()

    @property
    def base_url(self) -> str:
        """What a client is given as the endpoint's base_url."""
        return f"http://{HOST}:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, idle_seconds: float) -> None:
        """Return once no request has come for so long."""
        while (left := self._heard + idle_seconds - time.monotonic()) > 0:
            time.sleep(left)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                self._answer(_json_object(self.rfile.read(int(self.headers.get("Content-Length", 0)))))

            def _answer(self, body: dict[str, Any] | None) -> None:
                server._heard = time.monotonic()
                headers = {name.lower(): value for name, value in self.headers.items()}
                served = server._respond(HttpRequest(self.command, self.path, headers, body))
                time.sleep(served.delay_seconds)
                if served.hang_up:
                    self.close_connection = True
                    return
                self._send(served)

            def _send(self, served: Served) -> None:
                data = served.body if isinstance(served.body, bytes) else json.dumps(served.body).encode()
                try:
                    self.send_response(served.status)
                    for name, value in {"Content-Type": "application/json", **served.headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # five, the default, refuse connections on a busy machine: calls that nobody counts

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients hang up in the middle."""


def _json_object(sent: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(sent)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
