"""The way to an endpoint: certificates and proxies of the environment, and what is wrong with them in plain words.

In: the environment, what the HTTP client raises. Out: its arguments, ConfigErrors, sentences.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ledger.errors import ConfigError

CERTIFICATES = "SSL_CERT_FILE"


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
