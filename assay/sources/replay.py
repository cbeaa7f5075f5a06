"""A judge that says again what it said: stored judgments behind the OpenAI chat-completions protocol.

In: StoredJudges and one request. Out: the stored reply as a completion, or as a stream of one chunk; a stored failure,
or a clear word for what was never stored, as an HTTP error.

Both errors are of one judgment, and no trying again mends them: 424 and 422 say so to a client, where 404 would end the
session (it is for a wrong path or model) and 5xx be tried again.
"""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from assay.placement.loopback import HttpRequest, Served, refusal
from assay.sources.stored_judgments import StoredFailure, StoredJudge
from judge.replies import Reply
from ledger.endpoint.completions import FILTERED
from ledger.endpoint.faults import Meaning, meaning
from ledger.endpoint.words import told
from ledger.judgments import RatingToken

COMPLETIONS, MODELS = "/v1/chat/completions", "/v1/models"
FAILED_THEN, NOT_STORED = 424, 422


class Replay:
    """Answers requests from what is stored; `counts` says what became of them.

    A prompt that has several replies (the judge's repeats) gets them in turn, and then from the first again.
    """

    def __init__(self, judges: Sequence[StoredJudge]) -> None:
        self._judges = {judge.model: judge for judge in judges}
        self._given: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def respond(self, request: HttpRequest) -> Served:
        """The response to one request."""
        path = request.path.partition("?")[0]
        if (request.method, path) == ("GET", MODELS):
            return Served({"object": "list", "data": [{"id": name, "object": "model"} for name in self._judges]})
        if (request.method, path) != ("POST", COMPLETIONS):
            what = f"there is no {request.method} {path} here: base_url ends with /v1, and judges are asked by"
            return refusal(404, f"{what} POST {COMPLETIONS}", "not_found")
        try:
            body = request.body or {}
            name = body["model"]
            judge = self._judges.get(name)
            keys = judge.keys(body) if judge else ()
        except (LookupError, TypeError, ValueError) as error:
            return refusal(400, f"this is no request for a chat completion: {error!r}", "invalid_request")
        if judge is None:
            known = ", ".join(self._judges)
            return refusal(404, f"no judgment of {name!r} is stored; there are those of {known}", "model_not_found")
        with self._lock:
            return self._from(judge, keys, stream=bool(body.get("stream")))

    def _from(self, judge: StoredJudge, keys: Sequence[str], *, stream: bool) -> Served:
        key = next((key for key in keys if key in judge.replies), None)
        if key is None:
            self.counts["not stored"] += 1
            return refusal(NOT_STORED, _not_stored(judge, keys), "not_stored")
        held = judge.replies[key]
        said = held[self._given[judge.model, key] % len(held)]
        self._given[judge.model, key] += 1
        if isinstance(said, StoredFailure):
            self.counts["failed then"] += 1
            return _failed_then(said)
        self.counts["replies"] += 1
        if said.http_status != 200:
            return refusal(said.http_status, "the stored prompt was filtered", FILTERED)
        whole = _completion(said, judge.model)
        return _streamed(whole) if stream else Served(whole)


def _failed_then(said: StoredFailure) -> Served:
    """The stored failure with its words, unless a client would read in them that every further call fails, too."""
    whole = refusal(FAILED_THEN, f"the stored call failed: {said.words}", "failed_then")
    if meaning(FAILED_THEN, told(json.dumps(whole.body))) is Meaning.REFUSED:
        return whole
    return refusal(FAILED_THEN, "the stored call failed with words that would end this session", "failed_then")


def _not_stored(judge: StoredJudge, keys: Sequence[str]) -> str:
    """Why nothing was found. No word of it names a parameter, or a client would try again without that."""
    if not judge.asked_once:
        return f"nothing that {judge.model} was asked is this: the text, the room for a reply or its form is another"
    if not keys:
        return f"FastChat asks once: no second question to {judge.model} is stored"
    return f"no judgment of {judge.model} is stored for this text: it was not made, or of another answer or wording"


def _completion(reply: Reply, model: str) -> dict[str, Any]:
    """A completion that a judge's client reads as this reply."""
    message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    choice: dict[str, Any] = {"index": 0, "finish_reason": reply.finish, "message": message}
    if reply.rating_tokens:
        choice["logprobs"] = {"content": [_token(each) for each in reply.rating_tokens]}
    counts = {"prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.completion_tokens}
    served = {"model": reply.served_model or model, "choices": [choice]}
    return {"id": "replay", "object": "chat.completion", "created": 0, **served, "usage": counts}


def _token(rated: RatingToken) -> dict[str, Any]:
    top = [{"token": token, "logprob": logprob} for token, logprob in rated.top]
    return {"token": rated.token, "logprob": dict(rated.top).get(rated.token, -9999.0), "top_logprobs": top}


def _streamed(whole: dict[str, Any]) -> Served:
    """The completion as a stream of one chunk."""
    choices = [{**choice, "delta": choice["message"]} for choice in whole["choices"]]
    chunk = {**whole, "object": "chat.completion.chunk", "choices": choices}
    body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
    return Served(body, headers={"Content-Type": "text/event-stream"})
