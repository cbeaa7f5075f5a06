"""Graded damage to good texts, for the ladder: cut short, sentences replaced, a phrase looped, one thing changed.

In: a text, a size, a seed. Out: the damaged text, or None where the text has no room for this damage.

By text alone, and the same each time. The rungs of one kind are nested: a larger size does all that a smaller one does,
and more. What is changed is wrong, not only different: a number that a sentence states as a result; two names that
change places in a sentence that is not symmetric in them; a line of a program or an item of a list that is gone, but
for lines that only give a name a value, which a program may do without.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from judge.exam import FEWEST_LETTERS, sentence_ends
from ledger.judgments import Damage

PHRASE_WORDS = 6
_WORD = re.compile(r"\S+")
_FENCED = re.compile(r"^```.*?^```[^\n]*$", re.MULTILINE | re.DOTALL)
_RESULT = re.compile(r"(?:=|\b(?:is|are|take|show)) (-?\d+)(?![\d.]*\d)")
_NAME = re.compile(r"(?<=[a-z,:;] )[A-Z][a-z]{2,}\b")
_LINE = re.compile(r"[^\n]*\S[^\n]*\n")
_PLAIN = re.compile(r"[ \t]*\w+ = \w+$")  # a first value that a program may do without
_ITEM = re.compile(r"^[ \t]*(?:[-*]|\d+[.)]) [^\n]*(?:\n|\Z)", re.MULTILINE)
_CONSTANTS = frozenset({"True", "False", "None"})
_STEPS = (-2, -1, 1, 2)


@dataclass(frozen=True, slots=True)
class Alteration:
    """One thing of a text that is made wrong: from `start` to `end` it says something else."""

    kind: str
    start: int
    end: int
    text: str

    def applied(self, text: str) -> str:
        """The text with this change alone."""
        return text[: self.start] + self.text + text[self.end :]


def damaged(damage: Damage, size: float, text: str, seed: str) -> str | None:
    """The text with damage of this kind and size; None where it has no room for it."""
    return DAMAGES[damage](text, size, random.Random(seed))


def cut_short(text: str, share: float, _: random.Random) -> str | None:
    """The text without this share of its words, at its end."""
    ends = [match.end() for match in _WORD.finditer(text)]
    kept = round(len(ends) * (1 - share))
    return text[: ends[kept - 1]] if 0 < kept < len(ends) else None


def replaced(text: str, count: float, generator: random.Random) -> str | None:
    """The text with so many of its sentences replaced by others of its own; it needs one more than are replaced."""
    spans = [_stripped(text, start, end) for start, end in pairwise([0, *sentence_ends(text)])]
    said = [text[start:end] for start, end in spans]
    if len(set(said)) < 2 or len(said) <= count:
        return None
    written = said[:]
    for place in generator.sample(range(len(said)), len(said))[: int(count)]:
        written[place] = generator.choice([other for other in said if other != said[place]])
    between = [text[end:start] for (_, end), (start, _) in pairwise(spans)]
    rest = "".join(map("".join, zip(between, written[1:], strict=True)))
    return text[: spans[0][0]] + written[0] + rest + text[spans[-1][1] :]


def looped(text: str, times: float, generator: random.Random) -> str | None:
    """The text with one of its phrases standing so many times in a row."""
    words = list(_WORD.finditer(text))
    phrases = [(words[i].start(), words[i + PHRASE_WORDS - 1].end()) for i in range(len(words) - PHRASE_WORDS + 1)]
    told = [(start, end) for start, end in phrases if _is_phrase(text[start:end])]
    if not told:
        return None
    start, end = generator.choice(told)
    return text[:end] + f" {text[start:end]}" * (int(times) - 1) + text[end:]


def changed(text: str, _: float, generator: random.Random) -> str | None:
    """The text with one number, names or step made wrong: the sort is drawn first, then the place."""
    found: dict[str, list[Alteration]] = {}
    for change in changes(text):
        found.setdefault(change.kind, []).append(change)
    return generator.choice(found[generator.choice(sorted(found))]).applied(text) if found else None


def changes(text: str) -> Iterator[Alteration]:
    """Everything in a text that could be made wrong, one at a time."""
    prose = _FENCED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    spans = [_stripped(prose, start, end) for start, end in pairwise([0, *sentence_ends(prose)])]
    yield from _wrong_results(prose, spans)
    yield from _swapped_names(prose, spans)
    yield from _lost_steps(text, prose)


DAMAGES: Mapping[Damage, Callable[[str, float, random.Random], str | None]] = {
    Damage.TRUNCATED: cut_short,
    Damage.REPLACED: replaced,
    Damage.LOOPED: looped,
    Damage.CHANGED: changed,
    Damage.CHANGED_WITH_REFERENCE: changed,
}


def _wrong_results(prose: str, spans: list[tuple[int, int]]) -> Iterator[Alteration]:
    """Each number that the last such sentence states as a result, as another one near it."""
    for start, end in reversed(spans):
        found = list(_RESULT.finditer(prose, start, end))
        for match in found:
            value = int(match[1])
            near = [value + step for step in _STEPS if (value + step < 0) <= (value < 0)]
            yield from (Alteration("number", match.start(1), match.end(1), str(other)) for other in near)
        if found:
            return


def _swapped_names(prose: str, spans: list[tuple[int, int]]) -> Iterator[Alteration]:
    """The first two names of the last sentence in which they are not merely joined, each in the other's place."""
    known = {name for name in _NAME.findall(prose) if len(re.findall(rf"\b{name}\b", prose)) > 1} - _CONSTANTS
    for start, end in reversed(spans):
        sentence = prose[start:end]
        named = list(dict.fromkeys(word for word in re.findall(r"\w+", sentence) if word in known))[:2]
        if len(named) == 2 and not re.search(rf"\b{named[0]} (?:and|or) {named[1]}\b", sentence):
            other = dict(zip(named, named[::-1], strict=True))
            parts: list[str] = re.split(rf"\b({'|'.join(named)})\b", sentence)
            yield Alteration("name", start, end, "".join(other.get(part, part) for part in parts))
            return


def _lost_steps(text: str, prose: str) -> Iterator[Alteration]:
    """Each line of a program, and each item of a list of two or more, as if it had never been written."""
    for block in _FENCED.finditer(text):
        for line in _LINE.finditer(text, block.start(), block.end()):
            if not line[0].startswith("```") and not _PLAIN.match(line[0]):
                yield Alteration("step", line.start(), line.end(), "")
    items = list(_ITEM.finditer(prose))
    yield from (Alteration("step", item.start(), item.end(), "") for item in items if len(items) > 1)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """The same stretch without the blanks at its ends."""
    inner = text[start:end].strip()
    first = start + text[start:end].index(inner)
    return first, first + len(inner)


def _is_phrase(text: str) -> bool:
    """Whether words stand in one line and say something."""
    return "\n" not in text and sum(map(str.isalpha, text)) >= FEWEST_LETTERS
