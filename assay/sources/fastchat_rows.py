"""Rows of FastChat's judgment files, read strictly and held against the prompts that today's files render to.

In: rows of a single or pair file, and a Checker. Out: StoredRatings and StoredPairs.
Source: FastChat 0.2.36 `gen_judgment.py` and `common.py`: game 1 shows model_1 first, game 2 model_2.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from analysis.fastchat_audit.stored import Change, Freshness, JudgmentFile, Lack, StoredPair, StoredRating
from assay.sources.fastchat_fields import (
    cause_of,
    judge_and_prompt,
    question_id,
    row_digest,
    score_of,
    stated,
    text_of,
)
from assay.sources.fastchat_notes import Notes
from assay.sources.fastchat_prompts import Asked, Check, Checker, stale, unchecked
from assay.sources.lines import Row, whole_number
from judge.verdicts import Reading, reading
from ledger.digests import digest_of
from ledger.judgments import Game, Mode, Order, Outcome, Rating, Winner

FAILED_CALL = "$ERROR$"
NO_SCORE = -1
GAMES = ("g1", "g2")
MULTI_TURN = "-multi-turn"
"""How FastChat's names of prompts for a second turn end."""


def judgment_file(name: str, rows: Sequence[Row], checker: Checker, faults: Notes) -> JudgmentFile:
    """One file, none of its rows compared with another yet; a row that lacks what it must have is a fault."""
    single = is_single(name)
    ratings, pairs = [], []
    for number, row in rows:
        try:
            if single:
                ratings.append(_rating(row, checker))
            else:
                pairs.append(_pair(row, checker))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            faults.add(name, f"not a judgment of FastChat's ({cause_of(error)})", number)
    judges = sorted({r.record.judge for r in ratings} | {p.games[0].judge for p in pairs})
    return JudgmentFile(
        name=name,
        mode=Mode.SINGLE if single else Mode.PAIR,
        judges=tuple(judges),
        ratings=tuple(ratings),
        pairs=tuple(pairs),
        faults=faults.told(),
        unread=faults.lines,
        turnless=sum("turn" not in row for _, row in rows),
    )


def is_single(name: str) -> bool:
    """Whether a file of judgments has ratings."""
    return name.removesuffix(".jsonl").endswith("_single")


def models_in(rows: Iterable[Row], *, single: bool) -> Iterator[str]:
    """The names of the models that rows are about."""
    for _, row in rows:
        found = (row.get(name) for name in (("model",) if single else ("model_1", "model_2")))
        yield from (name for name in found if isinstance(name, str))


def prompts(rows: Iterable[Row], *, single: bool) -> Iterator[tuple[Asked, str | None]]:
    """Every stored prompt that can be read, with what it asks; what cannot is a fault of its row elsewhere."""
    for _, row in rows:
        try:
            if single:
                yield _asked(row, stated(row["model"])), text_of(row, "user_prompt")
            else:
                positions = stated(row["model_1"]), stated(row["model_2"])
                yield _asked(row, *positions), text_of(row, "g1_user_prompt")
                yield _asked(row, *reversed(positions)), text_of(row, "g2_user_prompt")
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            continue


def _asked(row: Mapping[str, Any], *models: str) -> Asked:
    """What a row asks; where it has no turn, the name of its prompt tells it."""
    judge, name = judge_and_prompt(row)
    turn = row.get("turn", 2 if name.endswith(MULTI_TURN) else 1)
    return Asked(judge, name, question_id(row), whole_number(turn), models)


def _rating(row: dict[str, Any], checker: Checker) -> StoredRating:
    asked = _asked(row, stated(row["model"]))
    said, prompt = text_of(row, "judgment"), text_of(row, "user_prompt")
    score = score_of(row["score"])
    if not math.isfinite(score):
        if said is None:
            raise ValueError("score is not a number")
        score = float(NO_SCORE)  # the text tells it; FastChat's mean holds neither
    found = _read(Mode.SINGLE, said) if said is not None else _stored_score(score)
    record = Rating(
        judge=asked.judge,
        prompt_digest=digest_of(prompt),
        outcome=found.outcome,
        reply=said,
        model=asked.models[0],
        source=checker.source(asked.question),
        question=asked.question,
        sample=0,
        turn=asked.turn,
        repeat=0,
        score=float(found.value) if found.value is not None else None,
    )
    check = _replied(checker.check(asked, prompt), record)
    return StoredRating(
        record=record,
        score=score,
        digest=row_digest(row),
        freshness=check.freshness,
        changed=check.changed,
        lacking=check.lacking,
        ways=check.ways,
    )


def _pair(row: dict[str, Any], checker: Checker) -> StoredPair:
    first, second = stated(row["model_1"]), stated(row["model_2"])
    # The role of the baseline: the named model's, else the first name's, whatever its position in the file.
    baseline = checker.baseline if checker.baseline in (first, second) else min(first, second)
    games, checks = [], []
    for game, positions in zip(GAMES, ((first, second), (second, first)), strict=True):
        asked, prompt = _asked(row, *positions), text_of(row, f"{game}_user_prompt")
        games.append(_game(row, game, asked, baseline, checker.source(asked.question)))
        checks.append(_replied(checker.check(asked, prompt), games[-1]))
    both = _both(*checks)
    return StoredPair(
        first=first,
        second=second,
        games=(games[0], games[1]),
        winners=(str(row["g1_winner"]), str(row["g2_winner"])),
        digest=row_digest(row),
        freshness=both.freshness,
        changed=both.changed,
        lacking=both.lacking,
        ways=both.ways,
    )


def _game(row: Mapping[str, Any], game: str, asked: Asked, baseline: str, source: str) -> Game:
    """One of a row's two games; `asked` has the models in their positions."""
    said, positions, first = text_of(row, f"{game}_judgment"), asked.models, stated(row["model_1"])
    winners = dict(zip("AB", positions, strict=True))
    told = row[f"{game}_winner"]
    found = _read(Mode.PAIR, said) if said is not None else _stored_winner(told, first, (positions[0], positions[1]))
    won = winners.get(str(found.value), "tie")
    roles = {baseline: Winner.BASELINE, "tie": Winner.TIE}
    return Game(
        judge=asked.judge,
        prompt_digest=digest_of(text_of(row, f"{game}_user_prompt")),
        outcome=found.outcome,
        reply=said,
        baseline=baseline,
        candidate=next((each for each in positions if each != baseline), baseline),
        source=source,
        question=asked.question,
        sample=0,
        turn=asked.turn,
        order=Order.BASELINE_FIRST if positions[0] == baseline else Order.CANDIDATE_FIRST,
        repeat=0,
        winner=None if found.value is None else roles.get(won, Winner.CANDIDATE),
    )


def _replied(check: Check, record: Rating | Game) -> Check:
    """The prompt's check; a verdict on today's prompt whose reply was not stored cannot be read again."""
    silent = record.reply is None and record.outcome is Outcome.SCORED and check.freshness is Freshness.CURRENT
    return unchecked(Lack.REPLY, check.ways) if silent else check


def _both(one: Check, other: Check) -> Check:
    """What two games' prompts are together: the worse of both, by the ways that render both."""
    checks = (one, other)
    if Freshness.STALE in [each.freshness for each in checks]:
        return stale(*one.changed, *other.changed)
    if lacking := next((each.lacking for each in checks if each.lacking), None):
        return unchecked(lacking, one.ways & other.ways)
    if ways := one.ways & other.ways:
        return Check(Freshness.CURRENT, ways=ways)
    return stale(Change.JUDGE_FILE)


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
