"""What one session of a judge did, in numbers, for those who wait for it.

In: what session.py counted. Out: a JudgeSummary.
"""

from dataclasses import dataclass

from ledger.facts import CallFailure
from ledger.judgments import Outcome


@dataclass(frozen=True)
class JudgeSummary:
    """What a session did and what the judge's folder now holds.

    Of the judgments that need a call, `reused` were answered before this session, `asked` were put to the judge in it;
    of these `answered` now have a verdict, `unread` have a reply without one, by outcome, and `failed` are still due
    (also where the second call about one failed), for the reasons in `failures`; `unheard` has those of cut or filtered
    ones. `calls` counts attempts; tokens are this session's, None where the server does not count; `spent_usd` is
    the review's in all, None without a price. `ratings`, `games`, `exam` and `ladder` count outcomes, `identical` the
    ties without a call. `last_reply` is the last of all.
    """

    judge: str
    asked: int
    answered: int
    reused: int
    failed: int
    unread: dict[str, int]
    failures: tuple[CallFailure, ...]
    unheard: tuple[CallFailure, ...]
    calls: int
    identical: int
    ratings: dict[str, int]
    games: dict[str, int]
    exam: dict[str, int]
    ladder: dict[str, int]
    prompt_tokens: int | None
    completion_tokens: int | None
    spent_usd: float | None
    last_reply: str = ""

    @property
    def nothing_judged(self) -> bool:
        """Whether calls were made, in this session or before, and not one of them gave a verdict.

        Where the records are not derived yet, as while a batch is taken in, its own replies alone tell.
        """
        kinds = (self.ratings, self.games, self.exam, self.ladder)
        if not any(kinds):
            return self.asked > 0 and not self.answered
        scored = sum(kind.get(Outcome.SCORED, 0) for kind in kinds)
        return bool(self.asked or self.reused) and scored <= self.identical
