"""What a call may carry beside its messages: the same parameters for judges and for served models, declared and hashed.

In: a section of the config, the environment. Out: the fields of a request, its headers, the secrets among them.
A secret never stands in a file: a header that carries one names its variable, as in `X-Api-Key = "$MY_KEY"`.
"""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, model_validator

from ledger.endpoint.secrets import IN_HEADERS, IN_URLS, holds_key, names_variable, secret_fields
from ledger.errors import ConfigError
from ledger.sections import Arguments, ConfigSection

OWN_FIELDS = frozenset(
    {
        *("model", "messages", "prompt", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens"),
        *("temperature", "top_p", "seed", "stop", "echo", "logprobs", "top_logprobs", "response_format"),
        "reasoning_effort",
    }
)
"""What Assay sets itself; a second value in `extra_body` would break what the records claim."""
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")


def _without_secret(url: str) -> str:
    """A URL of a config, which may name the variable of a secret and holds none."""
    parts = urlsplit(url)
    literal = [name for name, value in parse_qsl(parts.query) if _is_literal(value, named=IN_URLS.search(name))]
    if literal:
        raise ValueError(
            f"its {literal[0]!r} carries a secret, which never stands in a file; name its variable: ?{literal[0]}=$NAME"
        )
    if parts.password:
        raise ValueError("carries a password, which never stands in a file; send it as a header with a $NAME")
    return url


def _is_literal(value: str, named: object) -> bool:
    """Whether a value holds a secret itself: a key behind a `$` is one still, and no variable's name."""
    variables = _VARIABLE.findall(value)
    return holds_key(value) or not all(map(names_variable, variables)) or bool(named and not variables)


def _of_variable(name: str) -> str:
    """The name of a variable, as a config gives it; the message does not repeat what may be the key itself."""
    if name and not names_variable(name):
        raise ValueError("names the environment variable with the key, as in OPENAI_API_KEY; this is no such name")
    return name


KeyVariable = Annotated[str, AfterValidator(_of_variable)]
"""Where an endpoint's key is: never the key itself."""
BaseUrl = Annotated[str, AfterValidator(_without_secret)]
"""Where an endpoint is."""


class EndpointParameters(ConfigSection):
    """How an endpoint is asked; None and empty are not sent, and leave it to the endpoint or to Assay's own choice."""

    temperature: float | None = Field(default=None, ge=0, le=2, description="sent to an endpoint; a judge's is 0")
    top_p: float | None = Field(default=None, gt=0, le=1, description="sent to an endpoint")
    max_tokens: int | None = Field(default=None, ge=1, description="of each answer of an endpoint")
    reasoning_effort: str = Field(default="", description="sent to an endpoint: low, medium, high")
    extra_body: Arguments = Field(default_factory=dict, description="whatever else a call to an endpoint carries")
    headers: dict[str, str] = Field(
        default_factory=dict, description='what an endpoint wants besides; a secret by its variable\'s name: "$NAME"'
    )
    stream: bool = Field(default=False, description="for endpoints that answer in a stream alone")

    @model_validator(mode="after")
    def _own(self) -> Self:
        if doubled := sorted(OWN_FIELDS & set(self.extra_body)):
            raise ValueError(f"`extra_body` has {doubled[0]!r}, which Assay sets itself; remove it there")
        if fields := sorted({*secret_fields(self.extra_body)}):
            raise ValueError(
                f"`extra_body` has {fields[0]!r}, which carries a secret; none stands in a file: send it as a header, "
                'as in headers = { X-Api-Key = "$NAME" }'
            )
        for name, value in self.headers.items():
            if _is_literal(value, named=IN_HEADERS.search(name)):
                raise ValueError(
                    f"header {name!r} carries a secret, which never stands in a file; name its variable: $NAME"
                )
            if not (name + value).isascii() or not (name + value).isprintable():
                raise ValueError(f"header {name!r} holds characters that no HTTP header can carry")
        return self

    def fields(self) -> dict[str, Any]:
        """What a request carries by these parameters, its output limit apart."""
        named = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "reasoning_effort": self.reasoning_effort or None,
        }
        streamed = {"stream": True, "stream_options": {"include_usage": True}} if self.stream else {}
        return {name: value for name, value in named.items() if value is not None} | streamed | self.extra_body

    def declared(self) -> dict[str, Any]:
        """All that was set, for a manifest: other parameters make other records."""
        own = set(EndpointParameters.model_fields)
        return self.model_dump(mode="json", include=own, exclude_defaults=True)

    def sent_headers(self, where: str) -> tuple[dict[str, str], tuple[str, ...]]:
        """The headers with their variables filled in, and what stood in these. Raises ConfigError."""
        return filled(self.headers, where)


def sent_query(query: Mapping[str, str], where: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """A URL's query with its variables filled in, and its secrets; OPENAI_BASE_URL may hold one. Raises ConfigError."""
    sent, secrets = filled(query, where)
    return sent, (*secrets, *(value for name, value in sent.items() if IN_URLS.search(name)))


def filled(headers: Mapping[str, str], where: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Headers with the variables in them filled in from the environment, and the secrets that stood there."""
    secrets: list[str] = []

    def value(found: "re.Match[str]") -> str:
        secret = os.environ.get(found[1], "").strip()
        if not secret or not (secret.isascii() and secret.isprintable()):
            raise ConfigError(
                f"the environment variable {found[1]} of a header or a URL holds no text to send", where=where
            )
        secrets.append(secret)
        return secret

    return {name: _VARIABLE.sub(value, text) for name, text in headers.items()}, tuple(secrets)
