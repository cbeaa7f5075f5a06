"""A judge that follows a script: for tests, beside the real one and behind the same one method.

In: a function of the messages. Out: its text as a Reply, or the error it returns, raised.
"""

import asyncio
from collections.abc import Callable

from judge.client import Extras
from judge.prompt_sets import Messages
from judge.replies import Reply
from ledger.endpoint.client import NO_EXTRAS

Script = Callable[[Messages], str | Reply | BaseException]


class ScriptedJudge:
    """A Transport that calls no server; `calls` holds every conversation it was sent, in order."""

    def __init__(self, script: Script, served_model: str = "scripted") -> None:
        self._script, self._served_model = script, served_model
        self.calls: list[Messages] = []

    async def call(self, messages: Messages, max_tokens: int, extras: Extras = NO_EXTRAS) -> Reply:
        """What the script says about these messages; no token is counted."""
        self.calls.append(messages)
        await asyncio.sleep(0)  # gives way once, as every real call does
        said = self._script(messages)
        if isinstance(said, BaseException):
            raise said
        return said if isinstance(said, Reply) else Reply(said, finish="stop", served_model=self._served_model)
