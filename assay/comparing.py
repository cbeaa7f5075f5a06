"""A comparison of logs or tables: the sides, the config that is declared for them, and the report.

In: a path per model, and the decision's rules. Out: offers, a Declaration, a ReviewReport. No model is loaded.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.review.review_report import ReviewReport
from assay import pipeline
from assay.declarations import Declaration, imported_review, section
from assay.sources.deciding_scores import deciding
from assay.sources.lm_eval_folders import Chosen, refuse_parts, refuse_unknown
from assay.sources.sides import Side, import_sides, sides_of
from assay.sources.table_offers import AS_FOUND, TableReading
from ledger.decision_config import limited
from ledger.errors import ConfigError
from ledger.progress import silent
from ledger.runs import RunFolder

NAME = "compare"
RULES = {
    "--proves": "proves",
    "--shown": "shown",
    "--margin": "margins",
    "--margin-relative": "margins_relative",
    "--expect": "expect",
    "--limit": "limits",
    "--metric": "metrics",
    "--filter": "filters",
}
"""Each option of a rule, and the key under [decision] that it fills."""


def compared(paths: Sequence[Path], labels: Sequence[str], runs: Path) -> ReviewReport:
    """The report on two sides by the usual rules; its run is `compare` under `runs`. Raises AssayError."""
    sides = offers(dict(zip(labels, paths, strict=True)), Chosen(), AS_FOUND)
    by = deciding(sides, (), ())
    declared = declared_for(NAME, sides, {"primary": "accuracy_change", "metrics": by.metrics, "filters": by.filters})
    import_sides(RunFolder(runs / NAME), sides, by.picked, silent)
    report, _ = pipeline.analyze(pipeline.begin_declared(declared, runs, silent))
    return report


def offers(paths: Mapping[str, Path], chosen: Chosen, reading: TableReading) -> dict[str, Side]:
    """What each model's path offers, by its label. Raises ConfigError where nothing is to be compared."""
    sides = sides_of(paths, chosen, reading)
    refuse_unknown(chosen.tasks, list(sides.values()), "--task")
    refuse_unknown(chosen.leave_out, list(sides.values()), "--leave-out")
    if not any(side.tasks for side in sides.values()):
        raise ConfigError("every task is left out, and nothing remains to compare", where="--task, --leave-out")
    return sides


def declared_for(name: str, sides: Mapping[str, Side], rules: Mapping[str, Any]) -> Declaration:
    """The review's config: a table per task, and the decision's rules. Raises ConfigError."""
    offered = list(sides.values())
    tasks = sorted(set[str]().union(*(offer.tasks for offer in offered)))
    given = section("[decision]", **{rule: value for rule, value in rules.items() if value})
    sections = [*(section("[[task]]", name=task) for task in tasks), given]
    declared = imported_review("assay compare", name, list(sides), sections)
    for option, key in RULES.items():
        given_names = rules.get(key, ())
        said = [limited(name)[0] for name in given_names] if key == "limits" else given_names
        named = [task for task in said if task]  # a limit of a measure alone is of all items
        refuse_unknown(named, offered, option)
        refuse_parts(named, offered, option)
    return declared
