"""One sample of Inspect AI as a solution: an answer, and what each scorer says of it.

In: a sample as its JSON has it. Out: a Draft: a Solution's fields, and values by metric, before it is known which
metrics run from 0 to 1 on the whole log.

What a log does not say is decided here, once:
- A scorer is a metric; where it gives several values, each is one: SCORER.NAME.
- C, I, P and N are 1, 0, 0.5 and 0, as in Inspect; N is also an answer that could not be extracted.
- The document is the sample with its dataset, the task's version and arguments and what scores it; the prompt is all
  that stood before the model's first message, with the solvers and settings that change what is generated.
- A sample that a limit stopped was cut, whatever its last message says.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assay.sources.inspect_logs import OF_DOCUMENTS, OF_PROMPTS, InspectLog
from assay.sources.lm_eval_digests import document_digest
from assay.sources.lm_eval_results import part
from ledger.errors import BadRecord
from ledger.records import Finish
from ledger.thinking import split_thinking

WORDS = {"c": 1.0, "i": 0.0, "p": 0.5, "n": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
NO_ANSWER = "N"
FINISHES = {"stop": Finish.STOP, "max_tokens": Finish.LENGTH, "length": Finish.LENGTH, "model_length": Finish.OVERFLOW}


@dataclass(frozen=True)
class Draft:
    """A sample's fields, values by metric (NaN for none), what was extracted, and why it has no score."""

    fields: dict[str, Any]
    values: dict[str, float]
    extracted: dict[str, str | None]
    error: str


def draft_of(sample: dict[str, Any], log: InspectLog) -> Draft:
    """A sample. Raises BadRecord for one of an unknown layout."""
    try:
        values, extracted = {}, {}
        for metric, value, answer in _values(sample.get("scores") or {}):
            values[metric], extracted[metric] = value, answer
        error = part(sample, "error").get("message") or ("invalidated" if sample.get("invalidation") else "")
        return Draft(_fields(sample, log), values, extracted, str(error))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        cause = f"an unknown layout ({type(error).__name__}: {error})"
        raise BadRecord(log.path, None, f"sample {sample.get('id')}", cause) from error


def _values(scores: dict[str, Any]) -> Iterator[tuple[str, float, str | None]]:
    """Each metric of a sample, its value as a number, and the answer that it was given to."""
    for scorer, score in scores.items():
        value, answer = score.get("value"), score.get("answer")
        extracted = "" if value == NO_ANSWER or (answer is not None and not str(answer).strip()) else answer
        extracted = None if extracted is None else str(extracted)
        if isinstance(value, dict):
            yield from ((f"{scorer}.{name}", _number(each), extracted) for name, each in value.items())
        else:
            yield scorer, _number(value), extracted


def _number(value: Any) -> float:  # noqa: ANN401 - whatever a log holds
    """A value as Inspect makes a number of it; NaN for none."""
    if isinstance(value, str):
        word = WORDS.get(value.lower())
        try:
            return float(value) if word is None else word
        except ValueError:
            return math.nan
    return float(value) if isinstance(value, int | float) else math.nan


def _fields(sample: dict[str, Any], log: InspectLog) -> dict[str, Any]:
    """All of a Solution but its model and scores."""
    output, settings = part(sample, "output"), log.settings
    documents, prompts = ([log.made_by.get(name) for name in names] for names in (OF_DOCUMENTS, OF_PROMPTS))
    choice = next(iter(output.get("choices") or [{}]))
    thinking, text = _texts(str(output.get("completion") or ""), part(choice, "message").get("content"))
    usage = part(output, "usage") or next(iter(part(sample, "model_usage").values()), {})
    finish = FINISHES.get(str(choice.get("stop_reason")))
    if limit := part(sample, "limit").get("type"):
        finish = Finish.OVERFLOW if limit == "context" else Finish.LENGTH
    elif not text.strip() and finish in (None, Finish.STOP):
        finish = Finish.EMPTY
    return {
        "task": log.task,
        "item": str(sample["id"]),
        "subject": log.task,
        "repeat": int(sample.get("epoch") or 1) - 1,
        "item_digest": document_digest([sample.get("input"), sample.get("choices"), sample.get("target"), *documents]),
        "prompt_digest": document_digest([[*_shown(sample)], prompts]),
        "text": text,
        "thinking": thinking,
        "finish": finish,
        "completion_tokens": usage.get("output_tokens"),
        "seed": settings.get("seed"),
        "temperature": None if settings.get("temperature") is None else float(settings["temperature"]),
    }


def _shown(sample: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The messages before the model's first; the examples of few shots were not generated."""
    for message in sample.get("messages") or ():
        if message.get("role") == "assistant" and message.get("source") in ("generate", None):
            return
        yield str(message.get("role")), message.get("content")


def _texts(completion: str, content: Any) -> tuple[str | None, str]:  # noqa: ANN401
    """The thinking block, if there is one, and the text for the user."""
    parts = [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    reasoning = "\n".join(str(each.get("reasoning") or "") for each in parts if each.get("type") == "reasoning")
    thinking, text = split_thinking(completion)
    return reasoning or thinking, text
