"""How fast written answers are made and checked, against the harness' own backends; what a million scores cost.

In: SmolLM2 (`assay fetch smollm2`), 200 of Assay's questions as a local five-shot task whose answers are written.
Out: a table, and one JSON object as the last line. Run by hand on a quiet machine: `python tests/bench/benchmarks.py`
(about 12 minutes on two cores); `--items 40` for a look.

The harness builds the prompts for all three and says how answers end: greedy, up to a line's end, 32 tokens at most. A
backend's time is that of its `generate_until` on the same texts, without filters and scores; ours that of
`write_solutions`, the harness' two filters applied to each text and records written to the disk. Loads and a warm-up of
four items apart. Backends run one after the other, each in a process of its own; ours is the median of three, the
prefix cache emptied and the same four items asked before each. All compute in bfloat16, where the batch that a text
shares may change it: how many texts are the same is told.
"""

import argparse
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
from assay.sources.material import checked_task, task_items
from assay.sources.smollm2 import fetch_smollm2
from generation.orders import CheckedTask, EngineSpec
from generation.solutions import Repeat, SolutionPlan, write_solutions
from generation.vllm_engine import load_vllm
from ledger.material_config import TaskConfig
from ledger.runs import GenerationFolder
from ledger.store import Writer
from tests.bench.settings import backend, compare_cost, in_a_process

SHOTS, REPEATS, WARM_UP = 5, 3, 4
MILLION = 1_000_000
TASK = """
task: bench
dataset_path: json
dataset_kwargs: {{data_files: {{test: {test}, train: {train}}}}}
test_split: test
training_split: train
fewshot_config: {{sampler: first_n}}
num_fewshot: {shots}
output_type: generate_until
description: "Answer each question in one short sentence.\\n\\n"
doc_to_text: "Question: {{{{question}}}}\\nAnswer:"
doc_to_target: "The answer is {{{{answer}}}}, and that is a fact that everybody can look up."
generation_kwargs: {{until: ["\\n", "Question:"], do_sample: false, max_gen_toks: 32}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}}]
filter_list:
  - {{name: strict, filter: [{{function: regex, regex_pattern: "The answer is ([^,.]+)"}}, {{function: take_first}}]}}
  - {{name: flexible, filter: [{{function: regex, regex_pattern: "[A-Z][a-z]+"}}, {{function: take_first}}]}}
"""

Texts = dict[str, str]


def bench_task(folder: Path, count: int) -> CheckedTask:
    """A local five-shot task, its prompts rendered by the harness."""
    items = task_items(TaskConfig(name="assay")).items
    rows = [json.dumps({"question": i.question.strip(), "answer": i.options[i.gold]}) for i in items]
    test, train = folder / "test.jsonl", folder / "train.jsonl"
    test.write_text("\n".join(rows[:count]) + "\n", encoding="utf-8")
    train.write_text("\n".join(rows[count : count + SHOTS]) + "\n", encoding="utf-8")
    (folder / "bench.yaml").write_text(TASK.format(test=test, train=train, shots=SHOTS), encoding="utf-8")
    found = checked_task(TaskConfig(name="bench", include_path=str(folder)))
    assert found is not None
    return found


def ours(model: str, task: CheckedTask) -> tuple[list[float], Texts]:
    """Seconds of each of our runs, and the texts of the last."""
    engine = load_vllm(EngineSpec(kind="vllm", model=model))

    def solved(count: int) -> tuple[float, Texts]:
        pending = [Repeat(task, item, 0) for item in task.items[:count]]
        with tempfile.TemporaryDirectory() as name, Writer(GenerationFolder(Path(name)).solutions) as writer:
            begun = time.perf_counter()
            write_solutions(engine, pending, SolutionPlan("bench", 1), writer)
            seconds = time.perf_counter() - begun
            records = list(writer.store.records())
        if any(len(each.scores) != len(("strict", "flexible")) for each in records):
            raise SystemExit("a text was not scored under both filters")
        return seconds, {each.item: each.text or "" for each in records}

    runs = []
    for _ in range(REPEATS):
        engine._engine.reset_prefix_cache()
        solved(WARM_UP)
        runs.append(solved(len(task.items)))
    return [seconds for seconds, _ in runs], runs[-1][1]


def theirs(name: str, model: str, task: CheckedTask) -> tuple[float, Texts]:
    """Seconds of a backend of the harness on the same texts, and what it writes."""
    from lm_eval.api.instance import Instance

    loaded = backend(name, model)
    how = {"do_sample": False, "until": list(task.items[0].stop), "max_gen_toks": task.items[0].max_tokens}
    requests = [Instance("generate_until", {}, (item.prompt, dict(how)), i) for i, item in enumerate(task.items)]
    loaded.generate_until(requests[:WARM_UP], disable_tqdm=True)
    begun = time.perf_counter()
    replies = loaded.generate_until(requests, disable_tqdm=True)
    seconds = time.perf_counter() - begun
    return seconds, {item.id: text for item, text in zip(task.items, replies, strict=True)}


def same(one: Texts, other: Texts) -> float:
    """The share of texts that two ways wrote alike."""
    if one.keys() != other.keys():
        raise SystemExit("the backends were asked different items")
    return sum(one[id] == other[id] for id in one) / len(one)


def write_tables(folder: Path, scores: int) -> tuple[str, str]:
    """A table per model, half of the scores each: two answers to an item, one in fifty of the candidate's changed."""
    drawn = random.Random(1)
    right = [[drawn.random() < 0.6 for _ in range(2)] for _ in range(scores // 4)]
    for name, changed in (("base.csv", 0.0), ("cand.csv", 0.02)):
        with (folder / name).open("w", encoding="utf-8") as stream:
            stream.write("item,repeat,score\n")
            for number, pair in enumerate(right):
                for repeat, each in enumerate(pair):
                    stream.write(f"{number},{repeat},{int(each != (drawn.random() < changed))}\n")
    return "base.csv", "cand.csv"


def main() -> None:
    """Measure, print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=200, help="five-shot items (default 200)")
    parser.add_argument("--backend", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    model = str(fetch_smollm2(lambda _: None))
    if arguments.backend:
        task = bench_task(arguments.folder, arguments.items)
        way = ours(model, task) if arguments.backend == "ours" else theirs(arguments.backend, model, task)
        print("\n" + json.dumps(way))
        return
    with tempfile.TemporaryDirectory() as name:
        seconds, peak = compare_cost(Path(name), *write_tables(Path(name), MILLION))
        print(f"import and compare {MILLION} scores: {seconds:.1f} s, {peak:.0f} MiB", flush=True)
        found = {}
        for way in ("hf", "ours", "vllm"):
            found[way] = in_a_process(__file__, way, Path(name), arguments.items)
            print(f"{way}: {found[way][0]} s for {arguments.items} items", flush=True)
    mine = statistics.median(found["ours"][0])
    figures = {
        "over_harness_vllm": round(found["vllm"][0] / mine, 2),
        "over_harness_hf": round(found["hf"][0] / mine, 2),
        "same_texts_as_harness_vllm": round(same(found["ours"][1], found["vllm"][1]), 3),
        "same_texts_as_harness_hf": round(same(found["ours"][1], found["hf"][1]), 3),
        "seconds_million_scores": round(seconds, 1),
        "peak_mib_million_scores": round(peak),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
