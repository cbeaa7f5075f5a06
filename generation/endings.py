"""How a written text ends for those who read it: behind its thought, before the first stop string.

In: what an engine wrote, stop strings. Out: the thought, what a user sees, and how that ended. Engines end texts at
stop strings themselves where they can; where a template knows thoughts they must not, since a thought may hold one.
"""

from collections.abc import Sequence

from generation.engine import Written
from ledger.records import Finish
from ledger.thinking import split_thinking


def seen(written: Written, stop: Sequence[str]) -> tuple[str | None, str, Finish]:
    """The thought, what a user sees of the rest, and how that ended."""
    thinking, visible = split_thinking(written.text)
    ends = [visible.find(each) for each in stop if each in visible]
    visible = visible[: min(ends)] if ends else visible
    finish = written.finish
    if finish is Finish.LENGTH and ends:
        finish = Finish.STOP
    if finish is Finish.STOP and not visible.strip():
        finish = Finish.EMPTY
    return thinking, visible, finish
