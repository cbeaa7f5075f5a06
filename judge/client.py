"""A judge behind an OpenAI-compatible endpoint: what one call of ours is there, and what comes back of it.

In: messages and an output limit. Out: a Reply, or Unavailable (trying again helps) or Rejected (it does not).
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from judge.prompt_sets import TEMPERATURE, Messages
from judge.replies import Reply, reply_of
from judge.verdict_forms import is_rating
from ledger.endpoint.client import NO_EXTRAS, Endpoint
from ledger.endpoint.completions import Completion
from ledger.endpoint.faults import BAD_REQUEST
from ledger.endpoint.parameters import EndpointParameters
from ledger.endpoint.words import NO_COMPLETION
from ledger.errors import Rejected, Unavailable

FORMS = {"response_format": "json", "logprobs": "logprob"}
_FORM_REFUSED = {
    "response_format": re.compile("response_format|json_schema|structured|guided", re.IGNORECASE),
    "logprobs": re.compile("logprobs", re.IGNORECASE),
}
NEEDED = (*FORMS, "top_logprobs")
PLAIN = EndpointParameters()

Extras = Mapping[str, Any]
"""Further parameters of a call: the form of the reply."""


class Transport(Protocol):
    """One call to a judge. Raises Unavailable or Rejected."""

    async def call(self, messages: Messages, max_tokens: int, extras: Extras = NO_EXTRAS) -> Reply:
        """The judge's reply to these messages."""


class OpenAITransport:
    """A judge behind an endpoint; `facts` holds what was learned about it, `learned` what an earlier session learned,
    so that no call is refused twice. Enter it (`async with`) so that its connections are closed.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        timeout_seconds: float,
        learned: Extras = NO_EXTRAS,
        parameters: EndpointParameters = PLAIN,
    ) -> None:
        self._model, self._parameters = model, parameters
        self._endpoint = Endpoint(base_url, api_key, parameters, timeout_seconds=timeout_seconds, learned=learned)
        self.where, self.facts = self._endpoint.where, self._endpoint.facts

    def __repr__(self) -> str:
        return f"OpenAITransport({self._model!r} at {self.where})"

    async def __aenter__(self) -> "OpenAITransport":
        await self._endpoint.__aenter__()
        return self

    async def __aexit__(self, *why: object) -> None:
        await self._endpoint.__aexit__(*why)

    async def call(self, messages: Messages, max_tokens: int, extras: Extras = NO_EXTRAS) -> Reply:
        """One call; a server that refuses a parameter is asked once more without it, and never sent it again."""
        fields = request_fields(self._model, messages, max_tokens, extras, self._parameters)
        try:
            return judged(await self._endpoint.ask("chat/completions", fields, NEEDED), extras, self.where)
        except Rejected as error:
            raise formless(error, fields, self.where) or error from None


def judged(said: Completion, extras: Extras, where: str) -> Reply:
    """A completion as a judge's reply. Raises Unavailable or Rejected for one without the form that was asked for."""
    try:
        reply = reply_of(said)
    except NO_COMPLETION:
        what = "HTTP 200, but not a completion: its log-probabilities are none"
        raise Unavailable(what, where=where, status=200) from None
    if extras.get("logprobs") and not reply.rating_tokens and any(is_rating(word) for word in reply.text.split()):
        raise _unfit("gives no log-probabilities", "logprob", where, 200)  # to a rating: it gives none, ever
    return reply


def formless(error: Rejected, fields: Extras, where: str) -> Rejected | None:
    """The error for a form that the endpoint does not have."""
    for name, form in FORMS.items():
        if name in fields and error.status in BAD_REQUEST and _FORM_REFUSED[name].search(error.complaint):
            return _unfit(f"refuses {name} ({error.what})", form, where, error.status)
    return None


def _unfit(what: str, form: str, where: str, status: int | None) -> Rejected:
    remedy = 'Set form = "text" for this judge.'
    what = f"the endpoint {what}; form = {form!r} needs it."
    return Rejected(what, where=where, remedy=remedy, status=status, stops_all=True)


def request_fields(
    model: str, messages: Messages, max_tokens: int, extras: Extras, parameters: EndpointParameters
) -> dict[str, Any]:
    """The fields of a call."""
    given = {"temperature": TEMPERATURE, **parameters.fields(), **extras}
    return {"model": model, "messages": messages, "max_tokens": max_tokens, **given}
