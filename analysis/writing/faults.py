"""What no finished answer holds: broken pieces of code, of a chat template, of bytes and of thinking.

In: a turn's text, its thinking and whether it was cut. Out: the names of its faults.

What the question itself has is no fault: one may ask about a chat template. An answer that was cut at the limit may end
inside code; that it was cut is a measure of its own.
"""

import re
from collections.abc import Iterable, Iterator

from ledger.thinking import MARKS

REPLACEMENT = "\ufffd"
_FENCE = re.compile(r"^[ \t]*(?:[>*-][ \t]*|\d+[.)][ \t]*)*(```+|~~~+)(.*)")
_TEMPLATE = re.compile(
    r"<\|[A-Za-z_][A-Za-z0-9_]{0,40}\|?>|<[A-Za-z_][A-Za-z0-9_]{0,40}\|>|<｜[^｜<>\n]{1,40}｜>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>|</s>\s*\Z"
    r"|(?<![`'\"“])(?:<(?:(?i:unk|pad|bos|eos|mask)|extra_id_\d+|unused\d+|reserved_\d+|fim_(?:prefix|middle|suffix))>"
    r"|\[(?:PAD|UNK|MASK|TOOL_CALLS)\])(?![`'\"”])|<0x[0-9A-Fa-f]{2}>"
)


def faults(text: str, asked: Iterable[str], thinking: str | None, *, cut: bool) -> tuple[str, ...]:
    """The faults of one turn, each once, in a fixed order; `asked` are the user's turns so far."""
    return tuple(_found(text, " ".join(asked), thinking, cut=cut))


def _found(text: str, asked: str, thinking: str | None, *, cut: bool) -> Iterator[str]:
    if not cut and ("```" in text or "~~~" in text) and _fence_is_open(text):
        yield "open code"
    if ("<" in text or "[" in text) and any(found[0].strip() not in asked for found in _TEMPLATE.finditer(text)):
        yield "template token"
    if REPLACEMENT in text and REPLACEMENT not in asked:
        yield "replacement character"
    if _thinks_on(text, asked, thinking):
        yield "open thinking"


def _fence_is_open(text: str) -> bool:
    """Whether a fence of code is opened and never closed: by one of its kind, as long, at either end of a line."""
    open_fence = ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if open_fence:
            ends = line.rstrip().endswith(open_fence)
            if ends or (found and found[1].startswith(open_fence)):
                open_fence = ""
        elif found and found[1][0] not in found[2]:  # else opened and closed within the line, or struck out
            open_fence = found[1]
    return bool(open_fence)


def _thinks_on(text: str, asked: str, thinking: str | None) -> bool:
    """Thoughts that nothing follows, or one of their marks in the text without the other."""
    if thinking is not None and not text.strip():
        return True
    return any(
        _unpaired(text, opening, closing)
        for opening, closing in MARKS
        if (opening in text or closing in text) and opening not in asked and closing not in asked
    )


def _unpaired(text: str, opening: str, closing: str) -> bool:
    """Whether more thoughts end than begin, or an opening mark that is no word of a sentence about it never closes."""
    opened, closed = _count(opening, text), _count(closing, text)
    return closed > opened or _count(opening, text, in_sentences=False) > closed


def _count(mark: str, text: str, *, in_sentences: bool = True) -> int:
    """How often a mark stands in a text outside quotes; without those between two words of a line where said so."""
    name = re.escape(mark)
    passed = "" if in_sentences else rf"(?!(?<=\S ){name} \S)"
    return len(re.findall(rf"{passed}(?<![`'\"“]){name}(?![`'\"”])", text))
