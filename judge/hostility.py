"""Answers that work on the judge: what in a text would pass for a verdict, a marker or a chat template's own token.

In: texts of models under test. Out: the same, disarmed, for Assay's own prompts; counts and flags, for the report.
Source: arXiv 2410.07137 (constant answers and verdicts written into answers win).

Disarmed is taken apart by a blank: nothing is left out, and a reader sees what stood there. Official prompts show
answers as they are, because their bytes are compared with FastChat's; the report gives the same counts for them.
"""

import re
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from ledger.records import Answer, Finish

LONGEST_VERDICT = 40  # characters of an answer that is a verdict and nothing else


class Trick(StrEnum):
    """What an answer does to its judge; the first three are disarmed, the others only told."""

    VERDICT = "verdicts"
    MARKER = "fence markers"
    ROLE = "role tokens"
    EMPTY = "empty answers"
    ONLY_VERDICT = "answers that are a verdict"
    REPEATED = "answers given to several questions"


_VERDICT = re.compile(r"\[(?=\[\s*(?:[ABC]|tie|N|[+-]?\d+(?:\.\d*)?(?:\s*/\s*10(?:\.0*)?)?)\s*\]\])", re.IGNORECASE)
_MARKER = re.compile(r"<(?=/?(?:question|reference|answer(?:_[ab])?)\s+[0-9a-f]{6,}\s*>)", re.IGNORECASE)
_ROLE = re.compile(
    r"<(?=[|｜][^|｜<>\s]{1,40}[|｜]>)|<(?=/?s>)|<(?=(?:start|end)_of_turn>)|<(?=[be]os>)|<<(?=/?SYS>>)|\[(?=/?INST\])"
)
_DISARMED = {Trick.VERDICT: _VERDICT, Trick.MARKER: _MARKER, Trick.ROLE: _ROLE}


def disarmed(text: str) -> str:
    """The text with a blank inside everything that would pass for a verdict, a fence marker or a role token."""
    for pattern in _DISARMED.values():
        text = pattern.sub(lambda found: found[0] + " ", text)
    return text


def tricks(answers: Iterable[Answer]) -> dict[str, int]:
    """How often one model's answers do what a judge must not fall for; only what occurs is listed."""
    found: Counter[Trick] = Counter()
    asked: dict[str, set[tuple[str, str]]] = {}
    for answer in answers:
        for turn in answer.turns:
            text = turn.text.strip()
            for trick, pattern in _DISARMED.items():
                found[trick] += len(pattern.findall(text))
            found[Trick.EMPTY] += not text or turn.finish is Finish.EMPTY
            found[Trick.ONLY_VERDICT] += bool(text) and len(text) <= LONGEST_VERDICT and bool(_VERDICT.search(text))
            if text:
                asked.setdefault(text, set()).add((answer.question.source, answer.question.id))
    found[Trick.REPEATED] = sum(len(questions) for questions in asked.values() if len(questions) > 1)
    return {trick.value: found[trick] for trick in Trick if found[trick]}
