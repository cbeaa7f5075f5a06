"""Solutions: every item of a benchmark asked as often as its task says, each answer checked where it was written.

In: checked items, an engine, a writer of solutions. Out: Solution records, complete when they are appended.
The program that checks sees what a user would see: the text behind a thought, up to the first stop string. An item that
does not fit the context is a solution that overflowed, and scores what an empty text does. Where a task's scores need
all repeats of an item, these are appended together, the first one with the aggregate.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from generation.checkers import OwnChecker, checked, own_checker
from generation.endings import seen
from generation.engine import Engine, Message, Reply, Request, WriteRequest, Written, drive
from generation.harness_texts import HarnessScorer
from generation.orders import CheckedTask
from generation.sampling import repeat_seed
from ledger.checked_items import CheckedItem
from ledger.digests import digest_of
from ledger.progress import Progress, Report, silent
from ledger.records import Key
from ledger.solutions import Score, Solution
from ledger.store import Writer, key_text


class Scorer(Protocol):
    """What checks the answers of one task."""

    def single(self, item: CheckedItem, text: str) -> tuple[Score, ...]:
        """The scores of one answer."""

    def together(self, item: CheckedItem, texts: Sequence[str]) -> tuple[Score, ...]:
        """The scores that only all repeats of an item have."""


class CheckerScorer:
    """The scores of Assay's own checkers, or of the user's function."""

    def __init__(self, own: str = "") -> None:
        self._own: OwnChecker | None = own_checker(own) if own else None

    def single(self, item: CheckedItem, text: str) -> tuple[Score, ...]:
        """The scores of one answer. Raises ConfigError where the user's function fails."""
        return checked(text, item, self._own)

    def together(self, item: CheckedItem, texts: Sequence[str]) -> tuple[Score, ...]:
        """None: each answer is checked by itself."""
        return ()


def scorer_of(task: CheckedTask) -> Scorer:
    """What checks the answers of a task. Raises ConfigError."""
    return HarnessScorer(task.harness, task.repeats) if task.harness else CheckerScorer(task.own)


@dataclass(frozen=True)
class Repeat:
    """One answer to an item that is to be asked for."""

    task: CheckedTask
    item: CheckedItem
    number: int

    @property
    def key(self) -> Key:
        """Task, item, repeat: its solution's key without the model."""
        return (*self.item.key, self.number)

    @property
    def id(self) -> str:
        """The name of its request."""
        return key_text(self.key)


@dataclass(frozen=True)
class SolutionPlan:
    """Whose answers these are; the same for every model of a review, but for the control."""

    model: str
    seed: int
    control: bool = False


@dataclass
class _Group:
    """The repeats of an item whose scores need all of them."""

    wanted: int
    held: dict[int, tuple[Repeat, Written]] = field(default_factory=dict)


def write_solutions(
    engine: Engine,
    pending: Sequence[Repeat],
    plan: SolutionPlan,
    writer: Writer[Solution],
    report: Report = silent,
    scorer: Callable[[CheckedTask], Scorer] = scorer_of,
) -> None:
    """Ask for each pending repeat in the given order of admission, and check it."""
    scorers = {each.name: scorer(each) for each in {repeat.task.name: repeat.task for repeat in pending}.values()}
    under_way: dict[str, Repeat] = {}
    finished: list[Solution] = []
    groups = _groups(pending)
    done = tokens = 0
    begun = time.monotonic()
    work = f"{plan.model}: solutions"

    def requests() -> Iterator[Request]:
        for repeat in pending:
            under_way[repeat.id] = repeat
            yield _request(repeat, plan)

    def follow(reply: Reply) -> None:
        nonlocal done, tokens
        assert isinstance(reply, Written)
        repeat = under_way.pop(reply.id)
        group = groups.get(repeat.item.key)
        if group is None:
            finished.append(_solution(repeat, reply, plan, scorers[repeat.task.name]))
        else:
            group.held[repeat.number] = (repeat, reply)
            if len(group.held) == group.wanted:
                held = groups.pop(repeat.item.key).held
                finished.extend(_solved_together(held, plan, scorers[repeat.task.name]))
        done, tokens = done + 1, tokens + reply.completion_tokens
        report(Progress(work, done, len(pending), f"{tokens / (time.monotonic() - begun + 1e-9):.0f} tokens/s"))

    def write() -> None:
        """What could not be written for certain is not written again: it may be on the disk all the same."""
        held = finished.copy()
        finished.clear()
        if held:
            writer.append(*held)

    report(Progress(work, 0, len(pending)))
    try:
        drive(engine, requests(), follow, plan.model, write)
    finally:
        write()  # also where a checker failed or the user left: they were paid for


def _groups(pending: Sequence[Repeat]) -> dict[Key, _Group]:
    """The items whose repeats are scored together; one whose aggregate is on the disk needs no group any more."""
    found: dict[Key, _Group] = {}
    for repeat in pending:
        if repeat.task.aggregates and repeat.number == 0:
            found[repeat.item.key] = _Group(repeat.task.repeats)
    return found


def _request(repeat: Repeat, plan: SolutionPlan) -> WriteRequest:
    item = repeat.item
    return WriteRequest(
        id=repeat.id,
        messages=tuple(Message(role, content) for role, content in item.messages),
        temperature=item.temperature,
        seed=_seed(repeat, plan),
        max_tokens=item.max_tokens,
        prompt=item.prompt,
        stop=item.stop,
        top_p=item.top_p,
        verbatim=True,
    )


def _seed(repeat: Repeat, plan: SolutionPlan) -> int:
    return repeat_seed(plan.seed, repeat.item.key, repeat.number, control=plan.control)


def _solution(
    repeat: Repeat, written: Written, plan: SolutionPlan, scorer: Scorer, more: tuple[Score, ...] = ()
) -> Solution:
    """One repeat as a record; `more` are scores of all repeats together."""
    item = repeat.item
    thinking, text, finish = seen(written, item.stop)
    return Solution(
        model=plan.model,
        task=item.task,
        item=item.id,
        subject=item.subject,
        repeat=repeat.number,
        item_digest=item.digest,
        prompt_digest=item.prompt_digest,
        text=text,
        thinking=thinking,
        finish=finish,
        completion_tokens=written.completion_tokens,
        seed=_seed(repeat, plan),
        temperature=item.temperature,
        scores=(*scorer.single(item, text), *more),
    )


def _solved_together(
    held: Mapping[int, tuple[Repeat, Written]], plan: SolutionPlan, scorer: Scorer
) -> tuple[Solution, ...]:
    """All repeats of an item, the first with their aggregate; where nothing else is scored, one record of them all."""
    ordered = [held[number] for number in sorted(held)]
    (first, written), *others = ordered
    texts = [seen(each, first.item.stop)[1] for _, each in ordered]
    aggregate = scorer.together(first.item, texts)
    solved = _solution(first, written, plan, scorer, aggregate)
    if first.task.singles:
        return (solved, *(_solution(repeat, each, plan, scorer) for repeat, each in others))
    tokens = sum(each.completion_tokens for _, each in ordered)
    whole = {"text": None, "thinking": None, "text_digest": digest_of(texts), "completion_tokens": tokens}
    return (solved.model_copy(update=whole),)
