"""Thoughts: kept on record, but neither shown to the model in the next turn nor to a judge, nor read as a verdict.

In: what a model or a judge wrote. Out: its thoughts, and what is said. One list of marks holds for all.
A mark counts where a model would set it: at the start, for judges also at the start of a line; a closing one alone on
its line. In the middle of a sentence it is prose about marks, and within quotes it is quoted.
"""

import re

MARKS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<seed:think>", "</seed:think>"),
    ("<|channel>thought", "<channel|>"),
)
OPEN, CLOSE = MARKS[0]
FINAL = re.compile(r"<\|channel\|>\s*final\s*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_CHANNEL = re.compile(r"<\|channel\|>\s*(?:analysis|commentary)\b[^<]*(?:<\|message\|>)?")
_START = re.compile(r"<\|start\|>\s*assistant")
_TOKEN = re.compile(r"<\|(?:start|end|return|message|channel|call|constrain)\|>")
_BARE = re.compile(r"\s*(?:analysis|commentary)(.*?)assistantfinal(.*)", re.DOTALL)  # without special tokens
_OPENS = "|".join(f"(?P<o{kind}>{re.escape(opening)})" for kind, (opening, _) in enumerate(MARKS))
_CLOSES = "|".join(f"(?P<c{kind}>{re.escape(closing)})" for kind, (_, closing) in enumerate(MARKS))
_TAG = re.compile(rf"(?P<line>^[ \t]{{0,20}})?(?:{_OPENS}|{_CLOSES})", re.IGNORECASE | re.MULTILINE)
_FIRST = re.compile(rf"\s*(?:{_OPENS})", re.IGNORECASE)
_CLOSING = tuple(re.compile(re.escape(closing), re.IGNORECASE) for _, closing in MARKS)
_ALONE = tuple(re.compile(rf"{re.escape(closing)}[ \t]*(?:\n|\Z)", re.IGNORECASE) for _, closing in MARKS)
_QUOTES = "`\"'"
GAP = 100  # blanks between two blocks


def split_thinking(text: str) -> tuple[str | None, str]:
    """The thoughts that open a text, and the rest; a block that was never closed leaves no rest.

    Only blocks at the very start count: an answer that talks about such marks is left as it is.
    """
    if (found := _harmony(text)) is not None:
        return found[0].strip(), (found[1] or "").strip()
    rest, thoughts = text, []
    while opening := _FIRST.match(rest):
        closing = _CLOSING[_kind(opening)].search(rest, opening.end())
        thoughts.append(rest[opening.end() : closing.start() if closing else None].strip())
        rest = rest[closing.end() :] if closing else ""
    return ("\n\n".join(thoughts), rest.strip()) if thoughts else (None, text)


def reopened(text: str) -> str:
    """The text with the opening mark before it that a chat template has written, where only its closing one came."""
    for kind, (opening, _) in enumerate(MARKS):
        if opening not in text.lower() and opening not in text and _ALONE[kind].search(text):
            return opening + text
    return text


def split_stored(text: str) -> tuple[str | None, str]:
    """The same of a text that somebody else stored whole, with or without the mark that its template had opened."""
    return split_thinking(reopened(text))


def spoken(text: str) -> str | None:
    """A judge's reply without its thoughts; None if one is never closed.

    A closing mark without an opening one ends a block that the judge's chat template opened.
    """
    if (found := _harmony(text)) is not None:
        return found[1]
    parts: list[str] = []
    start, thinking = 0, -1
    for tag in _TAG.finditer(text):
        kind, closes = _kind(tag), tag.group(tag.lastindex or 0).lower() == MARKS[_kind(tag)][1].lower()
        if thinking < 0 and (_quoted(text, tag) or not (closes or _begins(text, start, tag))):
            continue
        if thinking >= 0 and (kind != thinking or not closes):
            continue
        if thinking < 0:
            parts = [] if closes else [*parts, text[start : tag.start()]]
        thinking, start = (-1 if closes else kind), tag.end()
    return None if thinking >= 0 else "".join([*parts, text[start:]])


def template_opens(rendered: str) -> str:
    """The mark with which a chat template itself opens the model's turn; empty where it opens none."""
    end = rendered.rstrip()
    return next((opening for opening, _ in MARKS if end.endswith(opening)), "")


def knows_thoughts(template: str) -> bool:
    """Whether a chat template deals with thoughts."""
    return any(closing in template for _, closing in MARKS)


def _kind(tag: "re.Match[str]") -> int:
    return int((tag.lastgroup or "o0")[1:])


def _begins(text: str, start: int, tag: "re.Match[str]") -> bool:
    """Whether an opening mark stands at the start of a line, or follows the last block."""
    follows = tag.start() - start <= GAP and not text[start : tag.start()].strip()
    return tag["line"] is not None or follows


def _quoted(text: str, tag: "re.Match[str]") -> bool:
    before, after = text[max(0, tag.start() - 1) : tag.start()], text[tag.end() : tag.end() + 1]
    return before == after and before in _QUOTES and bool(before)


def _harmony(text: str) -> tuple[str, str | None] | None:
    """Thoughts and final channel of gpt-oss' format, with its tokens or without; None for any other text."""
    if final := list(FINAL.finditer(text)):
        said = _TOKEN.split(text[final[-1].end() :], maxsplit=1)[0]
        return _plain(text[: final[-1].start()]), said
    if _CHANNEL.match(text.lstrip().removeprefix("<|start|>assistant")):
        return _plain(text), None
    bare = _BARE.fullmatch(text)
    return (bare[1], bare[2]) if bare else None


def _plain(text: str) -> str:
    return _TOKEN.sub("", _START.sub("", _CHANNEL.sub("", text))).strip()
