"""Stored prompts held against today's files: which way renders to one, else what changed.

In: judge files, questions by reference set, answers, and the prompt of a row. Out: a Check.
Source: FastChat 0.2.36 `common.py`: a row's judge is [model, name of the prompt]. The name decides which template it
was, not the question's category, which people extend by their own.

What changed is the least that explains the row: the smallest set of texts (answer, question, references) that, left
open, makes a template fit the prompt. Where none does, the wording of the prompt itself is another.
"""

import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from analysis.fastchat_audit.stored import Change, Freshness, Way
from assay.sources.mt_bench import NAME as MT_BENCH
from judge.official_prompts import filled, official_name, prompt_fields, read_prompts
from judge.prompt_sets import Positions
from ledger.errors import ConfigError
from ledger.judgments import Mode
from ledger.records import Question

OPEN = {Change.ANSWER: "answer", Change.QUESTION: "question", Change.REFERENCE: "ref_answer"}
"""What the names of the fields of a template begin with."""
LEAST_FIRST = tuple(open for size in (1, 2, 3) for open in combinations(OPEN, size))


@dataclass(frozen=True)
class JudgeFile:
    """The prompts of one judge file: system text and template by name."""

    path: Path
    prompts: Mapping[str, tuple[str, str]]


def judge_file(path: Path) -> JudgeFile:
    """A judge file, with whichever prompts it has. Raises ConfigError."""
    return JudgeFile(path, read_prompts(path))


@dataclass(frozen=True)
class Asked:
    """What a row says of its prompt: who judged by which prompt, of which question and turn, whom, in which order."""

    judge: str
    prompt_name: str
    question: str
    turn: int
    models: tuple[str, ...]

    @property
    def mode(self) -> Mode:
        """A rating has one model."""
        return Mode.PAIR if len(self.models) == 2 else Mode.SINGLE


@dataclass(frozen=True)
class Check:
    """Whether a stored prompt is today's, by which ways, else what changed."""

    freshness: Freshness
    changed: tuple[Change, ...] = ()
    ways: frozenset[Way] = frozenset()


@dataclass(frozen=True)
class Checker:
    """What stored prompts are compared with: questions by reference set and id, answers by model and id."""

    questions: Mapping[str, Mapping[str, Question]]
    answers: Mapping[str, Mapping[str, tuple[str, ...]]]
    files: Sequence[JudgeFile]
    baseline: str = ""

    def check(self, asked: Asked, stored: str | None) -> Check:
        """Whether any judge file and set of references, the judge's own first, renders to the stored prompt."""
        answers = [self.answers.get(model, {}).get(asked.question, ()) for model in asked.models]
        sets = self.sets(asked)
        if not self.files or stored is None or not sets or any(len(each) < asked.turn for each in answers):
            return Check(Freshness.UNCHECKED)
        held = tuple(each[: asked.turn] for each in answers)
        rendered = list(self.templates(asked, sets, held))
        if ways := frozenset(way for way, template, fields in rendered if _filled(template, fields) == stored):
            return Check(Freshness.CURRENT, ways=ways)
        if asked.prompt_name:
            rendered = list(self.templates(asked, sets, held, named=True))
        if not rendered:  # a prompt that no file holds; without a name, a third turn
            named = bool(asked.prompt_name)
            return Check(Freshness.STALE, (Change.JUDGE_FILE,)) if named else Check(Freshness.UNCHECKED)
        open = next(
            (
                open
                for open in LEAST_FIRST
                if any(between(pieces(template, fields, open), stored) is not None for _, template, fields in rendered)
            ),
            (Change.TEMPLATE,),
        )
        if open == (Change.REFERENCE,) and not any(question.references for _, question in sets):
            return Check(Freshness.UNCHECKED)  # no references were kept: the rest is today's
        return Check(Freshness.STALE, open)

    def sets(self, asked: Asked) -> list[tuple[int, Question]]:
        """The question with each set of references, the judge's own first; none where it or its turn is unknown."""
        names = sorted(self.questions, key=lambda name: name != asked.judge)
        found = [(place, self.questions[name].get(asked.question)) for place, name in enumerate(names)]
        return [(place, question) for place, question in found if question and len(question.turns) >= asked.turn]

    def source(self, id: str) -> str:
        """The question set that an id belongs to."""
        return next((held[id].source for held in self.questions.values() if id in held), MT_BENCH)

    def templates(
        self, asked: Asked, sets: Sequence[tuple[int, Question]], held: Positions, *, named: bool = False
    ) -> Iterator[tuple[Way, str, Mapping[str, str]]]:
        """Every template that the row may be of, with today's texts; those of the prompt that it names, or also the
        one that FastChat takes for the question's category.
        """
        for place, file in enumerate(self.files):
            for number, question in sets:
                fields = prompt_fields(question, asked.turn, held)
                for name in [asked.prompt_name] if named else names_of(asked, question):
                    if name in file.prompts:
                        yield (place, number), file.prompts[name][1], fields


def names_of(asked: Asked, question: Question) -> Iterator[str]:
    """The prompt that the row names; then the one that FastChat takes for the question's category."""
    if asked.prompt_name:
        yield asked.prompt_name
    try:
        if (usual := official_name(asked.mode, question, asked.turn)) != asked.prompt_name:
            yield usual
    except ConfigError:
        return  # a third turn


def pieces(template: str, fields: Mapping[str, str], open: Sequence[Change] = ()) -> tuple[str, ...]:
    """A template filled but for fields that are open or not given: the texts between those."""
    opened = tuple(OPEN[each] for each in open)
    found = [""]
    for literal, name, _, _ in string.Formatter().parse(template):
        found[-1] += literal
        if name is None:
            continue
        if name in fields and not (opened and name.startswith(opened)):
            found[-1] += fields[name]
        else:
            found.append("")
    return tuple(found)


def between(parts: Sequence[str], text: str) -> tuple[str, ...] | None:
    """What stands in a text between the parts, each found as early as it can be; None where they are not all there."""
    first, *rest = parts
    if not rest:
        return () if text == first else None
    if not text.startswith(first):
        return None
    place, found, end = len(first), [], rest.pop()
    for part in rest:
        at = text.find(part, place)
        if at < 0:
            return None
        found.append(text[place:at])
        place = at + len(part)
    if len(text) - len(end) < place or not text.endswith(end):
        return None
    return (*found, text[place : len(text) - len(end)])


def certain(parts: Sequence[str], text: str) -> tuple[str, ...] | None:
    """What stands between the parts, where it can be read in one way only."""
    early = between(parts, text)
    late = between([part[::-1] for part in reversed(parts)], text[::-1])
    return early if early is not None and late is not None and early == tuple(t[::-1] for t in reversed(late)) else None


def _filled(template: str, fields: Mapping[str, str]) -> str | None:
    """None where the template asks for what a judgment of this turn does not have."""
    try:
        return filled(template, dict(fields))
    except (ConfigError, ValueError):
        return None
