"""The way to an endpoint: certificates and proxies of the environment, and what is wrong with them in plain words.

In: the environment, what the HTTP client raises. Out: its arguments, ConfigErrors, sentences.
"""

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ledger.endpoint.places import is_local
from ledger.errors import ConfigError

CERTIFICATES = "SSL_CERT_FILE"


class SentElsewhere(Exception):
    """A reply that sends the call on to another origin."""

    remedy = "No key is sent there; if that is where the API is, set base_url to it."

    def __init__(self, status: int, origin: str) -> None:
        self.status = status
        super().__init__(f"HTTP {status}: the endpoint sends the call on to another host, {origin}.")


def refuse_elsewhere(response: Any) -> None:  # noqa: ANN401 - the HTTP client's response
    """Raises SentElsewhere: keys and headers belong to one origin, and the HTTP client would take them along."""
    if response.has_redirect_location:
        here, there = response.url, response.url.join(response.headers["location"])
        if (here.scheme, here.host, here.port) != (there.scheme, there.host, there.port):
            raise SentElsewhere(response.status_code, f"{there.scheme}://{there.netloc.decode('ascii', 'replace')}")


async def refuse_elsewhere_later(response: Any) -> None:  # noqa: ANN401 - the HTTP client's response
    """The same where calls are awaited."""
    refuse_elsewhere(response)


def to_one_origin(url: str, hook: Callable[[Any], Any]) -> dict[str, Any]:
    """Arguments of the client for a URL, with one of the hooks above for each reply."""
    return (direct() if is_local(url) else {}) | {"event_hooks": {"response": [hook]}}


def direct() -> dict[str, Any]:
    """Arguments of a client for this machine: no proxy of the environment can reach it, its certificates still hold."""
    file = os.environ.get(CERTIFICATES)
    return {"trust_env": False} | ({"verify": ssl.create_default_context(cafile=file)} if file else {})


@contextmanager
def told_plainly(where: str) -> Iterator[None]:
    """Turns what the environment makes impossible into a ConfigError, without proxies' URLs: they hold passwords."""
    try:
        yield
    except ImportError:
        what, remedy = "a SOCKS proxy of the environment needs a library that is not installed", "pip install socksio"
        raise ConfigError(what, where=where, remedy=f"Run: {remedy}; or unset ALL_PROXY.") from None
    except (OSError, ssl.SSLError) as error:
        what = f"{CERTIFICATES} names no certificates that can be read ({error.strerror or error})"
        raise ConfigError(what, where=where) from None
    except ValueError:
        what = "a proxy of the environment has an address that is none"
        raise ConfigError(what, where=where, remedy="Look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY.") from None


def no_connection(error: BaseException) -> str:
    """Why there is none, from the error at the root of others."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"no connection ({error or type(error).__name__})"
