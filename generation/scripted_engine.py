"""An engine without a model, shipped beside the real ones: for tests and dry runs.

In: two functions that say what to write and how likely an option is. Out: replies, oldest request first, so a run can
be predicted line by line.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from generation.engine import Reply, Request, Scored, ScoreRequest, Traced, TraceRequest, WriteRequest, Written
from ledger.records import Finish


def echo(request: WriteRequest) -> str:
    """A text that depends on the conversation, the temperature and the seed, as a real one does."""
    last = request.messages[-1].content if request.messages else request.prompt
    return f"({request.temperature}, {request.seed % 1000}) {last[:60]}"


def by_length(request: ScoreRequest) -> tuple[tuple[float, ...], ...]:
    """Longer options are less likely: one nat per character."""
    return tuple((-float(len(text)),) for text in request.continuations)


class ScriptedEngine:
    """Answers `batch` requests per step."""

    def __init__(
        self,
        write: Callable[[WriteRequest], str] = echo,
        score: Callable[[ScoreRequest], tuple[tuple[float, ...], ...]] = by_length,
        window: int = 8,
        batch: int = 1,
    ) -> None:
        self.write, self.score, self.window, self.batch = write, score, window, batch
        self.facts: dict[str, Any] = {"engine": "scripted", "tokenizer": "characters"}
        self.submitted: list[str] = []
        self._waiting: deque[Request] = deque()

    def submit(self, request: Request) -> None:
        """Queue a request."""
        self.submitted.append(request.id)
        self._waiting.append(request)

    def step(self) -> Sequence[Reply]:
        """The replies to the oldest requests."""
        count = min(self.batch, len(self._waiting))
        return [self._reply(self._waiting.popleft()) for _ in range(count)]

    def _reply(self, request: Request) -> Reply:
        if isinstance(request, ScoreRequest):
            return Scored(request.id, self.score(request))
        if isinstance(request, TraceRequest):
            return _trace(request)
        text = self.write(request)
        words = text.split()
        finish = Finish.EMPTY if not words else Finish.LENGTH if len(words) > request.max_tokens else Finish.STOP
        prompt_tokens = len(request.prompt.split()) + sum(len(m.content.split()) for m in request.messages)
        kept = " ".join(words[: request.max_tokens]) if finish is Finish.LENGTH else text
        return Written(request.id, kept, finish, prompt_tokens, min(len(words), request.max_tokens))


def _trace(request: TraceRequest) -> Traced:
    """Each character is a token, certain with probability one half; the alternatives are the next code points."""
    tokens = tuple(map(ord, request.answer))
    top = tuple(tuple(token + step for step in range(request.top_k)) for token in tokens)
    values = tuple(tuple(-0.693 * (step + 1) for step in range(request.top_k)) for _ in tokens)
    return Traced(request.id, tokens, (-0.693,) * len(tokens), top, values)
