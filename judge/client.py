"""The judge's endpoint: one call to an OpenAI-compatible server, and what its failures mean. It owns `openai`.

In: messages and an output limit. Out: a Reply, or Unavailable (trying again helps) or Rejected (it does not).
Source: measured behavior of openai 3.54: its own retries are off, because they hide
calls; a 200 may hold no completion; `insufficient_quota` comes as a 429 that no waiting mends.

The API key is taken out of everything that comes back, errors and replies alike.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from judge.prompt_sets import TEMPERATURE, Messages
from judge.rates import exhausted_for
from judge.replies import FILTERED, Reply, completion_reply
from judge.verdict_forms import is_rating
from ledger.endpoints import (
    CONNECT_SECONDS,
    NO_COMPLETION,
    NO_KEY,
    NO_QUOTA,
    OPENAI_URL,
    excerpt,
    is_local,
    is_transient,
    no_connection,
    place,
    received,
)
from ledger.errors import ConfigError, Rejected, Unavailable
from ledger.waits import retry_after

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

FEW_LOGPROBS = 5
NO_EXTRAS: Mapping[str, Any] = MappingProxyType({})
STOPS_ALL = frozenset({401, 403, 404})
_REFUSAL = re.compile("support|deprecated|not allowed|unrecognized", re.IGNORECASE)
_NO_ROOM = re.compile("too large|context length", re.IGNORECASE)  # vLLM names both limits when a prompt is too long
_NO_SYSTEM = re.compile(r"system.{0,40}(?:role|message|prompt)|role.{0,40}system|roles must alternate", re.IGNORECASE)
_FORM_REFUSED = {
    "response_format": re.compile("response_format|json_schema|structured|guided", re.IGNORECASE),
    "logprobs": re.compile("logprobs", re.IGNORECASE),
}

Extras = Mapping[str, Any]
"""Further parameters of a call: the form of the reply."""


class Transport(Protocol):
    """One call to a judge. Raises Unavailable or Rejected."""

    async def call(self, messages: Messages, max_tokens: int, extras: Extras = NO_EXTRAS) -> Reply:
        """The judge's reply to these messages."""


class OpenAITransport:
    """A judge behind an OpenAI-compatible endpoint; `facts` holds what was learned about it, `learned` what an earlier
    session learned, so that no call is refused twice.

    Enter it (`async with`) so that its connections are closed. An empty `base_url` is OpenAI's own, which needs a
    key; other servers may need none.
    """

    def __init__(
        self, base_url: str, api_key: str, model: str, timeout_seconds: float, learned: Extras = NO_EXTRAS
    ) -> None:
        self._url, self._key, self._model = base_url or OPENAI_URL, api_key.strip(), model
        self._timeout_seconds = timeout_seconds
        self._client: AsyncOpenAI | None = None
        self.facts: dict[str, Any] = dict(learned)
        self.where = place(self._url)
        if not self._key and not base_url:
            raise ConfigError("no API key.", where=self.where, remedy="Set the variable that `api_key_env` names.")
        if not (self._key.isascii() and self._key.isprintable()):
            raise ConfigError("the API key holds characters that no HTTP header can carry", where=self.where)

    def __repr__(self) -> str:
        return f"OpenAITransport({self._model!r} at {self.where})"

    async def __aenter__(self) -> "OpenAITransport":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def call(self, messages: Messages, max_tokens: int, extras: Extras = NO_EXTRAS) -> Reply:
        """One call; a server that refuses a parameter is asked once more without it, and never sent it again."""
        while True:
            request = self._request(messages, max_tokens, extras)
            try:
                reply = await self._sent(request)
            except Rejected as error:
                if error.status not in (400, 422) or not self._learned(error.what, request, error.status):
                    raise
                continue
            if extras.get("logprobs") and not reply.rating_tokens and not reply.refusal and reply.text.strip():
                self._without_logprobs(reply)
            self.facts["sent"] = sorted(request)
            return reply

    def _request(self, messages: Messages, max_tokens: int, extras: Extras) -> dict[str, Any]:
        return request_body(self._model, messages, max_tokens, extras, self.facts)

    def _learned(self, complaint: str, sent: dict[str, Any], status: int) -> bool:
        """Whether the complaint names a parameter that was sent and can be done without. Raises Rejected for a form."""
        if "max_tokens" in sent and "max_completion_tokens" in complaint and not _NO_ROOM.search(complaint):
            self.facts["output_limit"] = "max_completion_tokens"
            return True
        if "temperature" in sent and "temperature" in complaint and _REFUSAL.search(complaint):
            self.facts["temperature"] = "not sent: the server refuses it"
            return True
        if sent["messages"][0]["role"] == "system" and _NO_SYSTEM.search(complaint):
            self.facts["system_role"] = "sent as part of the user's message: the server refuses it"
            return True
        if sent.get("top_logprobs", 0) > FEW_LOGPROBS and "top_logprobs" in complaint:
            self.facts["top_logprobs"] = FEW_LOGPROBS
            return True
        for name, form in (("response_format", "json"), ("logprobs", "logprob")):
            if name in sent and _FORM_REFUSED[name].search(complaint):
                raise self._formless(f"refuses {name} ({complaint})", form, status)
        return False

    def _without_logprobs(self, reply: Reply) -> None:
        """A reply that is a rating and has no log-probabilities: the endpoint gives none, ever."""
        if any(is_rating(word) for word in reply.text.split()):
            raise self._formless("gives no log-probabilities", "logprob", 200)

    def _formless(self, what: str, form: str, status: int) -> Rejected:
        return Rejected(
            f"the endpoint {what}; form = {form!r} needs it.",
            where=self.where,
            remedy='Set form = "text" for this judge.',
            status=status,
            stops_all=True,
        )

    async def _sent(self, request: dict[str, Any]) -> Reply:
        import openai

        client = self._opened()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                raw = await client.chat.completions.with_raw_response.create(**request)
        except (TimeoutError, openai.APITimeoutError):
            raise Unavailable(f"no answer within {self._timeout_seconds:g} s", where=self.where) from None
        except openai.APIConnectionError as error:
            raise Unavailable(self._said(no_connection(error)), where=self.where) from None
        except openai.APIStatusError as error:
            return self._refused(error)
        return self._reply(raw.text, raw.headers)

    def _opened(self) -> "AsyncOpenAI":
        if self._client is None:
            from openai import AsyncOpenAI, DefaultAsyncHttpx2Client, Timeout

            # A proxy of the environment cannot reach this machine's own loopback.
            self._client = AsyncOpenAI(
                base_url=self._url,
                api_key=self._key or NO_KEY,
                timeout=Timeout(self._timeout_seconds, connect=min(CONNECT_SECONDS, self._timeout_seconds)),
                max_retries=0,
                http_client=DefaultAsyncHttpx2Client(trust_env=False) if is_local(self._url) else None,
            )
        return self._client

    def _refused(self, error: "APIStatusError") -> Reply:
        """What a 4xx or 5xx means: an error, or the reply that a content filter made of a prompt."""
        status, code = error.status_code, str(error.code or error.type or "")
        if code == FILTERED:
            return Reply("", finish=FILTERED, http_status=status)
        what = f"HTTP {status}: {self._said(str(error).removeprefix(f'Error code: {status}').removeprefix(' - '))}"
        if code == NO_QUOTA or status in STOPS_ALL:
            remedy = "Check the model's name, base_url and the variable that api_key_env names."
            if code == NO_QUOTA:
                remedy = "Top up the account and run again; what was answered is kept."
            raise Rejected(
                f"{what.rstrip('.')}.", where=self.where, remedy=remedy, status=status, stops_all=True
            ) from None
        if is_transient(status):
            wait = retry_after(error.response.headers.get("retry-after"), time.time())
            raise Unavailable(what, where=self.where, status=status, retry_after_seconds=wait) from None
        raise Rejected(what, where=self.where, status=status) from None

    def _reply(self, body: str, headers: Mapping[str, str]) -> Reply:
        try:
            return completion_reply(received(body, self._key), exhausted_for(headers))
        except NO_COMPLETION:
            sentence = f"HTTP 200, but not a completion: {self._said(body)}"
            raise Unavailable(sentence, where=self.where, status=200) from None

    def _said(self, text: str) -> str:
        return excerpt(text, self._key)


def request_body(model: str, messages: Messages, max_tokens: int, extras: Extras, learned: Extras) -> dict[str, Any]:
    """The body of a call, as far as is known in the shape that the endpoint takes."""
    temperature = {} if "temperature" in learned else {"temperature": TEMPERATURE}
    shown = one_message(messages) if "system_role" in learned else messages
    limit = str(learned.get("output_limit", "max_tokens"))
    further = dict(extras)
    if "top_logprobs" in further:
        further["top_logprobs"] = learned.get("top_logprobs", further["top_logprobs"])
    return {"model": model, "messages": shown, limit: max_tokens, **temperature, **further}


def one_message(messages: Messages) -> Messages:
    """The conversation with its system text at the head of the first message, for models that know no system role."""
    first, second, *rest = messages
    if first["role"] != "system":
        return messages
    return [{**second, "content": f"{first['content']}\n\n{second['content']}".lstrip()}, *rest]
