"""Items that a candidate solves otherwise than the baseline, with what both wrote, the largest losses first.

In: evidence, and the run folder that has the texts. Out: ChangedSolutions, at most MOST_SOLUTIONS; no number of the
report depends on them. Of several repeats the first whose score changed is shown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.benchmarks.paired_tasks import PairedTask, paired_tasks
from analysis.benchmarks.solutions import repeat_means
from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import RunEvidence
from analysis.review.changed_items import RIGHT_TO_WRONG, WRONG_TO_RIGHT
from analysis.summaries.model_reports import unlike_baseline
from ledger.checked_items import CheckedItem
from ledger.errors import UnlikeItem
from ledger.records import Key
from ledger.runs import RunFolder
from ledger.solutions import Solution

MOST_SOLUTIONS = 200
SCORES_LESS, SCORES_MORE = "scores less", "scores more"


@dataclass(frozen=True)
class ChangedSolution:
    """One item of one candidate under the deciding scoring; `change` is of its mean score over repeats.

    `asked` is None where the run folder does not hold what was asked.
    """

    task: str
    kind: str
    change: float
    scoring: str
    before: Solution
    after: Solution
    asked: CheckedItem | None


ChangedSolutions = tuple[tuple[ChangedSolution, ...], int]
"""Those that are shown, and how many more there are."""
NONE_CHANGED: ChangedSolutions = ((), 0)


@dataclass(frozen=True)
class _Place:
    model: str
    task: str
    item: str
    repeat: int
    kind: str
    change: float
    scoring: str


def changed_solutions(evidence: RunEvidence, run: RunFolder) -> ChangedSolutions:
    """The items of every candidate that can be compared.

    Files of solutions are read once more for it, where any has texts. Raises BadRecord, DuplicateKey.
    """
    rivals = [each for each in evidence.rivals if each.role == "candidate" and not unlike_baseline(each, evidence)]
    places = [place for rival in rivals for place in _places(evidence, rival)]
    places.sort(key=lambda each: (each.change, each.model, each.task, each.item))
    shown, more = places[:MOST_SOLUTIONS], max(0, len(places) - MOST_SOLUTIONS)
    baseline = evidence.baseline.name
    texts = _texts(
        run, [(name, each.task, each.item, each.repeat) for each in shown for name in (baseline, each.model)]
    )
    wanted = {(each.task, each.item) for each in shown}
    asked = {each.key: each for each in run.checked_items.records() if each.key in wanted}
    found = [
        ChangedSolution(
            task=each.task,
            kind=each.kind,
            change=each.change,
            scoring=each.scoring,
            before=texts[baseline, each.task, each.item, each.repeat],
            after=texts[each.model, each.task, each.item, each.repeat],
            asked=asked.get((each.task, each.item)),
        )
        for each in shown
    ]
    return tuple(found), more


def _texts(run: RunFolder, keys: Sequence[Key]) -> dict[Key, Solution]:
    wanted = {*keys}
    models = dict.fromkeys(str(key[0]) for key in keys)
    records = (each for model in models for each in run.generation(model).solutions.records())
    return {each.key: each for each in records if each.key in wanted}


def _places(evidence: RunEvidence, rival: ModelEvidence) -> Iterator[_Place]:
    """Every item with texts whose score changed, task by task."""
    try:
        tasks = [*paired_tasks(evidence.baseline.solutions, rival.solutions, evidence.config.decision.deciding)]
    except UnlikeItem:
        return  # the report says so where it compares the two
    for task in tasks:
        if task.scorings and task.before.characters.any() and task.after.characters.any():
            yield from _of_task(task, rival.name)


def _of_task(task: PairedTask, model: str) -> Iterator[_Place]:
    scoring = task.scorings[0]
    before, after = task.scores(scoring)
    width = min(before.shape[1], after.shape[1])
    apart = after[:, :width] - before[:, :width]
    changes = repeat_means(after) - repeat_means(before)
    both = np.isfinite(apart) & (apart != 0)
    for row in np.flatnonzero(both.any(axis=1) & np.isfinite(changes)):
        place = int(np.argmax(both[row]))
        ends = (float(before[row, place]), float(after[row, place]))
        named = {(1.0, 0.0): RIGHT_TO_WRONG, (0.0, 1.0): WRONG_TO_RIGHT}
        kind = named.get(ends, SCORES_LESS if ends[1] < ends[0] else SCORES_MORE)
        repeat = task.before.numbers[place]
        yield _Place(model, task.task, str(task.before.items[row]), repeat, kind, float(changes[row]), scoring)
