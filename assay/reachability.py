"""Whether somebody answers at an address: asked before work goes there that would wait, or fail, much later.

In: a host and a port. Out: nothing, or why nobody answers.
"""

import socket

from ledger.endpoint.places import CONNECT_SECONDS


def silence(host: str, port: int) -> str:
    """That nobody answers there, and why; empty where somebody does."""
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        return f"nobody answers at {host}:{port} ({error.strerror or error})"
    except UnicodeError:  # a part of it is empty or too long
        return f"nobody answers at {host}:{port} (no machine can have this name)"
    return ""
