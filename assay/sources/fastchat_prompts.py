"""Stored prompts held against today's files: which way renders to one, else what changed.

In: judge files, questions by reference set, answers, and the prompt of a row. Out: a Check.
Source: FastChat 0.2.36 `common.py`: a row's judge is [model, name of the prompt]. The name decides which template it
was, not the question's category, which people extend by their own.

What changed is the least that explains the row: the smallest set of texts (answer, question, references) that, left
open, makes a template fit the prompt. Where none does, the wording of the prompt itself is another. Without a template
a prompt is held against today's answers alone: one that does not show them judges others.
"""

import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from analysis.fastchat_audit.stored import Change, Freshness, Lack, Way
from assay.sources.mt_bench import NAME as MT_BENCH
from judge.official_prompts import filled, official_name, prompt_fields, read_prompts
from judge.prompt_sets import Positions
from ledger.errors import ConfigError
from ledger.judgments import Mode
from ledger.records import Question

OPEN = {Change.ANSWER: "answer", Change.QUESTION: "question", Change.REFERENCE: "ref_answer"}
"""What the names of the fields of a template begin with."""
ERRORS = frozenset({"$ERROR$", "ERROR"})
"""What FastChat stores as an answer when generation failed."""
LEAST_FIRST = tuple(open for size in (1, 2, 3) for open in combinations(OPEN, size))


Rendered = tuple[Way, str, Mapping[str, str]]
"""A way, its template, and today's texts by the template's fields."""


@dataclass(frozen=True)
class JudgeFile:
    """The prompts of one judge file: system text and template by name."""

    path: Path
    prompts: Mapping[str, tuple[str, str]]


def judge_file(path: Path) -> JudgeFile:
    """A judge file, with whichever prompts it has. Raises ConfigError, also where it has none."""
    prompts = read_prompts(path)
    if not prompts:
        raise ConfigError("there is no judge prompt in it.", where=str(path))
    return JudgeFile(path, prompts)


def is_failed(turns: Sequence[str]) -> bool:
    """Whether an answer is none: FastChat's words for a failure, or a turn without a text."""
    return any(not text.strip() or text.strip() in ERRORS for text in turns)


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
    """Whether a stored prompt is today's, by which ways, else what changed, or what it could not be held against."""

    freshness: Freshness
    changed: tuple[Change, ...] = ()
    ways: frozenset[Way] = frozenset()
    lacking: Lack | None = None


def stale(*changed: Change) -> Check:
    """What is not today's, in the order of Change."""
    return Check(Freshness.STALE, tuple(each for each in Change if each in changed))


def unchecked(lacking: Lack, ways: frozenset[Way] = frozenset()) -> Check:
    """What cannot be held against anything."""
    return Check(Freshness.UNCHECKED, ways=ways, lacking=lacking)


@dataclass(frozen=True)
class Checker:
    """What stored prompts are compared with: questions by reference set and id, answers by model and id.

    The answers of the models in `read_out` were read out of such prompts: they cannot make another prompt stale.
    """

    questions: Mapping[str, Mapping[str, Question]]
    answers: Mapping[str, Mapping[str, tuple[str, ...]]]
    files: Sequence[JudgeFile]
    baseline: str = ""
    read_out: Collection[str] = ()

    def check(self, asked: Asked, stored: str | None) -> Check:
        """Whether any judge file and set of references, the judge's own first, renders to the stored prompt."""
        found = self._check(asked, stored)
        doubtful = Change.ANSWER in found.changed and not {*asked.models}.isdisjoint(self.read_out)
        return unchecked(Lack.ANSWER) if doubtful else found

    def _check(self, asked: Asked, stored: str | None) -> Check:
        sets = self.sets(asked)
        if not sets and any(self.questions.values()):
            return stale(Change.UNKNOWN)
        turns = len(sets[0][1].turns) if sets else None
        answers = [self.answers.get(model, {}).get(asked.question, ())[:turns] for model in asked.models]
        if any(map(is_failed, answers)):
            return stale(Change.FAILED)
        if stored is None or not stored.strip():
            return unchecked(Lack.PROMPT)
        if any(len(each) < asked.turn for each in answers):
            return unchecked(Lack.ANSWER)
        held = tuple(each[: asked.turn] for each in answers)
        if not sets:
            return _by_answers(held, stored, Lack.QUESTION)
        rendered = list(self.templates(asked, sets, held))
        if ways := frozenset(way for way, template, fields in rendered if _filled(template, fields) == stored):
            return Check(Freshness.CURRENT, ways=ways)
        if asked.prompt_name:
            rendered = list(self.templates(asked, sets, held, named=True))
        if rendered:
            return _changed(rendered, stored, [question for _, question in sets], held)
        if not self.files or not asked.prompt_name:  # without a name, a third turn
            return _by_answers(held, stored, Lack.JUDGE_PROMPT)
        return stale(*_unshown(held, stored), Change.JUDGE_FILE)

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
    ) -> Iterator[Rendered]:
        """Every template that the row may be of, with today's texts; those of the prompt that it names, or also the
        one that FastChat takes for the question's category.
        """
        for place, file in enumerate(self.files):
            for number, question in sets:
                fields = prompt_fields(question, asked.turn, held)
                for name in [asked.prompt_name] if named else names_of(asked, question):
                    if name in file.prompts:
                        yield (place, number), file.prompts[name][1], fields


def _by_answers(held: Positions, stored: str, lacking: Lack) -> Check:
    """A prompt without a template that it may be of: stale where it does not show today's answers."""
    return stale(Change.ANSWER) if _unshown(held, stored) else unchecked(lacking)


def _unshown(held: Positions, stored: str) -> list[Change]:
    shown = all(text in stored for turns in held for text in turns)
    return [] if shown else [Change.ANSWER]


def _changed(rendered: Sequence[Rendered], stored: str, questions: Sequence[Question], held: Positions) -> Check:
    """What of a prompt that no way renders is not today's."""
    open = next(
        (
            open
            for open in LEAST_FIRST
            if any(between(pieces(template, fields, open), stored) is not None for _, template, fields in rendered)
        ),
        None,
    )
    if open is None:
        return stale(*_unshown(held, stored), Change.TEMPLATE)
    if any(question.references for question in questions):
        return stale(*open)
    # No references were kept: they are not blamed, and alone they leave the rest today's.
    others = [each for each in open if each is not Change.REFERENCE]
    return stale(*others) if others else unchecked(Lack.REFERENCE)


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
