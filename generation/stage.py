"""One model's part of a review: whatever is still missing, in one model load.

In: a LoadGroup and a way to load its engine. Out: manifest.json, answers.jsonl, choices.jsonl, solutions.jsonl,
and where asked for traces.parquet and options.parquet, for each order.
The engine is loaded only if something is missing.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from generation.answers import AnswerPlan, write_answers
from generation.checkpoints import hub_revision
from generation.choices import write_choices
from generation.engine import Engine
from generation.option_tokens import OptionText, write_option_tokens
from generation.orders import EngineSpec, LoadGroup, ModelJob
from generation.pending import (
    Pending,
    free_settings,
    pending_option_tokens,
    pending_orders,
    pending_traces,
    refuse_other_conditions,
)
from generation.solutions import SolutionPlan, write_solutions
from generation.traces import Turn, write_traces
from ledger.engines import ENGINES
from ledger.errors import EngineError, PromptsRefused
from ledger.facts import ModelFacts, Refusal, TooLong
from ledger.manifests import end_session, open_manifest, read_manifest, write_manifest
from ledger.progress import Progress, Report, silent
from ledger.records import Answer
from ledger.runs import GenerationFolder
from ledger.served_facts import gathered
from ledger.solutions import Solution
from ledger.store import Writer, write_lock
from ledger.traces import OPTION_TOKENS, TRACES, TraceWriter, trace_keys


def run_batch(batch: LoadGroup, load: Callable[[EngineSpec], Engine], report: Report = silent) -> None:
    """Do what the batch still lacks: choices first (they are quick and say most), solutions, then answers."""
    pending = pending_orders(batch)
    if not pending:
        return
    report(Progress(f"{batch.orders[0].model}: loading", 0, 1, batch.engine.kind))
    engine = load(batch.engine)
    report(Progress(f"{batch.orders[0].model}: loading", 1, 1, batch.engine.kind))
    refused: list[PromptsRefused] = []
    for each in pending:
        with PromptsRefused.gathered(refused):
            try:
                _run_order(each, batch.engine, engine, report)
            except EngineError as error:
                kept = ENGINES[batch.engine.kind].remote and GenerationFolder(each.order.folder).holds_records
                raise error.adding("What was answered is kept." if kept else "") from error.__cause__
        if told := _known(engine).prompts_cut:
            report(Progress(f"{each.order.model}: {told}", 1, 1))
    PromptsRefused.tell(refused)


def _run_order(pending: Pending, spec: EngineSpec, engine: Engine, report: Report) -> None:
    order = pending.order
    folder = GenerationFolder(order.folder)
    refuse_other_conditions(order, engine.facts)
    with ExitStack() as held:
        held.enter_context(write_lock(folder.path))
        choices, answers = held.enter_context(Writer(folder.choices)), held.enter_context(Writer(folder.answers))
        solves = order.checked or folder.solutions.path.exists()
        solutions = held.enter_context(Writer(folder.solutions)) if solves else None
        writers = [each for each in (choices, answers, solutions) if each]
        traced = sum(len(trace_keys(folder.path, layout)) for layout in (TRACES, OPTION_TOKENS))
        found = sum(len(each.keys) for each in writers) + traced
        settings, free = order.settings(spec), free_settings(folder)
        manifest = open_manifest(folder.path, "generation", order.model, settings, order.inputs(), found, free)
        torn = ModelFacts.of(manifest).torn_lines_removed + any(each.torn for each in writers)
        known = ModelFacts(planned=order.planned(), torn_lines_removed=torn, **_revision(spec))
        _note(folder.path, {**known.noted(), **engine.facts})
        try:
            refused: list[PromptsRefused] = []
            # While this process loaded its model, another one may have held the lock, and be done.
            lacking = [each for each in pending.choices if (order.model, *each[0].key) not in choices.keys]
            too_long = write_choices(engine, lacking, order.model, choices, report)
            _note_too_long(folder.path, TooLong.ITEMS, too_long)
            if solutions:
                with PromptsRefused.gathered(refused):
                    _solve(pending, engine, solutions, report)
            with PromptsRefused.gathered(refused):
                _answer(pending, engine, answers, report)
            # Asked again only now: a model traces the answers that it has just written, too.
            if turns := pending_traces(order):
                _trace(order, turns, engine, report)
            if texts := pending_option_tokens(order):
                _trace_options(order, texts, engine, report)
            PromptsRefused.tell(refused)
        finally:
            _note(folder.path, engine.facts)  # an endpoint tells what it is only while it answers
            end_session(folder.path)


def _solve(pending: Pending, engine: Engine, writer: Writer[Solution], report: Report) -> None:
    order = pending.order
    unsolved = [each for each in pending.solutions if (order.model, *each.key) not in writer.keys]
    write_solutions(engine, unsolved, SolutionPlan(order.model, order.seed, order.control), writer, report)


def _answer(pending: Pending, engine: Engine, writer: Writer[Answer], report: Report) -> None:
    order = pending.order
    plan = AnswerPlan(order.model, order.seed, order.max_tokens, order.control, order.served)
    unanswered = [(q, sample) for q, sample in pending.answers if (order.model, *q.key, sample) not in writer.keys]
    write_answers(engine, unanswered, plan, writer, report)


def _revision(spec: EngineSpec) -> dict[str, str]:
    """The commit of a model that has just been loaded by its hub name."""
    found = None if ENGINES[spec.kind].remote else hub_revision(spec.model, spec.arguments.get("revision"))
    return {"revision": found} if found else {}


def _trace(order: ModelJob, turns: list[Turn], engine: Engine, report: Report) -> None:
    """Trace answers, or say in the manifest why this model's traces could not be compared with the baseline's."""
    if cause := _incomparable(order, engine):
        report(Progress(f"{order.model}: traces refused: {cause}", 1, 1))
        of = {order.folder: Refusal.ROLLOUTS, order.baseline: Refusal.TRACES}
        _note(order.folder, {of[place]: cause for place in order.reads if place in of})
        return
    too_long = write_traces(engine, turns, order, TraceWriter(order.folder), report)
    _note_too_long(order.folder, TooLong.TURNS, too_long)


def _trace_options(order: ModelJob, texts: list[OptionText], engine: Engine, report: Report) -> None:
    """Trace the options' tokens, or say in the manifest why they could not be compared with the baseline's."""
    cause = _incomparable(order, engine)
    if not cause and _known(engine).top_k_bounded and any(not text.top_k for text in texts):
        cause = 'the whole vocabulary (vocabulary_top_k = 0) needs engine = "transformers"'
    if cause:
        report(Progress(f"{order.model}: option tokens refused: {cause}", 1, 1))
        _note(order.folder, {Refusal.VOCABULARY: cause})
        return
    too_long = write_option_tokens(engine, texts, order.model, TraceWriter(order.folder, OPTION_TOKENS), report)
    _note_too_long(order.folder, TooLong.OPTIONS, too_long)


def _incomparable(order: ModelJob, engine: Engine) -> str:
    """Why this model's tokens are not the baseline's; empty if they are."""
    own = _known(engine).tokenizer
    if own is None:
        return "this engine gives none"
    baseline = ModelFacts.of(read_manifest(order.baseline) if order.baseline else None)
    return "" if baseline.tokenizer == own else "the tokenizer is not the baseline's"


def _known(engine: Engine) -> ModelFacts:
    return ModelFacts.model_validate(engine.facts)


def _note_too_long(folder: Path, what: TooLong, names: list[str]) -> None:
    """Add names to those that the manifest says do not fit the context."""
    manifest = read_manifest(folder)
    if manifest is not None and names:
        _note(folder, {what: sorted({*ModelFacts.of(manifest).too_long(what), *names})})


def _note(folder: Path, facts: Mapping[str, Any]) -> None:
    """Add facts to a folder's manifest."""
    manifest = read_manifest(folder)
    if manifest is not None and not facts.items() <= manifest.facts.items():
        write_manifest(folder, manifest.model_copy(update={"facts": gathered(manifest.facts, facts)}))
