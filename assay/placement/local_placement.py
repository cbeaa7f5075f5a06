"""Jobs on this machine: as many workers at once as its GPUs allow, each seeing its own; without GPUs one by one.

In: jobs, the first to be started first. Out: their records; all progress through one callback, called from one thread.
The first failure stops the other workers and is raised; what they wrote is kept. Where an endpoint refused some
prompts, the others are done first.
"""

import select
from collections.abc import Sequence

from assay.placement.gpus import environment_of, gpus, gpus_needed
from assay.placement.processes import Job, Worker
from ledger.errors import ConfigError, PromptsRefused
from ledger.progress import Report

POLL_SECONDS = 1.0


def run_locally(jobs: Sequence[Job], report: Report) -> None:
    """Run all jobs and wait for them. Raises ConfigError or EngineError."""
    waiting, free = list(jobs), gpus() if jobs else []
    _refuse_too_big(jobs, len(free))
    running: dict[Worker, list[str]] = {}
    refused: list[PromptsRefused] = []
    cpu_only = not free
    try:
        while waiting or running:
            while job := _next(waiting, len(free), busy=bool(running), cpu_only=cpu_only):
                waiting.remove(job)
                taken = [] if cpu_only else [free.pop(0) for _ in range(gpus_needed(job.batch.engine))]
                running[Worker(job, None if cpu_only else environment_of(taken))] = taken
            select.select(list(running), [], [], POLL_SECONDS)
            for worker in list(running):
                for progress in worker.read():
                    report(progress)
                if worker.ended:
                    free += running.pop(worker)
                    if failure := worker.failure():
                        with PromptsRefused.gathered(refused):
                            raise failure.error()
        PromptsRefused.tell(refused)
    finally:
        for worker in running:
            worker.interrupt()
        for worker in running:
            worker.stop()


def _next(waiting: Sequence[Job], free: int, *, busy: bool, cpu_only: bool) -> Job | None:
    """The first waiting job that can be started now."""
    if cpu_only:
        return waiting[0] if waiting and not busy else None
    return next((job for job in waiting if gpus_needed(job.batch.engine) <= free), None)


def _refuse_too_big(jobs: Sequence[Job], present: int) -> None:
    for job in jobs:
        needed = gpus_needed(job.batch.engine)
        if 0 < present < needed:
            raise ConfigError(
                f"needs {needed} GPUs, and {present} can be used",
                where=f"model {job.name}",
                remedy="Change tensor_parallel_size or pipeline_parallel_size in engine_args, or CUDA_VISIBLE_DEVICES.",
            )
