"""Prompts before any model is loaded: templates that are missing or wrong, and prompts that do not fit the context.

In: a model's spec and its job. Out: faults that would end its run, and lines about what it would leave out. Only the
tokenizer is loaded, and only the longest prompts are cut into tokens; where no tokenizer is here, nothing is said.
"""

from collections.abc import Iterator
from typing import Any

from analysis.rendering.sentences.clauses import clause
from analysis.statistics.causes import Cause, Kind
from generation.checkpoints import model_config
from generation.choices import score_request
from generation.engine import Message
from generation.orders import EngineSpec, ModelJob
from generation.templates import chat_prompt, refuse_unknown_template
from generation.tokenizers import asks_clock, stored_tokenizer
from ledger.engines import ENGINES
from ledger.errors import ConfigError, EngineError

OTHERS = frozenset({"tokenizer", "tokenizer_revision", "revision"})  # arguments that name another tokenizer
MEASURED = 16  # of the longest prompts of a kind


def template_fault(spec: EngineSpec, job: ModelJob) -> ConfigError | None:
    """Why a question could not be put to this model; None where it can, or where nothing tells.

    A fault of the config, because `template`, or an extra, mends it.
    """
    asked = [[Message("user", question.turns[0])] for question in job.questions[: job.writes]]
    talks = [item.messages for task in job.checked for item in task.items if item.messages]
    asked += [[Message(role, content) for role, content in talk] for talk in talks[:1]]
    if not asked or ENGINES[spec.kind].remote:
        return None
    tokenizer = _tokenizer(spec)
    try:
        refuse_unknown_template(spec.template)
        for messages in asked if tokenizer is not None else ():
            chat_prompt(tokenizer, messages, spec.template)
    except (ConfigError, EngineError) as error:
        return error if isinstance(error, ConfigError) else ConfigError(str(error))
    return None


def prompt_notices(spec: EngineSpec, job: ModelJob) -> Iterator[str]:
    """What a run would find out late: prompts longer than the context, a template that asks the clock."""
    tokenizer = None if ENGINES[spec.kind].remote else _tokenizer(spec)
    if tokenizer is None:
        return
    talks = job.questions or any(item.messages for task in job.checked for item in task.items)
    if talks and not spec.template and asks_clock(tokenizer):
        yield clause(Cause(Kind.ASKS_CLOCK, job.model))
    context = context_tokens(spec)
    if context is None:
        return
    texts = {"the questions": [question.turns[0] for question in job.questions]}
    for task in job.tasks:
        requests = (score_request(item, task.style) for item in task.items)
        texts[task.name] = [max(map("".join, request.pairs), key=len) for request in requests]
    for checked in job.checked:
        texts[checked.name] = [i.prompt or "\n".join(text for _, text in i.messages) for i in checked.items]
    for what, found in texts.items():
        longest = sorted(found, key=len, reverse=True)[:MEASURED]
        lengths = [len(tokenizer.encode(text)) for text in longest]
        if many := sum(length >= context for length in lengths):
            fit = "does not fit" if many == 1 else "do not fit"
            of = f"{many} of the {len(longest)} longest prompts of {what}"
            yield f"{of} {fit} its context of {context} tokens (up to {max(lengths)})"


def context_tokens(spec: EngineSpec) -> int | None:
    """How many tokens a model takes: what the engine is told, and no more than its config says; None if nobody says."""
    told = [spec.arguments.get("max_model_len"), model_config(spec.model).get("max_position_embeddings")]
    return min((value for value in told if isinstance(value, int) and value > 0), default=None)


def _tokenizer(spec: EngineSpec) -> Any:  # noqa: ANN401 - a transformers tokenizer
    """A loader of the user's, or an argument, may bring another tokenizer than the folder's."""
    return None if spec.loader or OTHERS & spec.arguments.keys() else stored_tokenizer(spec.model)
