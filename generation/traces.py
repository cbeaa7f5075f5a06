"""Traces: answers run through a model, token by token (teacher forcing): the baseline's, and a rollout's own.

In: one author's answers or several authors', an engine, a writer of traces. Out: Trace rows, one turn at a time.
Two models read the same tokens in the same contexts, so their distributions can be compared position by position; that
needs the baseline's tokenizer, and a model with another one is refused by name. The distributions are the model's own,
whatever temperature the text was sampled at.
"""

from collections.abc import Iterable, Iterator, Sequence

from generation.answers import opened
from generation.engine import Engine, Message, Reply, Request, Traced, TraceRequest, drive
from generation.orders import ModelJob
from ledger.progress import Progress, Report, silent
from ledger.records import Answer, Key
from ledger.store import key_text
from ledger.traces import Trace, TraceWriter

Turn = tuple[Answer, int]


def trace_turns(answers: Iterable[Answer], model: str, done: set[Key]) -> list[Turn]:
    """The (answer, turn) pairs with text whose trace by this model is missing; turns count from 1."""
    return [
        (answer, turn)
        for answer in answers
        for turn, written in enumerate(answer.turns, start=1)
        if written.text and (model, *answer.key, turn) not in done
    ]


def write_traces(
    engine: Engine, pending: Iterable[Turn], order: ModelJob, writer: TraceWriter, report: Report = silent
) -> list[str]:
    """Trace each pending turn in the given order of admission; give the names of those without room in the context."""
    model, served = order.model, order.served
    texts = [
        (
            (model, *answer.key, turn),
            TraceRequest(
                turn_name(answer, turn),
                context(answer, turn, served.system),
                answer.turns[turn - 1].text,
                order.trace_top_k,
                served.chat_template_kwargs,
            ),
        )
        for answer, turn in pending
    ]
    return trace_texts(engine, texts, model, "traces", writer, report)


def trace_texts(
    engine: Engine,
    texts: Sequence[tuple[Key, TraceRequest]],
    model: str,
    what: str,
    writer: TraceWriter,
    report: Report = silent,
) -> list[str]:
    """Write a trace under each key; give the names of the requests that do not fit the context."""
    too_long: list[str] = []
    keys: dict[str, Key] = {}
    work, done = f"{model}: {what}", 0

    def requests() -> Iterator[Request]:
        for key, request in texts:
            keys[request.id] = key
            yield request

    def follow(reply: Reply) -> None:
        nonlocal done
        assert isinstance(reply, Traced)
        key = keys.pop(reply.id)
        if reply.tokens:
            writer.append(Trace(key, reply.tokens, reply.logprobs, reply.top_tokens, reply.top_logprobs))
        else:
            too_long.append(reply.id)
        done += 1
        report(Progress(work, done, len(texts)))

    report(Progress(work, 0, len(texts)))
    drive(engine, requests(), follow, model)
    writer.close()
    return sorted(too_long)


def turn_name(answer: Answer, turn: int) -> str:
    """A turn as requests and manifests call it, its author first."""
    return key_text((*answer.key, turn))


def context(answer: Answer, turn: int, system: str = "") -> tuple[Message, ...]:
    """The conversation up to the user's turn `turn`."""
    said = opened(system)
    for asked, written in zip(answer.question.turns[: turn - 1], answer.turns, strict=False):
        said += [Message("user", asked), Message("assistant", written.text)]
    return (*said, Message("user", answer.question.turns[turn - 1]))
