"""What a judge is told: what a set of prompts is, and Assay's own. FastChat's stand in official_prompts.py.

In: a folder of prompt TOMLs; a question and the answers in one or two positions.
Out: a Rendering, which gives the messages when they are needed and a digest that names them.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Protocol

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from judge.adversarial import sanitized
from ledger.digests import digest_of
from ledger.errors import ConfigError
from ledger.judgments import Form, Mode
from ledger.records import Question

Messages = list[dict[str, str]]
Positions = tuple[tuple[str, ...], ...]
"""The answers of each position for turns 1..turn: one position for a rating, two (A, B) for a game."""

TEMPERATURE = 0
FORMS_FILE = "forms.toml"
FENCE_DIGITS = 8  # each digit costs a token or so in a dozen places


class PromptSet(Protocol):
    """A family of judge prompts; `digest` names their wording."""

    @property
    def name(self) -> str:
        """`assay` or `official`."""

    @property
    def digest(self) -> str:
        """Hash of every prompt in the set."""

    @property
    def form(self) -> Form:
        """How it asks for a verdict."""

    @property
    def texts(self) -> dict[str, str]:
        """Every prompt by name, system text first, as it was before a conversation was filled in."""

    def messages(self, question: Question, turn: int, positions: Positions) -> Messages:
        """What the judge is sent about turn `turn` (1-based). Raises ConfigError where the set has no prompt for it."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """A prompt that is rendered when it is asked for, so that ten thousand of them need no memory."""

    prompts: PromptSet
    question: Question
    turn: int
    positions: Positions

    def messages(self) -> Messages:
        """The messages, rendered now."""
        return self.prompts.messages(self.question, self.turn, self.positions)

    def digest(self) -> str:
        """Hash of the rendered messages and of what else decides the meaning of the call."""
        return digest_of({"messages": self.messages(), "temperature": TEMPERATURE, "form": self.prompts.form})


@dataclass(frozen=True)
class AssayPrompts:
    """Assay's prompts: Jinja2, any number of turns, each answer between markers that it cannot write itself.

    What would pass for a verdict, a marker or a chat template's token inside an answer is sanitized (adversarial.py).
    """

    digest: str
    form: Form
    systems: dict[tuple[Mode, bool], str]
    templates: dict[tuple[Mode, bool], jinja2.Template]
    sources: dict[tuple[Mode, bool], str]
    name: str = "assay"

    @property
    def texts(self) -> dict[str, str]:
        """Every prompt by mode, and whether it shows a reference."""
        return {
            f"{mode}{'-reference' * reference}": f"{self.systems[mode, reference]}\n\n{source}"
            for (mode, reference), source in sorted(self.sources.items())
        }

    def messages(self, question: Question, turn: int, positions: Positions) -> Messages:
        """The system text and the rendered conversation; a reference is shown where one stands in turns 1..turn."""
        kind = (mode_of(positions), any(question.references[:turn]))
        clean = tuple(tuple(sanitized(text) for text in position) for position in positions)
        turns = [dict(row) for row in turn_rows(question, turn, clean)]
        token = fence([value for row in turns for value in row.values()], turn)
        user = self.templates[kind].render(turn=turn, turns=turns, fence=token)
        return [{"role": "system", "content": self.systems[kind]}, {"role": "user", "content": user}]


def assay_prompts(folder: Traversable | Path, form: Form = "text") -> AssayPrompts:
    """The prompt set in a folder of TOMLs, one per mode with and without reference, each ended by its form's words.

    Raises ConfigError.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, autoescape=False, undefined=jinja2.StrictUndefined
    )
    endings = _endings(folder / FORMS_FILE)
    systems, templates, sources = {}, {}, {}
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name):
        if file.name == FORMS_FILE:
            continue
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8"))
            kind = (Mode(data["mode"]), bool(data["reference"]))
            ending = endings[kind[0]].get(form)
            if ending is None:
                continue  # a form that this mode does not have
            texts = f"{data['system']}\n\n{ending['system']}", f"{data['user']}\n{ending['user']}"
            template = environment.from_string(texts[1])
            _try(template, pair=kind[0] == Mode.PAIR)
        except (KeyError, TypeError, ValueError, jinja2.TemplateError) as error:
            raise ConfigError(f"not a judge prompt: {error!r}", where=str(file)) from error
        if kind in systems:
            raise ConfigError(f"a second prompt for mode {kind[0]}, reference {kind[1]}", where=str(file))
        systems[kind], templates[kind], sources[kind] = texts[0], template, texts[1]
    modes = [mode for mode in Mode if form in endings.get(mode, {})]
    missing = [f"{m} (reference {r})" for m in modes for r in (False, True) if (m, r) not in systems]
    if missing or not modes:
        raise ConfigError(f"no judge prompt for {', '.join(missing) or form}", where=str(folder))
    digest = digest_of(sorted([*kind, systems[kind], sources[kind]] for kind in systems))
    return AssayPrompts(digest, form, systems, templates, sources)


def _endings(file: Traversable) -> dict[str, dict[str, dict[str, str]]]:
    """The words that ask for a verdict, by mode and form. Raises ConfigError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"not the forms of judge prompts: {error!r}", where=str(file)) from error


def fence(texts: list[str], turn: int) -> str:
    """A token that none of the texts contains, the same each time for the same texts.

    An answer cannot guess it: it is a hash that covers the answer itself.
    """
    salt = 0
    while True:
        token = digest_of([salt, turn, texts])[:FENCE_DIGITS]
        if not any(token in text for text in texts):
            return token
        salt += 1


def mode_of(positions: Positions) -> Mode:
    """What is asked of a judge that is shown so many answers."""
    return Mode.PAIR if len(positions) == 2 else Mode.SINGLE


def turn_rows(question: Question, turn: int, positions: Positions) -> Iterator[dict[str, str]]:
    """What stands in turns 1..turn: the question, a reference or nothing, the answer of each position."""
    names = ("answer",) if len(positions) == 1 else ("answer_a", "answer_b")
    for index in range(turn):
        reference = question.references[index] if index < len(question.references) else ""
        answers = {name: position[index] for name, position in zip(names, positions, strict=True)}
        yield {"question": question.turns[index], "reference": reference, **answers}


def _try(template: jinja2.Template, *, pair: bool) -> None:
    answers = {"answer_a": "a", "answer_b": "b"} if pair else {"answer": "a"}
    for turn in (1, 2):
        template.render(turn=turn, turns=[{"question": "q", "reference": "r", **answers}] * turn, fence="f")
