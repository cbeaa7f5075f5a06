"""A served model on the wire: what requests become, what replies mean, and what the server turned out to refuse.

In: requests of generation/engine.py, an Endpoint. Out: their replies, and `facts` about the server.
Texts come from chat completions; what continues a bare text comes from the completions endpoint. There options are
scored as well, by `echo` with `logprobs`: the prompt comes back token by token, and the option begins where the context
alone would end. That is counted in tokens (`usage`), because vLLM's `text_offset` also counts the characters of a start
token that the prompt does not have.
"""

import math
import re
from typing import Any, Literal

from generation.endpoint import Endpoint, Refused
from generation.engine import Reply, Request, Scored, ScoreRequest, WriteRequest, Written
from generation.thinking import CLOSE, OPEN
from ledger.endpoints import message_text
from ledger.errors import EngineError
from ledger.records import Finish

CONTINUED = {"continue_final_message": True, "add_generation_prompt": False}  # vLLM's words for a begun answer
BAD_REQUEST = (400, 422)
MOST_STOPS = 4  # stop strings that OpenAI takes; generation/solutions.py ends the text at the others
CUT_SHORT = frozenset({"length", "max_tokens"})
FAILED = frozenset({"error", "abort"})
_REFUSAL = re.compile("support|deprecated|not allowed|not permitted|unrecognized|unknown|unexpected", re.IGNORECASE)
_TOO_LONG = re.compile("maximum context length|context (size|window|length)", re.IGNORECASE)
_LIMIT = re.compile(r"maximum context length (?:is|of) (\d+)")
_PROMPT = re.compile(r"(\d+)(?: tokens)? (?:in the messages|in your prompt|input tokens|from the input)")


class ServedModel:
    """What requests and replies look like on the wire, and what was learned about the server (`facts`)."""

    def __init__(self, endpoint: Endpoint, name: str, arguments: dict[str, Any]) -> None:
        self._endpoint, self._name, self._arguments = endpoint, name, arguments
        self._limit_name, self._refused = "max_tokens", set[str]()
        self.facts: dict[str, Any] = {"engine": "openai", "endpoint": endpoint.where, "served_models": []}

    async def reply(self, request: Request) -> Reply:
        """The reply to a request. Raises EngineError."""
        if isinstance(request, ScoreRequest):
            return await self._scored(request)
        if isinstance(request, WriteRequest):
            return await self._written(request)
        raise EngineError("a served model gives no traces", where=self._endpoint.where)

    async def _written(self, request: WriteRequest) -> Written:
        """The text; a server that refuses a parameter is asked again without it, and never sent it again."""
        limit = request.max_tokens
        begun = request.messages and request.messages[-1].role == "assistant"
        extra = self._arguments | (CONTINUED if begun else {})
        way: Literal["completions", "chat/completions"] = "completions" if request.prompt else "chat/completions"
        while True:
            fields = self._fields(request, limit)
            try:
                return await self._endpoint.ask(way, fields, extra, lambda data: self._read_text(request, data))
            except Refused as error:
                if error.code == "content_filter" and error.status in BAD_REQUEST:
                    return Written(request.id, "", Finish.EMPTY, 0, 0)
                if _too_long(error):
                    prompt, room = _measured(error.complaint)
                    if not 0 < room < limit:
                        return Written(request.id, "", Finish.OVERFLOW, prompt, 0)
                    limit = room
                elif error.status not in BAD_REQUEST or not self._learned(error.complaint, fields):
                    raise

    def _fields(self, request: WriteRequest, limit: int) -> dict[str, Any]:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        sampling: dict[str, Any] = {"temperature": request.temperature}
        if request.temperature > 0:
            sampling |= {"seed": request.seed} | ({"top_p": request.top_p} if request.top_p < 1 else {})
        if request.stop:
            sampling["stop"] = list(request.stop[:MOST_STOPS])
        sent = {name: value for name, value in sampling.items() if name not in self._refused}
        if request.prompt:
            return {"model": self._name, "prompt": request.prompt, "max_tokens": limit, **sent}
        return {"model": self._name, "messages": messages, self._limit_name: limit, **sent}

    def _learned(self, complaint: str, sent: dict[str, Any]) -> bool:
        """Whether the complaint names a parameter that was sent and can be done without."""
        if not _REFUSAL.search(complaint):
            return False
        if "max_tokens" in sent and "max_completion_tokens" in complaint:
            self._limit_name = self.facts["output_limit"] = "max_completion_tokens"
            return True
        for name in ("temperature", "seed", "top_p", "stop"):
            if name in sent and re.search(rf"\b{name}\b", complaint):
                self._refused.add(name)
                self.facts[name] = "not sent: the server refuses it"
                return True
        return False

    def _read_text(self, request: WriteRequest, data: Any) -> Written:  # noqa: ANN401 - whatever a server sends
        choice = data["choices"][0]
        message, ended = choice if request.prompt else choice["message"], choice.get("finish_reason")
        if ended in FAILED:
            raise ValueError("the server says that it failed")
        said = message_text(message.get("text" if request.prompt else "content"))
        text = self._with_thinking(message, said if request.verbatim else said.strip())
        if ended == "content_filter":
            text = ""
        finish = Finish.EMPTY if not text.strip() else Finish.LENGTH if ended in CUT_SHORT else Finish.STOP
        prompt, completion = self._usage(data)
        return Written(request.id, text, finish, prompt or 0, completion or 0)

    def _with_thinking(self, message: dict[str, Any], text: str) -> str:
        """The text behind the thinking that the server has cut off, or behind the tag that its template has written."""
        thinking = message_text(message.get("reasoning_content")) or message_text(message.get("reasoning"))
        if thinking.strip():
            return f"{OPEN}{thinking.strip()}{CLOSE}\n\n{text}".strip()
        return OPEN + text if CLOSE in text and OPEN not in text else text

    def _usage(self, data: dict[str, Any]) -> tuple[int | None, int | None]:
        """Prompt and completion tokens as the server counts them, and its name for the model noted."""
        served = data.get("model")
        if isinstance(served, str) and served not in self.facts["served_models"]:
            self.facts["served_models"] = [*self.facts["served_models"], served]
        usage = data.get("usage") or {}
        counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
        prompt, completion = (n if isinstance(n, int) and n >= 0 else None for n in counts)
        if prompt is None:
            self.facts["usage"] = "not given"
        return prompt, completion

    async def _scored(self, request: ScoreRequest) -> Scored:
        """The options of an item; blanks at the end of the context belong to them (generation/engine.split_tokens)."""
        starts: dict[str, int] = {}
        logprobs = []
        for context, text in request.pairs:
            try:
                if context not in starts:
                    starts[context], _ = await self._echoed(context.rstrip())
                start, (end, values) = starts[context], await self._echoed(context + text)
            except _TooLong:
                return Scored(request.id, ())
            # The prompt, and the one token that some servers insist on writing, unless it ends the text.
            if not end <= len(values) <= end + 1:
                raise self._cannot_score(f"it sends {len(values)} log-probabilities for {end} tokens of the prompt")
            option = values[start:end]
            if not option or not all(isinstance(value, int | float) and math.isfinite(value) for value in option):
                raise self._cannot_score(f"item {request.id} has an option without log-probabilities")
            logprobs.append(tuple(float(value) for value in option))
        self.facts["scoring"] = "echo"
        return Scored(request.id, tuple(logprobs))

    async def _echoed(self, prompt: str) -> tuple[int, list[Any]]:
        """How many tokens the prompt has, and the log-probabilities of all tokens that came back."""

        def read(data: Any) -> tuple[int | None, list[Any]]:  # noqa: ANN401 - whatever a server sends
            found = data["choices"][0].get("logprobs") or {}
            return self._usage(data)[0], list(found.get("token_logprobs") or ())

        wanted = {"max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1}
        fields = {"model": self._name, "prompt": prompt, **wanted}
        try:
            tokens, values = await self._endpoint.ask("completions", fields, self._arguments, read)
        except Refused as error:
            if error.stops_all:
                raise
            if _too_long(error):
                raise _TooLong from None
            raise self._cannot_score(error.what) from None
        if tokens is None:
            raise self._cannot_score("it does not count the tokens of a prompt")
        return tokens, values

    def _cannot_score(self, cause: str) -> EngineError:
        what = f"this endpoint cannot score options: {cause.rstrip('.')}; leave [[task]] out for served models or"
        return EngineError(f"{what} serve the model with vLLM", where=self._endpoint.where)


class _TooLong(Exception):
    """A prompt that does not fit the served model's context."""


def _too_long(error: Refused) -> bool:
    found = _TOO_LONG.search(error.complaint) is not None
    return error.code == "context_length_exceeded" or (error.status in (*BAD_REQUEST, 413) and found)


def _measured(complaint: str) -> tuple[int, int]:
    """Tokens of the prompt and the room beside it, as far as the complaint tells, else 0: some servers refuse an
    output limit that does not fit, where vLLM shortens it.
    """
    limit, prompt = _LIMIT.search(complaint), _PROMPT.search(complaint)
    tokens = int(prompt[1]) if prompt else 0
    return tokens, int(limit[1]) - tokens if limit and prompt else 0
