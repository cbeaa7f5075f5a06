"""Judgments as FastChat's files hold them, before anything is left out: what an audit looks at.

In: nothing. Out: frozen rows, with FastChat's reading beside the strict one, and whether the prompt is today's.
"""

from dataclasses import dataclass
from enum import StrEnum

from analysis.statistics.cells import Cell, Unit
from ledger.judgments import Game, Mode, Rating
from ledger.records import Question

Lengths = dict[Cell, int]


class Freshness(StrEnum):
    """Whether a stored prompt is the one that today's question, reference and answer render to.

    `MIXED` rows could not be compared (no answers, no prompts) and share their key with another prompt.
    """

    CURRENT = "current"
    STALE = "stale"
    UNCHECKED = "unchecked"
    MIXED = "mixed"


USED = frozenset({Freshness.CURRENT, Freshness.UNCHECKED})


@dataclass(frozen=True)
class StoredRating:
    """One row of a single file; the record's `repeat` counts rows of one prompt. `score` is FastChat's (-1: none)."""

    record: Rating
    score: float
    freshness: Freshness


@dataclass(frozen=True)
class StoredPair:
    """One row of a pair file: both games, and FastChat's winners (model_1, model_2, tie, error) of g1 and g2."""

    first: str
    second: str
    games: tuple[Game, Game]
    winners: tuple[str, str]
    freshness: Freshness


@dataclass(frozen=True)
class JudgmentFile:
    """One file of model_judgment; `faults` names lines that could not be read."""

    name: str
    mode: Mode
    judges: tuple[str, ...]
    ratings: tuple[StoredRating, ...]
    pairs: tuple[StoredPair, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class StoredModel:
    """A model's answers: `lengths` in characters of each turn, and how many were written twice, are empty or errors."""

    name: str
    questions: int
    repeated: int
    empty: int
    errors: int
    lengths: Lengths


@dataclass(frozen=True)
class Stored:
    """A folder in FastChat's layout. `facts` say which questions, references and prompts it was checked against."""

    folder: str
    baseline: str
    questions: dict[Unit, Question]
    models: tuple[StoredModel, ...]
    files: tuple[JudgmentFile, ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
