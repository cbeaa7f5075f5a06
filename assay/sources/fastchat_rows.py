"""Rows of FastChat's judgment files, read strictly and held against the prompts that today's files render to.

In: rows of a single or pair file, and a Checker. Out: StoredRatings and StoredPairs.
Source: FastChat 0.2.36 `gen_judgment.py` and `common.py`: game 1 shows model_1 first, game 2 model_2.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from analysis.fastchat_audit.stored import Change, Freshness, JudgmentFile, StoredPair, StoredRating
from assay.sources.fastchat_notes import Notes
from assay.sources.fastchat_prompts import Asked, Check, Checker
from assay.sources.lines import Row, whole_number
from judge.verdicts import Reading, reading
from ledger.digests import digest_of
from ledger.judgments import Game, Mode, Order, Outcome, Rating, Winner
from ledger.store import first_fault

FAILED_CALL = "$ERROR$"
WHOLE = re.compile(r"(\d+)\.0+")
"""A number as programs that know no others write it."""
GAMES = ("g1", "g2")


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
            faults.add(name, f"not a judgment of FastChat's ({_cause(error)})", number)
    judges = sorted({r.record.judge for r in ratings} | {p.games[0].judge for p in pairs})
    return JudgmentFile(
        name=name,
        mode=Mode.SINGLE if single else Mode.PAIR,
        judges=tuple(judges),
        ratings=tuple(ratings),
        pairs=tuple(pairs),
        faults=faults.told(),
        unread=faults.lines,
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
                yield _asked(row, stated(row["model"])), _text(row, "user_prompt")
            else:
                positions = stated(row["model_1"]), stated(row["model_2"])
                yield _asked(row, *positions), _text(row, "g1_user_prompt")
                yield _asked(row, *reversed(positions)), _text(row, "g2_user_prompt")
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            continue


def _asked(row: Mapping[str, Any], *models: str) -> Asked:
    judge, name = _judge(row)
    return Asked(judge, name, question_id(row), whole_number(row.get("turn", 1)), models)


def _rating(row: dict[str, Any], checker: Checker) -> StoredRating:
    asked = _asked(row, stated(row["model"]))
    said, prompt = _text(row, "judgment"), _text(row, "user_prompt")
    score = float(row["score"])
    if not math.isfinite(score):
        raise ValueError("score is not a number")
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
    check = checker.check(asked, prompt)
    return StoredRating(
        record=record,
        score=score,
        digest=_row_digest(row),
        freshness=check.freshness,
        changed=check.changed,
        ways=check.ways,
    )


def _pair(row: dict[str, Any], checker: Checker) -> StoredPair:
    first, second = stated(row["model_1"]), stated(row["model_2"])
    # The role of the baseline: the named model's, else the first name's, whatever its position in the file.
    baseline = checker.baseline if checker.baseline in (first, second) else min(first, second)
    games, checks = [], []
    for game, positions in zip(GAMES, ((first, second), (second, first)), strict=True):
        asked, prompt = _asked(row, *positions), _text(row, f"{game}_user_prompt")
        games.append(_game(row, game, asked, baseline, checker.source(asked.question)))
        checks.append(checker.check(asked, prompt))
    both = _both(*checks)
    return StoredPair(
        first=first,
        second=second,
        games=(games[0], games[1]),
        winners=(str(row["g1_winner"]), str(row["g2_winner"])),
        digest=_row_digest(row),
        freshness=both.freshness,
        changed=both.changed,
        ways=both.ways,
    )


def _game(row: Mapping[str, Any], game: str, asked: Asked, baseline: str, source: str) -> Game:
    """One of a row's two games; `asked` has the models in their positions."""
    said, positions, first = _text(row, f"{game}_judgment"), asked.models, stated(row["model_1"])
    winners = dict(zip("AB", positions, strict=True))
    told = row[f"{game}_winner"]
    found = _read(Mode.PAIR, said) if said is not None else _stored_winner(told, first, (positions[0], positions[1]))
    won = winners.get(str(found.value), "tie")
    roles = {baseline: Winner.BASELINE, "tie": Winner.TIE}
    return Game(
        judge=asked.judge,
        prompt_digest=digest_of(_text(row, f"{game}_user_prompt")),
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


def _both(one: Check, other: Check) -> Check:
    """What two games' prompts are together: the worse of both, by the ways that render both."""
    states = (one.freshness, other.freshness)
    worst = next(each for each in (Freshness.STALE, Freshness.UNCHECKED, Freshness.CURRENT) if each in states)
    ways = one.ways & other.ways
    if worst is Freshness.CURRENT and not ways:
        return Check(Freshness.STALE, (Change.JUDGE_FILE,))
    changed = tuple(each for each in Change if each in (*one.changed, *other.changed))
    return Check(worst, changed, ways if worst is Freshness.CURRENT else frozenset())


def question_id(row: Mapping[str, Any]) -> str:
    """The id of a row's question: 81, "81" and 81.0 are one. Raises KeyError, TypeError."""
    id = row["question_id"]
    if isinstance(id, int) and not isinstance(id, bool):
        return str(id)
    if isinstance(id, float) and id.is_integer():
        return str(int(id))
    whole = WHOLE.fullmatch(stated(id))
    return whole[1] if whole else stated(id)


def stated(said: object) -> str:
    """A text that must be one: str() would make the answer or name "None" of null. Raises TypeError."""
    if not isinstance(said, str):
        raise TypeError(f"{said!r} is no text")
    return said


def _row_digest(row: Mapping[str, Any]) -> str:
    """Equal for rows that are equal in every field, also where one holds what JSON has no word for."""
    return digest_of(json.dumps(row, sort_keys=True))


def _judge(row: Mapping[str, Any]) -> tuple[str, str]:
    """The judge, and the name of its prompt where the row has one."""
    judge = row["judge"]
    if isinstance(judge, list):
        return stated(judge[0]), stated(judge[1]) if len(judge) > 1 else ""
    return stated(judge), ""


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
