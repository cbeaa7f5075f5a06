"""The order in which the work of a review is done, wherever it runs.

In: batches and a runner (this machine, or Ray). Out: every model's records, complete; no shard left.
With several replicas a model's work is cut into shards first; what cannot be cut (traces) is done whole afterwards.
What the baseline has to read of its rivals' answers is one more load of it, at the end.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from assay.placement.processes import Job
from generation.orders import LoadGroup, ModelJob
from generation.pending import lacking_records, pending_orders
from generation.shards import Shard, merge_shards, sharded
from ledger.errors import ConfigError, EngineError
from ledger.progress import Progress, Report

Runner = Callable[[Sequence[Job], Report], None]


def unfinished(batches: Sequence[LoadGroup], report: Report) -> list[LoadGroup]:
    """The batches that lack something after their shards have been merged; the others are told to be complete.

    One that reads what others write lacks something as long as any of them does.
    """
    for batch in batches:
        merge_batch(batch, report)
    lacking = [batch for batch in batches if pending_orders(batch)]
    lacking = [batch for batch in batches if batch in lacking or (lacking and _reads_rivals(batch))]
    for batch in batches:
        if batch not in lacking:
            report(Progress(f"{batch.orders[0].model}: all records are there", 1, 1))
    return lacking


def run_work(
    batches: Sequence[LoadGroup], run: Runner, replicas: int, report: Report, spared: Collection[str] = ()
) -> None:
    """Run what the batches lack; shards that were there before have been merged (`unfinished`).

    Models that are `spared` come last, one by one, and one that fails is told of and ends nothing.
    """
    _run([batch for batch in batches if batch.orders[0].model not in spared], run, replicas, report)
    for batch in (batch for batch in batches if batch.orders[0].model in spared):
        with _sparing(batch, report):
            _run([batch], run, replicas, report)


def run_shards(jobs: Sequence[Job], run: Runner, report: Report, spared: Collection[str]) -> None:
    """Run one shard of each model; `spared` ones as `run_work` does."""
    run([job for job in jobs if job.batch.orders[0].model not in spared], report)
    for job in (job for job in jobs if job.batch.orders[0].model in spared):
        with _sparing(job.batch, report):
            run([job], report)


@contextmanager
def _sparing(batch: LoadGroup, report: Report) -> Iterator[None]:
    """Tell what fails inside, and go on."""
    try:
        yield
    except (ConfigError, EngineError) as error:
        report(Progress(f"{batch.orders[0].model}: the positive control did not run: {error}", 1, 1))


def _run(batches: Sequence[LoadGroup], run: Runner, replicas: int, report: Report) -> None:
    for phase in _phases(batches):
        if replicas > 1:
            shards = [Shard(index + 1, replicas) for index in range(replicas)]
            lacking = [batch for batch in phase if any(map(lacking_records, batch.orders))]
            run([job for batch in lacking for shard in shards if (job := shard_job(batch, shard))], report)
            for batch in phase:
                merge_batch(batch, report)
        run([Job(batch, _log(batch.orders[0])) for batch in phase if pending_orders(batch)], report)


def shard_job(batch: LoadGroup, shard: Shard) -> Job | None:
    """What a shard of a batch still lacks, or None if that is nothing."""
    part = sharded(batch, shard)
    log = _log(batch.orders[0], f".{shard.index}-of-{shard.count}")
    return Job(part, log, shard=str(shard)) if pending_orders(part) else None


def merge_batch(batch: LoadGroup, report: Report) -> None:
    """Merge the shards of a batch's models, and say what they brought."""
    for order in batch.orders:
        if added := merge_shards(order):
            report(Progress(f"{order.model}: shards merged", added, added, "records"))


def tell_completeness(batch: LoadGroup, report: Report) -> None:
    """Say how many of the planned records of a batch's models are there."""
    for order in batch.orders:
        missing = lacking_records(order)
        planned = order.planned().total
        note = "`assay generate` makes the rest" if missing else ""
        report(Progress(f"{order.model}: records", planned - missing, planned, note))


def _phases(batches: Sequence[LoadGroup]) -> list[list[LoadGroup]]:
    """All at once, the baseline first; where others' tokens are compared with its own, they wait until it is done.

    Where it reads what they write, it is loaded once more when all of them are done.
    """
    awaited = [batch for batch in batches if any(_awaited(order) for order in batch.orders)]
    first = [
        batch.model_copy(update={"orders": tuple(order.without_rivals() for order in batch.orders)})
        for batch in awaited
    ]
    others = [batch for batch in batches if batch not in awaited]
    last = [batch for batch in batches if _reads_rivals(batch)]
    return [part for part in (first, others, last) if part]


def _reads_rivals(batch: LoadGroup) -> bool:
    return any(order.reads_rivals for order in batch.orders)


def _awaited(order: ModelJob) -> bool:
    compared = order.reads or any(task.top_k is not None for task in order.tasks)
    return bool(compared) and order.folder == order.baseline


def _log(order: ModelJob, part: str = "") -> Path:
    return order.folder / f"engine{part}.log"
