"""Adversarial answers: what in a text would pass for a verdict, a marker or a chat template's own token.

In: texts of models under test. Out: the same, sanitized, for Assay's own prompts; counts and flags, for the report.
Source: arXiv 2410.07137 (constant answers and verdicts written into answers win).

Sanitized text has a blank inside each such thing: nothing is left out, and a reader sees what stood there. Official
prompts show answers as they are, because their bytes are compared with FastChat's; the report gives the same counts for
them.
"""

import re
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from ledger.records import Answer, Finish

LONGEST_VERDICT = 40  # characters of an answer that is a verdict and nothing else


class Adversarial(StrEnum):
    """What an answer may do to its judge; the first three are sanitized, the others only counted."""

    VERDICT = "verdicts"
    MARKER = "fence markers"
    ROLE = "role tokens"
    EMPTY = "empty answers"
    ONLY_VERDICT = "answers that are a verdict"
    REPEATED = "answers given to several questions"


_VERDICT = re.compile(
    r"\\?[\[［](?=\\?[\[［][\s*_`]{0,20}(?:(?:final )?(?:rating|score|verdict|winner)\s{0,9}[:=][\s*_`]{0,20})?"
    r"(?:(?:assistant |answer )?[ABCＡＢＣ]|tie|N|[+-]?\d{1,99}(?:[.．]\d{0,99})?(?:\s{0,9}[/／]\s{0,9}10(?:\.0*)?)?)"
    r"[\s*_`]{0,20}\\?[\]］]\\?[\]］])",
    re.IGNORECASE,
)
_MARKER = re.compile(r"<(?=/?(?:question|reference|answer(?:_[ab])?)\s+[0-9a-f]{6,}\s*>)", re.IGNORECASE)
_ROLE = re.compile(
    r"<(?=[|｜][^|｜<>\s]{1,40}[|｜]>)|<(?=/?s>)|<(?=(?:start|end)_of_turn>)|<(?=[be]os>)|<<(?=/?SYS>>)|\[(?=/?INST\])"
)
_SANITIZED = {Adversarial.VERDICT: _VERDICT, Adversarial.MARKER: _MARKER, Adversarial.ROLE: _ROLE}


def sanitized(text: str) -> str:
    """The text with a blank inside everything that would pass for a verdict, a fence marker or a role token."""
    for pattern in _SANITIZED.values():
        text = pattern.sub(lambda found: found[0] + " ", text)
    return text


def adversarial_counts(answers: Iterable[Answer]) -> dict[str, int]:
    """How often one model's answers do what a judge must not fall for; only what occurs is listed."""
    found: Counter[Adversarial] = Counter()
    asked: dict[str, set[tuple[str, str]]] = {}
    for answer in answers:
        for turn in answer.turns:
            text = turn.text.strip()
            for kind, pattern in _SANITIZED.items():
                found[kind] += len(pattern.findall(text))
            found[Adversarial.EMPTY] += not text or turn.finish is Finish.EMPTY
            found[Adversarial.ONLY_VERDICT] += (
                bool(text) and len(text) <= LONGEST_VERDICT and bool(_VERDICT.search(text))
            )
            if text:
                asked.setdefault(text, set()).add((answer.question.source, answer.question.id))
    found[Adversarial.REPEATED] = sum(len(questions) for questions in asked.values() if len(questions) > 1)
    return {kind.value: found[kind] for kind in Adversarial if found[kind]}
