"""What the front door does with judges beside asking them: estimate, re-read, batches.

In: a Review. Out: what was found, in rows for a table; records in the judges' folders.
"""

from collections.abc import Iterator
from pathlib import Path

from assay.pipeline import Review, api_key, briefs
from judge.batch import FOLDER, collect, export
from judge.batch_endpoint import Batch, BatchEndpoint
from judge.brief import Brief
from judge.estimate import Expected, estimate
from judge.session import JudgeSummary, reparse, sitting
from ledger.errors import ConfigError

UNKNOWN = "unknown (no `price`)"
Row = tuple[str, ...]


def estimates(review: Review, *, exam_only: bool = False) -> Iterator[Row]:
    """Judge, kind, calls, tokens and cost of what is missing; a last row for all of it."""
    rows = [(brief, each) for brief in briefs(review, exam_only=exam_only) for each in estimate(brief)]
    for brief, each in rows:
        replies = _range(*each.completion_tokens)
        note = "" if each.counted else " (assumed)"
        yield brief.config.name, each.kind, str(each.calls), f"{each.prompt_tokens:,}", replies + note, _money([each])
    if len(rows) > 1:
        found = [each for _, each in rows]
        calls, prompt = sum(each.calls for each in found), sum(each.prompt_tokens for each in found)
        low, high = (sum(each.completion_tokens[side] for each in found) for side in (0, 1))
        yield "all", "", str(calls), f"{prompt:,}", _range(low, high), _money(found)


def told(done: JudgeSummary) -> Row:
    """One judge's session in a line."""
    spent = "" if done.spent_usd is None else f"${done.spent_usd:.2f} in all"
    tokens = "" if done.prompt_tokens is None else f"{done.prompt_tokens:,} + {done.completion_tokens or 0:,} tokens"
    counts = f"{done.answered} answered, {done.failed} failed, {done.reused} there before, {done.identical} identical"
    return done.judge, counts, f"{done.calls} calls", tokens, spent


def reread(review: Review) -> Iterator[Row]:
    """The outcomes of every judge's stored replies, read by the present rules."""
    for brief in briefs(review, reparsing=True):
        for kind, counts in reparse(brief).items():
            yield (
                brief.config.name,
                kind,
                ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "none",
            )


def exported(review: Review) -> Iterator[Row]:
    """The request files of every judge's missing calls."""
    for brief in briefs(review):
        with sitting(brief) as held:
            for path in export(held):
                yield brief.config.name, str(path), f"{len(path.read_bytes().splitlines())} requests"


def submitted(review: Review) -> Iterator[Row]:
    """Write and upload what is missing; nothing while a batch is under way, because its calls are paid for."""
    for brief in briefs(review):
        endpoint = _endpoint(brief)
        if any(not batch.fetched for batch in endpoint.batches()):
            yield brief.config.name, "under way", "Run: assay judge … --batch collect"
            continue
        with sitting(brief) as held:
            yield from _told(brief, endpoint.submit(export(held)))


def collected(review: Review, files: list[Path]) -> Iterator[Row]:
    """Take in the results of every judge's batches, or those in files that came another way (`vllm run-batch`)."""
    for brief in briefs(review):
        endpoint = None if files or brief.config.serve else _endpoint(brief)
        batches, found = endpoint.fetch() if endpoint else ([], files)
        with sitting(brief) as held:
            done = collect(held, found)
            left = len(held.due())
        if endpoint:
            endpoint.keep(batches)
            yield from _told(brief, batches)
        yield brief.config.name, f"{done.answered} answered, {done.failed} failed", f"{left} still due"


def _told(brief: Brief, batches: list[Batch]) -> Iterator[Row]:
    yield from ((brief.config.name, f"{batch.file}: {batch.id}", batch.status) for batch in batches)


def _endpoint(brief: Brief) -> BatchEndpoint:
    if brief.config.serve:
        remedy = "Use --batch export, `vllm run-batch`, and --batch collect --results FILE."
        raise ConfigError("a judge that is served here has no batch endpoint.", where=brief.config.name, remedy=remedy)
    folder = brief.run.judge(brief.config.name).path / FOLDER
    return BatchEndpoint(folder, brief.config.base_url, api_key(brief.config))


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _money(rows: list[Expected]) -> str:
    if any(each.usd is None for each in rows):
        return UNKNOWN
    low, high = (sum(each.usd[side] for each in rows if each.usd) for side in (0, 1))
    return f"${low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"${low:.2f} to ${high:.2f}"
