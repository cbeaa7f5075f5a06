"""Text from outside, made safe to look at: what is invisible or moves the eye is shown as its code.

In: labels, categories, anything a model, a file or a server wrote. Out: text for a terminal, a page or Markdown.
HTML escaping is done by Jinja2's autoescape; this is about characters that no escaping touches.
"""

import re
import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
APART = "\u200b"  # a zero-width space: keeps a mention, an issue number and a bare link from being one
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&])")
_LINKS = re.compile(r"(@|#|:(?=//)|www(?=\.))")


def visible(text: str) -> str:
    """The text on one line, with control, bidi and other invisible characters written as their code point."""
    return "".join(_shown(character) for character in text)


def markdown(text: str) -> str:
    """Visible text that Markdown neither renders nor takes for a cell's end, a link, a tag or a mention."""
    return _LINKS.sub(rf"\1{APART}", _MARKDOWN.sub(r"\\\1", visible(text)))


def _shown(character: str) -> str:
    if character in "\n\t\r":
        return " "
    return f"\\u{ord(character):04x}" if unicodedata.category(character) in HIDDEN else character
