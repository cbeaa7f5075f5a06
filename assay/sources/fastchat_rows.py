"""Rows of FastChat's judgment files, read strictly and held against the prompts that today's files render to.

In: rows of a single or pair file, questions, answers, prompts. Out: StoredRatings and StoredPairs.
Source: FastChat 0.2.36 `gen_judgment.py` and `common.py`: game 1 shows model_1 first, game 2 model_2.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from analysis.fastchat_audit.stored import Freshness, JudgmentFile, StoredPair, StoredRating
from assay.sources.lines import whole_number
from assay.sources.mt_bench import NAME as MT_BENCH
from judge.official_prompts import OfficialPrompts
from judge.verdicts import Reading, reading
from ledger.digests import digest_of
from ledger.errors import ConfigError
from ledger.judgments import Game, Mode, Order, Outcome, Rating, Winner
from ledger.records import Question
from ledger.store import first_fault

FAILED_CALL = "$ERROR$"
R = TypeVar("R", StoredRating, StoredPair)


@dataclass(frozen=True)
class Checker:
    """What stored prompts are compared with: questions by reference set and id, answers by model and id."""

    questions: Mapping[str, Mapping[str, Question]]
    answers: Mapping[str, Mapping[str, tuple[str, ...]]]
    prompts: OfficialPrompts | None
    baseline: str = ""

    def freshness(self, judge: str, id: str, turn: int, positions: Sequence[str], stored: str | None) -> Freshness:
        """Whether any set of references, the judge's own first, renders to the stored prompt."""
        answers = [self.answers.get(model, {}).get(id) for model in positions]
        sets = sorted(self.questions, key=lambda name: name != judge)
        asked = [self.questions[name][id] for name in sets if id in self.questions[name]]
        if (
            self.prompts is None
            or stored is None
            or not asked
            or any(each is None or len(each) < turn for each in answers)
        ):
            return Freshness.UNCHECKED
        held = tuple(each[:turn] for each in answers if each)
        for question in asked:
            try:
                rendered = self.prompts.messages(question, turn, held)
            except ConfigError:
                return Freshness.UNCHECKED  # a third turn
            if rendered[1]["content"] == stored:
                return Freshness.CURRENT
        return Freshness.STALE

    def source(self, id: str) -> str:
        """The question set that an id belongs to."""
        return next((held[id].source for held in self.questions.values() if id in held), MT_BENCH)


def judgment_file(
    name: str, rows: Sequence[tuple[int, dict[str, Any]]], checker: Checker, faults: list[str]
) -> JudgmentFile:
    """One file; a row that lacks what it must have is a fault."""
    single = name.removesuffix(".jsonl").endswith("_single")
    ratings, pairs = [], []
    for number, row in rows:
        try:
            if single:
                ratings.append(_rating(row, checker))
            else:
                pairs.append(_pair(row, checker))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            faults.append(f"{name}, line {number}: not a judgment of FastChat's ({_cause(error)})")
    judges = sorted({r.record.judge for r in ratings} | {p.games[0].judge for p in pairs})
    return JudgmentFile(
        name=name,
        mode=Mode.SINGLE if single else Mode.PAIR,
        judges=tuple(judges),
        ratings=tuple(_numbered(ratings, _rating_key, _rating_prompt, _repeated_rating)),
        pairs=tuple(_numbered(pairs, _pair_key, _pair_prompt, _repeated_pair)),
        faults=tuple(faults),
    )


def _rating(row: dict[str, Any], checker: Checker) -> StoredRating:
    judge, id, turn, model = _judge(row), question_id(row), whole_number(row.get("turn", 1)), stated(row["model"])
    said, prompt = _text(row, "judgment"), _text(row, "user_prompt")
    score = float(row["score"])
    if not math.isfinite(score):
        raise ValueError("score is not a number")
    found = _read(Mode.SINGLE, said) if said is not None else _stored_score(score)
    record = Rating(
        judge=judge,
        prompt_digest=digest_of(prompt),
        outcome=found.outcome,
        reply=said,
        model=model,
        source=checker.source(id),
        question=id,
        sample=0,
        turn=turn,
        repeat=0,
        score=float(found.value) if found.value is not None else None,
    )
    return StoredRating(record, score, checker.freshness(judge, id, turn, [model], prompt))


def _pair(row: dict[str, Any], checker: Checker) -> StoredPair:
    judge, id, turn = _judge(row), question_id(row), whole_number(row.get("turn", 1))
    first, second = stated(row["model_1"]), stated(row["model_2"])
    # The role of the baseline: the named model's, else the first name's, whatever its position in the file.
    baseline = checker.baseline if checker.baseline in (first, second) else min(first, second)
    games, states = [], []
    for game, positions in (("g1", (first, second)), ("g2", (second, first))):
        said, prompt = _text(row, f"{game}_judgment"), _text(row, f"{game}_user_prompt")
        winners = dict(zip("AB", positions, strict=True))
        found = _read(Mode.PAIR, said) if said is not None else _stored_winner(row[f"{game}_winner"], first, positions)
        won = winners.get(str(found.value), "tie")
        roles = {baseline: Winner.BASELINE, "tie": Winner.TIE}
        winner = None if found.value is None else roles.get(won, Winner.CANDIDATE)
        games.append(
            Game(
                judge=judge,
                prompt_digest=digest_of(prompt),
                outcome=found.outcome,
                reply=said,
                baseline=baseline,
                candidate=second if baseline == first else first,
                source=checker.source(id),
                question=id,
                sample=0,
                turn=turn,
                order=Order.BASELINE_FIRST if positions[0] == baseline else Order.CANDIDATE_FIRST,
                repeat=0,
                winner=winner,
            )
        )
        states.append(checker.freshness(judge, id, turn, positions, prompt))
    worst = next(state for state in (Freshness.STALE, Freshness.UNCHECKED, Freshness.CURRENT) if state in states)
    return StoredPair(first, second, (games[0], games[1]), (str(row["g1_winner"]), str(row["g2_winner"])), worst)


def question_id(row: Mapping[str, Any]) -> str:
    """The id of a row's question, a number or a text there. Raises KeyError, TypeError."""
    id = row["question_id"]
    return str(id) if isinstance(id, int) else stated(id)


def stated(said: object) -> str:
    """A text that must be one: str() would make the answer or name "None" of null. Raises TypeError."""
    if not isinstance(said, str):
        raise TypeError(f"{said!r} is no text")
    return said


def _judge(row: Mapping[str, Any]) -> str:
    judge = row["judge"]
    return stated(judge[0] if isinstance(judge, list) else judge)


def _text(row: Mapping[str, Any], name: str) -> str | None:
    """A text that a file may lack. Raises TypeError for anything else."""
    said = row.get(name)
    return None if said is None else stated(said)


def _cause(error: Exception) -> str:
    """Why a row is none, on one line."""
    if isinstance(error, ValidationError):
        return ": ".join(first_fault(error))
    return f"{type(error).__name__}: {error}"


def _read(mode: Mode, said: str) -> Reading:
    if said.strip() == FAILED_CALL:
        return Reading(Outcome.FAILED)
    return reading(mode, said, None, None, "strict")


def _stored_score(score: float) -> Reading:
    return Reading(Outcome.SCORED, score) if 1 <= score <= 10 else Reading(Outcome.UNREADABLE)


def _stored_winner(winner: str, first: str, positions: tuple[str, str]) -> Reading:
    """The position of a stored winner, where the judge's words were not kept."""
    if winner == "tie":
        return Reading(Outcome.SCORED, "C")
    if winner not in ("model_1", "model_2"):
        return Reading(Outcome.UNREADABLE)
    return Reading(Outcome.SCORED, "A" if (winner == "model_1") == (positions[0] == first) else "B")


def _numbered(
    rows: Iterable[R],
    key: Callable[[R], Hashable],
    prompt: Callable[[R], Hashable],
    repeated: Callable[[R, int], R],
) -> Iterable[R]:
    """Rows of one key and prompt are repeats; unchecked ones of one key and several prompts are mixed."""
    held, seen = list(rows), Counter[Hashable]()
    prompts: defaultdict[Hashable, set[Hashable]] = defaultdict(set)
    for row in held:
        if row.freshness is Freshness.UNCHECKED:
            prompts[key(row)].add(prompt(row))
    for row in held:
        if row.freshness is Freshness.UNCHECKED and len(prompts[key(row)]) > 1:
            row = replace(row, freshness=Freshness.MIXED)
        place = (row.freshness, key(row), prompt(row))
        yield repeated(row, seen[place])
        seen[place] += 1


def _rating_key(row: StoredRating) -> Hashable:
    return (row.record.judge, row.record.model, row.record.question, row.record.turn)


def _rating_prompt(row: StoredRating) -> Hashable:
    return row.record.prompt_digest


def _repeated_rating(row: StoredRating, repeat: int) -> StoredRating:
    return replace(row, record=row.record.model_copy(update={"repeat": repeat}))


def _pair_key(row: StoredPair) -> Hashable:
    game = row.games[0]
    return (game.judge, game.baseline, game.candidate, game.question, game.turn)


def _pair_prompt(row: StoredPair) -> Hashable:
    return frozenset(game.prompt_digest for game in row.games)


def _repeated_pair(row: StoredPair, repeat: int) -> StoredPair:
    games = tuple(game.model_copy(update={"repeat": repeat}) for game in row.games)
    return replace(row, games=(games[0], games[1]))
