"""Logs as lm-evaluation-harness writes them: samples of two options, and files of samples and results.

In: log-probabilities and a gold index. Out: a line whose own scores follow from them.
"""

import json

STAMP = "2026-11-23T22-44-26.754601"
OPTIONS = ("iron", "tin")


def sample(number, first=-1.0, second=-2.0, gold=0, **changes):
    """A sample of two options, right or wrong by both acc and acc_norm."""
    picked = 0 if first >= second else 1
    norm = 0 if first / len(OPTIONS[0]) >= second / len(OPTIONS[1]) else 1
    line = {
        "doc_id": number,
        "doc": {"question": number, "weight": float("nan")},
        "target": str(gold),
        "arguments": {f"gen_args_{i}": {"arg_0": f"Q{number}", "arg_1": f" {each}"} for i, each in enumerate(OPTIONS)},
        "filtered_resps": [[str(first), "False"], [str(second), "False"]],
        "filter": "none",
        "doc_hash": f"d{number}",
        "prompt_hash": f"p{number}",
        "target_hash": f"t{gold}",
        "acc": float(picked == gold),
        "acc_norm": float(norm == gold),
    }
    return line | changes


def written(folder, lines, task="metals", results=None, name=""):
    """A log of samples in a folder, and beside it the run's results where there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or f"samples_{task}_{STAMP}.jsonl")
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if results is not None:
        (folder / f"results_{STAMP}.json").write_text(json.dumps(results))
    return path
