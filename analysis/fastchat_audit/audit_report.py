"""What an audit finds, file by file; every format of it is made from these.

In: nothing. Out: frozen records.
"""

from dataclasses import dataclass

from analysis.fastchat_audit.fastchat_numbers import FastChatScores, FastChatWins
from analysis.fastchat_audit.stored import Freshness, StoredModel
from analysis.fastchat_audit.written_models import WrittenBeside
from analysis.judged.bounds import Bounds
from analysis.judged.games import Played, PositionBias
from analysis.judged.lengths import LengthPanel
from analysis.judged.scores import ScoredScope
from analysis.statistics.cells import Cell
from analysis.statistics.coverage import Coverage
from analysis.statistics.estimates import Estimate
from ledger.judgments import Mode


@dataclass(frozen=True)
class Beside:
    """Rows beside others on their prompt: equal in every field, failed where another row stands, or used verdicts
    beyond the first, which are averaged with it.
    """

    copies: int
    superseded: int
    repeats: int


@dataclass(frozen=True)
class RatedModel:
    """One model's ratings by one judge.

    `freshness`, `outcomes` (strict) and `unread` (FastChat's -1) count every row, `changed` the stale ones by what is
    no longer today's, `lacking` the unchecked ones by what there was not to hold them against; `decimals` count ratings
    that are no whole number, all and used; `disagreements` the rows that FastChat's parser read otherwise. `absent` are
    the planned question-turns without a row that is used, `missing` those whose row has no score.
    """

    model: str
    rows: int
    freshness: dict[Freshness, int]
    changed: dict[str, int]
    lacking: dict[str, int]
    outcomes: dict[str, int]
    unread: int
    beside: Beside
    decimals: tuple[int, int]
    disagreements: int
    scopes: tuple[ScoredScope, ...]
    bounds: Bounds | None
    stale_mean: float | None
    fastchat: FastChatScores
    coverage: tuple[Coverage, ...]
    missing: tuple[Cell, ...]
    absent: tuple[Cell, ...]


@dataclass(frozen=True)
class Contrast:
    """Two rated models on the questions that both have: raw change, p, bounds, and the length-controlled change."""

    baseline: str
    candidate: str
    change: Estimate
    p: float | None
    bounds: Bounds | None
    controlled: Estimate


@dataclass(frozen=True)
class PlayedPair:
    """One pair of models; counts as for RatedModel, of rows with two games each.

    `tie_picks` are the inconsistent pairs in which the judge called a tie in one order; in the others it picked both.
    """

    baseline: str
    candidate: str
    rows: int
    freshness: dict[Freshness, int]
    changed: dict[str, int]
    lacking: dict[str, int]
    outcomes: dict[str, int]
    errors: int
    beside: Beside
    disagreements: int
    scopes: tuple[Played, ...]
    bounds: Bounds | None
    tie_picks: int
    seats: tuple[int, int]
    bias: PositionBias
    lengths: LengthPanel
    controlled: Estimate
    coverage: tuple[Coverage, ...]
    missing: tuple[Cell, ...]
    absent: tuple[Cell, ...]


@dataclass(frozen=True)
class FileAudit:
    """One judge's rows of one mode, in however many files: `name` has them all. `shared` are those with rows of other
    judges, which are tables of their own. `unread` counts the lines that `faults` are about, `turnless` the rows
    without a turn; a file of several judges is told with the first.
    """

    name: str
    mode: Mode
    judges: tuple[str, ...]
    rows: int
    faults: tuple[str, ...]
    unread: int
    models: tuple[RatedModel, ...]
    contrasts: tuple[Contrast, ...]
    pairs: tuple[PlayedPair, ...]
    fastchat_wins: tuple[FastChatWins, ...]
    shared: tuple[str, ...]
    turnless: int


@dataclass(frozen=True)
class AuditReport:
    """Everything that an audit of one folder found; `writing` is of the models beside the one that it names."""

    folder: str
    seed: int
    resamples: int
    baseline: str
    questions: int
    models: tuple[StoredModel, ...]
    files: tuple[FileAudit, ...]
    writing: WrittenBeside
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    unread: tuple[str, ...]
