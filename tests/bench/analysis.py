"""How long the whole analysis takes and how much memory, as models are added: from a run folder to the report.

Run: python tests/bench/analysis.py. The last line is one JSON object. Each size runs in its own process, three times;
the fastest counts. A model has 160 ratings, 320 games against the baseline, and 500 choices; 10,000 resamples.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: a bench has a room's name

import numpy as np  # noqa: E402

QUESTIONS, TURNS, ITEMS, REPEATS = 80, 2, 500, 3
NOW = "2026-11-24T12:00:00+00:00"
FAMILIES = ("bits", "layers", "sparsity", "noise")


def config_of(models: int) -> dict:
    candidates = [
        {"model": f"c{i}", "label": f"c{i}", "engine": "imported", "family": FAMILIES[i % 4]} for i in range(models - 1)
    ]
    return {
        "name": "bench",
        "baseline": {"model": "base", "label": "base", "engine": "imported", "control": False},
        "candidate": candidates,
        "questions": {"source": "assay"},
        "task": [{"name": "bench.jsonl"}],
        "judge": [{"model": "judge", "exam": False}],
    }


def write_folder(path: Path, models: int) -> None:
    """A review of so many models, the baseline among them."""
    from ledger.judgments import Game, Order, Outcome, Rating, Winner
    from ledger.manifests import open_manifest
    from ledger.records import Answer, AnswerTurn, Choice, Finish, Question
    from ledger.runs import RunFolder

    generator, run = np.random.default_rng(1), RunFolder(path)
    questions = [
        Question(source="assay", id=f"q{i:03}", category=f"c{i % 8}", turns=("one?", "two?"), temperature=0.0)
        for i in range(QUESTIONS)
    ]
    names = ["base", *(f"c{i}" for i in range(models - 1))]
    hard, base_logits = generator.normal(6, 2, QUESTIONS), generator.normal(0, 2, (ITEMS, 4))
    gold = base_logits.argmax(axis=1) ^ (generator.random(ITEMS) < 0.3)
    ratings, games = [], []
    for index, name in enumerate(names):
        damage = index / len(names)
        lengths = generator.integers(50, 400, (QUESTIONS, TURNS))
        answers = [
            Answer(
                model=name,
                sample=0,
                question=question,
                turns=tuple(
                    AnswerTurn(text="x" * n, finish=Finish.STOP, prompt_tokens=1, completion_tokens=1, seed=1)
                    for n in lengths[q].tolist()
                ),
            )
            for q, question in enumerate(questions)
        ]
        run.generation(name).answers.replace(answers)
        logits = base_logits + damage * generator.normal(size=base_logits.shape)
        logprobs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        run.generation(name).choices.replace(
            Choice(
                model=name,
                task="bench",
                item=f"i{i:04}",
                subject="all",
                item_digest="d",
                logprobs=tuple(logprobs[i].tolist()),
                characters=(1, 1, 1, 1),
                tokens=(1, 1, 1, 1),
                gold=int(gold[i]),
                picked=int(logprobs[i].argmax()),
                picked_norm=int(logprobs[i].argmax()),
            )
            for i in range(ITEMS)
        )
        open_manifest(run.generation(name).path, "generation", name, {"engine": "imported"}, {}, 0)
        for q, question in enumerate(questions):
            for turn in (1, 2):
                about = {"source": "assay", "question": question.id, "sample": 0, "turn": turn, "repeat": 0}
                judged = {"judge": "judge", "prompt_digest": f"{name}{q}{turn}", "outcome": Outcome.SCORED}
                score = float(np.clip(round(hard[q] - 2 * damage + generator.normal()), 1, 10))
                ratings.append(Rating(**about, **judged, model=name, score=score))
                for order in Order if index else ():
                    winner = list(Winner)[generator.choice(3, p=[0.3 + 0.2 * damage, 0.5 - 0.2 * damage, 0.2])]
                    games.append(Game(**about, **judged, baseline="base", candidate=name, order=order, winner=winner))
    run.judge("judge").ratings.replace(ratings)
    run.judge("judge").games.replace(games)
    open_manifest(run.judge("judge").path, "judge", "judge", {"prompts": "assay"}, {}, 0)


def measured(path: Path, models: int) -> dict:
    """One report in this process: seconds, and the process' peak memory in MiB."""
    from analysis.review_report import build_report
    from ledger.config import config_from
    from ledger.runs import RunFolder

    config = config_from(config_of(models), "bench")
    started = time.perf_counter()
    report = build_report(config, RunFolder(path), NOW)
    seconds = time.perf_counter() - started
    assert len(report.decisions) == models - 1
    assert report.correlations[0].bootstrap
    return {"seconds": seconds, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def fastest(folder: Path, models: int) -> dict:
    path = folder / str(models)
    write_folder(path, models)
    command = [sys.executable, __file__, str(path), str(models)]
    found = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(REPEATS)
    ]
    best = {name: min(each[name] for each in found) for name in found[0]}
    print(f"{models} models: {best['seconds']:.2f} s, peak {best['mib']:.0f} MiB")
    return best


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(measured(Path(sys.argv[1]), int(sys.argv[2]))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        found = {models: fastest(Path(scratch), models) for models in (10, 34, 100)}
    result = {
        "seconds_34_models": round(found[34]["seconds"], 2),
        "peak_mib_34_models": round(found[34]["mib"]),
        "growth_10_to_100_models": round(found[100]["seconds"] / found[10]["seconds"], 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
