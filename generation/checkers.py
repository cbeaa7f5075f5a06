r"""Checkers: whether a written answer is right, decided by a program.

In: what the user sees of an answer, a CheckedItem. Out: its Scores, with what was taken from the text.

`exact` compares the whole text, blanks around it apart. `number` takes the number that the text marks as its answer
(`#### 12`, `\boxed{12}`, "the answer is 12"), or else its last one. `choice` takes the marked letter, the one that the
text begins with, or the only one in it. `regex` searches a pattern; where there is a right answer, the last match (its
first group) must be it, and otherwise any match will do. `json` takes the whole text or its last fenced block; it must
parse, fit the schema and, where there is a right answer, equal it. `function` is the user's own. What finds nothing to
take says so: `extracted` is empty then, and the score 0. Several answers that contradict each other are none. A search
that takes longer than patterns.SEARCH_SECONDS ends the run with the pattern's name: its score is not known.
"""

import importlib
import math
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from generation import patterns
from generation.json_answers import fits, json_text, parsed
from generation.patterns import compiled, ending
from ledger.checked_items import CheckedItem
from ledger.errors import ConfigError, first_line
from ledger.solutions import Score, more_is_better

CORRECT = "correct"
FUNCTION = "function:"
_PART = r"(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)"
_NUMBER = re.compile(
    r"(?:(?<![\w)\]}])-)?(?:[$€£]\s?(?:(?<=[$€£])-)?)?"
    r"(?:\\[dt]?frac\{(?P<up>-?\d+)\}\{(?P<low>\d+)\}"
    r"|(?<![\w./])(?P<whole>\d+)\s+(?P<over>\d+)/(?P<under>\d+)(?![\d/])"
    rf"|(?<![\w./])(?P<top>{_PART})\s*/\s*(?P<bottom>\d+)(?![\d/.]*[\d/])"
    rf"|(?<![\w./])(?P<plain>{_PART}(?:\.\d+)?|\.\d+)(?P<exponent>[eE][+-]?\d{{1,2}}(?!\w))?)"
)
_MARK = r"(?:####|\\boxed\{|\banswer(?:\s++is)?+\s*+[:=]?+)"  # possessive: blanks without end take no square of time
_MARKED_NUMBER = re.compile(
    rf"{_MARK}[\s*_\"'(=:]*+({_NUMBER.pattern})(?!\s*+(?:[-+/×=^]|\*(?!\*))|[\d.,]*\d)", re.IGNORECASE
)
_OR_NUMBER = re.compile(rf"[\s*_]*+or\s++({_NUMBER.pattern})")
_MARKED_LETTER = re.compile(rf"(?i:{_MARK}|\boption|\bchoice)[\s*_\"'(\[:{{]*+([A-Z])\b(?!')")
_BEGINNING = re.compile(r"[\s*_\"'(\[]*([A-Za-z])(?:[\s*_\"'.)\]:]*$|[*_]*[.)\]:])")
# An article and a pronoun are no letters of options.
_LETTER = re.compile(r"(?<![\w'])((?![AI] (?!(?:and|or|is|as)\b)[a-z])[A-Z])(?![\w'])")
_ANOTHER = re.compile(r"[\s*_)\]]*(?:or|and|/|,|&)[\s*_(\[]*[A-Z](?!\w)")
OwnChecker = Callable[[str, dict[str, Any]], bool | float | Mapping[str, float]]


def checked(text: str, item: CheckedItem, own: OwnChecker | None = None) -> tuple[Score, ...]:
    """The scores of an answer by the item's checker, or by the user's own. Raises ConfigError where that one fails."""
    if own is not None and item.checker == "function":
        return _own_scores(own, text, item)
    if item.checker == "exact":
        return _score(text.strip() in {target.strip() for target in item.targets}, None)
    if item.checker == "number":
        found = number_text(text)
        wanted = {value_of(target) for target in item.targets}
        return _score(found != "" and value_of(found) in wanted, found)
    if item.checker == "choice":
        letter = choice_letter(text, item.letters)
        return _score(letter != "" and letter in {target.strip().upper() for target in item.targets}, letter)
    if item.checker == "regex":
        return _searched(text, item)
    if item.checker == "json":
        return _fitting(text, item)
    raise ConfigError(f"no checker {item.checker!r}", where=f"task {item.task}, item {item.id}")


def number_text(text: str) -> str:
    """The number that a text gives as its answer, as it is written there; empty where there is none."""
    text = text.replace("\u2212", "-")
    marks = [*_MARKED_NUMBER.finditer(text)]
    if marks and (other := _OR_NUMBER.match(text, marks[-1].end())) and value_of(other[1]) != value_of(marks[-1][1]):
        return ""
    marked = [match[1].strip() for match in marks]
    found = marked or [match.group().strip() for match in _NUMBER.finditer(text)]
    return next((each for each in reversed(found) if value_of(each) is not None), "")


def value_of(text: str) -> Fraction | None:
    """The exact value of the first number in a text; None where there is none, or nobody can divide so."""
    match = _NUMBER.search(text.replace("\u2212", "-"))
    if match is None:
        return None
    part = {name: (value or "").replace(",", "") for name, value in match.groupdict().items()}
    try:
        if part["plain"]:
            value = Fraction(part["plain"] + part["exponent"])
        else:
            over, under = part["up"] or part["over"] or part["top"], part["low"] or part["under"] or part["bottom"]
            value = Fraction(int(part["whole"] or 0)) + Fraction(int(over), int(under))
    except (ValueError, ZeroDivisionError):  # more digits than Python reads, or a division by nothing
        return None
    return -value if "-" in match.group()[: _digits_begin(match.group())] else value


def choice_letter(text: str, letters: int) -> str:
    """The letter that a text picks among the first `letters`; empty where there is none, or several."""
    allowed = {chr(ord("A") + place) for place in range(letters)}
    marked = [*_MARKED_LETTER.finditer(text)]
    if marked:
        last = marked[-1]
        letter = str(last[1])
        return "" if _ANOTHER.match(text, last.end()) or letter not in allowed else letter
    if begun := _BEGINNING.match(text):
        letter = str(begun[1]).upper()
        return letter if letter in allowed else ""
    found = {str(match[1]) for match in _LETTER.finditer(text)} & allowed
    return found.pop() if len(found) == 1 else ""


def own_checker(name: str) -> OwnChecker:
    """The function that a config names as `function:module:name`. Raises ConfigError."""
    module, _, function = name.removeprefix(FUNCTION).partition(":")
    where = f"checker {name}"
    try:
        found: OwnChecker = getattr(importlib.import_module(module), function)
    except Exception as error:  # the user's module may raise anything
        what = f"cannot be imported: {first_line(error)}"
        raise ConfigError(what, where=where, remedy="Put the module on PYTHONPATH, or install it.") from error
    if not callable(found):
        raise ConfigError("is not a function", where=where)
    return found


def _score(right: bool, extracted: str | None) -> tuple[Score, ...]:
    return (Score(metric=CORRECT, value=float(right), extracted=extracted),)


def _searched(text: str, item: CheckedItem) -> tuple[Score, ...]:
    with ending(item):
        matches = [*compiled(item.pattern).finditer(text, timeout=patterns.SEARCH_SECONDS)]
    if not item.targets:  # a test of the text; nothing is taken from it
        return _score(bool(matches), None)
    if not matches:
        return _score(False, "")
    last = matches[-1]
    found = (last[1] or "") if last.re.groups else last.group()
    return _score(found.strip() in {target.strip() for target in item.targets}, found)


def _fitting(text: str, item: CheckedItem) -> tuple[Score, ...]:
    found = json_text(text)
    if not found:
        return _score(False, "")
    value = parsed(found)
    with ending(item):
        fitting = item.fits is None or fits(item.fits, value)
    right = not item.targets or any(value == parsed(target) for target in item.targets)
    return _score(fitting and right, found)


def _own_scores(own: OwnChecker, text: str, item: CheckedItem) -> tuple[Score, ...]:
    where = f"task {item.task}, item {item.id}"
    try:
        said = own(text, item.document)
    except (Exception, SystemExit) as error:  # the user's function may raise anything, or leave
        raise ConfigError(f"its checker fails: {first_line(error)}", where=where) from error
    values = said if isinstance(said, Mapping) else {CORRECT: said}
    if not values:
        raise ConfigError("its checker gives no score", where=where)
    for metric, value in values.items():
        if not isinstance(metric, str) or not metric.strip():
            raise ConfigError(f"its checker gives {metric!r}, which is no name of a score", where=where)
        if not isinstance(value, bool | int | float) or not 0 <= value <= 1 or math.isnan(value):
            raise ConfigError(f"its checker gives {metric} = {value!r}, not a number from 0 to 1", where=where)
        if not more_is_better(metric):
            what = f"its checker gives {metric}, and of what is called so less is better"
            raise ConfigError(what, where=where, remedy="Give a score of which more is better, as 1 minus it.")
    return tuple(Score(metric=metric, value=float(value)) for metric, value in values.items())


def _digits_begin(text: str) -> int:
    return next(place for place, character in enumerate(text) if character.isdigit() or character in ".\\")
