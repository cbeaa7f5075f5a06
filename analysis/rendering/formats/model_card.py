"""What a review measured, as metadata for the candidate's model card on the Hugging Face hub.

In: a ReviewReport. Out: one YAML document per candidate with `model-index`, to be pasted into the card's front matter;
the values are unrounded, each name has the cell with interval and n. What may not decide (an untrusted judge) is left
out.
Source: huggingface/hub-docs, modelcard.md; huggingface_hub reads it with `model_index_to_eval_results`.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from analysis.benchmarks.solved_rows import SolvedRow
from analysis.decision.decisions import Decision
from analysis.rendering.formats.text import visible
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.decisions import sentence
from analysis.rendering.tables.looked_at import review_lines
from analysis.review.review_report import ReviewReport
from analysis.statistics.estimates import Estimate
from analysis.statistics.item_scopes import ALL_ITEMS, ItemScope
from analysis.summaries.model_reports import ItemReport
from analysis.summaries.model_rows import for_model

# The hub asks for a source's address; only who publishes the report knows it.
SOURCE_URL = "report.html"
Metrics = Iterator[tuple[str, Estimate]]


def model_cards(report: ReviewReport) -> dict[str, str]:
    """Each candidate's name and YAML document."""
    return {decision.candidate: _document(report, decision) for decision in report.decisions}


def _document(report: ReviewReport, decision: Decision) -> str:
    candidate = decision.candidate
    left_out = [f"Left out: {clause(fault)}." for judge in report.judges for fault in judge.unfit]
    lines = [
        f"{decision.word}: {sentence(decision)}",
        f"Every change is against {report.baseline}. Paste what follows into the front matter of the model card, and",
        f"write the address where {SOURCE_URL} can be read over each url.",
        *left_out,
        *review_lines(report),
    ]
    index = {"model-index": [{"name": visible(candidate), "results": list(_results(report, candidate))}]}
    comment = "".join(f"# {visible(line)}\n" for line in lines)
    document: str = yaml.safe_dump(index, sort_keys=False, allow_unicode=True, width=float("inf"))
    return comment + document


def _results(report: ReviewReport, candidate: str) -> Iterator[dict[str, Any]]:
    """What was measured on the questions, on all items, and on each task where there are several."""
    yield from _result(report, "text-generation", report.question_source or "", _written(report, candidate))
    picks = for_model(report.choices, candidate)
    if picks is None:
        return
    planned = [row.scope for row in report.coverage if (row.kind, row.model) == ("choices", candidate)]
    tasks = [scope.removeprefix("task ") for scope in planned]
    for scope in (ALL_ITEMS, *map(ItemScope, tasks)) if len(tasks) > 1 else (ALL_ITEMS,):
        items = scope.task or ", ".join(tasks)
        yield from _result(report, "multiple-choice", items, _picked(report, picks, scope))
    for row in picks.solved:
        if row.scope.shown:
            yield from _result(report, "text-generation", f"{row.scope.task} ({row.scoring})", _solved(row))


def _result(report: ReviewReport, task: str, dataset: str, metrics: Metrics) -> Iterator[dict[str, Any]]:
    """One result; none where nothing was measured."""
    found = [
        {"type": each.measure, "name": visible(f"{name}: {cell(each)}"), "value": each.value}
        for name, each in metrics
        if each.value is not None
    ]
    if found:
        name = visible(dataset.replace("\\", "/").rsplit("/", 1)[-1])
        source = {"name": visible(f"Assay review {report.name}, config {report.config_digest}"), "url": SOURCE_URL}
        yield {"task": {"type": task}, "dataset": {"name": name, "type": name}, "metrics": found, "source": source}


def _written(report: ReviewReport, candidate: str) -> Metrics:
    """Ratings and games of every judge that may be believed, and the token distributions along answers."""
    for judge in report.judges:
        if judge.unfit:
            continue
        if scores := for_model(judge.scores, candidate):
            whole = scores.scopes[0]
            for estimate in filter(None, (whole.rating, whole.change)):
                yield f"{estimate.measure} by {judge.name}", estimate
        if games := for_model(judge.games, candidate):
            for estimate in (games.scopes[0].win_score, games.scopes[0].win_change):
                yield f"{estimate.measure} by {judge.name}", estimate
    if traced := for_model(report.traces, candidate):
        yield from ((estimate.measure, estimate) for estimate in (traced.kl, traced.same_top))
    if read := for_model(report.rollouts, candidate):
        yield from ((estimate.measure, estimate) for estimate in (read.kl, read.surprise))


def _solved(row: SolvedRow) -> Metrics:
    """What the candidate solved of a task, by one score."""
    for estimate in (row.accuracy, row.accuracy_change, row.flips, row.excess_flips):
        yield estimate.measure, estimate


def _picked(report: ReviewReport, picks: ItemReport, scope: ItemScope) -> Metrics:
    """What the candidate picked by acc, of all items or of one task, and its distributions at the options."""
    for row in picks.results:
        if (row.scope, row.scoring) == (scope, "acc"):
            distances = (each for _, each in row.distances)
            for estimate in (row.accuracy, row.accuracy_change, row.flips, row.all_flips, *distances):
                yield estimate.measure, estimate
    if read := for_model(report.vocabulary, picks.model):
        estimates = {ALL_ITEMS: read.kl} | {ItemScope(task): each for task, each in read.tasks}
        if scope in estimates:
            yield estimates[scope].measure, estimates[scope]
