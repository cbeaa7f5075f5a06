"""vLLM as an engine, on GPUs and on CPUs; the only file that imports `vllm`.

In: a model folder or hub name, vLLM's own arguments. Out: an Engine.
Options are scored by one request for each distinct token prefix: `logprob_token_ids` reads exact log-probabilities of
all tokens that may come next, the options share their first position, and the prompt reads the prefix cache
(`prompt_logprobs` requests do not). Such requests must not share an engine with plain `logprobs=k` ones: the V1 runner
then returns wrong values for the latter, so this engine never sends those.
"""

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
from generation.processor import cpu_name
from generation.templates import traced_tokens, written_prompt
from generation.tokenizers import clock_fact, encoder, first_token, tokenizer_digest
from generation.vllm_arguments import (
    BATCH_INVARIANT,
    CPU_BINDING,
    bound_threads,
    check_vllm,
    environment,
    llm_arguments,
    on_cpu,
)
from ledger.digests import digest_of
from ledger.errors import EngineError, first_line
from ledger.facts import ModelFacts
from ledger.records import Finish
from ledger.thinking import CLOSE, OPEN


def load_vllm(spec: EngineSpec) -> "VllmEngine":
    """Load a model. Raises ConfigError for arguments that vLLM does not know, EngineError when it cannot be loaded."""
    check_vllm(spec)
    settings = environment(spec)
    os.environ.update(settings)
    if Path(spec.model).is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from vllm import LLM

        llm = LLM(spec.model, **llm_arguments(spec))
    except Exception as error:
        raise EngineError(f"cannot be loaded by vLLM: {first_line(_innermost(error))}", where=spec.model) from error
    return VllmEngine(llm, spec.template, settings)


class VllmEngine:
    """A loaded model in vLLM, stepped by hand."""

    def __init__(self, llm: Any, template: str, settings: dict[str, str]) -> None:  # noqa: ANN401 - untyped
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
        self._openings: dict[str, tuple[str, bool, bool]] = {}
        self._parser = reasoning_parser(config.structured_outputs_config.reasoning_parser, self._tokenizer)
        self._answers: dict[str, tuple[int, int]] = {}
        known = ModelFacts(
            tokenizer=tokenizer_digest(self._tokenizer),
            top_k_bounded=True,
            dtype=str(config.model_config.dtype),
            threads=bound_threads(settings.get(CPU_BINDING, "")),
            processor=_processor(),
        )
        self.facts = (
            known.noted()
            | clock_fact(self._tokenizer)
            | {
                "context_tokens": self._context,
                "quantization": config.model_config.quantization,
                "max_num_seqs": config.scheduler_config.max_num_seqs,
                "batch_invariant": os.environ.get(BATCH_INVARIANT, "0") == "1",
                "chat_template": digest_of(getattr(self._tokenizer, "chat_template", None)),
                "environment": settings,
            }
        )

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
        prompt = written_prompt(self._tokenizer, request, self._template)
        room = self._context - len(prompt.tokens)
        if room < 1:
            self._ready.append(Written(request.id, "", Finish.OVERFLOW, len(prompt.tokens), 0))
            return
        self._openings[request.id] = prompt.opens_thinking, request.verbatim, not request.prompt
        params = self._params(
            temperature=request.temperature,
            presence_penalty=request.presence_penalty,
            repetition_penalty=request.repetition_penalty,
            **request.drawn,
            seed=request.seed if request.temperature > 0 else None,
            max_tokens=min(request.max_tokens, room),
            stop=list(prompt.stop),
            stop_token_ids=list(prompt.stop_tokens),
            output_kind=self._final,
        )
        self._engine.add_request(f"write:{request.id}", {"prompt_token_ids": list(prompt.tokens)}, params)

    def _submit_score(self, request: ScoreRequest) -> None:
        encode, first = encoder(self._tokenizer), first_token(self._tokenizer)
        tree = OptionTree(request.id, [split_tokens(encode, *pair, first) for pair in request.pairs])
        if max(len(prefix) for prefix in tree.prefixes) >= self._context:
            self._ready.append(Scored(request.id, ()))
            return
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
        prompt, answer = traced_tokens(self._tokenizer, request, self._template)
        answer = answer[: max(0, self._context - len(prompt) - 1)]
        if not answer:
            self._ready.append(Traced(request.id, (), (), (), ()))
            return
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
        opening, verbatim, talk = self._openings.pop(name)
        text = opening + completion.text
        if self._parser and talk:
            text = thoughts_marked(self._parser, self._tokenizer, completion.token_ids)
        stopped = completion.finish_reason == "stop"
        finish = Finish.EMPTY if not text.strip() else Finish.STOP if stopped else Finish.LENGTH
        kept = text if verbatim else text.strip()
        return Written(name, kept, finish, len(output.prompt_token_ids), len(completion.token_ids))


def reasoning_parser(name: str, tokenizer: Any) -> Any:  # noqa: ANN401 - untyped
    """VLLM's own parser of thoughts, where engine_args name one. Raises EngineError where it does not fit the model."""
    if not name:
        return None
    from vllm.reasoning import ReasoningParserManager

    try:
        return ReasoningParserManager.get_reasoning_parser(name)(tokenizer)
    except Exception as error:  # it looks for its marks in the tokenizer, and raises what it likes
        raise EngineError(f"vLLM's reasoning parser {name!r} does not fit: {first_line(error)}") from error


def thoughts_marked(parser: Any, tokenizer: Any, tokens: Sequence[int]) -> str:  # noqa: ANN401 - untyped
    """What was written, its thoughts between Assay's own marks; only the parser is shown special tokens."""
    thoughts, said = parser.extract_reasoning(tokenizer.decode(list(tokens), skip_special_tokens=False), None)
    for special in tokenizer.all_special_tokens:
        thoughts, said = (text.replace(special, "") if text else text for text in (thoughts, said))
    opened = f"{OPEN}{thoughts}" if thoughts else ""
    return f"{opened}{CLOSE if opened and said is not None else ''}{said or ''}"


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


def _processor() -> str:
    """The GPU, as its driver names it, or the CPU."""
    if on_cpu():
        return cpu_name()
    from vllm.platforms import current_platform

    return str(current_platform.get_device_name())


def _innermost(error: BaseException) -> BaseException:
    """The end of a chain of errors."""
    return error if error.__cause__ is None else _innermost(error.__cause__)
