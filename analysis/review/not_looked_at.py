"""What a review did not look at at all: a short list for the first screen.

In: the evidence of a run folder. Out: pairs of an area and why nothing here speaks of it.
What was found and not compared is another matter (unseen.py): this list is of what nobody measured.
"""

from collections.abc import Iterator, Sequence

from analysis.evidence.run_evidence import RunEvidence
from analysis.statistics.causes import Cause, Kind
from analysis.summaries.judge_reports import JudgeReport
from ledger.engines import IMPORTED
from ledger.facts import ModelFacts, ModelSettings, Refusal

FREE_TEXT = "the quality of free text"
"""Which no measure of loops or cut-offs tells."""
REFUSED = {Refusal.TRACES: "traces", Refusal.ROLLOUTS: "rollouts", Refusal.VOCABULARY: "the whole vocabulary"}
SERVING_ARGUMENTS = ("kv_cache_dtype", "quantization", "max_model_len", "enable_prefix_caching", "speculative_config")


def not_looked_at(evidence: RunEvidence, judges: Sequence[JudgeReport]) -> tuple[tuple[str, Cause], ...]:
    """Area and reason, from what is in this run and what is not."""
    return tuple(_rows(evidence, judges))


def _rows(evidence: RunEvidence, judges: Sequence[JudgeReport]) -> Iterator[tuple[str, Cause]]:
    if why := _free_text(evidence, judges):
        yield FREE_TEXT, why
    for model in evidence.candidates:
        for refused, area in REFUSED.items():
            if recorded := ModelFacts.of(model.manifest).refusal(refused):
                yield f"{area} of {model.name}", Cause(Kind.RECORDED, names={"recorded": recorded})
    if not any(len(model.choices) for model in evidence.models):
        yield "multiple choice", Cause(Kind.NO_ITEMS)
    for area, limit in _limits(evidence):
        yield area, Cause(Kind.BEYOND_LIMIT, names={"limit": limit})
    if not evidence.solved:
        yield "generated answers", Cause(Kind.NO_CHECKED_ANSWERS)
    yield "long context", _longest_prompt(evidence)
    yield "other languages", Cause(Kind.LANGUAGES_UNTOLD)
    yield "tool calls", Cause(Kind.NO_TOOL_CALLS)
    yield "refusals and safety", Cause(Kind.NO_REFUSALS)
    yield "serving as deployed", _serving(evidence)


def _limits(evidence: RunEvidence) -> Iterator[tuple[str, str]]:
    """What all models were cut at: in one row where that is so of every task, else task by task."""
    found = {}
    for task in evidence.tasks:
        told = [ModelFacts.of(model.manifest).of_task("limit", task) for model in evidence.models]
        if None not in told:
            found[task] = ", ".join(sorted({str(each) for each in told}))
    if found.keys() == set(evidence.tasks):
        found = {"": ", ".join(sorted({*found.values()}))} if found else {}
    yield from ((f"{task} beyond --limit".strip(), limit) for task, limit in sorted(found.items()))


def _free_text(evidence: RunEvidence, judges: Sequence[JudgeReport]) -> Cause | None:
    asked = evidence.config.questions
    if asked is None:
        return Cause(Kind.NOBODY_WROTE)
    if not judges and any(model.answers for model in evidence.candidates):
        return Cause(Kind.ANSWERS_NOT_JUDGED)
    if not judges:
        return Cause(Kind.ONLY_BASELINE_TRACED if asked.traces else Kind.ANSWERS_NOT_COMPARED)
    if not any(row.scored for judge in judges for row in judge.paired):
        return Cause(Kind.NOTHING_JUDGED)
    return Cause(Kind.JUDGE_DECIDES_NOTHING) if all(judge.unfit for judge in judges) else None


def _longest_prompt(evidence: RunEvidence) -> Cause:
    """Answers tell how long their prompts were; choices do not."""
    longest = max(
        (turn.prompt_tokens for model in evidence.models for answer in model.answers for turn in answer.turns),
        default=0,
    )
    return Cause(Kind.LONGEST_PROMPT, numbers={"tokens": longest}) if longest else Cause(Kind.PROMPT_LENGTHS_UNTOLD)


def _serving(evidence: RunEvidence) -> Cause:
    """The engines and arguments that were measured: a deployment with others is another system."""
    found = dict.fromkeys(
        _measured_under(ModelSettings.of(model.manifest)) for model in evidence.models if model.manifest
    )
    return Cause(Kind.MEASURED_UNDER, causes=tuple(found))


def _measured_under(settings: ModelSettings) -> Cause:
    engine, arguments = settings.engine or "", settings.engine_args
    if engine == IMPORTED:
        return Cause(Kind.SETTINGS_OF_LOGS)
    chosen = (f"{name} {arguments[name]}" for name in SERVING_ARGUMENTS if name in arguments)
    return Cause(Kind.ENGINE_ARGUMENTS, engine, tuple(chosen))
