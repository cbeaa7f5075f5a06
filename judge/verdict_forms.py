"""Verdicts in other forms than text: one JSON object, or the probabilities of a rating's first token.

In: what the judge said, or the tokens it might have said. Out: the distinct verdicts found. Pure, and it never raises.

JSON: an object with the verdict's key counts wherever it stands; a key that stands twice in it counts twice.
Log-probabilities: the expectation over 1 to 10 at the first token that is such a number. Many tokenizers write 10 as 1
and 0: where the judge said 1, the next token tells how much of its probability was 10; where it said something else
and 10 is no token of its own, nobody knows, and more than a trace of it makes the rating unreadable.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ledger.judgments import Form, Mode, RatingToken


def _schema(key: str, values: list[Any], kind: str) -> dict[str, Any]:
    """A strict schema whose first field is the reasoning: a verdict that comes first is not thought through."""
    fields = {"reasoning": {"type": "string"}, key: {"type": kind, "enum": values}}
    schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {"name": key, "strict": True, "schema": schema}


SCHEMAS = {
    Mode.SINGLE: _schema("rating", list(range(1, 11)), "integer"),
    Mode.PAIR: _schema("verdict", ["A", "B", "C"], "string"),
}
POSITIONS = {"A": "A", "B": "B", "C": "C", "TIE": "C", "DRAW": "C"}
LEAST_MASS = 0.5  # of the first rating token's probability must lie on ratings
UNKNOWN_MASS = 0.01  # of it may lie on a 1 that could have become 10: less than a tenth of a point
TOP_LOGPROBS = 20
_NUMBER = re.compile(r"\s*[+-]?\d{1,6}(?:\.\d{1,6})?\s*")
_RATING = re.compile(r"[1-9]|10")


def extras(form: Form, mode: Mode) -> dict[str, Any]:
    """What a call must ask of the endpoint so that its reply has this form."""
    if form == "json":
        return {"response_format": {"type": "json_schema", "json_schema": SCHEMAS[mode]}}
    return {"logprobs": True, "top_logprobs": TOP_LOGPROBS} if form == "logprob" else {}


class _Pairs(list[tuple[str, Any]]):
    """The pairs of one JSON object, each key as often as it stands there."""


def json_ratings(said: str) -> set[float]:
    """Every distinct number that stands as a rating."""
    return {number for value in _values(said, "rating") if (number := _number(value)) is not None}


def json_positions(said: str) -> set[str]:
    """Every distinct position that stands as a verdict, a tie as C."""
    texts = (value.strip().upper() for value in _values(said, "verdict") if isinstance(value, str))
    return {POSITIONS[text] for text in texts if text in POSITIONS}


def expected_rating(tokens: Sequence[RatingToken]) -> set[float]:
    """The expected rating; `tokens` begin at the first token that is a rating.

    Nothing where there is no such token, where less than LEAST_MASS lies on ratings, or where a 1 may have become a 10.
    """
    if not tokens:
        return set()
    first = tokens[0]
    shares = dict.fromkeys(range(1, 11), 0.0)
    for text, logprob in first.top:
        if _RATING.fullmatch(text.strip()):
            shares[int(text.strip())] += math.exp(min(logprob, 0.0))
    if first.token.strip() == "1" and not shares[10]:
        then = tokens[1].top if len(tokens) > 1 else ()
        ten = min(1.0, sum(math.exp(min(logprob, 0.0)) for text, logprob in then if text.startswith("0")))
        shares[1], shares[10] = shares[1] * (1 - ten), shares[1] * ten
    elif not shares[10] and shares[1] > UNKNOWN_MASS:
        return set()
    mass = sum(shares.values())
    if mass < LEAST_MASS:
        return set()
    mean = sum(rating * share for rating, share in shares.items()) / mass
    return {min(10.0, mean)}  # 10 * x / x is more than 10 for some x


def is_rating(text: str) -> bool:
    """Whether a token is a number from 1 to 10, blanks apart."""
    return bool(_RATING.fullmatch(text.strip()))


def _values(said: str, key: str) -> Iterator[Any]:
    """The values under a key of every object in a text that is not inside another one."""
    decoder = json.JSONDecoder(object_pairs_hook=_Pairs)
    place = said.find("{")
    while place >= 0:
        try:
            found, end = decoder.raw_decode(said, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            yield from (value for name, value in found if name == key)
        place = said.find("{", end)


def _number(value: Any) -> float | None:  # noqa: ANN401 - whatever a judge wrote
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
