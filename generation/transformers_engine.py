"""transformers as an engine: for what vLLM cannot load, and as a second opinion. One request at a time.

In: a model folder or hub name, arguments of `from_pretrained`. Out: an Engine.
With `generation/` the model lab (assay/lab) is the other owner of `torch` and `transformers`.
"""

import importlib.util
from collections import deque
from collections.abc import Sequence
from typing import Any

from generation.engine import (
    Reply,
    Request,
    Scored,
    ScoreRequest,
    Traced,
    TraceRequest,
    WriteRequest,
    Written,
    split_tokens,
)
from generation.orders import EngineSpec
from generation.templates import chat_prompt
from generation.thinking import OPEN
from generation.tokenizers import tokenizer_digest
from ledger.digests import digest_of
from ledger.errors import EngineError
from ledger.records import Finish


def load_transformers(spec: EngineSpec) -> "TransformersEngine":
    """Load a model from safetensors, without any code of its own. Raises EngineError."""
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
        raise EngineError("transformers or torch is not installed here.", remedy="Install the extra `transformers`.")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    arguments = {"dtype": "auto", "device_map": {"": device}, "use_safetensors": True} | spec.arguments
    try:
        model = AutoModelForCausalLM.from_pretrained(spec.model, trust_remote_code=False, **arguments)
        tokenizer = AutoTokenizer.from_pretrained(spec.model, trust_remote_code=False)
    except (OSError, ValueError, TypeError, ImportError, RuntimeError) as error:
        lines = str(error).splitlines() or ["no message"]
        raise EngineError(f"cannot be loaded by transformers: {lines[0]}", where=spec.model) from error
    return TransformersEngine(model.eval(), tokenizer, spec.template)


class TransformersEngine:
    """A loaded model, asked one request after the other."""

    window = 4

    def __init__(self, model: Any, tokenizer: Any, template: str = "") -> None:  # noqa: ANN401 - transformers' own
        self._model, self._tokenizer, self._template = model, tokenizer, template
        self._context = int(getattr(model.config, "max_position_embeddings", 4096))
        self._waiting: deque[Request] = deque()
        self.facts = {
            "tokenizer": tokenizer_digest(tokenizer),
            "context_tokens": self._context,
            "dtype": str(model.dtype),
            "device": str(model.device),
            "quantization": str(getattr(model, "quantization_method", None) or "") or None,
            "chat_template": digest_of(getattr(tokenizer, "chat_template", None)),
        }

    def submit(self, request: Request) -> None:
        """Queue a request."""
        self._waiting.append(request)

    def step(self) -> Sequence[Reply]:
        """The reply to the oldest request."""
        if not self._waiting:
            return []
        request = self._waiting.popleft()
        if isinstance(request, ScoreRequest):
            return [self._scored(request)]
        return [self._traced(request) if isinstance(request, TraceRequest) else self._written(request)]

    def _written(self, request: WriteRequest) -> Written:
        import torch

        rendered = chat_prompt(self._tokenizer, request.messages, self._template)
        tokens = rendered.tokens
        room = self._context - len(tokens)
        if room < 1:
            return Written(request.id, "", Finish.OVERFLOW, len(tokens), 0)
        torch.manual_seed(request.seed)
        sampling = {"do_sample": True, "temperature": request.temperature, "top_k": 0, "top_p": 1.0}
        greedy = {"do_sample": False, "temperature": None, "top_k": None, "top_p": None}
        prompt = torch.tensor([tokens], device=self._model.device)
        with torch.inference_mode():
            output = self._model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=min(request.max_tokens, room),
                pad_token_id=self._tokenizer.eos_token_id,
                eos_token_id=sorted(self._stop_tokens() | set(rendered.stop_tokens)),
                **({"stop_strings": list(rendered.stop), "tokenizer": self._tokenizer} if rendered.stop else {}),
                **(sampling if request.temperature > 0 else greedy),
            )
        written = output[0, len(tokens) :].tolist()
        text = self._tokenizer.decode(written, skip_special_tokens=True)
        ended = [text.find(stop) for stop in rendered.stop if stop in text]
        stopped = len(written) < min(request.max_tokens, room) or bool(ended) or written[-1] in self._stop_tokens()
        text = ((OPEN if rendered.opens_thinking else "") + (text[: min(ended)] if ended else text)).strip()
        finish = Finish.EMPTY if not text else Finish.STOP if stopped else Finish.LENGTH
        return Written(request.id, text, finish, len(tokens), len(written))

    def _scored(self, request: ScoreRequest) -> Scored:
        import torch

        logprobs = []
        for text in request.continuations:
            context, option = split_tokens(self._tokenizer.encode, request.context, text)
            tokens = torch.tensor([context + option], device=self._model.device)
            if tokens.shape[1] > self._context:
                raise EngineError(f"item {request.id} has {tokens.shape[1]} tokens, the context holds {self._context}")
            with torch.inference_mode():
                logits = (
                    self._model(tokens[:, :-1]).logits[0, len(context) - 1 :].float()
                )  # (option tokens, vocabulary)
            chosen = torch.log_softmax(logits, dim=-1).gather(1, tokens[0, len(context) :, None])
            logprobs.append(tuple(chosen[:, 0].tolist()))
        return Scored(request.id, tuple(logprobs))

    def _traced(self, request: TraceRequest) -> Traced:
        import torch

        prompt = chat_prompt(self._tokenizer, request.messages, self._template).tokens
        answer = self._tokenizer.encode(request.answer, add_special_tokens=False)[: self._context - len(prompt)]
        tokens = torch.tensor([[*prompt, *answer]], device=self._model.device)
        with torch.inference_mode():
            logits = self._model(tokens[:, :-1]).logits[0, len(prompt) - 1 :].float()  # (answer tokens, vocabulary)
        logprobs = torch.log_softmax(logits, dim=-1)
        chosen = logprobs.gather(1, tokens[0, len(prompt) :, None])[:, 0]
        top = logprobs.topk(min(request.top_k, logprobs.shape[1]), dim=1)
        return Traced(
            request.id,
            tuple(answer),
            tuple(chosen.tolist()),
            tuple(map(tuple, top.indices.tolist())),
            tuple(map(tuple, top.values.tolist())),
        )

    def _stop_tokens(self) -> set[int]:
        stops = self._model.generation_config.eos_token_id
        stops = stops if isinstance(stops, list) else [stops]
        return {token for token in (*stops, self._tokenizer.eos_token_id) if token is not None}
