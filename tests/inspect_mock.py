"""Inspect AI's mock model answers sums: the logs under tests/fixtures/inspect were written by this, and can be again.

In: a folder; run as `python -m tests.inspect_mock tests/fixtures/inspect` where inspect_ai is installed (the extra
"inspect"). Out: a log of two models, as JSON without the events of its samples, and one as .eval.

Six sums, two epochs: s2 is cut at the limit, s3 has no answer, s4 thinks, s5 fails; int4 has s1 wrong in both epochs.
"""

import json
import math
import sys
from pathlib import Path

SUMS = 6


def written(folder, model, log_format):
    """A log of a model, and where it is; the mock counts tokens by words, and asks nobody for a vocabulary."""
    import tiktoken
    from inspect_ai import eval as evaluated
    from inspect_ai.model import get_model

    class Words:
        def encode(self, text, **_):
            return text.split()

        encode_ordinary = encode

    tiktoken.get_encoding = lambda _: Words()
    named = get_model("mockllm/model", custom_outputs=answers(wrong=model == "int4"), memoize=False, label=model)
    settings = {"log_dir": str(folder), "log_format": log_format, "display": "none"}
    (log,) = evaluated(sums(), model=named, max_samples=1, fail_on_error=False, **settings)
    return Path(log.location.removeprefix("file://"))


def answers(wrong):
    """What the mock model says, call by call: epoch by epoch, s5 never calls it."""
    from inspect_ai.model import ChatMessageAssistant, ContentReasoning, ContentText, ModelOutput

    said = ModelOutput.from_content
    thought = ModelOutput.from_message(
        ChatMessageAssistant(content=[ContentReasoning(reasoning="4 and 4"), ContentText(text="8")], source="generate")
    )
    epoch = [
        said("mockllm/model", "0"),
        said("mockllm/model", "99" if wrong else "2"),
        said("mockllm/model", "4 and then", stop_reason="max_tokens"),
        said("mockllm/model", "I cannot say?"),
        thought,
    ]
    return [each.model_copy(deep=True) for each in [*epoch, *epoch]]


def sums():
    """The task: a prompt, an answer, three scorers (one of them of several values)."""
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import GenerateConfig
    from inspect_ai.scorer import Score, accuracy, match, mean, scorer
    from inspect_ai.solver import generate, solver, system_message

    @scorer(metrics={"*": [mean()]})
    def graded():
        async def score(state, target):
            length = len(state.output.completion)
            return Score(value={"brief": 1.0 if length < 10 else 0.25, "length": length})

        return score

    @scorer(metrics=[accuracy()])
    def strict():
        async def score(state, target):
            text = state.output.completion
            value = "N" if "?" in text else "P" if "then" in text else "C" if text == target.text else "I"
            return Score(value=math.nan if text == "8" else value, answer=text)

        return score

    @solver
    def unlucky():
        async def solve(state, generate):
            if state.sample_id == "s5":
                raise RuntimeError("the sandbox is gone")
            return state

        return solve

    samples = [Sample(id=f"s{i}", input=f"{i}+{i}=", target=str(2 * i)) for i in range(SUMS)]
    return Task(
        name="sums",
        dataset=MemoryDataset(samples, name="sums"),
        solver=[system_message("Add."), unlucky(), generate()],
        scorer=[match(location="any"), graded(), strict()],
        epochs=2,
        config=GenerateConfig(temperature=0.7, max_tokens=16, seed=7),
    )


def main(folder):
    """Write the fixtures anew."""
    for model in ("bf16", "int4"):
        made = written(folder / "made", model, "json")
        log = json.loads(made.read_text())
        for sample in log["samples"]:
            for name in ("events", "events_data", "store", "metadata", "error_retries", "role_usage"):
                sample.pop(name, None)
            if sample.get("error"):
                sample["error"] = {"message": sample["error"]["message"], "traceback": "", "traceback_ansi": ""}
        log["eval"]["model_args"] = {"weights": model}
        log["eval"].pop("revision", None)
        log.pop("reductions", None)
        (folder / model).mkdir(exist_ok=True)
        for old in (folder / model).glob("*.json"):
            old.unlink()
        (folder / model / made.name).write_text(json.dumps(log, indent=1) + "\n")
        made.unlink()
    (folder / "made").rmdir()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
