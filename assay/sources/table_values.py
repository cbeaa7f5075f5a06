"""What the cells of a table say: scores, places of options, ways of ending, numbers.

In: a cell of a CSV file (text), of JSON or of Parquet. Out: its value; None where it is missing. Anything else is a
ValueError with the reason.
"""

import json
import math
from numbers import Real
from string import ascii_uppercase
from typing import Any

from ledger.records import Finish

MISSING = frozenset({"", "nan", "null", "none", "na", "n/a", "<na>"})
WORDS = {
    **dict.fromkeys(("true", "correct", "c"), 1.0),
    **dict.fromkeys(("false", "incorrect", "i"), 0.0),
}
FINISHES = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed"), Finish.STOP),
    **dict.fromkeys(("length", "max_tokens", "max_length", "token_limit"), Finish.LENGTH),
    **dict.fromkeys(("overflow", "model_length", "context_length_exceeded"), Finish.OVERFLOW),
    "empty": Finish.EMPTY,
}
IS_NO_SCORE = "is no score: 0 to 1, true, false, correct, incorrect, C or I"


def missing(cell: Any) -> bool:  # noqa: ANN401 - whatever a file holds
    """Whether a cell holds nothing: empty, null, NaN."""
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def score(cell: Any, scale: float) -> float | None:  # noqa: ANN401
    """A score from 0 to 1; numbers run to `scale`, words and booleans do not."""
    if cell is True or cell is False:
        return float(cell)
    if missing(cell):
        return None
    if isinstance(cell, str) and (word := WORDS.get(cell.strip().lower())) is not None:
        return word
    value = _number(cell, IS_NO_SCORE) / scale
    if value > 1 and scale == 1:
        advice = "; where scores run from 0 to 100, say --scale 100" if value <= 100 else ""
        raise ValueError(f"is above 1{advice}")
    if not 0 <= value <= 1:
        raise ValueError(f"lies outside 0 to {scale:g}")
    return value


def number(cell: Any) -> float | None:  # noqa: ANN401
    """A finite number."""
    return None if missing(cell) else _number(cell, "is no number")


def count(cell: Any) -> int | None:  # noqa: ANN401
    """A whole number."""
    value = number(cell)
    if value is not None and not value.is_integer():
        raise ValueError("is no whole number")
    return None if value is None else int(value)


def place(cell: Any) -> int | None:  # noqa: ANN401
    """The place of an option from 0, also as a letter."""
    if isinstance(cell, str) and len(letter := cell.strip().strip("().").upper()) == 1 and letter in ascii_uppercase:
        return ascii_uppercase.index(letter)
    try:
        found = count(cell)
    except ValueError:
        found = -1
    if found is not None and found < 0:
        raise ValueError("is no option: a place from 0, or a letter")
    return found


def finish(cell: Any) -> Finish | None:  # noqa: ANN401
    """How a text ended; None for a word that we do not know."""
    return None if missing(cell) else FINISHES.get(str(cell).strip().lower())


def log_probabilities(cells: list[Any]) -> list[float] | None:
    """The log-probabilities of an item's options: one cell with a list, or a cell each; None where there are none.

    -inf, and null in a list, is a probability of zero; cells that are empty after the last option are no options.
    """
    if len(cells) == 1:
        cells = _listed(cells[0])
        values = [-math.inf if each is None else _log_probability(each) for each in cells]
    else:
        while cells and missing(cells[-1]):
            cells = cells[:-1]
        values = [_log_probability(each) for each in cells]
    if len(values) == 1:
        raise ValueError("is the score of one option alone")
    if values and max(values) == -math.inf:
        raise ValueError("gives no option a probability")
    return values or None


def _listed(cell: Any) -> list[Any]:  # noqa: ANN401
    if isinstance(cell, list):
        return cell
    if missing(cell):
        return []
    try:
        found = json.loads(cell) if isinstance(cell, str) else None
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise ValueError("is no list of log-probabilities, as [-1.5, -0.3]")
    return found


def _log_probability(cell: Any) -> float:  # noqa: ANN401
    if missing(cell):
        raise ValueError("has an option without a log-probability")
    value = _number(cell, "is no log-probability", infinite=True)
    if value > 0:
        raise ValueError("is no log-probability: it is above 0")
    return value


def _number(cell: Any, otherwise: str, *, infinite: bool = False) -> float:  # noqa: ANN401
    """A number, or ValueError with the reason; booleans are none."""
    try:
        if isinstance(cell, bool) or not (isinstance(cell, str | Real) or hasattr(cell, "as_tuple")):
            raise ValueError
        value = float(cell)
    except (ValueError, OverflowError):
        raise ValueError(otherwise) from None
    if not (math.isfinite(value) or (infinite and value == -math.inf)):
        raise ValueError(otherwise)
    return value
