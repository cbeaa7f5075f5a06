"""Long names of models in little room: what all of them share is left out first, then a name's middle.

In: names, and the characters there are. Out: labels that keep a name's telling end, which is where names differ:
`meta-llama-Llama-3.1-8B-Instruct-quantized.w3a16-2025-11-03` beside its like is `…quantized.w3a16…`. Whoever prints a
label also prints the whole name: on hover, in a table of decisions, in a sentence.
"""

import re
from collections.abc import Iterable
from itertools import takewhile

from analysis.review.review_report import ReviewReport

Ends = tuple[str, str]
NO_ENDS: Ends = ("", "")
_WHOLE_PARTS = re.compile(r"(?s:.*)[-_./:@ ]|")


def report_ends(report: ReviewReport) -> Ends:
    """What the names of all candidates begin and end with; of one candidate, what it shares with the baseline."""
    names = [decision.candidate for decision in report.decisions]
    return shared_ends(names if len(names) > 1 else [*names, report.baseline])


def shared_ends(names: Iterable[str]) -> Ends:
    """What all names begin and end with, up to a mark between two parts of a name; no name is left empty."""
    rests = sorted(set(names))
    if len(rests) < 2:
        return NO_ENDS
    start = _whole_parts(rests)
    rests = [rest.removeprefix(start) for rest in rests]
    end = _whole_parts([rest[::-1] for rest in rests])[::-1]
    return start, end


def shortened(text: str, most: int, ends: Ends = NO_ENDS) -> str:
    """The text in at most so many characters: without the shared ends, then without its middle."""
    if len(text) <= most:
        return text
    inner = text.removeprefix(ends[0])
    rest = inner.removesuffix(ends[1]) or inner
    before, after = "…" * (len(inner) < len(text)), "…" * (len(rest) < len(inner))
    room = most - len(before) - len(after)
    if len(rest) > room:
        end = (room - 1) // 2
        rest = f"{rest[: room - 1 - end]}…{rest[-end:]}"
    return f"{before}{rest}{after}"


def shortened_apart(texts: Iterable[str], most: int, ends: Ends = NO_ENDS) -> dict[str, str]:
    """Each text shortened to so many characters, or to as many more as tell all of them apart."""
    distinct = set(texts)
    while len({shortened(text, most, ends) for text in distinct}) < len(distinct):
        most += 1
    return {text: shortened(text, most, ends) for text in distinct}


def _whole_parts(names: list[str]) -> str:
    """What all names begin with, up to its last mark; nothing where that were a whole name."""
    alike = takewhile(lambda characters: len({*characters}) == 1, zip(*names, strict=False))
    found = _WHOLE_PARTS.match("".join(first for first, *_ in alike))
    start = found[0] if found else ""
    return "" if start in names else start
