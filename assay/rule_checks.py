"""Rules of the decision that nothing could ever meet: tasks that nobody asks for, scores that no checker gives.

In: a config, and the work that it makes. Out: faults, before a model is loaded.
"""

import difflib
from collections.abc import Iterator, Sequence

from generation.checkers import CORRECT
from generation.harness_texts import offered_scores
from generation.orders import CheckedTask, LoadGroup
from ledger.config import ReviewConfig
from ledger.errors import ConfigError
from ledger.solutions import NO_FILTER


def rule_faults(config: ReviewConfig, work: Sequence[LoadGroup]) -> Iterator[ConfigError]:
    """Rules of tasks that nobody asks for, and of scores that their tasks do not have; an import may bring more."""
    asked = [each.task for each in config.task]
    for name in config.decision.named_tasks if len(config.run_models) == len(config.models) else ():
        if name not in asked:
            near = difflib.get_close_matches(name, asked, n=1)
            what = f"[decision] has a rule of the task {name!r}, and no [[task]] asks for it."
            yield ConfigError(what, remedy=f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(asked)}.")
    checked = {task.name: task for batch in work for order in batch.orders for task in order.checked}
    for name, task in checked.items():
        metric, chosen = config.decision.deciding.get(name, ("", ""))
        metrics, filters = _offered(task)
        for key, said, there in (("metrics", metric, metrics), ("filters", chosen, filters)):
            if said and there and said not in there:
                what = f"[decision] lets {name} decide by {said!r}, which it will not have."
                yield ConfigError(what, where=f"decision.{key}.{name}", remedy=f"There are {', '.join(sorted(there))}.")


def _offered(task: CheckedTask) -> tuple[set[str], set[str]]:
    """The metrics and filters that a task will have, as far as is known; an empty set where it is not."""
    if task.harness:
        return offered_scores(task.harness)
    return set() if task.own else {CORRECT}, {NO_FILTER}
