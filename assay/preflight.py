"""Before any engine starts: what would otherwise fail after an hour, found out in seconds.

In: a review. Out: nothing, or one error that lists the faults of all models; a line for each model whose distances
from the baseline will not be measured. Only tokenizers and small files are read.
"""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import getproxies

from assay.contestants import refuse_contestants
from assay.judge_means import api_key, prompt_set
from assay.pipeline import Review, batches
from assay.placement.gpus import gpu_memory, gpus, gpus_needed, gpus_needed_by
from assay.placement.worker import is_scripted
from assay.positive_controls import positive_control_faults
from assay.prompt_checks import prompt_notices, template_fault
from assay.reachability import silence
from assay.rule_checks import rule_faults
from assay.sources.imported_records import is_imported
from assay.sources.models import engine_spec, model_path
from generation.checkpoints import model_config, weights_bytes
from generation.engines import ENGINE_FUNCTIONS, check_engine
from generation.option_tokens import option_texts
from generation.orders import EngineSpec, LoadGroup, TaskItems
from generation.pending import Pending, pending_orders
from generation.tokenizers import stored_tokenizer_digest
from ledger.endpoint.places import address, is_local
from ledger.engines import ENGINES
from ledger.errors import AssayError, ConfigError, EngineError, Unavailable
from ledger.judge_config import JudgeConfig
from ledger.model_config import ModelConfig
from ledger.progress import Progress

GIB = 2**30
INSTALL_SERVER = "Install the extra `cpu` or `gpu`."
# Upper bounds of what a record takes on the disk; a trace is written twice while its parts are joined.
TOKEN_BYTES, CHOICE_BYTES, SOLUTION_BYTES, TRACE_BYTES, TRACE_COPIES = 8, 600, 800, 12, 2
MOST_TOKENS = 1 << 18  # of a vocabulary whose size the config does not tell
RESERVE_BYTES = GIB // 4
GPU_SHARE = 0.92  # of a GPU's memory, where gpu_memory_utilization is not set
Work = tuple[LoadGroup, list[Pending]]


def preflight(review: Review, *, here: bool = True, judges: bool = True, model: str = "") -> None:
    """Check models, disk, memory and judges. Raises AssayError; at once, where records cannot be continued.

    `here` is whether the engines run on this machine; on a Ray cluster they do not. With a `model` only that one is
    checked, because it may be all that this machine has.
    """
    work = [(batch, pending_orders(batch)) for batch in batches(review, model)]
    faults = [] if is_scripted() else list(_engine_faults(work, here=here))
    faults += _disk_faults(review, work)
    faults += rule_faults(review.config, [batch for batch, _ in work])
    faults += [] if model else [*positive_control_faults(review.config, _free_memory()), *_missing_imports(review)]
    if faults:
        raise _together(faults)
    if model:
        return
    if judges:
        _check_judges(review)
    _tell_one_model(review)
    _tell_tokenizers(review)
    _tell_prompts(review, work)


def _tell_one_model(review: Review) -> None:
    """Say before hours are spent that a candidate is the baseline itself, run alike: such a review ends as UNFIT."""
    compared = ("model", "engine", "engine_args", "template", "loader", "base_url")
    first, *rivals = ({name: getattr(model, name) for name in compared} for model in review.config.models)
    for name, rival in zip((model.name for model in review.config.candidate), rivals, strict=True):
        if rival == first and ENGINES[rival["engine"]].runs and not review.config.decision.same_name:
            cause = 'it is the baseline\'s own model and arguments, and will be UNFIT unless same_name = "allowed"'
            review.report(Progress(f"{name}: {cause}", 1, 1))


def _engine_faults(work: list[Work], *, here: bool) -> Iterator[AssayError]:
    """One fault per model at most: its engine does not take it, or it does not fit."""
    devices = gpu_memory() if here else []
    for batch, pending in work:
        try:
            check_engine(batch.engine, here=here)
            if here and not ENGINES[batch.engine.kind].remote and pending:
                _refuse_too_big(batch.engine, devices)
            if here and pending and (fault := template_fault(batch.engine, batch.orders[0])):
                raise fault
        except (ConfigError, EngineError) as error:
            kind = ConfigError if isinstance(error, ConfigError) else EngineError  # one of theirs has other arguments
            yield kind(f"model {batch.orders[0].model}: {error}")


def _refuse_too_big(spec: EngineSpec, devices: list[int]) -> None:
    """Weights alone that are larger than the memory; whatever else a run needs, they cannot be loaded."""
    weights, needed = weights_bytes(spec.model), gpus_needed(spec)
    if not weights or spec.arguments.get("quantization") or spec.arguments.get("quantization_config"):
        return
    on_gpus = ENGINE_FUNCTIONS[spec.kind].on_gpus()
    if on_gpus and devices:
        share = spec.arguments.get("gpu_memory_utilization", GPU_SHARE)
        if not isinstance(share, int | float):
            raise ConfigError(f"gpu_memory_utilization is {share!r}, not a number.", where="engine_args")
        room = sum(sorted(devices, reverse=True)[:needed]) * share
        what = f"the memory of {needed} GPU(s)"
    elif on_gpus and gpus():
        return  # nobody tells how much memory they have
    else:
        room, what = _free_memory(), "the free memory"
    if weights > room:
        raise EngineError(f"its weights take {weights / GIB:.1f} GiB, {what} is {room / GIB:.1f} GiB")


def _disk_faults(review: Review, work: list[Work]) -> list[AssayError]:
    needed = sum(_bytes_of(each, batch.engine) for batch, pending in work for each in pending) + RESERVE_BYTES
    free = shutil.disk_usage(review.run.path).free
    if needed <= free:
        return []
    what = f"the run may write {needed / GIB:.1f} GiB, and {free / GIB:.1f} GiB are free"
    return [ConfigError(what, where=str(review.run.path), remedy="Make room, or use --runs.")]


def _missing_imports(review: Review) -> list[AssayError]:
    """Models whose choices should have been imported and are not there."""
    return [
        ConfigError(
            f"model {model.name}: nothing was imported for it.",
            remedy=f"Run: assay import lm-eval LOGS --model {model.name} --review {review.config.name}",
        )
        for model in review.config.models
        if not ENGINES[model.engine].runs and not is_imported(review.run, model.name)
    ]


def _bytes_of(pending: Pending, engine: EngineSpec) -> int:
    """What the missing records of an order can take at most."""
    order = pending.order
    tokens = sum(len(question.turns) for question, _ in pending.answers) * order.max_tokens
    tokens += sum(repeat.item.max_tokens for repeat in pending.solutions)
    records = len(pending.choices) * CHOICE_BYTES + len(pending.solutions) * SOLUTION_BYTES
    turns = sum(len(question.turns) for question in order.questions) * order.samples
    traces = turns * order.max_tokens * len(order.reads) * (TRACE_BYTES + 8 * order.trace_top_k)
    kept = traces + sum(_option_bytes(task, engine) for task in order.tasks)
    return tokens * TOKEN_BYTES + records + kept * TRACE_COPIES


def _option_bytes(task: TaskItems, engine: EngineSpec) -> int:
    """What the distributions at a task's option tokens can take; a token has one character at least."""
    if task.top_k is None:
        return 0
    top_k = task.top_k or int(model_config(engine.model).get("vocab_size", MOST_TOKENS))
    characters = sum(len(text.continuation.strip()) for text in option_texts(task.items, task.style, top_k))
    return characters * (TRACE_BYTES + 8 * top_k)


def _check_judges(review: Review) -> None:
    refuse_contestants(review.config)
    for judge in review.config.judge:
        prompt_set(judge)
        if judge.serve:
            _refuse_unservable(judge)
        else:
            api_key(judge)
            _refuse_silent_host(judge)


def _refuse_unservable(judge: JudgeConfig) -> None:
    """A judge that is to be served here once all models have written: its model and vLLM must be here already."""
    where = f"judge {judge.name}"
    try:
        model_path(ModelConfig(model=judge.serve))
        gpus_needed_by(judge.serve_args)
    except ConfigError as error:
        raise ConfigError(str(error), where=where) from error
    if importlib.util.find_spec("vllm") is None:
        raise EngineError("vLLM, which serves it, is not installed here", where=where, remedy=INSTALL_SERVER)


def _tell_tokenizers(review: Review) -> None:
    """Say which models' tokens cannot be compared; generation/stage.py refuses them by name, the rest goes on."""
    config = review.config
    asked = config.questions
    lost = [*["kl_trace"] * bool(asked and asked.traces), *["kl_rollout"] * bool(asked and asked.rollouts)]
    lost += [*["kl_vocabulary"] * any(task.vocabulary for task in config.task)]
    if not lost or is_scripted():
        return
    specs = {m.name: engine_spec(m, batch_invariant=False) for m in config.run_models}
    digests = {name: _tokenizer(spec) for name, spec in specs.items()}
    baseline = digests.get(config.baseline.name)
    for name, spec in specs.items():
        own = digests[name]
        if ENGINES[spec.kind].remote:
            cause = "a served model gives no token distributions"
        elif baseline is not None and own is not None and own != baseline:
            cause = "its tokenizer is not the baseline's"
        else:
            continue
        review.report(Progress(f"{name}: {' and '.join(lost)} will not be measured: {cause}", 1, 1))


def _tell_prompts(review: Review, work: list[Work]) -> None:
    """Say what a model would leave out after it has been loaded and has scored for hours."""
    for batch, pending in work:
        if not pending or is_scripted():
            continue
        for notice in prompt_notices(batch.engine, batch.orders[0]):
            review.report(Progress(f"{batch.orders[0].model}: {notice}", 1, 1))


def _tokenizer(spec: EngineSpec) -> str | None:
    return None if ENGINES[spec.kind].remote or spec.loader else stored_tokenizer_digest(spec.model)


def _together(faults: list[AssayError]) -> AssayError:
    if len(faults) == 1:
        return faults[0]
    kind: Callable[[str], AssayError] = ConfigError if any(isinstance(f, ConfigError) for f in faults) else EngineError
    return kind("\n  ".join([f"{len(faults)} faults were found before anything was run:", *map(str, faults)]))


def _free_memory() -> int:
    """Bytes that a process can have without swapping."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _refuse_silent_host(judge: JudgeConfig) -> None:
    """One connection attempt, where the way is direct; an endpoint behind a proxy is found out by its first call."""
    where = f"judge {judge.name}"
    host, port = address(judge.base_url, where)
    if not is_local(judge.base_url) and getproxies().keys() & {"http", "https", "all"}:
        return
    if what := silence(host, port):
        raise Unavailable(what, where=where)
