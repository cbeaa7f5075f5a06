"""What the front door does with judges beside asking them: estimate, exam, read again, batches.

In: a Review. Out: what was found, in rows for a table; records in the judges' folders.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from analysis.evidence.run_evidence import read_evidence
from analysis.statistics.resampling import Resamplings
from analysis.summaries.judge_reports import JudgeReport, judge_report
from assay.contestants import refuse_contestants
from assay.judge_means import api_key
from assay.pipeline import Review, briefs, judge
from judge.batch import ProviderBatch, batches, export, keep, request_files, under_way
from judge.batch_endpoint import BatchEndpoint
from judge.batch_results import Collected, collect
from judge.brief import Brief
from judge.budget import spent
from judge.estimate import Expected, estimate, expected
from judge.session import Sitting, reparse, sitting
from judge.summary import JudgeSummary
from ledger.endpoint.batch_files import BatchFiles
from ledger.endpoint.cut_prompts import UNCOUNTED
from ledger.errors import ConfigError
from ledger.facts import CallFailure
from ledger.runs import JudgeFolder

ESTIMATE = ["judge", "kind", "calls", "prompt tokens", "reply tokens", "cost"]
MOST_REASONS = 5
TRUSTED = ("passed", "not examined")
UNKNOWN = "unknown (no `price`)"
LADDER, AT_MOST = "ladder", "ladder, at most"
Row = tuple[str, ...]


def estimates(review: Review, *, exam_only: bool = False) -> Iterator[Row]:
    """What is missing, under the header ESTIMATE; a last row for all of it. A ladder may stop sooner."""
    rows = [(brief, each) for brief in briefs(review, exam_only=exam_only) for each in estimate(brief)]
    for brief, each in rows:
        replies = _range(*each.completion_tokens)
        note = "" if each.counted else " (assumed)"
        kind = AT_MOST if each.kind == LADDER else each.kind
        yield brief.config.name, kind, str(each.calls), f"{each.prompt_tokens:,}", replies + note, _money([each])
    if len(rows) > 1:
        found = [each for _, each in rows]
        calls, prompt = sum(each.calls for each in found), sum(each.prompt_tokens for each in found)
        low, high = (sum(each.completion_tokens[side] for each in found) for side in (0, 1))
        yield "all", "", str(calls), f"{prompt:,}", _range(low, high), _money(found)


def examined(review: Review) -> list[JudgeReport]:
    """What is known of every judge from the records that are there: its exam's marks, and whether its word counts."""
    evidence = read_evidence(review.config, review.run)
    draws = Resamplings(review.config.seed)
    return [judge_report(judge, evidence, draws) for judge in evidence.judges]


def judge_trusted(review: Review) -> None:
    """Every judge sits its exam, and only those that pass are asked for verdicts.

    One that the config does not examine is asked; one for which no exam could be made is not.
    """
    if not review.config.judge:
        return
    judge(review, exam_only=True)
    if trusted := {report.name for report in examined(review) if report.exam.state in TRUSTED}:
        judge(review, only=trusted)


def summary_row(done: JudgeSummary) -> Row:
    """One judge's session in a line."""
    spent = "" if done.spent_usd is None else f"${done.spent_usd:.2f} in all"
    tokens = "" if done.prompt_tokens is None else f"{done.prompt_tokens:,} + {done.completion_tokens or 0:,} tokens"
    counts = f"{_counts(done)}, {done.reused} there before, {done.identical} identical"
    return done.judge, counts, f"{done.calls} calls", tokens, spent


def failed_for_good(done: Iterable[JudgeSummary]) -> bool:
    """Whether any judgment failed for good."""
    return any(each.failed or each.failures for each in done)


def failure_lines(done: Iterable[JudgeSummary]) -> Iterator[str]:
    """Why judgments failed for good, in the endpoints' own words, and where no reply can be read."""
    for each in done:
        for failure in each.failures[:MOST_REASONS]:
            yield f"Judge {each.judge}: {failure.judgments} judgments failed for good: {failure.words}"
        if more := each.failures[MOST_REASONS:]:
            yield f"Judge {each.judge}: {sum(failure.judgments for failure in more)} more for {len(more)} other reasons"
        for failure in each.unheard[:MOST_REASONS]:
            yield f"Judge {each.judge}: {failure.judgments} judgments have no verdict: {failure.words}"
        if each.prompt_tokens == 0 and each.answered:
            yield f"Judge {each.judge}: {UNCOUNTED}"
        if each.nothing_judged:
            yield f"Judge {each.judge}: nothing was judged, no reply has a verdict; the last one: {each.last_reply}"


def reread(review: Review) -> list[Row]:
    """Read every judge's stored replies by the present rules; the outcomes."""
    found = [(brief.config.name, reparse(brief)) for brief in briefs(review, reparsing=True)]
    return [
        (name, kind, ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "none")
        for name, kinds in found
        for kind, counts in kinds.items()
    ]


def export_requests(review: Review) -> list[Row]:
    """Write the request files of every judge's missing calls. Raises ConfigError for a judge that is a contestant."""
    refuse_contestants(review.config)
    rows: list[Row] = []
    for brief in briefs(review):
        with sitting(brief) as held:
            for path in export(held):
                rows.append((brief.config.name, str(path), f"{len(path.read_bytes().splitlines())} requests"))
    return rows


def submit_batches(review: Review) -> list[Row]:
    """Write and upload what is missing; nothing while a batch is under way, because its calls are paid for.

    Raises ConfigError for a judge that is a contestant, and where the calls may cost more than the budget: once
    submitted, nothing stops them.
    """
    refuse_contestants(review.config)
    rows: list[Row] = []
    for brief in briefs(review):
        endpoint = _endpoint(brief)
        with sitting(brief) as held:
            if waiting := under_way(held.folder):
                rows += [
                    *_states(brief, waiting),
                    (brief.config.name, "under way", "Run: assay judge … --batch collect"),
                ]
                continue
            _refuse_over_budget(held)
            rows += _states(brief, endpoint.submit(export(held)))
    return rows


def collect_results(review: Review, files: list[Path]) -> tuple[list[Row], list[JudgeSummary]]:
    """Take in the results of every judge's batches, or those in files that came another way (`vllm run-batch`)."""
    rows: list[Row] = []
    done: list[JudgeSummary] = []
    for brief in briefs(review):
        endpoint = None if files or brief.config.serve else _endpoint(brief)
        with sitting(brief) as held:
            before = {batch.id for batch in batches(held.folder) if batch.fetched}
            found, paths = endpoint.fetch() if endpoint else ([], files)
            collected = collect(held, paths)
            left = len(held.due())
            refused = [batch for batch in found if batch.refused and batch.id not in before]
            told = _with_refused(collected.summary, held.folder, refused)
            done.append(replace(told, failures=(*told.failures, *_not_taken_in(collected, left))))
            if endpoint:
                keep(held.folder, found)
                rows += _states(brief, found)
        counts = f"{_counts(collected.summary)}, {collected.passed_over} not asked for"
        rows.append((brief.config.name, counts, f"{left} still due"))
    return rows, done


def _with_refused(done: JudgeSummary, folder: JudgeFolder, refused: list[ProviderBatch]) -> JudgeSummary:
    """The summary with the batches that an endpoint refused as a whole: no line tells of their requests."""
    if not refused:
        return done
    asked = {path.name: len(path.read_bytes().splitlines()) for path in request_files(folder)}
    lost = (
        CallFailure(judgments=asked.get(batch.file, 0), words=f"batch {batch.id} {batch.status}") for batch in refused
    )
    return replace(done, failures=(*done.failures, *lost))


def _not_taken_in(collected: Collected, left: int) -> Iterator[CallFailure]:
    """What result files hold that did not come in: nothing of what is due, or another line about what did."""
    if left and collected.passed_over and not collected.summary.asked:
        yield CallFailure(judgments=left, words="no line of the results is about a call that is due; are they its own?")
    if collected.contradicting:
        words = "a further line of the results says otherwise than the first, which was taken"
        yield CallFailure(judgments=collected.contradicting, words=words)


def _refuse_over_budget(held: Sitting) -> None:
    """Raise ConfigError where what was spent and the upper estimate of what is due are more than the budget."""
    config = held.brief.config
    if config.budget_usd is None:
        return
    before = spent(held.history.all(), config)
    more = sum(each.usd[1] for each in expected(config, held.asks, held.history) if each.usd)
    if before + more > config.budget_usd:
        what = f"the budget of ${config.budget_usd:.2f} does not hold this batch: ${before:.2f} are spent, it may cost"
        remedy = "Raise `budget_usd` or --budget, or judge without --batch: calls stop at the budget."
        raise ConfigError(f"{what} ${more:.2f}.", where=f"judge {config.name}", remedy=remedy)


def _states(brief: Brief, found: list[ProviderBatch]) -> list[Row]:
    return [(brief.config.name, f"{batch.file}: {batch.id}", batch.status) for batch in found]


def _endpoint(brief: Brief) -> BatchEndpoint:
    if brief.config.serve:
        remedy = "Use --batch export, `vllm run-batch`, and --batch collect --results FILE."
        raise ConfigError("a judge that is served here has no batch endpoint.", where=brief.config.name, remedy=remedy)
    folder = brief.run.judge(brief.config.name)
    return BatchEndpoint(folder, BatchFiles(brief.config.base_url, api_key(brief.config), brief.config))


def _counts(done: JudgeSummary) -> str:
    """What became of the judgments that were asked for; those without a verdict stand apart."""
    unread = "".join(f"{count} {outcome}, " for outcome, count in done.unread.items())
    return f"{done.answered} answered, {unread}{done.failed} failed"


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _money(rows: list[Expected]) -> str:
    if any(each.usd is None for each in rows):
        return UNKNOWN
    low, high = (sum(each.usd[side] for each in rows if each.usd) for side in (0, 1))
    return f"${low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"${low:.2f} to ${high:.2f}"
