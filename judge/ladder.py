"""The ladder: which graded damage a judge is asked about next, rung after rung, until the first that it does not pass.

In: good texts, a prompt set, a history. Out: the asks that are open now, and those that there may be at most.

A rung is a kind of damage at one size, over the same texts on every rung of its kind: each intact text against its
damaged one, in both orders. A kind goes on to its next finer rung only where the last one was passed, so the later
asks hang on the verdicts of the earlier ones; a rung without all its verdicts is asked for them, and nothing beyond it.
References are shown for `changed_with_reference` alone: for all other kinds a reference would be the intact text.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from judge.damage import damaged
from judge.derivation import derived_marks
from judge.exam import PlannedMark
from judge.history import History
from judge.plan import Ask, judgment_id
from judge.prompt_sets import PromptSet, Rendering
from ledger.judgments import Damage, LadderMark, Mode, Order, Outcome, Parsing
from ledger.ladder import FEWEST_TEXTS, SIZES, TEXTS, RungCounts, RungState, rung_counts
from ledger.records import Question

END = len(max(SIZES.values(), key=len)), RungCounts(0, 0, 0)  # past the last rung
OF_REFERENCES = frozenset({Damage.CHANGED, Damage.CHANGED_WITH_REFERENCE})
Marks = tuple[PlannedMark[LadderMark], ...]


@dataclass(frozen=True, slots=True)
class LadderText:
    """A good text: the last of the answers of turns 1..n to a question, all by one author."""

    question: Question
    turns: tuple[str, ...]
    of_reference: bool

    @property
    def text(self) -> str:
        """What is damaged; the turns before it stand as they are in both positions."""
        return self.turns[-1]


@dataclass(frozen=True)
class Ladder:
    """Every rung of each kind, from coarse to fine."""

    rungs: Mapping[Damage, tuple[Marks, ...]] = field(default_factory=dict)

    def marks(self) -> Iterator[PlannedMark[LadderMark]]:
        """All that could be asked, whatever the verdicts; also of kinds with too few texts, which are never asked."""
        for rungs in self.rungs.values():
            for rung in rungs:
                yield from rung

    def opened(self, history: History, parsing: Parsing) -> list[Ask]:
        """The asks of each kind's rungs up to the first that is not passed, that one included."""
        return [ask for rungs in self._climbed(history, parsing) for rung in rungs[0] for ask in _asks(rung)]

    def at_most(self, history: History, parsing: Parsing) -> list[Ask]:
        """The same with every rung that may still be reached: no more asks than these, and often fewer."""
        return [
            ask for rungs in self._climbed(history, parsing) for part in rungs for rung in part for ask in _asks(rung)
        ]

    def _climbed(self, history: History, parsing: Parsing) -> Iterator[tuple[tuple[Marks, ...], tuple[Marks, ...]]]:
        """By kind, the rungs that are passed and the first that is not yet; and those that may follow it."""
        for rungs in self.rungs.values():
            if len(rungs[0]) < FEWEST_TEXTS * len(Order):
                continue
            found = (rung_counts(derived_marks(rung, history, parsing)) for rung in rungs)
            place, counts = next(((i, each) for i, each in enumerate(found) if each.state is not RungState.PASSED), END)
            stops = counts.state is RungState.FAILED or (counts.state is RungState.OPEN and not counts.missing)
            yield rungs[: place + 1], () if stops else rungs[place + 1 :]


def ladder_plan(texts: Sequence[LadderText], judge: str, prompts: PromptSet, seed: int) -> Ladder:
    """Every rung of each kind, over at most TEXTS texts that have room for all its sizes.

    Texts to different questions come first, because two turns of one question are not two witnesses; among those,
    Assay's own references, whose quality is known.
    """
    rungs: dict[Damage, tuple[Marks, ...]] = {}
    for damage, sizes in SIZES.items():
        fit = [
            text
            for text in _apart(texts, f"{seed} {damage}")
            if (text.of_reference or damage not in OF_REFERENCES)
            and all(_worse(text, damage, size, seed) for size in sizes)
        ][:TEXTS]
        rungs[damage] = tuple(
            tuple(mark for text in fit for mark in _marks(text, damage, size, judge, prompts, seed)) for size in sizes
        )
    return Ladder(rungs)


def _apart(texts: Sequence[LadderText], seed: str) -> list[LadderText]:
    """In a drawn order: one text of each question, references first, and then the second ones."""
    drawn = random.Random(f"ladder {seed}").sample(list(texts), len(texts))
    drawn.sort(key=lambda text: not text.of_reference)
    seen: dict[tuple[str | int, ...], int] = {}
    ranked = []
    for text in drawn:
        seen[text.question.key] = seen.get(text.question.key, 0) + 1
        ranked.append((seen[text.question.key], text))
    return [text for _, text in sorted(ranked, key=lambda each: each[0])]


def _worse(text: LadderText, damage: Damage, size: float, seed: int) -> str | None:
    """The damaged text; the same place is hit on every rung, and with and without the reference."""
    return damaged(damage, size, text.text, f"{seed} {text.question.key} {len(text.turns)}")


def _marks(
    text: LadderText, damage: Damage, size: float, judge: str, prompts: PromptSet, seed: int
) -> Iterator[PlannedMark[LadderMark]]:
    """A game in each order; the one that is right names the intact text's position."""
    shown = damage is Damage.CHANGED_WITH_REFERENCE
    question = text.question if shown else text.question.model_copy(update={"references": (), "reference_set": None})
    worse = (*text.turns[:-1], _worse(text, damage, size, seed) or "")
    for order in Order:
        first = order is Order.BASELINE_FIRST
        positions = (text.turns, worse) if first else (worse, text.turns)
        rendering = Rendering(prompts, question, len(text.turns), positions)
        blank = LadderMark(
            judge=judge,
            prompt_digest=rendering.digest(),
            outcome=Outcome.SKIPPED,
            damage=damage,
            size=size,
            source=question.source,
            question=question.id,
            turn=len(text.turns),
            of_reference=text.of_reference,
            order=order,
        )
        ask = Ask(judgment_id("ladder", blank.key), Mode.PAIR, rendering.messages)
        yield PlannedMark(blank, (ask,), "A" if first else "B")


def _asks(rung: Marks) -> Iterator[Ask]:
    for mark in rung:
        yield from mark.asks
