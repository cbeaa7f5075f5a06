"""A model behind an OpenAI-compatible endpoint as an engine: many requests in flight, stepped from outside.

In: a served name, a base URL, the name of the variable with the key. Out: an Engine.
An asyncio loop in a background thread asks (generation/served_model.py), `step` waits for what comes back.
"""

import asyncio
import atexit
import contextlib
import threading
from collections.abc import Sequence
from queue import SimpleQueue

from generation.engine import Reply, Request
from generation.orders import EngineSpec
from generation.served_calls import ServedCalls
from generation.served_model import ServedModel
from ledger.endpoint.parameters import OWN_FIELDS
from ledger.errors import ConfigError

TAKEN = OWN_FIELDS - {"top_p", "stop", "top_logprobs", "response_format", "reasoning_effort"}
CLOSE_SECONDS = 5.0


def load_served(spec: EngineSpec) -> "ServedEngine":
    """An engine for a served model; nothing is asked yet. Raises ConfigError, also if there is no key."""
    if spec.template:
        remedy = 'Remove it, or run the model with engine = "vllm".'
        raise ConfigError("a served model has its server's chat template", where="template", remedy=remedy)
    for name in sorted(TAKEN & set(spec.arguments)):
        raise ConfigError(f"Assay sets {name!r} itself", where="engine_args", remedy="Remove it there.")
    return ServedEngine(ServedCalls(spec), spec)


class ServedEngine:
    """A served model; `facts` grow while it answers. The thread ends with an error, with `close` or with Python."""

    def __init__(self, calls: ServedCalls, spec: EngineSpec) -> None:
        self.window = 2 * spec.concurrency
        self._calls, self._model = calls, ServedModel(calls, spec)
        self.facts = self._model.facts
        self._outcomes: SimpleQueue[Reply | Exception] = SimpleQueue()
        self._outstanding = 0
        self._failure: Exception | None = None
        self._thread: threading.Thread | None = None

    def submit(self, request: Request) -> None:
        """Hand a request to the background thread."""
        if self._failure:
            raise self._failure
        if self._thread is None:
            self._start()
        self._outstanding += 1
        with contextlib.suppress(RuntimeError):  # the loop has failed, and `step` will say so
            self._loop.call_soon_threadsafe(self._admit, request)

    def step(self) -> Sequence[Reply]:
        """Wait for at least one reply. Raises what no retry can mend, once the replies before it are given."""
        if self._failure:
            raise self._failure
        if not self._outstanding:
            return []
        try:
            outcomes = [self._outcomes.get()]
            while not self._outcomes.empty():
                outcomes.append(self._outcomes.get())
        except BaseException:  # Ctrl-C, above all
            self.close()
            raise
        self._outstanding -= len(outcomes)
        replies = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
        self._failure = next((outcome for outcome in outcomes if isinstance(outcome, Exception)), None)
        if self._failure:
            self.close()
            if not replies:
                raise self._failure
        return replies

    def close(self) -> None:
        """Cancel what is in flight and end the thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        atexit.unregister(self.close)
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._closing.set)
        thread.join(CLOSE_SECONDS)

    def _start(self) -> None:
        self._loop, self._closing = asyncio.new_event_loop(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="served engine", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _run(self) -> None:
        """Not by asyncio.Runner: it ends with a thread of its own, and an ending Python gives none (since 3.12)."""
        with contextlib.closing(self._loop) as loop:
            loop.run_until_complete(self._serve())
            loop.run_until_complete(loop.shutdown_asyncgens())

    async def _serve(self) -> None:
        try:
            async with self._calls:
                await self._closing.wait()
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
        except Exception as error:  # noqa: BLE001 - raised by step, in the thread that waits for it
            self._outcomes.put(error)

    def _admit(self, request: Request) -> None:
        if not self._closing.is_set():
            task = asyncio.get_running_loop().create_task(self._answer(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request) -> None:
        try:
            self._outcomes.put(await self._model.reply(request))
        except Exception as error:  # noqa: BLE001 - raised by step, in the thread that waits for it
            self._outcomes.put(error)
