"""The ladder that measures a judge's resolution: kinds of damage, their sizes, and when a rung is passed.

In: marks of one rung. Out: its counts and its state.
Source: Wilson 1927, whose interval holds every share that the score test does not reject; a fixed sequence of tests,
each at the whole level, needs no correction (Maurer, Hothorn and Lehmacher 1995).

A rung is passed where Wilson's lower bound is at least LEAST_SEEN, failed where the upper bound lies under it, and else
open. Both bounds are one-sided at 2.5 %, the ends of the two-sided 95 % interval. With 24 texts, 23 seen pass and 13
fail. Wilson's level is nominal: of judges that see exactly LEAST_SEEN, 0.9 % pass and 2.1 % fail with 24 texts, and
with fewer, down to 12, at most 3.2 % and 5.5 %. A text without a verdict in each order is missing: unseen for the lower
bound and seen for the upper one, so that what failed decides for nobody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from types import MappingProxyType

from ledger.judgments import Damage, LadderMark, Order, Outcome
from ledger.records import Key

SIZES: Mapping[Damage, tuple[float, ...]] = MappingProxyType(
    {
        Damage.TRUNCATED: (0.8, 0.6, 0.4, 0.2),
        Damage.REPLACED: (4, 2, 1),
        Damage.LOOPED: (8, 4, 2),
        Damage.CHANGED: (1,),
        Damage.CHANGED_WITH_REFERENCE: (1,),
    }
)
"""From coarse to fine: the share of the words kept away, sentences replaced, how often a phrase stands, changes."""
TEXTS = 24
LEAST_SEEN = 0.75
QUANTILE = 1.959963984540054  # of the normal distribution at 0.975
NEVER_HEARD = frozenset({Outcome.FAILED, Outcome.SKIPPED})


class RungState(StrEnum):
    """What a rung shows."""

    PASSED = "passed"
    FAILED = "failed"
    OPEN = "open"
    NOT_ASKED = "not asked"


@dataclass(frozen=True)
class RungCounts:
    """How many texts a rung has, and of how many the damage was seen, or no verdict is there in some order."""

    texts: int
    seen: int
    missing: int

    @property
    def state(self) -> RungState:
        """Passed, failed or open by Wilson's bounds; not asked where no text was heard."""
        if self.missing == self.texts:
            return RungState.NOT_ASKED
        expected, error = self.texts * LEAST_SEEN, QUANTILE * sqrt(self.texts * LEAST_SEEN * (1 - LEAST_SEEN))
        if self.seen - expected >= error:
            return RungState.PASSED
        return RungState.FAILED if self.seen + self.missing - expected < -error else RungState.OPEN


def rung_counts(marks: Iterable[LadderMark]) -> RungCounts:
    """The counts of one rung: damage is seen where the whole text won in both orders.

    A tie, a reply that cannot be read and two verdicts that contradict each other are unseen.
    """
    by_text: dict[Key, dict[Order, LadderMark]] = {}
    for mark in marks:
        by_text.setdefault(mark.text, {})[mark.order] = mark
    heard = [
        [mark.mark for mark in both.values()]
        for both in by_text.values()
        if len(both) == len(Order) and not any(mark.outcome in NEVER_HEARD for mark in both.values())
    ]
    seen = sum(set(each) == {"right"} for each in heard)
    return RungCounts(len(by_text), seen, len(by_text) - len(heard))


FEWEST_TEXTS = next(n for n in range(1, TEXTS + 1) if RungCounts(n, n, 0).state is RungState.PASSED)
"""With fewer texts than this no rung can be passed, whatever the judge says: such a kind is not asked."""
