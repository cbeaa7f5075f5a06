"""A served model on the wire: what requests become, what replies mean, and what the server turned out to refuse.

In: requests of generation/engine.py, the way to call. Out: their replies, and `facts` about the server.
Texts come from chat completions; what continues a bare text comes from the completions endpoint. There options are
scored as well, by `echo` with `logprobs`: the prompt comes back token by token, and the option begins where the context
alone would end. That is counted in tokens (`usage`), because vLLM's `text_offset` also counts the characters of a start
token that the prompt does not have.
"""

import math
from typing import Any

from generation.engine import Refused, Reply, Request, Scored, ScoreRequest, WriteRequest, Written
from generation.orders import EngineSpec
from generation.served_calls import ServedCalls, ending
from ledger.endpoint.client import Route
from ledger.endpoint.completions import CUT, FILTERED, Completion
from ledger.endpoint.cut_prompts import UNCOUNTED, Counted, cut, cut_sentence, plain_bytes
from ledger.endpoint.faults import BAD_REQUEST
from ledger.endpoint.learning import measured, named, too_long
from ledger.errors import EngineError, Rejected
from ledger.records import Finish
from ledger.thinking import CLOSE, OPEN, reopened, split_thinking

CONTINUED = {"continue_final_message": True, "add_generation_prompt": False}  # vLLM's words for a begun answer
MOST_STOPS = 4  # stop strings that OpenAI takes; generation/solutions.py ends the text at the others
WHOLE = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "presence_penalty": 0.0, "repetition_penalty": 1.0}
"""Each way of sampling where it changes nothing: it is not sent."""
DECLARED = (*WHOLE, "chat_template_kwargs")  # an endpoint that refuses one writes otherwise than was declared
MOST_WATCHED = 1_000  # prompts, whose counts are held against each other
REMEDY = "remove what was made with it"
SCORING = ("echo", "logprobs")
NO_SUCH_PATH = (404, 405)  # many servers have chat completions alone


class ServedModel:
    """What requests and replies look like on the wire, and what was learned about the server (`facts`)."""

    def __init__(self, calls: ServedCalls, spec: EngineSpec) -> None:
        self._calls, self._name, self._parameters = calls, spec.model, spec.parameters
        self._extra = spec.parameters.fields() | spec.arguments
        self.facts = calls.facts
        self._prompts: list[Counted] = []
        self._cut: set[Counted] = set()
        self.facts |= {"engine": "openai", "endpoint": calls.where, "served_models": []}

    async def reply(self, request: Request) -> Reply:
        """The reply to a request. Raises EngineError."""
        if isinstance(request, ScoreRequest):
            return await self._scored(request)
        if isinstance(request, WriteRequest):
            return await self._written(request)
        raise EngineError("a served model gives no traces", where=self._calls.where)

    async def _written(self, request: WriteRequest) -> Written | Refused:
        """The text; a prompt that does not fit the context overflows it, one that is refused is told."""
        route: Route = "completions" if request.prompt else "chat/completions"
        try:
            said = await self._calls.ask(route, fields := self._fields(request), DECLARED)
        except Rejected as error:
            if error.stops_all or named(error.complaint, [name for name in DECLARED if name in fields]):
                raise ending(error) from None
            if error.status not in BAD_REQUEST or not too_long(error.complaint):
                return Refused(request.id, str(error))
            return Written(request.id, "", Finish.OVERFLOW, measured(error.complaint)[0], 0)
        return self._read(request, said)

    def _fields(self, request: WriteRequest) -> dict[str, Any]:
        sampling: dict[str, Any] = {"temperature": request.temperature}
        if (self._parameters.temperature or request.temperature) > 0 and self._parameters.temperature != 0:
            narrowed = {name: value for name, value in request.drawn.items() if value != WHOLE[name]}
            sampling |= {"seed": request.seed} | narrowed
        penalties = {"presence_penalty": request.presence_penalty, "repetition_penalty": request.repetition_penalty}
        sampling |= {name: value for name, value in penalties.items() if value != WHOLE[name]}
        if request.template:
            sampling["chat_template_kwargs"] = dict(request.template)
        if request.stop:
            sampling["stop"] = list(request.stop[:MOST_STOPS])
        if request.messages and request.messages[-1].role == "assistant":
            sampling |= CONTINUED
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        asked = {"prompt": request.prompt} if request.prompt else {"messages": messages}
        limit = self._parameters.max_tokens or request.max_tokens
        return {"model": self._name, **asked, "max_tokens": limit, **sampling, **self._extra}

    def _read(self, request: WriteRequest, said: Completion) -> Written:
        text = self._with_thinking(said, said.text if request.verbatim else said.text.strip())
        if said.finish == FILTERED:
            text = ""
        finish = Finish.EMPTY if not text.strip() else Finish.LENGTH if said.finish == CUT else Finish.STOP
        if said.finish == CUT and not split_thinking(text)[1] and not self.facts["served_models"]:
            more = 2 * (self._parameters.max_tokens or request.max_tokens)
            self.facts["output"] = f"the first answer was cut while it thought: raise max_tokens to {more}"
        self._note(said)
        if self._is_cut([request.prompt, *(message.content for message in request.messages)], said):
            text, finish = "", Finish.OVERFLOW
        return Written(request.id, text, finish, said.prompt_tokens or 0, said.completion_tokens or 0)

    def _with_thinking(self, said: Completion, text: str) -> str:
        """The text behind the thinking that the server has cut off, or behind the tag that its template has written."""
        if said.thinking.strip():
            return f"{OPEN}{said.thinking.strip()}{CLOSE}\n\n{text}".strip()
        return reopened(text)

    def _is_cut(self, texts: list[str], said: Completion) -> bool:
        """Whether the server cut this prompt in silence, as far as is known by now; that it cuts any is noted."""
        counted = plain_bytes(texts), said.prompt_tokens or 0
        self._prompts = [*self._prompts[1 - MOST_WATCHED :], counted]
        self._note_cut(self._prompts)
        return counted in self._cut

    def _note_cut(self, prompts: list[Counted]) -> None:
        self._cut |= {each for each, was in zip(prompts, cut(prompts), strict=True) if was}
        if self._cut:
            self.facts["prompts_cut"] = cut_sentence(list(self._cut), REMEDY)

    def _note(self, said: Completion) -> None:
        """Note the server's name for the model, and whether it counts."""
        served = said.served_model
        if served is not None and served not in self.facts["served_models"]:
            self.facts["served_models"] = [*self.facts["served_models"], served]
        if not said.prompt_tokens and said.http_status == 200:
            self.facts["usage"] = "not given" if said.prompt_tokens is None else UNCOUNTED

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
        wanted = {"max_tokens": 1, "temperature": 0.0, "echo": True, "logprobs": 1}
        fields = {"model": self._name, "prompt": prompt, **self._extra, **wanted}
        try:
            said = await self._calls.ask("completions", fields, SCORING)
        except Rejected as error:
            if error.stops_all and error.status not in NO_SUCH_PATH:
                raise ending(error) from None
            if error.status in BAD_REQUEST and too_long(error.complaint):
                raise _TooLong from None
            raise self._cannot_score(error.what) from None
        self._note(said)
        self._note_cut(alone := [(plain_bytes([prompt]), said.prompt_tokens or 0)])
        if alone[0] in self._cut:
            raise _TooLong
        if said.prompt_tokens is None:
            raise self._cannot_score("it does not count the tokens of a prompt")
        return said.prompt_tokens, list(said.logprobs.get("token_logprobs") or ())

    def _cannot_score(self, cause: str) -> EngineError:
        what = f"this endpoint cannot score options: {cause.rstrip('.')}; leave [[task]] out for served models or"
        return EngineError(f"{what} serve the model with vLLM", where=self._calls.where)


class _TooLong(Exception):
    """A prompt that does not fit the served model's context."""
