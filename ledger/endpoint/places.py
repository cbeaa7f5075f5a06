"""Where an endpoint is, which key belongs there, and which way leads to it.

In: a `base_url` and an `api_key_env` of a config; the environment. Out: URLs, hosts, keys. No call is made here.
A key goes where it belongs: OPENAI_API_KEY to OpenAI's own host, unless a config names it for another.
"""

import ipaddress
import os
import re
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ledger.errors import ConfigError

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_HOST = "api.openai.com"
OPENAI_KEY, OPENAI_PLACE = "OPENAI_API_KEY", "OPENAI_BASE_URL"
NO_KEY = "no-key"  # sent where a server needs none: the SDK insists on one
CONNECT_SECONDS = 10.0
LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain"})


def resolved(url: str) -> str:
    """The URL that a config means: its own, else that of OPENAI_BASE_URL, else OpenAI's."""
    return given(url) or OPENAI_URL


def given(url: str) -> str:
    """The URL that the config or the environment gives; empty where OpenAI's own is meant."""
    return url or os.environ.get(OPENAI_PLACE, "").strip()


def address(url: str, where: str = "") -> tuple[str, int]:
    """Host and port of a URL, as `resolved`. Raises ConfigError, without the URL: it may hold a password."""
    if re.search(r"[\s\x00-\x1f]", resolved(url)):
        raise ConfigError("base_url has a blank in it", where=where, remedy="Remove it.")
    with suppress(ValueError):
        parts = urlsplit(resolved(url))
        if parts.scheme in ("http", "https") and parts.hostname:
            return parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    raise ConfigError("base_url must look like http://host:port/v1 or https://host/v1", where=where)


def place(url: str) -> str:
    """Host and port of a URL in one text, without the user, password and path that it may carry. Raises ConfigError."""
    host, port = address(url)
    return f"{host}:{port}"


def is_local(url: str, where: str = "") -> bool:
    """Whether a URL is this machine: no proxy of the environment reaches it, and it may need no key."""
    host, _ = address(url, where)
    with suppress(ValueError):
        number = ipaddress.ip_address(host)
        return number.is_loopback or number.is_unspecified
    return host.lower() in LOCAL_NAMES


def parted(url: str) -> tuple[str, dict[str, str]]:
    """A URL without its query, and the query: Azure's `?api-version=` belongs behind the path of each call."""
    parts = urlsplit(resolved(url))
    return urlunsplit(parts._replace(query="", fragment="")), dict(parse_qsl(parts.query))


def azure_headers(query: dict[str, str], key: str) -> dict[str, str]:
    """Where Azure's endpoints look for the key, beside OpenAI's place."""
    return {"api-key": key} if key and "api-version" in query else {}


def key_variable(url: str, named: str) -> str:
    """The variable that holds the key for a URL: the one that the config names, else OpenAI's for its host alone."""
    return named or (OPENAI_KEY if address(url)[0] == OPENAI_HOST else "")


def key_for(url: str, named: str, where: str) -> str:
    """The key for a URL from the environment; none is needed on this machine. Raises ConfigError."""
    local, variable = is_local(url, where), key_variable(url, named)
    key = os.environ.get(variable, "").strip() if variable else ""
    if not key and not local:
        what = f"{variable} is not set" if variable else "`api_key_env` names no variable"
        remedy = "Export the key there; any text will do for a server that needs none."
        if not variable:
            remedy = f"{OPENAI_KEY} goes to {OPENAI_HOST} alone; name the variable with this server's key, which may "
            remedy += "hold any text where it needs none."
        raise ConfigError(f"no API key: {what}.", where=where or place(url), remedy=remedy)
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the key in {variable} holds characters that no HTTP header can carry", where=where)
    return key
