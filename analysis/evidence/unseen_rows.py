"""One thing that was found and is not compared for a candidate.

In: its kind, its name and why. Out: Unseen, which knows whether it keeps the candidate from SHIP.
"""

from dataclasses import dataclass

from analysis.statistics.causes import Cause, Kind
from ledger.origins import Passed, blocks_ship

FEW = 3  # items that a cause names; the row has all


@dataclass(frozen=True)
class Unseen:
    """One thing that was found and not compared for a candidate; `declared` says by whose word, empty where by none.

    `name` is what `leave_out` may say. `items` are named one by one. `causes`: why it is not compared.
    """

    candidate: str
    kind: Passed
    name: str
    causes: tuple[Cause, ...]
    group: str = ""
    items: tuple[str, ...] = ()
    declared: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it keeps the candidate from SHIP."""
        return blocks_ship(self.kind, self.declared)

    @property
    def cause(self) -> Cause:
        """The thing as a cause of a decision."""
        if any(each.kind in (Kind.NO_SIDE_HAS_TASK, Kind.PART_OF_TASK) for each in self.causes):
            return Cause(Kind.DECLARED_MISSING, self.name, causes=self.causes)
        if self.kind == "judgments":
            return Cause(Kind.JUDGMENTS_UNSEEN, self.name, causes=self.causes)
        if self.kind == "calls":
            return Cause(Kind.UNLIKE_CALLS, self.name, causes=self.causes)
        whole = self.kind not in ("items", "lines")
        return Cause(Kind.NOT_COMPARED if whole else Kind.NOT_COMPARED_WHOLE, self.name, causes=self.causes)
