"""How fast answers are written, against vLLM's own two-phase chat and a loop of one conversation at a time.

In: SmolLM2 (`assay fetch smollm2`) and 24 of Assay's questions, three per category. Out: a table, and one JSON object
as the last line. Run by hand on a quiet machine: `python tests/bench/generation.py` (about 12 minutes on two cores).

All ways write the same number of tokens: greedy, ends ignored. `even`: 128 tokens per turn. `uneven`: t tokens, then
288 - t, for t from 32 to 256, so that both turns together are as long for every question. A ratio is the median over
repeats of seconds against seconds measured next to each other in this run, the prefix cache emptied before each.
The one-at-a-time loop is what FastChat's llm_judge does: transformers' `generate`, the conversation encoded anew at
each turn; it runs first, in a process of its own with all cores.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parents[2])  # this folder has a file that is called like a room

# ruff: noqa: E402
from assay.sources.material import questions
from assay.sources.smollm2 import fetch_smollm2
from generation.answers import AnswerPlan, write_answers
from generation.engine import Reply, Request
from generation.orders import EngineSpec
from generation.vllm_arguments import cpu_environment, on_cpu
from generation.vllm_engine import VllmEngine, load_vllm
from ledger.material_config import QuestionsConfig
from ledger.records import Question
from ledger.runs import GenerationFolder
from ledger.store import Writer

PER_CATEGORY = 3
EVEN_TOKENS = 128
UNEVEN_TOTAL, UNEVEN_LEAST, UNEVEN_MOST = 288, 32, 256

Lengths = dict[str, tuple[int, int]]


@dataclass
class Bench:
    """One loaded model, and what vLLM itself offers for it."""

    llm: Any
    engine: VllmEngine
    asked: list[Question]

    def timed(self, way: Callable[["Bench", Lengths], int], lengths: Lengths) -> float:
        """Seconds that one way takes for all conversations; it must have written every token."""
        self.llm.reset_prefix_cache()
        begun = time.perf_counter()
        tokens = way(self, lengths)
        seconds = time.perf_counter() - begun
        if tokens != sum(map(sum, lengths.values())):
            raise SystemExit(f"{way.__name__} wrote {tokens} tokens, not {sum(map(sum, lengths.values()))}")
        return seconds


class FixedLengths:
    """Our engine, but every turn is greedy and has a given number of tokens."""

    def __init__(self, engine: VllmEngine, lengths: Lengths) -> None:
        self._engine, self._lengths = engine, lengths
        self.window, self.facts, self.tokens = engine.window, engine.facts, 0

    def submit(self, request: Request) -> None:
        """Hand on a turn with its number of tokens."""
        turn = len(request.messages) // 2
        length = self._lengths[request.id.split("/")[1]][turn]
        self._engine.submit(replace(request, max_tokens=length, temperature=0.0))

    def step(self) -> Sequence[Reply]:
        """Step the engine, and count."""
        replies = self._engine.step()
        self.tokens += sum(reply.completion_tokens for reply in replies)
        return replies


def ours(bench: Bench, lengths: Lengths) -> int:
    """Assay's own way, records written to the disk."""
    with tempfile.TemporaryDirectory() as name, Writer(GenerationFolder(Path(name)).answers) as writer:
        pending = [(question, 0) for question in bench.asked]
        engine = FixedLengths(bench.engine, lengths)
        write_answers(engine, pending, AnswerPlan("bench", 1, EVEN_TOKENS), writer)
    return engine.tokens


def two_phase(bench: Bench, lengths: Lengths) -> int:
    """LLM.chat of vLLM itself: all first turns, then all second turns."""
    said: list[list[dict[str, str]]] = [[] for _ in bench.asked]
    tokens = 0
    for turn in (0, 1):
        for messages, question in zip(said, bench.asked, strict=True):
            messages.append({"role": "user", "content": question.turns[turn]})
        outputs = bench.llm.chat(said, [_params(lengths[q.id][turn]) for q in bench.asked], use_tqdm=False)
        for messages, output in zip(said, outputs, strict=True):
            messages.append({"role": "assistant", "content": output.outputs[0].text})
            tokens += len(output.outputs[0].token_ids)
    return tokens


def bare(bench: Bench, lengths: Lengths) -> int:
    """The engine stepped by hand, second turns as first ones end, nothing else done."""
    engine, tokenizer = bench.llm.llm_engine, bench.llm.get_tokenizer()
    asked = {question.id: question for question in bench.asked}
    said = {id: [{"role": "user", "content": question.turns[0]}] for id, question in asked.items()}

    def add(id: str) -> None:
        turn = len(said[id]) // 2
        text = tokenizer.apply_chat_template(said[id], tokenize=False, add_generation_prompt=True)
        prompt = tokenizer.encode(text, add_special_tokens=False)
        engine.add_request(f"{turn}:{id}", {"prompt_token_ids": prompt}, _params(lengths[id][turn]))

    for id in asked:
        add(id)
    tokens = 0
    while engine.has_unfinished_requests():
        for output in engine.step():
            if not output.finished:
                continue
            tokens += len(output.outputs[0].token_ids)
            turn, _, id = output.request_id.partition(":")
            if turn == "0":
                said[id].append({"role": "assistant", "content": output.outputs[0].text})
                said[id].append({"role": "user", "content": asked[id].turns[1]})
                add(id)
    return tokens


def _params(tokens: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True, output_kind=RequestOutputKind.FINAL_ONLY)


def one_at_a_time(model: str, asked: list[Question], tokens: int) -> float:
    """Seconds of the loop of transformers' `generate`; load and a short warm-up are not counted."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16).eval()

    def reply(messages: list[dict[str, str]], length: int) -> str:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        prompt = torch.tensor([tokenizer.encode(text, add_special_tokens=False)])
        settings = {"do_sample": False, "min_new_tokens": length, "max_new_tokens": length, "pad_token_id": 0}
        with torch.inference_mode():
            output = loaded.generate(prompt, attention_mask=torch.ones_like(prompt), **settings)
        if output.shape[1] - prompt.shape[1] != length:
            raise SystemExit("transformers wrote another number of tokens")
        return str(tokenizer.decode(output[0, prompt.shape[1] :], skip_special_tokens=True))

    reply([{"role": "user", "content": "Hello."}], 8)
    begun = time.perf_counter()
    for question in asked:
        said: list[dict[str, str]] = []
        for turn in question.turns:
            said.append({"role": "user", "content": turn})
            said.append({"role": "assistant", "content": reply(said, tokens)})
    return time.perf_counter() - begun


def chosen() -> list[Question]:
    """The first questions of every category."""
    every = questions(QuestionsConfig())
    categories = dict.fromkeys(question.category for question in every)
    return [q for name in categories for q in [q for q in every if q.category == name][:PER_CATEGORY]]


def loaded(model: str) -> Bench:
    """The model in vLLM as Assay loads it; vLLM's own object is kept as well."""
    if on_cpu():
        os.environ.update(cpu_environment())  # before vllm is imported
    import vllm

    made: list[Any] = []

    class Kept(vllm.LLM):
        def __init__(self, *values: Any, **named: Any) -> None:
            super().__init__(*values, **named)
            made.append(self)

    vllm.LLM = Kept
    engine = load_vllm(EngineSpec(kind="vllm", model=model))
    engine._params = partial(vllm.SamplingParams, ignore_eos=True)
    return Bench(made[0], engine, chosen())


def lengths_of(asked: list[Question]) -> tuple[Lengths, Lengths]:
    """Tokens of both turns by question: even, uneven."""
    last = len(asked) - 1
    firsts = [UNEVEN_LEAST + round(i * (UNEVEN_MOST - UNEVEN_LEAST) / last) for i in range(len(asked))]
    even = {question.id: (EVEN_TOKENS, EVEN_TOKENS) for question in asked}
    return even, {q.id: (first, UNEVEN_TOTAL - first) for q, first in zip(asked, firsts, strict=True)}


def measured(model: str, repeats: int) -> dict[str, list[float]]:
    """Seconds by way and set; the order of the ways turns with each repeat, and the first round is a warm-up."""
    bench = loaded(model)
    even, uneven = lengths_of(bench.asked)
    jobs = {
        "two_phase even": (two_phase, even),
        "ours even": (ours, even),
        "bare even": (bare, even),
        "two_phase uneven": (two_phase, uneven),
        "ours uneven": (ours, uneven),
    }
    bench.timed(bare, dict.fromkeys(even, (8, 8)))
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for repeat in range(repeats):
        order = list(jobs)[:: -1 if repeat % 2 else 1]
        for name in order:
            seconds[name].append(bench.timed(*jobs[name]))
            print(f"{name}: {seconds[name][-1]:.1f} s", flush=True)
    return seconds


def main() -> None:
    """Measure, print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="rounds of the vLLM ways (default 3)")
    parser.add_argument("--loop-only", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    model = str(fetch_smollm2(lambda _: None))
    if arguments.loop_only:
        print(one_at_a_time(model, chosen(), EVEN_TOKENS))
        return
    loop = subprocess.run([sys.executable, __file__, "--loop-only"], capture_output=True, text=True, check=True)
    alone = float(loop.stdout.splitlines()[-1])
    print(f"one at a time even: {alone:.1f} s", flush=True)
    seconds = measured(model, arguments.repeats)

    def ratio(first: str, second: str) -> float:
        pairs = zip(seconds[first], seconds[second], strict=True)
        return round(statistics.median(a / b for a, b in pairs), 3)

    figures = {
        "continuous_over_two_phase_even": ratio("two_phase even", "ours even"),
        "continuous_over_two_phase_uneven": ratio("two_phase uneven", "ours uneven"),
        "over_one_at_a_time": round(alone / statistics.median(seconds["ours even"]), 2),
        "engine_overhead": round(ratio("ours even", "bare even") - 1, 4),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
