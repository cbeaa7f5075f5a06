"""The stages of a review, from its config to its report: begin, generate, judge, analyze.

In: a ReviewConfig and the folder for runs. Out: the run folder, filled; each stage does only what is missing.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from analysis.rendering.formats.writers import write_reports
from analysis.review.review_report import ReviewReport
from assay.contestants import refuse_contestants
from assay.declarations import DECLARED_SINCE, Declaration, declare, read_declaration, refuse_other
from assay.judge_means import api_key, prompt_set
from assay.placement.gpus import gpus
from assay.placement.judge_server import served, waves
from assay.placement.local_placement import run_locally
from assay.placement.ray_placement import on_ray
from assay.placement.work import merge_batch, run_shards, run_work, shard_job, tell_completeness, unfinished
from assay.placement.worker import marked
from assay.positive_controls import make_positive_controls, models_to_run
from assay.reporting import report_of
from assay.sources.ladder_texts import good_texts
from assay.sources.material import ReviewTasks, questions, readable
from assay.sources.models import engine_spec, model_path
from generation.orders import EngineSpec, LoadGroup, ModelJob
from generation.shards import Shard
from judge.batch import refuse_under_way
from judge.brief import Brief
from judge.client import OpenAITransport
from judge.session import judge_together
from judge.summary import JudgeSummary
from ledger.config import ReviewConfig, config_from
from ledger.judge_config import JudgeConfig
from ledger.model_config import ModelConfig
from ledger.progress import Progress, Report
from ledger.runs import RunFolder, control_of
from ledger.serving import AS_MT_BENCH


@dataclass(frozen=True)
class Review:
    """A review under way: its config, its folder, whom to tell of progress, and the digest that it was declared by."""

    config: ReviewConfig
    run: RunFolder
    report: Report
    digest: str

    def refuse_redeclared(self) -> None:
        """Raise StaleInput where another command declared the run otherwise since this one began."""
        refuse_other(self.digest, self.run, DECLARED_SINCE)


def begin(
    config_file: Path, runs: Path, report: Report, *, amend: bool = False, settings: Sequence[str] = ()
) -> Review:
    """Check a config, with these keys set, and declare it in its run folder. Raises ConfigError, StaleInput.

    A config other than the declared one is refused, unless `amend` says so; the earlier one is kept. Until the first
    record is there nobody can have chosen a config by what it brings, and none needs the word.
    """
    return begin_declared(read_declaration(config_file, settings), runs, report, amend=amend)


def begin_declared(declared: Declaration, runs: Path, report: Report, *, amend: bool = False) -> Review:
    """The same for a config that Assay wrote itself. Raises StaleInput."""
    run = RunFolder(runs / declared.config.name)
    run.path.mkdir(parents=True, exist_ok=True)
    declare(declared, run, amend=amend or not run.is_begun)
    return Review(declared.config, run, report, declared.config.digest)


def batches(review: Review, model: str = "") -> list[LoadGroup]:
    """One batch per model, or that of the one named; the control shares the baseline's: its model is loaded once.

    Positive controls come last, those that could be made. Raises ConfigError for a name that no model has; the others'
    folders need not be here.
    """
    config = review.config
    chosen = models_to_run(config, model)
    asked = questions(config.questions) if config.questions else ()
    settings = config.questions
    tasks = ReviewTasks(config.task if chosen else ())  # imported models have theirs

    def order(name: str, spec: EngineSpec, control: bool) -> ModelJob:
        return ModelJob(
            folder=review.run.generation(name).path,
            model=name,
            control=control,
            writes=name == config.baseline.name or settings is None or settings.answers == "all",
            seed=config.seed,
            samples=settings.samples if settings else 1,
            max_tokens=settings.max_tokens if settings else 1,
            served=settings.served if settings else AS_MT_BENCH,
            questions=asked,
            tasks=tasks.picked(spec.model),
            checked=tasks.checked,
            trace_top_k=settings.trace_top_k if settings and config.authors(name) else 0,
            reads=tuple(review.run.generation(author).path for author in config.authors(name)),
            baseline=review.run.generation(config.baseline.name).path,
            may_differ=config.decision.allow_different,
        )

    found = []
    for each in chosen:
        spec = marked(engine_spec(each, batch_invariant=config.batch_invariant))
        orders = [order(each.name, spec, control=False)]
        if each is config.baseline and config.baseline.control:
            orders.append(order(control_of(each.name), spec, control=True))
        found.append(LoadGroup(engine=spec, orders=tuple(orders)))
    return found


def generate(review: Review, *, model: str = "", ray: str | None = None) -> None:
    """Let every model, or the one named, write and pick what is missing; `ray` overrides the config's address.

    Shards that a killed run or `generate_shard` left are merged first. What fails of a positive control ends no review.
    """
    review.refuse_redeclared()
    make_positive_controls(review.config, review.report, model)
    placement = review.config.placement
    planned = batches(review, model)
    _keep_items(review, planned)
    work = unfinished(planned, review.report)
    if not work:
        return
    address = placement.ray if ray is None else ray
    with on_ray(address) if address else nullcontext(run_locally) as run:
        run_work(work, run, placement.replicas, review.report, review.config.positive_names)


def generate_shard(review: Review, shard: Shard, *, model: str = "") -> None:
    """One shard of every model, or of the one named, on this machine; `merge` puts the shards together."""
    review.refuse_redeclared()
    make_positive_controls(review.config, review.report, model)
    planned = batches(review, model)
    _keep_items(review, planned)
    jobs = {batch.orders[0].model: shard_job(batch, shard) for batch in planned}
    for name in (name for name, job in jobs.items() if job is None):
        review.report(Progress(f"{name}: all records are there ({shard})", 1, 1))
    run_shards([job for job in jobs.values() if job], run_locally, review.report, review.config.positive_names)


def merge(review: Review) -> None:
    """Take the records of all shards into the models' files, and say how complete these are."""
    for batch in batches(review):
        merge_batch(batch, review.report)
        tell_completeness(batch, review.report)


def _keep_items(review: Review, planned: Sequence[LoadGroup]) -> None:
    """Keep the items' texts beside the choices of them: a reader of the report wants to see what was asked."""
    orders = [batch.orders[0] for batch in planned[:1]]
    review.run.items.keep([readable(item) for order in orders for task in order.tasks for item in task.items])
    review.run.checked_items.keep([item for order in orders for task in order.checked for item in task.items])


def briefs(review: Review, *, exam_only: bool = False, reparsing: bool = False) -> list[Brief]:
    """What each judge has to do."""
    config = review.config
    return [
        Brief(
            run=review.run,
            config=judge,
            prompts=prompt_set(judge),
            baseline=config.baseline.name,
            candidates=[model.name for model in config.candidate],
            positive_controls=[name for name in config.positive_names if review.run.generation(name).answered],
            control=control_of(config.baseline.name) if config.baseline.control else None,
            seed=config.seed,
            exam_only=exam_only,
            reparsing=reparsing,
            good_texts=good_texts(review.run, config.baseline.name) if judge.exam_ladder else (),
        )
        for judge in config.judge
    ]


def within_budget(review: Review, budget_usd: float | None) -> Review:
    """The review with another budget for each judge. Raises ConfigError where a judge has no price."""
    if budget_usd is None:
        return review
    judges = [each.model_dump() | {"budget_usd": budget_usd} for each in review.config.judge]
    return replace(review, config=config_from(review.config.model_dump() | {"judge": judges}, "--budget"))


def judge(review: Review, *, exam_only: bool = False, only: Collection[str] | None = None) -> list[JudgeSummary]:
    """Ask the judges, or those named in `only`, for what is missing; at once but for those that need one GPU or CPU.

    One that Assay serves itself is started only if something is missing. Raises ConfigError for a judge that is a
    contestant, and while batches are under way.
    """
    review.refuse_redeclared()
    refuse_contestants(review.config)
    for each in review.config.judge:
        refuse_under_way(review.run.judge(each.name))
    by_name = {brief.config.name: brief for brief in briefs(review, exam_only=exam_only)}
    found: list[JudgeSummary] = []
    asked = [each for each in review.config.judge if only is None or each.name in only]
    for wave in waves(asked, gpus()):
        work = [(by_name[judge.name], partial(_transport, review, judge, devices)) for judge, devices in wave]
        found += judge_together(work, review.report)
    return found


def analyze(review: Review, *, redact: bool = False) -> tuple[ReviewReport, list[Path]]:
    """Compute the report from what is there, and write its formats; redacted, the page holds no text but names."""
    review.refuse_redeclared()
    review.report(Progress("analysis", 0, 1))
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    report, shown = report_of(review.config, review.run, made_at, redact=redact)
    written = write_reports(report, review.run.analysis, shown)
    review.report(Progress("analysis", 1, 1))
    return report, written


@contextmanager
def _transport(
    review: Review, judge: JudgeConfig, devices: Sequence[str] | None, learned: dict[str, Any]
) -> Iterator[OpenAITransport]:
    """The way to a judge's endpoint; a local judge is served while it is open."""
    if not judge.serve:
        yield OpenAITransport(judge.base_url, api_key(judge), judge.model, judge.timeout_seconds, learned, judge)
        return
    model = model_path(ModelConfig(model=judge.serve))
    log = review.run.judge(judge.name).path / "server.log"
    with served(model, judge.name, judge.serve_args, log, review.report, devices) as url:
        yield OpenAITransport(url, "", judge.name, judge.timeout_seconds, learned, judge)
