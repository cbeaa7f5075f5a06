"""By which score tasks decide, as `--metric` and `--filter` say it, held against what the sides have.

In: options NAME or TASK=NAME, and the scores of each side. Out: metrics and filters by task, as a config has them, and
the filters of multiple choice. What no side has is refused with what there is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic_core import from_json

from assay.sources.lm_eval_filters import named_lines
from assay.sources.lm_eval_folders import Offer
from assay.sources.sides import Side, bringer_of
from ledger.errors import ConfigError
from ledger.origins import MOST_LISTED
from ledger.progress import silent
from ledger.solutions import scoring_name

METRIC, FILTER = "--metric", "--filter"


@dataclass(frozen=True)
class Deciding:
    """The metric and the filter of solved tasks, and the filter of tasks of multiple choice ("" is all)."""

    metrics: dict[str, str] = field(default_factory=dict)
    filters: dict[str, str] = field(default_factory=dict)
    picked: dict[str, str] = field(default_factory=dict)


Solved = Mapping[str, Mapping[str, set[tuple[str, str]]]]
"""Metric and filter of every score, by model and task."""


def deciding(sides: Mapping[str, Side], metrics: Sequence[str], filters: Sequence[str]) -> Deciding:
    """What was said, task by task. Raises ConfigError for what no side has, or one side lacks."""
    if not metrics and not filters:
        return Deciding()
    solved: Solved = {model: _solved(side) for model, side in sides.items()}
    picked = _picked(sides.values())
    by_metric, by_filter = ({task: set[str]() for side in solved.values() for task in side} for _ in range(2))
    for side in solved.values():
        for task, scores in side.items():
            by_metric[task] |= {metric for metric, _ in scores}
            by_filter[task] |= {name for _, name in scores}
    chosen = _by_task(metrics, by_metric, METRIC)
    said = _by_task(filters, {**picked, **by_filter}, FILTER)
    found = Deciding(
        metrics=chosen,
        filters={task: name for task, name in said.items() if task in by_filter},
        picked={task: name for task, name in said.items() if task in picked},
    )
    _refuse_lacking(found, solved)
    bare = next((each for each in filters if "=" not in each), "")
    if picked and bare and found.picked == dict.fromkeys(picked, bare):
        return Deciding(found.metrics, found.filters, {"": bare})
    return found


def _by_task(said: Sequence[str], there: Mapping[str, set[str]], option: str) -> dict[str, str]:
    """The names that were said, by task: one alone is of every task that has it. Raises ConfigError."""
    found: dict[str, str] = {}
    for each in sorted(said, key=lambda text: "=" in text):
        task, sign, name = each.rpartition("=")
        tasks = [task] if sign else [task for task, names in there.items() if name in names]
        lacking = [task for task in tasks if name not in there.get(task, ())]
        if not tasks or lacking:
            if sign and task not in there:
                known = f"There are {', '.join(sorted(there)[:MOST_LISTED])}." if there else "No task has scores here."
                raise ConfigError(f"no side has the task {task!r} with such scores", where=option, remedy=known)
            names = {name for known in (lacking or there) for name in there.get(known, ())}
            place = f" in {task}" if sign else ""
            what = f"no side has the {option.removeprefix('--')} {name!r}{place}"
            shown = ", ".join(sorted(names)[:MOST_LISTED])
            raise ConfigError(what, where=option, remedy=f"There are {shown}." if shown else "There are none.")
        found |= dict.fromkeys(tasks, name)
    return found


def _refuse_lacking(found: Deciding, solved: Solved) -> None:
    """Stop where a side has a task and not the score by which it should decide. Raises ConfigError."""
    for task in dict.fromkeys([*found.metrics, *found.filters]):
        metric, chosen = found.metrics.get(task, ""), found.filters.get(task, "")
        for model, side in solved.items():
            scores = side.get(task, set())
            if scores and not any(metric in ("", name) and chosen in ("", under) for name, under in scores):
                named = (metric and f"metric {metric}", chosen and f"filter {chosen}")
                wanted = " under the ".join(filter(None, named))
                there = ", ".join(sorted(scoring_name(*score) for score in scores))
                what = f"{model} has no {wanted} in {task}"
                raise ConfigError(what, where=f"{METRIC}, {FILTER}", remedy=f"There are {there}.")


def _solved(side: Side) -> Mapping[str, set[tuple[str, str]]]:
    """The scores of a side's solved tasks; its records are read once for it."""
    found = defaultdict[str, set[tuple[str, str]]](set)
    for line in bringer_of("", side, {}, silent).solutions():
        record = from_json(line)
        found[record["task"]] |= {(score["metric"], score["filter"]) for score in record["scores"]}
    return found


def _picked(sides: Iterable[Side]) -> dict[str, set[str]]:
    """The filters of the logs of multiple choice, by task."""
    found = defaultdict[str, set[str]](set)
    for side in sides:
        for log in side.logs if isinstance(side, Offer) else ():
            if not log.generates:
                found[log.group] |= {str(line["filter"]) for _, line in named_lines(log)}
    return dict(found)
