"""The seam between a stage and whatever runs a model.

In: requests, submitted at any time. Out: replies, in the order in which they finish.
An engine is two methods: `submit` takes work without waiting, `step` works until something has finished. Whoever drives
it may submit between steps, so a conversation's second turn joins the batch the moment its first turn is done.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from ledger.endpoint.words import by_cause
from ledger.errors import AssayError, EngineError, PromptsRefused, first_line
from ledger.records import Finish


@dataclass(frozen=True)
class Message:
    """One turn of a conversation as the chat template gets it."""

    role: str
    content: str


@dataclass(frozen=True)
class WriteRequest:
    """Continue a conversation, or a bare text (`prompt`); greedy where the temperature is 0.

    A last message of the assistant's is the beginning of what is to be written. The text ends before the first of the
    `stop` strings. `verbatim` keeps the blanks around it, for scores that read them. `template` are arguments of the
    chat template; `top_k` 0 is the whole vocabulary.
    """

    id: str
    messages: tuple[Message, ...]
    temperature: float
    seed: int
    max_tokens: int
    prompt: str = ""
    stop: tuple[str, ...] = ()
    top_p: float = 1.0
    verbatim: bool = False
    top_k: int = 0
    min_p: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    template: Mapping[str, Any] = field(default_factory=dict)

    @property
    def drawn(self) -> dict[str, float]:
        """What narrows a draw: nothing where the text is greedy."""
        return {"top_p": self.top_p, "top_k": self.top_k, "min_p": self.min_p} if self.temperature > 0 else {}


@dataclass(frozen=True)
class Written:
    """What the model wrote, without surrounding blanks unless they were asked for, and how it ended."""

    id: str
    text: str
    finish: Finish
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class ScoreRequest:
    """How likely is each continuation of one context, or of a context of its own?"""

    id: str
    context: str | tuple[str, ...]
    continuations: tuple[str, ...]

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Each continuation with its context."""
        own = self.context
        contexts = (own,) * len(self.continuations) if isinstance(own, str) else own
        return tuple(zip(contexts, self.continuations, strict=True))


@dataclass(frozen=True)
class Scored:
    """Log-probabilities in nats: one tuple per continuation, one number per token of it; none where it does not fit."""

    id: str
    logprobs: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class TraceRequest:
    """How likely is each token of a given answer, and what would the model have said instead?

    The answer follows a conversation, by the chat template, or a bare context, as an option does.
    """

    id: str
    messages: tuple[Message, ...] | str
    answer: str
    top_k: int
    template: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Traced:
    """Along the answer's tokens: their log-probabilities in nats, and the K most likely tokens, most likely first."""

    id: str
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    top_tokens: tuple[tuple[int, ...], ...]
    top_logprobs: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Refused:
    """A request that was refused for what it asks, in the words of whoever refused it; others may be taken."""

    id: str
    words: str


Request = WriteRequest | ScoreRequest | TraceRequest
Reply = Written | Scored | Traced | Refused
MOST_CAUSES = 5


class Engine(Protocol):
    """Something that runs one model.

    `window` is how many requests it can usefully hold at once. `facts` go into the manifest; those that
    others read have their names in ledger/facts.py. An engine without a `tokenizer` among them gives no traces.
    """

    window: int
    facts: dict[str, Any]

    def submit(self, request: Request) -> None:
        """Take a request; do not wait for it."""

    def step(self) -> Sequence[Reply]:
        """Work on what was submitted until something has finished, and give that."""


def drive(
    engine: Engine,
    requests: Iterable[Request],
    follow: Callable[[Reply], Request | None],
    model: str = "",
    settle: Callable[[], None] = lambda: None,
) -> None:
    """Run all requests; `follow` sees each reply as it comes and may answer with the request that continues it.

    `settle` is called when the replies that came together have been followed, so that they can be written together.

    At most `engine.window` requests are in flight, so memory does not grow with the work. A continuation goes in before
    new work does: conversations end as early as they can, and what is finished is on the disk.
    Raises EngineError, with the name of the model, for whatever its engine raises, and where it computes no numbers;
    PromptsRefused at the end, where requests were refused.
    """
    refused: list[str] = []
    waiting = iter(requests)
    in_flight = 0
    continuations: deque[Request] = deque()
    exhausted = False
    while True:
        while in_flight < engine.window and (continuations or not exhausted):
            request = continuations.popleft() if continuations else next(waiting, None)
            if request is None:
                exhausted = True
                break
            with _failing_by_name(model):
                engine.submit(request)
            in_flight += 1
        if not in_flight:
            return _tell_refused(refused, model)
        with _failing_by_name(model):
            replies = engine.step()
        if not replies:
            raise EngineError(f"the engine went idle with {in_flight} requests unanswered", where=model)
        for reply in replies:
            _refuse_not_a_number(reply, model)
            in_flight -= 1
            if isinstance(reply, Refused):
                refused.append(reply.words)
            elif continuation := follow(reply):
                continuations.append(continuation)
        settle()


@contextmanager
def _failing_by_name(model: str) -> Iterator[None]:
    """Engines raise anything: a GPU's memory runs out, a kernel is missing. None of it is a bug in Assay."""
    try:
        yield
    except AssayError:
        raise
    except Exception as error:
        raise EngineError(f"the engine failed: {first_line(error)}", where=model) from error


def _tell_refused(refused: Sequence[str], model: str) -> None:
    """Raise PromptsRefused, with its causes, where there are any."""
    causes = [f"{each[-1].rstrip('.')} ({len(each)})" for each in by_cause(refused)]
    if causes:
        more = [f"{len(causes) - MOST_CAUSES} other causes"] if len(causes) > MOST_CAUSES else []
        prompts = "1 prompt was" if len(refused) == 1 else f"{len(refused)} prompts were"
        what = f"{prompts} refused for good: {'; '.join(causes[:MOST_CAUSES] + more)}"
        raise PromptsRefused(what, where=model, remedy="The same command asks again for these alone.")


def _refuse_not_a_number(reply: Reply, model: str) -> None:
    """One NaN among the logits makes all log-probabilities of a position NaN, that of the text's own token too."""
    rows = reply.logprobs if isinstance(reply, Scored) else (reply.logprobs,) if isinstance(reply, Traced) else ()
    if any(math.isnan(value) for row in rows for value in row):
        raise EngineError(
            f"computes NaN in place of log-probabilities ({reply.id}): its weights are damaged, or numbers overflow",
            where=model,
            remedy='Look at how it was made, or set engine_args = { dtype = "float32" } for every model.',
        )


def split_tokens(
    encode: Callable[[str], list[int]], context: str, continuation: str, first: int | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A context and its continuation as tokens, cut where the context alone would end.

    Blanks at the end of the context belong to the continuation, because tokenizers glue them to the next word. An empty
    context becomes the token `first`, with which a text begins.
    Source: the rule of lm-evaluation-harness' TemplateLM, so that numbers can be held against it.
    """
    bare = context.rstrip()
    continuation = context[len(bare) :] + continuation
    whole = encode(bare + continuation)
    cut = len(encode(bare))
    if not cut and first is not None:
        whole = whole if whole[:1] == [first] else [first, *whole]
        cut = 1
    return tuple(whole[:cut]), tuple(whole[cut:])
