"""What a judge's reply says: a score, a winner, or the reason why there is none. Pure, and it never raises.

In: the text of a reply, how it ended, and the rules to read it by. Out: a Reading.
Source: FastChat `llm_judge/common.py` for the rules named `fastchat` (its patterns and their order).
The rules `json` and `logprob` stand in verdict_forms.py.

The strict rules: what is thought is not said; exactly one distinct verdict in double brackets, in range; decimals,
`[[ 8/10 ]]`, `[[Rating: 8]]`, `[[**8**]]`, `[[tie]]`, `[[draw]]` and full-width signs are fine, where all say the same.
A reply that was cut has no verdict even if a marker stands in it, because a verdict stands last.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from judge.verdict_forms import POSITIONS, expected_rating, json_positions, json_ratings
from ledger.endpoint.completions import CUT, FILTERED, finish_word
from ledger.judgments import Mode, Outcome, Parsing, RatingToken
from ledger.thinking import spoken

Value = float | str | None
"""A score, or a position (`A`, `B`) or a tie (`C`)."""

LOWEST, HIGHEST = 1.0, 10.0
RE_ASKED = frozenset({Outcome.UNREADABLE, Outcome.CONTRADICTORY, Outcome.OUT_OF_RANGE})
REMINDERS: dict[tuple[Mode, str], str] = {
    (Mode.SINGLE, "text"): (
        "Your reply does not end in one rating that can be read. Give your final rating now, as a single line of the "
        'form "Rating: [[N]]" with your number from 1 to 10 in place of N, and no other double brackets.'
    ),
    (Mode.PAIR, "text"): (
        "Your reply does not end in one verdict that can be read. Give your final verdict now, as a single line: "
        '"[[A]]" if A is better, "[[B]]" if B is better, or "[[C]]" for a tie, and no other double brackets.'
    ),
    (Mode.SINGLE, "json"): (
        'Your reply is not one JSON object with a rating. Reply now with one object only: {"reasoning": "...", '
        '"rating": N}, with your whole number from 1 to 10 in place of N.'
    ),
    (Mode.PAIR, "json"): (
        'Your reply is not one JSON object with a verdict. Reply now with one object only: {"reasoning": "...", '
        '"verdict": "..."}, the verdict being "A", "B", or "C" for a tie.'
    ),
    (Mode.SINGLE, "logprob"): "Your reply does not begin with a rating. Reply now with one whole number from 1 to 10.",
}

_BLANK = r"\s{0,20}"  # bounded, because unbounded ones side by side are read in quadratic time
_LABEL = rf"(?:(?:final{_BLANK})?(?:rating|score|verdict|winner){_BLANK}[:=]{_BLANK})?"
_OPENS, _CLOSES = rf"\[\[{_BLANK}{_LABEL}[*_`]{{0,3}}{_BLANK}", rf"{_BLANK}[*_`]{{0,3}}{_BLANK}\]\]"
_NUMBER = rf"([+-]?[0-9]{{1,5000}}(?:\.[0-9]{{0,5000}})?)(?:{_BLANK}/{_BLANK}10(?:\.0{{0,20}})?)?"
_WHO = rf"(?:(?:assistant|answer){_BLANK})?([ABC]|tie|draw)"
_SCORE, _POSITION = (re.compile(_OPENS + value + _CLOSES, re.IGNORECASE) for value in (_NUMBER, _WHO))
_PLAIN = str.maketrans("０１２３４５６７８９．／［］ＡＢＣ：＝", "0123456789./[]ABC:=")
_FASTCHAT_SCORES = (re.compile(r"\[\[(\d+\.?\d*)\]\]"), re.compile(r"\[(\d+\.?\d*)\]"))


@dataclass(frozen=True)
class Reading:
    """What became of a reply; `value` stands only when the outcome is scored."""

    outcome: Outcome
    value: Value = None


def reading(
    mode: Mode,
    text: str,
    finish: str | None,
    refusal: str | None,
    parsing: Parsing,
    tokens: Sequence[RatingToken] = (),
) -> Reading:
    """The verdict of a reply. How it ended is looked at before its text, except that FastChat's rules know no cut.

    `tokens` are needed by the rules `logprob` only, which read the first number: what follows it may be cut.
    """
    if refusal:
        return Reading(Outcome.REFUSED)
    ended = finish_word(finish)
    if ended == FILTERED:
        return Reading(Outcome.FILTERED)
    if parsing == "fastchat":
        return READERS[mode, parsing](text)
    if parsing == "logprob":
        return _read_values(expected_rating(tokens))
    if ended == CUT:
        return Reading(Outcome.TRUNCATED)
    said = spoken(text)
    if said is None:
        return Reading(Outcome.UNREADABLE)
    return READERS[mode, parsing](said)


def reminder(mode: Mode, parsing: Parsing) -> str:
    """What a judge is told whose reply could not be read."""
    return REMINDERS[mode, parsing if parsing in ("json", "logprob") else "text"]


def fastchat_score(text: str) -> Reading:
    """FastChat's rating: the first number in double brackets, else the first in single ones.

    Where we depart: it accepts any number, and [[08]] stops its program; here they are states.
    """
    for pattern in _FASTCHAT_SCORES:
        match = pattern.search(text)
        if match is None:
            continue
        number = match[1]
        octal = "." not in number and number.startswith("0") and bool(number.strip("0"))
        if octal or not number.isascii():
            return Reading(Outcome.UNREADABLE)  # FastChat stops with a SyntaxError
        return _read_values({float(number)})
    return Reading(Outcome.UNREADABLE)


def fastchat_winner(text: str) -> Reading:
    """FastChat's winner: A if [[A]] stands anywhere, else B, else C."""
    for position in "ABC":
        if f"[[{position}]]" in text:
            return Reading(Outcome.SCORED, position)
    return Reading(Outcome.UNREADABLE)


def _strict_score(said: str) -> Reading:
    return _read_values({float(number) for number in _SCORE.findall(_spelled(said))})


def _strict_winner(said: str) -> Reading:
    return _position({POSITIONS[position.upper()] for position in _POSITION.findall(_spelled(said))})


def _spelled(said: str) -> str:
    """The text with brackets as Markdown shows them, and full-width digits and colons as plain ones."""
    return said.replace("\\[", "[").replace("\\]", "]").translate(_PLAIN)


def _position(positions: set[str]) -> Reading:
    if len(positions) > 1:
        return Reading(Outcome.CONTRADICTORY)
    return Reading(Outcome.SCORED, positions.pop()) if positions else Reading(Outcome.UNREADABLE)


def _read_values(numbers: set[float]) -> Reading:
    if not numbers:
        return Reading(Outcome.UNREADABLE)
    if len(numbers) > 1:
        return Reading(Outcome.CONTRADICTORY)
    number = numbers.pop()
    return Reading(Outcome.SCORED, number) if LOWEST <= number <= HIGHEST else Reading(Outcome.OUT_OF_RANGE)


READERS: dict[tuple[Mode, Parsing], Callable[[str], Reading]] = {
    (Mode.SINGLE, "strict"): _strict_score,
    (Mode.PAIR, "strict"): _strict_winner,
    (Mode.SINGLE, "fastchat"): fastchat_score,
    (Mode.PAIR, "fastchat"): fastchat_winner,
    (Mode.SINGLE, "json"): lambda said: _read_values(json_ratings(said)),
    (Mode.PAIR, "json"): lambda said: _position(json_positions(said)),
}
"""How each mode's texts are read by each set of rules; log-probabilities are no text."""
