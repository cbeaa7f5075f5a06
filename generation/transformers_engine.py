"""transformers as an engine: for what vLLM cannot load, and as a second opinion. One request at a time.

In: a model folder or hub name, arguments of `from_pretrained`, or a user's own loader. Out: an Engine.
An item's context is read once, and each option goes on from there with its keys and values.
With `generation/` the model lab (assay/lab) is the other owner of `torch` and `transformers`.
"""

import copy
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
from generation.processor import cpu_name
from generation.templates import traced_tokens, written_prompt
from generation.tokenizers import clock_fact, encoder, first_token, tokenizer_digest
from generation.transformers_arguments import check_transformers, loading_arguments, user_loader
from ledger.digests import digest_of
from ledger.errors import AssayError, EngineError, first_line
from ledger.facts import ModelFacts
from ledger.records import Finish

TOKENIZER_ARGUMENTS = ("revision", "subfolder", "cache_dir", "local_files_only", "trust_remote_code", "gguf_file")


def load_transformers(spec: EngineSpec) -> "TransformersEngine":
    """Load a model, by default from safetensors and without any code of its own. Raises ConfigError, EngineError."""
    check_transformers(spec)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # On a CPU no map is needed, and HQQ refuses one.
    placed = {"device_map": {"": "cuda"}} if torch.cuda.is_available() else {}
    defaults = {"dtype": "auto", "use_safetensors": True, "trust_remote_code": False, **placed}
    arguments = spec.arguments if spec.loader else defaults | loading_arguments(spec)
    try:
        if spec.loader:
            model, tokenizer = _user_loaded(spec)
        else:
            model, tokenizer = AutoModelForCausalLM.from_pretrained(spec.model, **arguments), None
        if tokenizer is None:
            wanted = {name: arguments[name] for name in TOKENIZER_ARGUMENTS if name in arguments}
            tokenizer = AutoTokenizer.from_pretrained(spec.model, **wanted)
    except AssayError:
        raise
    except Exception as error:  # safetensors, tokenizers and a user's loader raise anything
        raise EngineError(f"cannot be loaded by transformers: {first_line(error)}", where=spec.model) from error
    return TransformersEngine(model.eval(), tokenizer, spec.template)


def _user_loaded(spec: EngineSpec) -> tuple[Any, Any]:
    """What the config's own loader makes of the path and its arguments: a model, or a model and its tokenizer."""
    made = user_loader(spec.loader)(spec.model, **spec.arguments)
    model, tokenizer = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    if not (callable(model) and hasattr(model, "generate") and hasattr(model, "config")):
        raise EngineError(
            f"gave a {type(made).__name__}, not a transformers model or a pair of model and tokenizer",
            where=f"loader {spec.loader}",
        )
    return model, tokenizer


class TransformersEngine:
    """A loaded model, asked one request after the other."""

    window = 4

    def __init__(self, model: Any, tokenizer: Any, template: str = "") -> None:  # noqa: ANN401 - transformers' own
        self._model, self._tokenizer, self._template = model, tokenizer, template
        self._context = int(getattr(model.config, "max_position_embeddings", 4096))
        self._waiting: deque[Request] = deque()
        import torch
        from transformers import GenerationConfig

        # A repetition penalty, beams and the like of the model's own would be measured as if they were its weights'.
        own = model.generation_config
        kept = {name: getattr(own, name, None) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
        model.generation_config = GenerationConfig(**kept)
        known = ModelFacts(
            tokenizer=tokenizer_digest(tokenizer),
            dtype=str(model.dtype),
            threads=torch.get_num_threads(),
            processor=torch.cuda.get_device_name() if str(model.device).startswith("cuda") else cpu_name(),
        )
        self.facts = (
            known.noted()
            | clock_fact(tokenizer)
            | {
                "context_tokens": self._context,
                "device": str(model.device),
                "quantization": quantization_fact(model),
                "chat_template": digest_of(getattr(tokenizer, "chat_template", None)),
            }
        )

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

        rendered = written_prompt(self._tokenizer, request, self._template)
        tokens = rendered.tokens
        room = self._context - len(tokens)
        if room < 1:
            return Written(request.id, "", Finish.OVERFLOW, len(tokens), 0)
        stops = self._stop_tokens() | set(rendered.stop_tokens)
        torch.manual_seed(request.seed)
        sampling = {"do_sample": True, "temperature": request.temperature, **request.drawn}
        greedy = {"do_sample": False, "temperature": None, "top_k": None, "top_p": None}
        penalties: dict[str, Any] = (
            {"repetition_penalty": request.repetition_penalty} if request.repetition_penalty != 1 else {}
        )
        if request.presence_penalty:
            penalties["logits_processor"] = [presence_penalty(request.presence_penalty, len(tokens))]
        prompt = torch.tensor([tokens], device=self._model.device)
        with torch.inference_mode():
            output = self._model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=min(request.max_tokens, room),
                pad_token_id=self._tokenizer.eos_token_id,
                eos_token_id=sorted(stops),
                **({"stop_strings": list(rendered.stop), "tokenizer": self._tokenizer} if rendered.stop else {}),
                **(sampling if request.temperature > 0 else greedy),
                **penalties,
            )
        written = output[0, len(tokens) :].tolist()
        ended_by_token = bool(written) and written[-1] in stops
        said = written[:-1] if ended_by_token else written
        text = self._tokenizer.decode(said, skip_special_tokens=True)
        ended = [text.find(stop) for stop in rendered.stop if stop in text]
        stopped = len(written) < min(request.max_tokens, room) or bool(ended) or ended_by_token
        text = rendered.opens_thinking + (text[: min(ended)] if ended else text)
        text = text if request.verbatim else text.strip()
        finish = Finish.EMPTY if not text.strip() else Finish.STOP if stopped else Finish.LENGTH
        return Written(request.id, text, finish, len(tokens), len(written))

    def _scored(self, request: ScoreRequest) -> Scored:
        import torch

        encode, first = encoder(self._tokenizer), first_token(self._tokenizer)
        pairs = [split_tokens(encode, *pair, first) for pair in request.pairs]
        if max(len(context) + len(option) for context, option in pairs) > self._context:
            return Scored(request.id, ())
        logprobs = []
        with torch.inference_mode():
            contexts = {context: self._model(self._row(context), use_cache=True) for context in {c for c, _ in pairs}}
            for context, option in pairs:
                read = contexts[context]
                logits = read.logits[0, -1:].float()  # (1, vocabulary)
                if len(option) > 1:
                    cache = copy.deepcopy(read.past_key_values)
                    following = self._model(self._row(option[:-1]), past_key_values=cache, use_cache=True)
                    logits = torch.cat([logits, following.logits[0].float()])  # (option tokens, vocabulary)
                chosen = torch.log_softmax(logits, dim=-1).gather(1, self._row(option)[0, :, None])
                logprobs.append(tuple(chosen[:, 0].tolist()))
        return Scored(request.id, tuple(logprobs))

    def _row(self, tokens: Sequence[int]) -> Any:  # noqa: ANN401 - a tensor of shape (1, tokens)
        import torch

        return torch.tensor([list(tokens)], device=self._model.device)

    def _traced(self, request: TraceRequest) -> Traced:
        import torch

        prompt, answer = traced_tokens(self._tokenizer, request, self._template)
        answer = answer[: max(0, self._context - len(prompt))]
        if not answer:
            return Traced(request.id, (), (), (), ())
        tokens = torch.tensor([[*prompt, *answer]], device=self._model.device)
        with torch.inference_mode():
            logits = self._model(tokens[:, :-1]).logits[0, len(prompt) - 1 :].float()  # (answer tokens, vocabulary)
        logprobs = torch.log_softmax(logits, dim=-1)
        chosen = logprobs.gather(1, tokens[0, len(prompt) :, None])[:, 0]
        top = logprobs.topk(min(request.top_k or logprobs.shape[1], logprobs.shape[1]), dim=1)
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


def presence_penalty(size: float, prompt: int) -> Any:  # noqa: ANN401 - a logits processor
    """What takes `size` nats from each token that stands behind the first `prompt` ones, as OpenAI and vLLM do."""

    def penalized(tokens: Any, scores: Any) -> Any:  # noqa: ANN401 - tensors (1, tokens) and (1, vocabulary)
        written = tokens[:, prompt:]
        return scores.scatter(1, written, scores.gather(1, written) - size)

    return penalized


def quantization_fact(model: Any) -> str | None:  # noqa: ANN401 - a transformers model
    """The method and the bits that a loaded model really uses, such as `bitsandbytes 8-bit`; None for none."""
    config = getattr(model.config, "quantization_config", None)
    if config is None:
        return None
    values = config if isinstance(config, dict) else config.to_dict()
    flags = {8: values.get("load_in_8bit"), 4: values.get("load_in_4bit")}
    bits = next((bits for bits, on in flags.items() if on), None) or values.get("nbits") or values.get("bits")
    method = getattr(values.get("quant_method"), "value", values.get("quant_method"))
    return f"{method} {bits}-bit" if bits else str(method)
