"""An attempt's parts: what one call sent, and the fields of its record, whichever way the reply came.

In: an ask, what is due, a reply or an error. Out: messages, hashes and fields of Attempt records.
"""

from typing import Any

from judge.history import Due
from judge.plan import Ask
from judge.prompt_sets import TEMPERATURE, Messages
from judge.replies import Reply
from judge.verdicts import reminder
from ledger.digests import digest_of
from ledger.endpoint.words import excerpt
from ledger.errors import EndpointError, Rejected
from ledger.judge_config import JudgeConfig
from ledger.judgments import Attempt, Parsing
from ledger.thinking import spoken

SHOWN_CHARACTERS = 200  # of a reply


def conversation(ask: Ask, due: Due, parsing: Parsing) -> Messages:
    """The messages of the next call about a judgment: the ask, and in a re-ask its reply and what is missing."""
    return [*ask.messages(), *_reminding(ask, due, parsing)]


def request_digest(messages: Messages, max_tokens: int, config: JudgeConfig) -> str:
    """Hash of what one call asks for; parameters stand in it where some are declared."""
    asked = {"messages": messages, "max_tokens": max_tokens, "temperature": TEMPERATURE, "form": config.form}
    return digest_of(asked | config.fields())


def _reminding(ask: Ask, due: Due, parsing: Parsing) -> Messages:
    """The continuation of the conversation in a re-ask: what the judge said, and what is missing.

    Thoughts are left out, as chat templates do; servers refuse empty messages, so a reply without more is stated.
    """
    if due.ask == "first":
        return []
    reply = (spoken(due.replied or "") or "").strip() or "(no text)"
    return [{"role": "assistant", "content": reply}, {"role": "user", "content": reminder(ask.mode, parsing)}]


def answer_fields(reply: Reply) -> dict[str, Any]:
    """The fields of an attempt that was answered."""
    return {
        "status": "answered",
        "http_status": reply.http_status,
        "error": reply.words or None,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "served_model": reply.served_model,
        "finish": reply.finish,
        "refusal": reply.refusal,
        "reply": reply.text,
        "rating_tokens": reply.rating_tokens,
        "sent": reply.sent,
        "changed": reply.changed,
    }


def shown(attempt: Attempt) -> str:
    """A reply in short, for people: how it ended, how long it was, what it said."""
    tokens = f", {attempt.completion_tokens:,} tokens" if attempt.completion_tokens is not None else ""
    said = excerpt(attempt.reply or "")[:SHOWN_CHARACTERS]
    return f"{f'{said!r}' if said else 'no text'} (finish {attempt.finish or 'not told'}{tokens})"


def failure_fields(error: EndpointError) -> dict[str, Any]:
    """The fields of an attempt that failed, for now or for good."""
    status = "rejected" if isinstance(error, Rejected) else "failed"
    return {"status": status, "http_status": error.status, "error": str(error)}
