"""Conversations: every question asked turn by turn, each answer written the moment its conversation ends.

In: questions, an engine, a writer of answers. Out: Answer records, one per question and sample.
A conversation's next turn is submitted as soon as the last one is done (generation/engine.drive), so the batch does not
drain between turns. A turn that no longer fits the model's context ends as `overflow`, and so do those after it.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from generation.endings import seen
from generation.engine import Engine, Message, Reply, Request, WriteRequest, Written, drive
from generation.sampling import turn_seed
from ledger.progress import Progress, Report, silent
from ledger.records import Answer, AnswerTurn, Finish, Question
from ledger.serving import AS_MT_BENCH, Serving
from ledger.store import Writer


@dataclass(frozen=True)
class AnswerPlan:
    """How the conversations of one model are held; the same for every model of a review, but for the control."""

    model: str
    seed: int
    max_tokens: int
    control: bool = False
    served: Serving = AS_MT_BENCH


@dataclass
class _Conversation:
    """A conversation under way."""

    question: Question
    sample: int
    seeds: tuple[int, ...]
    turns: list[AnswerTurn] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.question.source}/{self.question.id}/{self.sample}"

    @property
    def done(self) -> bool:
        return len(self.turns) == len(self.question.turns)

    def messages(self, system: str) -> tuple[Message, ...]:
        """What has been said, and the user's next turn."""
        said = opened(system)
        for asked, answered in zip(self.question.turns, self.turns, strict=False):
            said += [Message("user", asked), Message("assistant", answered.text)]
        return (*said, Message("user", self.question.turns[len(self.turns)]))

    def add(self, written: Written, stop: Sequence[str]) -> None:
        """Take a reply; an overflow ends the conversation, because later turns are longer still."""
        thinking, text, finish = seen(written, stop)
        turn = AnswerTurn(
            text=text,
            thinking=thinking,
            finish=finish,
            prompt_tokens=written.prompt_tokens,
            completion_tokens=written.completion_tokens,
            seed=self.seeds[len(self.turns)],
        )
        self.turns.append(turn)
        while written.finish is Finish.OVERFLOW and not self.done:
            self.turns.append(turn.model_copy(update={"seed": self.seeds[len(self.turns)]}))


def opened(system: str) -> list[Message]:
    """What a conversation begins with."""
    return [Message("system", system)] if system else []


def write_answers(
    engine: Engine,
    pending: Collection[tuple[Question, int]],
    plan: AnswerPlan,
    writer: Writer[Answer],
    report: Report = silent,
) -> None:
    """Answer each pending (question, sample) in the given order of admission."""
    under_way: dict[str, _Conversation] = {}
    done = tokens = 0
    begun = time.monotonic()
    work = f"{plan.model}: answers"

    def first_turns() -> Iterator[Request]:
        for question, sample in pending:
            conversation = _Conversation(question, sample, _seeds(plan, question, sample))
            under_way[conversation.id] = conversation
            yield _request(conversation, plan)

    def follow(reply: Reply) -> Request | None:
        nonlocal done, tokens
        assert isinstance(reply, Written)
        conversation = under_way[reply.id]
        conversation.add(reply, plan.served.stop)
        tokens += reply.completion_tokens
        if not conversation.done:
            return _request(conversation, plan)
        del under_way[reply.id]
        writer.append(_answer(conversation, plan))
        done += 1
        report(Progress(work, done, len(pending), f"{tokens / (time.monotonic() - begun + 1e-9):.0f} tokens/s"))
        return None

    report(Progress(work, 0, len(pending)))
    drive(engine, first_turns(), follow, plan.model)


def _seeds(plan: AnswerPlan, question: Question, sample: int) -> tuple[int, ...]:
    turns = range(1, len(question.turns) + 1)
    return tuple(turn_seed(plan.seed, question, sample, turn, control=plan.control) for turn in turns)


def _request(conversation: _Conversation, plan: AnswerPlan) -> WriteRequest:
    served = plan.served
    return WriteRequest(
        id=conversation.id,
        messages=conversation.messages(served.system),
        temperature=conversation.question.temperature,
        seed=conversation.seeds[len(conversation.turns)],
        max_tokens=plan.max_tokens,
        stop=served.stop,
        top_p=served.top_p,
        top_k=served.top_k,
        min_p=served.min_p,
        presence_penalty=served.presence_penalty,
        repetition_penalty=served.repetition_penalty,
        template=served.chat_template_kwargs,
    )


def _answer(conversation: _Conversation, plan: AnswerPlan) -> Answer:
    return Answer(
        model=plan.model,
        sample=conversation.sample,
        question=conversation.question,
        turns=tuple(conversation.turns),
    )
