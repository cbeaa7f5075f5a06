"""Fields of FastChat's rows, as programs and people spell them.

In: a row. Out: its question's id, its judge, a text, a score; why a row is none.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ledger.digests import digest_of
from ledger.store import first_fault

WHOLE = re.compile(r"(\d+)\.0+")
"""A number as programs that know no others write it."""


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


def row_digest(row: Mapping[str, Any]) -> str:
    """Equal for rows that are equal in every field, also where one holds what JSON has no word for."""
    return digest_of(json.dumps(row, sort_keys=True))


def judge_and_prompt(row: Mapping[str, Any]) -> tuple[str, str]:
    """The judge, and the name of its prompt where the row has one."""
    judge = row["judge"]
    if isinstance(judge, list):
        return stated(judge[0]), stated(judge[1]) if len(judge) > 1 else ""
    return stated(judge), ""


def text_of(row: Mapping[str, Any], name: str) -> str | None:
    """A text that a file may lack. Raises TypeError for anything else."""
    said = row.get(name)
    return None if said is None else stated(said)


def score_of(said: object) -> float:
    """A number as files spell it. Raises ValueError."""
    try:
        return float(said)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("score is not a number") from error


def cause_of(error: Exception) -> str:
    """Why a row is none, on one line, in words that name no exception of Python's."""
    if isinstance(error, ValidationError):
        return ": ".join(first_fault(error))
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]}"
    return "the judge is an empty list" if isinstance(error, IndexError) else str(error)
