"""Which judgments a review needs, before any call: ratings of every model, games of every rival against the baseline.

In: the models' answers. Out: planned judgments, each with its record's key, what to ask, or why nothing is asked.

Decided here, once:
- The universe is every question and sample that any model answered; what a model lacks is planned and skipped, so that
  coverage counts it.
- An empty or overflowing judged turn is not sent: its judgments are skipped.
- Two conversations that are byte-identical up to the judged turn are a tie without a call (scored, no reply). The exam
  shows whether the judge would agree.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from judge.prompt_sets import Messages, PromptSet, Rendering
from judge.verdicts import Reading
from ledger.digests import digest_of
from ledger.errors import StaleInput
from ledger.judgments import Game, Judgment, Mode, Order, Outcome, Rating
from ledger.records import Answer, Finish, Key, Question

J = TypeVar("J", bound=Judgment)
Answers = dict[Key, Answer]
"""One model's answers by source, question and sample."""

UNRENDERED = "none"
TIE = Reading(Outcome.SCORED, "C")
SKIPPED = Reading(Outcome.SKIPPED)
UNJUDGED = frozenset({Finish.EMPTY, Finish.OVERFLOW})


@dataclass(frozen=True, slots=True)
class Ask:
    """One conversation for the judge; the judgment's id is its full key."""

    judgment: str
    mode: Mode
    messages: Callable[[], Messages]


@dataclass(frozen=True, slots=True)
class Planned(Generic[J]):
    """One judgment: the record as it stands before anything is known, and the ask or the reading that needs none."""

    blank: J
    ask: Ask | None
    settled: Reading | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a review a judgment stands: a question, a sample of its answers, a turn (1-based)."""

    question: Question
    sample: int
    turn: int

    def in_(self, answers: Answers) -> Answer | None:
        """The answer that stands here, if it was written."""
        return answers.get((*self.question.key, self.sample))


@dataclass(frozen=True)
class Planner:
    """Plans one judge's part of a review. `models` are the answers of each, the baseline's first."""

    judge: str
    prompts: PromptSet
    models: Mapping[str, Answers]
    repeats: int

    def ratings(self) -> Iterator[Planned[Rating]]:
        """A rating of each model, question, sample, turn and repeat."""
        places = universe(self.models)
        for model, answers in self.models.items():
            for place in places:
                answer = place.in_(answers)
                rendering = self._rendering(place, answer)
                settled = None if judgeable(answer, place.turn) else SKIPPED
                for fields in self._fields(place, rendering):
                    blank = Rating(model=model, **fields)
                    yield _planned("rating", blank, Mode.SINGLE, rendering, settled)

    def games(self, pairs: Iterable[tuple[str, str]]) -> Iterator[Planned[Game]]:
        """A game of each pair (the one that sits as baseline first), for each question, sample, turn, order, repeat."""
        places = universe(self.models)
        for baseline, rival in pairs:
            for place in places:
                contest = place.in_(self.models[baseline]), place.in_(self.models[rival])
                for order in Order:
                    positions = contest if order is Order.BASELINE_FIRST else contest[::-1]
                    rendering = self._rendering(place, *positions)
                    for fields in self._fields(place, rendering):
                        blank = Game(baseline=baseline, candidate=rival, order=order, **fields)
                        yield _planned("game", blank, Mode.PAIR, rendering, _settled_game(*contest, place.turn))

    def _rendering(self, place: Place, *positions: Answer | None) -> Rendering | None:
        answers = [answer for answer in positions if answer]
        if len(answers) < len(positions):
            return None
        return Rendering(self.prompts, place.question, place.turn, tuple(texts(a, place.turn) for a in answers))

    def _fields(self, place: Place, rendering: Rendering | None) -> Iterator[dict[str, Any]]:
        """What ratings and games have in common, for each repeat; the prompt is rendered once for its digest."""
        digest = rendering.digest() if rendering else UNRENDERED
        for repeat in range(self.repeats):
            yield {
                "judge": self.judge,
                "prompt_digest": digest,
                "outcome": Outcome.SKIPPED,
                "source": place.question.source,
                "question": place.question.id,
                "sample": place.sample,
                "turn": place.turn,
                "repeat": repeat,
            }


def answers_by_key(answers: Iterable[Answer]) -> Answers:
    """One model's answers by what they answer."""
    return {(*answer.question.key, answer.sample): answer for answer in answers}


def universe(models: Mapping[str, Answers]) -> list[Place]:
    """Every question, sample and turn that any model answered, in the order of the first model that did.

    Raises StaleInput when two models answered different questions under one id.
    """
    questions: dict[Key, Question] = {}
    places: dict[tuple[Key, int], None] = {}
    for model, answers in models.items():
        for answer in answers.values():
            question = questions.setdefault(answer.question.key, answer.question)
            if question is not answer.question and question != answer.question:
                recorded, present = (digest_of(q.model_dump(mode="json")) for q in (question, answer.question))
                name = f"question {question.source}/{question.id} of {model}"
                raise StaleInput(name, recorded, present, "Generate the answers of all models from one question set.")
            places.setdefault((question.key, answer.sample))
    return [
        Place(questions[key], sample, turn)
        for key, sample in places
        for turn in range(1, len(questions[key].turns) + 1)
    ]


def judgment_id(kind: str, key: Key) -> str:
    """A key as one string that names nothing else: parts are percent-escaped, so that none runs into the next."""
    return "/".join(quote(str(part), safe="@ ", errors="backslashreplace") for part in (kind, *key))


def texts(answer: Answer, turn: int) -> tuple[str, ...]:
    """The answers of turns 1..turn."""
    return tuple(each.text for each in answer.turns[:turn])


def judgeable(answer: Answer | None, turn: int) -> bool:
    """Whether there is something to judge in this turn."""
    if answer is None:
        return False
    written = answer.turns[turn - 1]
    return written.finish not in UNJUDGED and bool(written.text.strip())


def _settled_game(baseline: Answer | None, rival: Answer | None, turn: int) -> Reading | None:
    if not baseline or not rival or not (judgeable(baseline, turn) and judgeable(rival, turn)):
        return SKIPPED
    return TIE if texts(baseline, turn) == texts(rival, turn) else None


def _planned(kind: str, blank: J, mode: Mode, rendering: Rendering | None, settled: Reading | None) -> Planned[J]:
    if rendering is None or settled is not None:
        return Planned(blank, None, settled or SKIPPED)
    return Planned(blank, Ask(judgment_id(kind, blank.key), mode, rendering.messages))
