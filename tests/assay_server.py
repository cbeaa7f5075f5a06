"""The `assay` command without its start-up, for tests that run it a hundred times: imported once, forked per command.

In: a socket's path, and the URL of a judge on loopback. Out: each command's output on the caller's own streams, and its
exit code. Nothing leaves the machine: other addresses are refused, every judge's calls go to the one on loopback, what
would be fetched is taken as fetched, and a compressed model is a folder with two files.
`serving` starts such a server, and `client` is the text of a program that asks it.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.house import HOUSE

CLIENT = """\
#!{python} -SE
import json, os, socket, sys
asked = json.dumps({{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [len(asked).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(asked)
    sys.exit(int(server.makefile().readline()))
"""


def client(address: Path) -> str:
    """A program that runs its arguments as an `assay` command by the server at this address."""
    return CLIENT.format(python=sys.executable, address=str(address))


@contextmanager
def serving(address: Path, judge_url: str, environment: dict[str, str]) -> Iterator[None]:
    """A server in a process of its own, ready for commands, while the context lasts."""
    command = [sys.executable, "-m", "tests.assay_server", str(address), judge_url]
    with subprocess.Popen(command, cwd=HOUSE, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            yield
        finally:
            server.kill()


def serve(address: str, judge_url: str) -> None:
    """Answer for ever."""
    run = _prepared(judge_url)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        print("ready", flush=True)
        while True:
            caller, _ = server.accept()
            with caller:
                head, streams, _, _ = socket.recv_fds(caller, 8, 3)
                asked = json.loads(caller.makefile("rb").read(int.from_bytes(head, "big")))
                child = os.fork()
                if not child:
                    _obey(run, asked, streams)
                for stream in streams:
                    os.close(stream)
                _, status = os.waitpid(child, 0)
                caller.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _obey(run: Callable[[list[str]], int], asked: dict[str, Any], streams: list[int]) -> None:
    """Be the command: its folder, its environment, its streams."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["assay", *asked["arguments"]]
    try:
        code = run(asked["arguments"])
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _prepared(judge_url: str) -> Callable[[list[str]], int]:
    """The command line with its doors to the world closed."""
    from assay import cli, pipeline, preflight, ready_reviews
    from assay.commands import compress
    from assay.sources import mt_bench, smollm2
    from judge.client import OpenAITransport

    seams: Any = (pipeline, preflight, ready_reviews, compress, mt_bench, smollm2)
    pipeline_, preflight_, ready_, compress_, mt_bench_, smollm2_ = seams
    pipeline_.OpenAITransport = lambda _, *rest: OpenAITransport(judge_url, *rest)
    preflight_._refuse_silent_host = lambda _: None
    mt_bench_._has = lambda *_: True
    smollm2_._is_finished = lambda _: True
    ready_.compress = compress_.compressed = _compressed
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_here(self: socket.socket, address: Any) -> None:
        _refuse_away(address[0] if isinstance(address, tuple) else "localhost")
        connect(self, address)

    def look_up_here(host: Any, *rest: Any, **more: Any) -> Any:
        _refuse_away(host)
        return look_up(host, *rest, **more)

    socket.socket.connect, socket.getaddrinfo = connect_here, look_up_here  # type: ignore[method-assign]
    return cli.run


def _refuse_away(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name not in ("localhost", "::1") and not name.startswith("127."):
        raise OSError(101, f"a test may not reach {name}")


def _compressed(base: Path, out: Path, scheme: str, **_: object) -> Path:
    """A folder that passes for a model, where the scheme is one."""
    from assay.lab.schemes import parsed_scheme

    parsed_scheme(scheme)
    out.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        (out / name).write_bytes((base / name).read_bytes() + scheme.encode())
    return out


if __name__ == "__main__":
    serve(*sys.argv[1:])
