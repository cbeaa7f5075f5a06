"""One call to an OpenAI-compatible endpoint, and what its failures mean. It owns `openai`.

In: the fields of a request. Out: a Completion, or Unavailable (trying again helps) or Rejected (it does not).
Source: measured behavior of openai 3.57: its own retries are off, because they hide calls; the text of its errors
leaves out all but one field of a body, so bodies are read here; a 200 may hold no completion.

Secrets are taken out of everything that comes back, errors and replies alike.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ledger.endpoint.completions import FILTERED, Completion
from ledger.endpoint.connections import (
    Lost,
    SentElsewhere,
    no_connection,
    refuse_elsewhere_later,
    to_one_origin,
    told_plainly,
)
from ledger.endpoint.faults import CLOSED
from ledger.endpoint.learning import LIMIT, OTHER_LIMIT, Fields, Trial
from ledger.endpoint.parameters import EndpointParameters, sent_query
from ledger.endpoint.places import CONNECT_SECONDS, NO_KEY, azure_headers, parted, place
from ledger.endpoint.replies import Replies
from ledger.endpoint.words import body_text, excerpt
from ledger.errors import Rejected, Unavailable

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Route = Literal["chat/completions", "completions"]
NO_EXTRAS: Mapping[str, Any] = MappingProxyType({})


class Endpoint:
    """An endpoint; `facts` holds what was learned about it, `learned` what an earlier session learned.

    Enter it (`async with`) in the loop that calls it, so that its connections are closed. Of the parameters, only the
    headers are set for all calls. Raises ConfigError for a URL that is none, or a header without its secret.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        parameters: EndpointParameters,
        *,
        timeout_seconds: float,
        learned: Mapping[str, Any] = NO_EXTRAS,
    ) -> None:
        self.where = place(base_url)
        self.facts: dict[str, Any] = dict(learned)
        self._url, query = parted(base_url)
        self._query, more = sent_query(query, self.where)
        self._key, self._timeout_seconds = api_key.strip(), timeout_seconds
        self._headers, secrets = parameters.sent_headers(self.where)
        self._secrets = (self._key, *secrets, *more)
        self._client: AsyncOpenAI | None = None
        self._replies = Replies(self.where, self._url, self._secrets)
        self._taken: set[str] = set()  # what answered calls had, as it was asked for

    def __repr__(self) -> str:
        return f"Endpoint({self.where})"

    async def __aenter__(self) -> "Endpoint":
        self._opened()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def ask(self, route: Route, fields: Fields, needed: Sequence[str] = ()) -> Completion:
        """One completion; a server that refuses a parameter is asked once more without it, and never sent it again.

        What is `needed` is never left out. The completion says what was sent and what was not. Raises
        Unavailable, Rejected.
        """
        trial = Trial(self.facts, needed, self._taken)
        while True:
            sent = trial.shaped(fields)
            try:
                said = await self._sent(route, sent)
            except Rejected as error:
                if not trial.goes_on(error, sent):
                    raise trial.told(error, fields, sent) from None
                continue
            self._replies.proved()
            if said.finish == FILTERED and trial.tried:
                return said
            trial.keep()
            asked, changed = set(sent), trial.changed(fields)
            self._taken |= asked - {*changed}
            self._note("sent", asked - {*changed})
            self._note("changed", changed)
            return replace(said, sent=tuple(sorted(asked - {*changed})), changed=tuple(changed))

    def _note(self, name: str, fields: Collection[str]) -> None:
        """Note names of fields beside those that earlier calls had."""
        if fields:
            self.facts[name] = sorted({*self.facts.get(name, ()), *fields})

    async def _sent(self, route: Route, fields: Fields) -> Completion:
        import openai

        client = self._opened()
        resource: Any = client.chat.completions if route == "chat/completions" else client.completions
        own = {name: fields[name] for name in ("model", "messages", "prompt") if name in fields}
        rest = {name: value for name, value in fields.items() if name not in own}
        try:
            async with asyncio.timeout(self._timeout_seconds):
                raw = await resource.with_raw_response.create(**own, extra_body=rest)
        except SentElsewhere as away:
            what, remedy = self._said(str(away)), away.remedy
            raise Rejected(what, where=self.where, remedy=remedy, status=away.status, stops_all=True) from None
        except (TimeoutError, openai.APITimeoutError):
            raise Unavailable(f"no answer within {self._timeout_seconds:g} s", where=self.where) from None
        except openai.APIStatusError as error:
            return self._replies.failed(error.status_code, _text(error.response), error.response.headers)
        except openai.APIConnectionError as error:
            raise self._lost(no_connection(error, self._url)) from None
        most = fields.get(LIMIT) or fields.get(OTHER_LIMIT)
        text = _text(raw.http_response)
        return self._replies.read(raw.status_code, text, raw.headers, most, streamed="stream" in fields)

    def _opened(self) -> "AsyncOpenAI":
        if self._client is None:
            from openai import AsyncOpenAI, DefaultAsyncHttpx2Client, Timeout

            with told_plainly(self.where):
                self._client = AsyncOpenAI(
                    base_url=self._url,
                    api_key=self._key or NO_KEY,
                    timeout=Timeout(self._timeout_seconds, connect=min(CONNECT_SECONDS, self._timeout_seconds)),
                    max_retries=0,
                    default_query=self._query,
                    default_headers=azure_headers(self._query, self._key) | self._headers,
                    http_client=DefaultAsyncHttpx2Client(**to_one_origin(self._url, refuse_elsewhere_later)),
                )
        return self._client

    def _lost(self, found: Lost) -> Rejected | Unavailable:
        """What no connection means: a proxy that was never passed, or that refuses, is in the way of every call."""
        said = self._said(found.words)
        if found.remedy and (not self._replies.is_proved or found.status in CLOSED):
            return Rejected(said, where=self.where, remedy=found.remedy, status=found.status, stops_all=True)
        return Unavailable(said, where=self.where, status=found.status)

    def _said(self, text: str) -> str:
        return excerpt(text, *self._secrets)


def _text(response: Any) -> str:  # noqa: ANN401 - the HTTP client's response
    return body_text(response.content, response.charset_encoding)
