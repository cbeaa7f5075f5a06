"""Text from outside, made safe to look at: what is invisible or moves the eye is shown as its code.

In: labels, categories, anything a model, a file or a server wrote. Out: text for a terminal, a page or Markdown.
HTML escaping is done by Jinja2's autoescape; this is about characters that no escaping touches.
"""

import re
import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ODD = re.compile(r"[^ -~]")
_ODD_IN_LINES = re.compile(r"[^ -~\n]")
APART = "\u200b"  # a zero-width space: keeps a mention, an issue number and a bare link from being one
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&])")
_LINKS = re.compile(r"(@|#|:(?=//)|www(?=\.))")


def visible(text: str) -> str:
    """The text on one line, with control, bidi and other invisible characters written as their code point."""
    return _ODD.sub(_shown, text)


def visible_lines(text: str) -> str:
    """The same with its line breaks and tabs."""
    return _ODD_IN_LINES.sub(lambda found: "\t" if found[0] == "\t" else _shown(found), text.replace("\r\n", "\n"))


def markdown(text: str) -> str:
    """Visible text that Markdown neither renders nor takes for a cell's end, a link, a tag or a mention."""
    return _LINKS.sub(rf"\1{APART}", _MARKDOWN.sub(r"\\\1", visible(text)))


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    if character in "\n\t\r":
        return " "
    return f"\\u{ord(character):04x}" if unicodedata.category(character) in HIDDEN else character
