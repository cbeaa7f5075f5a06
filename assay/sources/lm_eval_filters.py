"""The filters of a log's lines, also where the lines do not name them.

In: a Log. Out: its lines, each with its filter; a log whose filters cannot be known is refused.
Source: lm_eval's evaluator writes filter after filter, and within one all documents; versions before 0.4.7 wrote no
name beside them. Which filters a task has, and in which order, its config says, and so do the scores of a run.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from assay.sources.lm_eval_layouts import Log, sample_lines
from assay.sources.lm_eval_results import part
from assay.sources.lm_eval_samples import NoFlips
from ledger.solutions import NO_FILTER

STDERR = "_stderr"


def named_lines(log: Log) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each sample with its line number and its filter; what shows only at the end is said there. Raises NoFlips.

    A document's first line is the first filter's, its second the second's: so many as the results file tells. Picks
    among options have one filter unless more are told, and a second line of a document is one too many.
    """
    turns, told = Counter[str](), filters_told(log)
    single = told[:1] or (NO_FILTER,) if log.holds_options and len(told) < 2 else ()
    for number, line in sample_lines(log.path):
        if "filter" not in line and single:
            line["filter"] = single[0]
        elif "filter" not in line:
            turn = turns[document := str(line["doc_id"])]
            if turn >= max(1, len(told)):
                known = f"its results file tells of {len(told)}" if told else "no results file tells which there are"
                what = f"a document stands {turn + 1} times, its lines do not name their filters, and {known}"
                raise NoFlips(log, what, number)
            turns[document] += 1
            line["filter"] = told[turn] if told else NO_FILTER
        yield number, line
    times = sorted(set(turns.values()))
    if len(times) > 1:
        what = f"its lines do not name their filters, and its documents stand {times[0]} to {times[-1]} times"
        raise NoFlips(log, what, 1)


def filters_told(log: Log) -> tuple[str, ...]:
    """The filters of a task in their order, as its config or else its scores tell; empty where neither does."""
    config = part(part(log.results, "configs"), log.task)
    listed = [each.get("name") for each in config.get("filter_list") or () if isinstance(each, dict)]
    return tuple(map(str, listed)) or tuple(dict.fromkeys(key.rpartition(",")[2] for key in stated_scores(log)))


def stated_scores(log: Log) -> dict[str, Any]:
    """What a results file states of a task, by METRIC,FILTER; errors of means, names and counts are not scores."""
    stated = part(part(log.results, "results"), log.task)
    return {key: value for key, value in stated.items() if is_score(key)}


def is_score(key: str) -> bool:
    """Whether a key of a results file is METRIC,FILTER; a run that only predicts states a bypass."""
    metric, comma, _ = key.rpartition(",")
    return bool(comma) and metric != "bypass" and not metric.endswith(STDERR)
