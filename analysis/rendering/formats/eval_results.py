"""What a candidate scored in known benchmarks, as the hub reads it from `.eval_results/*.yaml` of a model's repository.

In: a ReviewReport. Out: one YAML document per candidate that solved or picked any of them: a list of scores, each with
its dataset, date, source, and in its notes the interval, n, change and flips against the baseline.
Source: huggingface/hub-docs, eval_results.yaml; huggingface_hub reads it with `parse_eval_result_entries`.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from analysis.rendering.formats.model_card import SOURCE_URL
from analysis.rendering.formats.text import visible
from analysis.rendering.sentences.cells import cell
from analysis.review.review_report import ReviewReport
from analysis.statistics.item_rows import ItemRow
from analysis.summaries.model_reports import ItemReport, task_rows

DATASETS = {
    "arc_challenge": "allenai/ai2_arc",
    "arc_easy": "allenai/ai2_arc",
    "boolq": "google/boolq",
    "gpqa_diamond_zeroshot": "Idavidrein/gpqa",
    "gsm8k": "openai/gsm8k",
    "hellaswag": "Rowan/hellaswag",
    "ifeval": "google/IFEval",
    "mmlu": "cais/mmlu",
    "mmlu_pro": "TIGER-Lab/MMLU-Pro",
    "openbookqa": "allenai/openbookqa",
    "piqa": "ybisk/piqa",
    "truthfulqa_mc2": "truthfulqa/truthful_qa",
    "winogrande": "allenai/winogrande",
}
"""The hub's dataset of a task, by the name of lm-evaluation-harness; the hub keeps no scores of others."""


def eval_results(report: ReviewReport) -> dict[str, str]:
    """The YAML document of each candidate that has any."""
    found = {each.model: list(_entries(report, each)) for each in report.choices if each.role == "candidate"}
    return {name: _document(report, entries) for name, entries in found.items() if entries}


def _document(report: ReviewReport, entries: list[dict[str, Any]]) -> str:
    lines = (
        f"Copy to .eval_results/ in the model's repository. Write the address where {SOURCE_URL} can be read over each",
        "url; compare each task_id with the dataset's own eval.yaml. Scores lie between 0 and 1; n tells a part of a",
        f"dataset from all of it. Every change is against {report.baseline}.",
    )
    document: str = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=float("inf"))
    return "".join(f"# {visible(line)}\n" for line in lines) + document


def _entries(report: ReviewReport, items: ItemReport) -> Iterator[dict[str, Any]]:
    """One for each known task that was measured, by the score that decides."""
    for task, row in ((each.task, each.result) for each in task_rows(items)):
        if task in DATASETS and row.accuracy.value is not None:
            yield {
                "dataset": {"id": DATASETS[task], "task_id": task},
                "value": row.accuracy.value,
                "date": report.made_at,
                "source": {"url": SOURCE_URL, "name": visible(f"Assay review {report.name}")},
                "notes": visible(_notes(row)),
            }


def _notes(row: ItemRow) -> str:
    """The score's name and interval, and what an accuracy hides."""
    change, flips = cell(row.accuracy_change, with_n=False), cell(row.flips, with_n=False)
    return f"{row.scoring}: {cell(row.accuracy)}; change {change}; flips {flips}"
