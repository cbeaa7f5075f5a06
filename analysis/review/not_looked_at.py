"""What a review did not look at at all: a short list for the first screen.

In: the evidence of a run folder. Out: pairs of a subject and why nothing here speaks of it.
What was found and not compared is another matter (unseen.py): this list is of what nobody measured.
"""

from collections.abc import Iterator, Sequence

from analysis.evidence.run_evidence import RunEvidence
from analysis.summaries.judge_reports import JudgeReport
from ledger.engines import IMPORTED
from ledger.facts import ModelFacts, ModelSettings, Refusal

CHECKED = "no benchmark whose generated answers a program checks (GSM8K, code, instructions) is read here"
LANGUAGES = "nothing tells one language from another"
TOOLS = "no item calls a tool"
REFUSALS = "no item asks for what should be refused"
UNTRUSTED = "what the judge said is shown, and decides nothing"
REFUSED = {Refusal.TRACES: "traces", Refusal.VOCABULARY: "the whole vocabulary"}
SERVING_ARGUMENTS = ("kv_cache_dtype", "quantization", "max_model_len", "enable_prefix_caching", "speculative_config")


def not_looked_at(evidence: RunEvidence, judges: Sequence[JudgeReport]) -> tuple[tuple[str, str], ...]:
    """Subject and reason, from what is in this run and what is not."""
    return tuple(_rows(evidence, judges))


def _rows(evidence: RunEvidence, judges: Sequence[JudgeReport]) -> Iterator[tuple[str, str]]:
    if text := _free_text(evidence, judges):
        yield "free text", text
    for model in evidence.candidates:
        for refused, subject in REFUSED.items():
            if cause := ModelFacts.of(model.manifest).refusal(refused):
                yield f"{subject} of {model.name}", cause
    if not len(evidence.items):
        yield "multiple choice", "no item was given to these models"
    yield "generated answers", CHECKED
    yield "long context", _longest_prompt(evidence)
    yield "other languages", LANGUAGES
    yield "tool calls", TOOLS
    yield "refusals and safety", REFUSALS
    yield "serving as deployed", _serving(evidence)


def _free_text(evidence: RunEvidence, judges: Sequence[JudgeReport]) -> str:
    asked = evidence.config.questions
    if asked is None:
        return "no model was asked to write"
    if judges:
        scored = any(row.scored for judge in judges for row in judge.paired)
        unfit = all(judge.unfit for judge in judges)
        return "" if scored and not unfit else UNTRUSTED if scored else "no judgment of a pair of answers is there"
    if asked.traces:
        return "what candidates write was not judged; only the baseline's own answers were traced"
    return "answers were written, and nothing compared them: there is no judge and no trace"


def _longest_prompt(evidence: RunEvidence) -> str:
    """Answers tell how long their prompts were; choices do not."""
    longest = max(
        (turn.prompt_tokens for model in evidence.models for answer in model.answers for turn in answer.turns),
        default=0,
    )
    return (
        f"no prompt of a question was longer than {longest} tokens" if longest else "how long prompts were is not told"
    )


def _serving(evidence: RunEvidence) -> str:
    """The engines and arguments that were measured: a deployment with others is another system."""
    told = dict.fromkeys(
        _measured_under(ModelSettings.of(model.manifest)) for model in evidence.models if model.manifest
    )
    return (
        f"measured under {'; '.join(told) or 'settings that nothing tells'}: KV cache and engine as deployed may differ"
    )


def _measured_under(settings: ModelSettings) -> str:
    engine, arguments = settings.engine or "an engine that is not told", settings.engine_args
    if engine == IMPORTED:
        return "the settings of its logs"
    chosen = [f"{name} {arguments[name]}" for name in SERVING_ARGUMENTS if name in arguments]
    return f"{engine} with {', '.join(chosen)}" if chosen else f"{engine} with its own defaults"
