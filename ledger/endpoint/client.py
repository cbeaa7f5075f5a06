"""One call to an OpenAI-compatible endpoint, and what its failures mean. It owns `openai`.

In: the fields of a request. Out: a Completion, or Unavailable (trying again helps) or Rejected (it does not).
Source: measured behavior of openai 3.57: its own retries are off, because they hide calls; the text of its errors
leaves out all but one field of a body, so bodies are read here; a 200 may hold no completion.

Secrets are taken out of everything that comes back, errors and replies alike.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ledger.endpoint.completions import FILTERED, Completion, Unfinished, completion, is_stream, put_together
from ledger.endpoint.connections import direct, no_connection, told_plainly
from ledger.endpoint.faults import ADD_PATH, CHECK, fault, has_path
from ledger.endpoint.learning import Fields, Trial
from ledger.endpoint.parameters import EndpointParameters
from ledger.endpoint.places import CONNECT_SECONDS, NO_KEY, azure_headers, is_local, parted, place
from ledger.endpoint.waits import reset_after
from ledger.endpoint.words import NO_COMPLETION, excerpt, is_page, received, told
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
        self._url, self._query = parted(base_url)
        self._key, self._timeout_seconds = api_key.strip(), timeout_seconds
        self._headers, secrets = parameters.sent_headers(self.where)
        self._secrets = (self._key, *secrets)
        self._client: AsyncOpenAI | None = None
        self._proved = False
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
                    raise
                continue
            trial.keep()
            self._proved = True
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
        except (TimeoutError, openai.APITimeoutError):
            raise Unavailable(f"no answer within {self._timeout_seconds:g} s", where=self.where) from None
        except openai.APIStatusError as error:
            return self._failed(error.status_code, error.response.headers, error.response.text)
        except openai.APIConnectionError as error:
            raise Unavailable(self._said(no_connection(error)), where=self.where) from None
        return self._read(raw.text, raw.headers, streamed="stream" in fields)

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
                    http_client=DefaultAsyncHttpx2Client(**direct()) if is_local(self._url) else None,
                )
        return self._client

    def _failed(self, status: int, headers: Mapping[str, str], body: str) -> Completion:
        """What a failure means: an error, or the reply that a content filter made of a prompt."""
        if error := fault(status, headers, body, self.where, self._secrets, self._url):
            raise error from None
        return Completion("", finish=FILTERED, http_status=status)

    def _read(self, body: str, headers: Mapping[str, str], *, streamed: bool) -> Completion:
        try:
            if is_stream(body):
                if not streamed:
                    raise self._no_endpoint("a stream of events", "Set stream = true.")
                body = put_together(body)
            data = received(body, *self._secrets)
            if isinstance(data, dict) and not data.get("choices") and (found := self._told_as_well(headers, body)):
                return found
            return completion(data, reset_after(headers, time.time(), refused=False))
        except Unfinished as error:
            raise Unavailable(self._said(str(error)), where=self.where, status=200) from None
        except NO_COMPLETION:
            if not self._proved and is_page(body):
                remedy = CHECK if has_path(self._url) else ADD_PATH
                raise self._no_endpoint(f"a page ({self._said(told(body).words)})", remedy) from None
            sentence = f"HTTP 200, but not a completion: {self._said(told(body).words) or 'nothing'}"
            raise Unavailable(sentence, where=self.where, status=200) from None

    def _told_as_well(self, headers: Mapping[str, str], body: str) -> Completion | None:
        """The error that a 200 carries, where it says which: what it says counts, not how it is sent."""
        error = fault(200, headers, body, self.where, self._secrets, self._url)
        if error is None:
            return Completion("", finish=FILTERED)
        if error.status != 200 or (isinstance(error, Rejected) and error.stops_all):
            raise error
        return None

    def _no_endpoint(self, what: str, remedy: str) -> Rejected:
        return Rejected(
            f"HTTP 200, but not a completion: {what}.", where=self.where, remedy=remedy, status=200, stops_all=True
        )

    def _said(self, text: str) -> str:
        return excerpt(text, *self._secrets)
