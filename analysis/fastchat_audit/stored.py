"""Judgments as FastChat's files hold them, before anything is left out: what an audit looks at.

In: nothing. Out: frozen rows, with FastChat's reading beside the strict one, whether the prompt is today's and what
changed, and whether the row counts beside others of the same judgment.
"""

from collections.abc import Hashable, Sequence
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
    """What of a stale row is not today's. `JUDGE_FILE`: no judge file holds its prompt, or another file than the one
    that renders most of the judge's rows. `FAILED`: today's answer is FastChat's error text, or has an empty turn.
    `UNKNOWN`: the question file has no such question, or no such turn of it.
    """

    ANSWER = "answer"
    QUESTION = "question"
    REFERENCE = "reference"
    TEMPLATE = "template"
    JUDGE_FILE = "judge file"
    FAILED = "failed answer"
    UNKNOWN = "unknown question"


class Lack(StrEnum):
    """What an unchecked row could not be held against. Without `QUESTION` or `JUDGE_PROMPT`, its prompt at least shows
    today's answers; without `REFERENCE`, all but the references is today's. Without `REPLY` nothing but a score or a
    winner tells what the judge said.
    """

    PROMPT = "stored prompt"
    ANSWER = "answer"
    QUESTION = "question file"
    JUDGE_PROMPT = "judge prompt"
    REFERENCE = "references"
    REPLY = "stored reply"


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
    that render to its prompt; `lacking` says what an unchecked row could not be held against.
    """

    digest: str
    freshness: Freshness
    changed: tuple[Change, ...] = ()
    lacking: Lack | None = None
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
    def words(self) -> tuple[Rating | None, ...]:
        """Its judgment, where it has a score."""
        return (self.record if self.record.score is not None else None,)

    @property
    def repeat(self) -> int:
        """Which verdict on its prompt it is."""
        return self.record.repeat

    def counting(self, words: Sequence[Rating | Game | None], repeat: int) -> Self:
        """The same as the only, or as another verdict on its prompt."""
        return replace(self, standing=Standing.COUNTS, record=self.record.model_copy(update={"repeat": repeat}))


@dataclass(frozen=True, kw_only=True)
class StoredPair(StoredRow):
    """One row of a pair file: both games, and FastChat's winners (model_1, model_2, tie, error) of g1 and g2.

    `counted` are the games that strict numbers hold in this row's place: where one failed and was asked again, that
    of another row on the same prompts.
    """

    first: str
    second: str
    games: tuple[Game, Game]
    winners: tuple[str, str]
    counted: tuple[Game, ...] = ()

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
    def words(self) -> tuple[Game | None, ...]:
        """Its two games by their order, each where it has a winner, or a tie."""
        games = sorted(self.games, key=lambda game: game.order)
        return tuple(game if game.winner is not None else None for game in games)

    @property
    def repeat(self) -> int:
        """Which pair of verdicts on its prompts it is."""
        return self.counted[0].repeat if self.counted else 0

    def counting(self, words: Sequence[Rating | Game | None], repeat: int) -> Self:
        """The same as the only, or as another pair of verdicts on its prompts; its own games where a word is None."""
        own = sorted(self.games, key=lambda game: game.order)
        told = [each if isinstance(each, Game) else game for each, game in zip(words, own, strict=True)]
        counted = tuple(game.model_copy(update={"repeat": repeat}) for game in told)
        return replace(self, standing=Standing.COUNTS, counted=counted)


@dataclass(frozen=True)
class JudgmentFile:
    """One file of model_judgment; `faults` names the lines that could not be read, `unread` counts them. `turnless`
    counts rows without a turn, which the name of their prompt tells.
    """

    name: str
    mode: Mode
    judges: tuple[str, ...]
    ratings: tuple[StoredRating, ...]
    pairs: tuple[StoredPair, ...]
    faults: tuple[str, ...]
    unread: int
    turnless: int = 0


@dataclass(frozen=True)
class StoredModel:
    """A model's answers: the text of each turn, and how many were written twice, are empty or errors.

    `questions` counts those that it answered, `failed` those whose answer has an empty turn or an error's text: none.
    `texts` are the turns that count for a judge, `written` with those of failed answers that are no error's text.
    `choices` counts those beyond the first of a question, which FastChat never judges; `recovered` says that the
    answers were read out of stored prompts, because there is no file of them.
    """

    name: str
    questions: int
    repeated: int
    empty: int
    errors: int
    texts: dict[Cell, str]
    written: dict[Cell, str]
    failed: int = 0
    choices: int = 0
    recovered: bool = False

    @property
    def lengths(self) -> Lengths:
        """In characters."""
        return {cell: len(text) for cell, text in self.texts.items()}


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
