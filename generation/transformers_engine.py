"""transformers as an engine: for what vLLM cannot load, and as a second opinion. One request at a time.

In: a model folder or hub name, arguments of `from_pretrained`. Out: an Engine.
With `generation/` the model lab (assay/lab) is the other owner of `torch` and `transformers`.
"""

import importlib.util
from collections import deque
from collections.abc import Sequence
from typing import Any

from generation.engine import Reply, Request, Scored, ScoreRequest, WriteRequest, Written, chat_tokens, split_tokens
from generation.orders import EngineSpec
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
    return TransformersEngine(model.eval(), tokenizer)


class TransformersEngine:
    """A loaded model, asked one request after the other."""

    window = 4

    def __init__(self, model: Any, tokenizer: Any) -> None:  # noqa: ANN401 - transformers' own classes
        self._model, self._tokenizer = model, tokenizer
        self._context = int(getattr(model.config, "max_position_embeddings", 4096))
        self._waiting: deque[Request] = deque()
        self.facts = {
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
        return [self._scored(request) if isinstance(request, ScoreRequest) else self._written(request)]

    def _written(self, request: WriteRequest) -> Written:
        import torch

        tokens = chat_tokens(self._tokenizer, request.messages)
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
                **(sampling if request.temperature > 0 else greedy),
            )
        written = output[0, len(tokens) :].tolist()
        stopped = bool(written) and written[-1] in self._stop_tokens()
        text = self._tokenizer.decode(written, skip_special_tokens=True).strip()
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

    def _stop_tokens(self) -> set[int]:
        stops = self._model.generation_config.eos_token_id
        stops = stops if isinstance(stops, list) else [stops]
        return {token for token in (*stops, self._tokenizer.eos_token_id) if token is not None}
