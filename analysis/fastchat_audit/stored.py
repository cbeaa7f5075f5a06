"""Judgments as FastChat's files hold them, before anything is left out: what an audit looks at.

In: nothing. Out: frozen rows, with FastChat's reading beside the strict one, whether the prompt is today's and what
changed, and whether the row counts beside others of the same judgment.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from analysis.statistics.cells import Cell, Unit
from ledger.judgments import Game, Mode, Rating
from ledger.records import Question

Lengths = dict[Cell, int]
Way = tuple[int, int]
"""One way to render a prompt: a judge file and a set of references, each by its place in the order of search."""


class Freshness(StrEnum):
    """Whether a stored prompt is the one that today's question, reference and answer render to.

    `MIXED` rows share their key with another prompt, and nobody can say which of the two is today's.
    """

    CURRENT = "current"
    STALE = "stale"
    UNCHECKED = "unchecked"
    MIXED = "mixed"


class Change(StrEnum):
    """What of a stale row's prompt is not today's. `JUDGE_FILE`: no judge file holds its prompt, or another file than
    the one that renders most of the judge's rows.
    """

    ANSWER = "answer"
    QUESTION = "question"
    REFERENCE = "reference"
    TEMPLATE = "template"
    JUDGE_FILE = "judge file"


class Standing(StrEnum):
    """What a row is beside others of the same judge, models, question, turn and prompt.

    A `COPY` equals another row in every field. `SUPERSEDED` rows failed, and another row of the prompt has a verdict,
    or failed before them. Every verdict counts: none replaces another.
    """

    COUNTS = "counts"
    COPY = "copy"
    SUPERSEDED = "superseded"


USED = frozenset({Freshness.CURRENT, Freshness.UNCHECKED})


@dataclass(frozen=True, kw_only=True)
class StoredRow:
    """What rows of ratings and of games share. `digest` is that of the row as it stands in the file, `ways` are those
    that render to its prompt.
    """

    digest: str
    freshness: Freshness
    changed: tuple[Change, ...] = ()
    ways: frozenset[Way] = frozenset()
    standing: Standing = Standing.COUNTS

    @property
    def used(self) -> bool:
        """Whether strict numbers hold it."""
        return self.freshness in USED and self.standing is Standing.COUNTS


@dataclass(frozen=True, kw_only=True)
class StoredRating(StoredRow):
    """One row of a single file; the record's `repeat` counts a prompt's verdicts. `score` is FastChat's (-1: none)."""

    record: Rating
    score: float

    @property
    def judge(self) -> str:
        """Who judged."""
        return self.record.judge

    @property
    def about(self) -> Hashable:
        """Whom and what it judges."""
        return (self.record.judge, self.record.model, self.record.question, self.record.turn)

    @property
    def prompt(self) -> Hashable:
        """What the judge was shown."""
        return self.record.prompt_digest

    @property
    def has_verdict(self) -> bool:
        """Whether it has a score."""
        return self.record.score is not None

    @property
    def repeat(self) -> int:
        """Which verdict on its prompt it is."""
        return self.record.repeat

    def repeated(self, repeat: int) -> Self:
        """The same as another verdict on its prompt."""
        return replace(self, record=self.record.model_copy(update={"repeat": repeat}))


@dataclass(frozen=True, kw_only=True)
class StoredPair(StoredRow):
    """One row of a pair file: both games, and FastChat's winners (model_1, model_2, tie, error) of g1 and g2."""

    first: str
    second: str
    games: tuple[Game, Game]
    winners: tuple[str, str]

    @property
    def judge(self) -> str:
        """Who judged."""
        return self.games[0].judge

    @property
    def about(self) -> Hashable:
        """Whom and what it judges, whoever of the two stands first in the file."""
        game = self.games[0]
        return (game.judge, game.baseline, game.candidate, game.question, game.turn)

    @property
    def prompt(self) -> Hashable:
        """What the judge was shown in the two games."""
        return frozenset(game.prompt_digest for game in self.games)

    @property
    def has_verdict(self) -> bool:
        """Whether both games have a winner, or a tie."""
        return all(game.winner is not None for game in self.games)

    @property
    def repeat(self) -> int:
        """Which pair of verdicts on its prompts it is."""
        return self.games[0].repeat

    def repeated(self, repeat: int) -> Self:
        """The same as another pair of verdicts on its prompts."""
        first, second = (game.model_copy(update={"repeat": repeat}) for game in self.games)
        return replace(self, games=(first, second))


@dataclass(frozen=True)
class JudgmentFile:
    """One file of model_judgment; `faults` names the lines that could not be read, `unread` counts them."""

    name: str
    mode: Mode
    judges: tuple[str, ...]
    ratings: tuple[StoredRating, ...]
    pairs: tuple[StoredPair, ...]
    faults: tuple[str, ...]
    unread: int


@dataclass(frozen=True)
class StoredModel:
    """A model's answers: `lengths` in characters of each turn, and how many were written twice, are empty or errors.

    `choices` counts those beyond the first of a question, which FastChat never judges; `recovered` says that the
    answers were read out of stored prompts, because there is no file of them.
    """

    name: str
    questions: int
    repeated: int
    empty: int
    errors: int
    lengths: Lengths
    choices: int = 0
    recovered: bool = False


@dataclass(frozen=True)
class Stored:
    """A folder in FastChat's layout. `facts` say which questions, references and prompts it was checked against,
    `unread` names the files that nothing was read from.
    """

    folder: str
    baseline: str
    questions: dict[Unit, Question]
    models: tuple[StoredModel, ...]
    files: tuple[JudgmentFile, ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    unread: tuple[str, ...] = ()

    @property
    def judged(self) -> set[str]:
        """Every model that a row is about."""
        rated = {row.record.model for file in self.files for row in file.ratings}
        return rated | {name for file in self.files for row in file.pairs for name in (row.first, row.second)}
