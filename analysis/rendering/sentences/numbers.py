"""How numbers are written: sensible digits, signs on changes, percent for shares, the interval in the same cell.

In: values and their measure. Out: short texts, the same in every format of the report; what was not measured says so.
"""

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from ledger.decision_config import limited
from ledger.forms import Form
from ledger.measures import form_of

N = TypeVar("N", bound=float)
NOT_MEASURED = "not measured"


def number(measure: str, value: float, extra_digits: int = 0) -> str:
    """One value of a measure in its unit: rating points, shares in percent, KL in nats, win_change as in the config."""
    return bare_number(measure, value, extra_digits) + unit(measure)


def unit(measure: str) -> str:
    """What follows a number of this measure."""
    return UNITS.get(form_of(measure), "")


def bare_number(measure: str, value: float, extra_digits: int = 0) -> str:
    """The number without its unit."""
    return WRITTEN[form_of(measure)](value, extra_digits)


def span(measure: str, ends: tuple[float, float]) -> str:
    """Both ends of an interval, without their unit."""
    low, high = (bare_number(measure, end) for end in ends)
    return f"[{low}, {high}]"


def apart(measure: str, first: float, second: float) -> tuple[str, str]:
    """Two values with enough digits that they read as different if they are."""
    texts = number(measure, first), number(measure, second)
    for extra in range(1, 7):
        if texts[0] != texts[1] or first == second:
            break
        texts = number(measure, first, extra), number(measure, second, extra)
    return texts


def bounds_cell(measure: str, bounds: tuple[float, float] | None) -> str:
    """Where a mean would lie if all that is missing were as bad, or as good, as it can be."""
    return f"{number(measure, bounds[0])} / {number(measure, bounds[1])}" if bounds else "nothing is missing"


def unsigned(measure: str, size: float) -> str:
    """A size of a change, such as a margin, in the unit of its measure and without a sign."""
    return number(measure, size).removeprefix("+")


def probability(p: float | None) -> str:
    """A p value; small ones are given as a bound or with their power of ten."""
    if p is None:
        return NOT_MEASURED
    if p < 1e-12:
        return "p < 1e-12"
    return f"p = {p:.1e}" if p < 0.001 else f"p = {p:.3f}"


def count_of(done: int, planned: int) -> str:
    """`done of planned (share)`."""
    return f"{done} of {planned} ({100 * done / planned:.1f} %)" if planned else "none planned"


def optional(value: N | None, write: Callable[[N], str]) -> str:
    """A written value, or `not measured`."""
    return NOT_MEASURED if value is None else write(value)


def _signed(value: float, digits: int) -> str:
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return ("−" if value < 0 else "+") + text


def _significant(value: float, digits: int) -> str:
    if not value:
        return "0"
    power = math.floor(math.log10(abs(value)))
    if power < -4:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(0, digits - 1 - power)}f}"


UNITS = {
    Form.POINTS: " pp",
    Form.SHARE: " %",
    **dict.fromkeys((Form.NATS, Form.NATS_CHANGE), " nats"),
    Form.CHARACTERS_CHANGE: " characters",
}
WRITTEN: Mapping[Form, Callable[[float, int], str]] = {
    Form.POINTS: lambda value, extra: _signed(100 * value, 1 + extra),
    Form.SHARE: lambda value, extra: f"{100 * value:.{1 + extra}f}".replace("-", "−"),
    Form.NATS: lambda value, extra: _significant(value, 3 + extra),
    Form.NATS_CHANGE: lambda value, extra: _signed(value, 3 + extra),
    Form.THOUSANDTHS: lambda value, extra: f"{value:.{3 + extra}f}",
    Form.THOUSANDTHS_CHANGE: lambda value, extra: _signed(value, 3 + extra),
    Form.CHANGE: lambda value, extra: _signed(value, 2 + extra),
    Form.CHARACTERS_CHANGE: lambda value, extra: _signed(value, extra),
    Form.PLAIN: lambda value, extra: f"{value:.{2 + extra}f}",
}


def limit_number(name: str, most: float) -> str:
    """A limit by its name in the config, MEASURE or TASK.MEASURE, in the measure's unit."""
    return number(limited(name)[1], most)
