"""A judge on loopback for tests: an OpenAI-compatible server that answers as a function says, and stops by itself.

In: a function from a request's JSON body to a Served. Out: a base URL on 127.0.0.1, a free port, every request seen.
Beside it: what such servers send, a judge of simple taste, and answers for it to judge.
Use it as a context manager; it runs in threads, so the code under test may own the event loop.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from assay.placement.loopback import HttpRequest, LoopbackServer, Served, refusal
from ledger.records import Answer, AnswerTurn, Finish, Question

__all__ = ["KEY", "KEY_VARIABLE", "MODEL", "FakeJudgeServer", "Served", "answer", "completion", "refusal", "verdict"]
MODEL = "fake-judge-1"
FEW_TOKENS = 11
KEY, KEY_VARIABLE = "sk-very-secret-0123456789", "ASSAY_TEST_KEY"
"""What endpoints are given, and what may stand nowhere; the fixture `endpoint_key` puts it into its variable."""


def completion(text: str | None, finish: str = "stop", **message: Any) -> Served:
    """A chat completion as OpenAI's servers send it."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    usage = {"prompt_tokens": FEW_TOKENS, "completion_tokens": 7, "total_tokens": 18}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice], "usage": usage}
    return Served(body)


def counted(served: Served, asked: dict[str, Any]) -> Served:
    """The same with as many prompt tokens as such a prompt has, where the usual few would be too few."""
    texts = "".join(str(message["content"]) for message in asked.get("messages") or ())
    usage = served.body.get("usage") if isinstance(served.body, dict) else None
    if not isinstance(usage, dict) or usage.get("prompt_tokens") != FEW_TOKENS:
        return served
    counts = {**usage, "prompt_tokens": max(FEW_TOKENS, len(texts) // 4)}
    return replace(served, body={**served.body, "usage": counts})


def verdict(messages: list[dict[str, str]]) -> str:
    """What a judge with a simple taste says to Assay's prompts: the longer answer wins, and rates higher."""
    user = messages[1]["content"]
    if "<answer_a " not in user:
        return f"A rating by length.\nRating: [[{min(10, 1 + len(user) // 400)}]]"
    first, second = (len(user.rsplit(f"<answer_{x} ", 1)[1].rsplit(f"</answer_{x} ", 1)[0]) for x in "ab")
    return f"Lengths compared.\nVerdict: [[{'C' if first == second else 'A' if first > second else 'B'}]]"


def answer(model: str, question: str, *texts: str, finish: str = "stop", sample: int = 0, **about: Any) -> Answer:
    """An answer to a question with as many turns as there are texts; `finish` ends the last turn."""
    asked = {"source": "s", "id": question, "category": "writing", "temperature": 0.0, **about}
    turns = tuple(f"{question}, turn {number}?" for number in range(1, len(texts) + 1))
    ends = [*["stop"] * (len(texts) - 1), finish]
    written = tuple(
        AnswerTurn(text=text, finish=Finish(end), prompt_tokens=1, completion_tokens=1, seed=0)
        for text, end in zip(texts, ends, strict=True)
    )
    return Answer(model=model, sample=sample, question=Question(turns=turns, **asked), turns=written)


class FakeJudgeServer(LoopbackServer):
    """Serves every POST; `requests` holds the bodies, `keys` the authorization headers, in order."""

    def __init__(self, script: Callable[[dict[str, Any]], Served] | None = None) -> None:
        self.script = script or (lambda body: completion(verdict(body["messages"])))
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self._lock = threading.Lock()
        super().__init__(self._scripted)

    def _scripted(self, request: HttpRequest) -> Served:
        body = request.body or {}
        with self._lock:
            self.requests.append(body)
            self.keys.append(request.headers.get("authorization", ""))
            return counted(self.script(body), body)
