"""The way to an endpoint: certificates and proxies of the environment, and what is wrong with them in plain words.

In: the environment, what the HTTP client raises. Out: its arguments, ConfigErrors, sentences.
"""

import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ledger.endpoint.places import is_local
from ledger.errors import ConfigError

CERTIFICATES = "SSL_CERT_FILE"
LOOK_AT_PROXIES = "Look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY."
PROXY_WANTS = 407
CUT_OFF = "without sending complete message body"
"""The HTTP client's words where a reply began and broke off."""
PROXY_PASSWORD = "The proxy wants a user and a password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT."


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
        raise ConfigError(what, where=where, remedy=LOOK_AT_PROXIES) from None


@dataclass(frozen=True)
class Lost:
    """Why nothing came back as a whole; with a remedy where a proxy of the environment is why, and what status came."""

    words: str
    remedy: str = ""
    status: int | None = None


def no_connection(error: BaseException, url: str) -> Lost:
    """Why there is none, from the error at the root of others; a proxy is named without its user and password."""
    begun = True
    while error.__cause__ is not None:
        error = error.__cause__
        begun = begun and "ConnectError" not in type(error).__name__
    if CUT_OFF in str(error):
        return Lost(f"the reply was cut off on its way ({error})", status=200)
    why, proxy = str(error) or type(error).__name__, proxy_of(url)
    if not proxy:
        return Lost(f"no connection ({why})")
    if found := re.match(r"(\d{3})\b", why):
        status = int(found[1])
        remedy = PROXY_PASSWORD if status == PROXY_WANTS else LOOK_AT_PROXIES
        return Lost(f"HTTP {why}: said by the proxy of the environment, {proxy}", remedy, status)
    words = f"no connection through the proxy of the environment, {proxy} ({why})"
    return Lost(words) if begun else Lost(words, LOOK_AT_PROXIES)


def proxy_of(url: str) -> str:
    """Host and port of the proxy that the environment puts before a URL; empty where it puts none there."""
    to = urlsplit(url)
    if is_local(url) or proxy_bypass(to.netloc):
        return ""
    proxies = getproxies()
    found = proxies.get(to.scheme) or proxies.get("all") or ""
    return found.rpartition("://")[2].rpartition("@")[2].strip("/")
