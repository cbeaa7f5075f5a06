"""What became of a batch: its result and error files, read as the wire is.

In: a Sitting, files. Out: Attempt records, and a summary of what they brought.
A line's failure means what the same reply would mean to a call, so an empty account is told as one. What a call carried
is read out of the request files, because what is known of the endpoint may have grown since.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge.attempts import answer_fields, failure_fields, request_digest
from judge.batch import asked_for, custom_id, request_files
from judge.client import formless, judged
from judge.history import Due
from judge.plan import Ask
from judge.session import Sitting, summary
from judge.summary import JudgeSummary
from judge.verdict_forms import extras
from ledger.endpoint.completions import Completion
from ledger.endpoint.cut_prompts import plain_bytes
from ledger.endpoint.learning import LIMIT, OTHER_LIMIT, Fields
from ledger.endpoint.replies import Replies
from ledger.endpoint.words import NO_COMPLETION
from ledger.errors import BadRecord, EndpointError, Rejected, Unavailable
from ledger.judgments import Attempt
from ledger.store import Writer

PLACE = "batch"
NO_STATUS = 500  # of a line whose call was never made
Asked = tuple[Ask, Due]
Carried = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Collected:
    """What result files brought, how many lines they had that nothing is due for, and how many contradict a first."""

    summary: JudgeSummary
    passed_over: int
    contradicting: int = 0


def collect(held: Sitting, files: Iterable[Path]) -> Collected:
    """Take result and error files into the attempts. Raises BadRecord for a line that is no batch result."""
    due = {custom_id(ask, each): (ask, each) for ask, each in held.due()}
    carried, replies = _carried(held, due), Replies(PLACE)
    replies.proved()
    asks: list[Ask] = []
    taken: dict[str, dict[str, Any]] = {}
    passed_over = contradicting = 0
    with Writer(held.folder.attempts) as writer:
        for path in files:
            for number, row in _rows(path):
                asked = due.pop(row["custom_id"], None)
                if asked is None:
                    passed_over += 1
                    contradicting += taken.get(row["custom_id"], row) != row
                    continue
                taken[row["custom_id"]] = row
                fields = asked_for(held, *asked)
                said = _said(replies, held, asked, fields, row, (path, number))
                attempt = _attempt(held, asked, fields, said, carried.get(row["custom_id"], {}))
                writer.append(attempt)
                held.history.add(attempt)
                held.tally.failed += attempt.status != "answered"
                asks.append(asked[0])
    held.tally.asked = held.tally.calls = len(asks)
    return Collected(summary(held, asks), passed_over, contradicting)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row["custom_id"], str):
                raise TypeError("custom_id is no text")
        except NO_COMPLETION as error:
            raise BadRecord(path, number, "custom_id", f"not the line of a batch's result: {error!r}") from error
        yield number, row


def _attempt(held: Sitting, asked: Asked, fields: Fields, said: dict[str, Any], carried: Carried) -> Attempt:
    ask, due = asked
    told = carried if said["status"] == "answered" else {}
    return Attempt(
        judgment=ask.judgment,
        ask=due.ask,
        attempt=held.history.next_number(ask.judgment, due.ask),
        prompt_bytes=plain_bytes(message["content"] for message in fields["messages"]),
        request_digest=request_digest(fields["messages"], fields[LIMIT], held.brief.config),
        **(said | told),
    )


def _said(
    replies: Replies, held: Sitting, asked: Asked, fields: Fields, row: Fields, place: tuple[Path, int]
) -> dict[str, Any]:
    """The fields of an attempt that a line's reply gives, whether it was answered or failed."""
    wanted = extras(held.brief.config.form, asked[0].mode)
    try:
        return answer_fields(judged(_completion(replies, row, fields[LIMIT]), wanted, PLACE))
    except (Rejected, Unavailable) as error:
        found: EndpointError = (formless(error, fields, PLACE) if isinstance(error, Rejected) else None) or error
        return failure_fields(found)
    except NO_COMPLETION as error:
        raise BadRecord(*place, "response", f"no reply of a batch: {error!r}") from error


def _completion(replies: Replies, row: Fields, most_tokens: int) -> Completion:
    response, error = row.get("response") or {}, row.get("error")
    status, body = response.get("status_code"), response.get("body")
    if status == 200 and not error:
        said = replies.read(status, _text(body), most_tokens=most_tokens)
        replies.proved()
        return said
    return replies.failed(status or NO_STATUS, _text(error or body))


def _text(body: Any) -> str:  # noqa: ANN401 - whatever a server sends
    return body if isinstance(body, str) else json.dumps(body)


def _carried(held: Sitting, due: dict[str, Asked]) -> dict[str, Carried]:
    """By request, the fields that it had as they were asked for, and those that were changed or left out."""
    found: dict[str, Carried] = {}
    for path in request_files(held.folder):
        for _, row in _rows(path):
            if (asked := due.get(row["custom_id"])) and isinstance(body := row.get("body"), dict):
                wanted = asked_for(held, *asked)
                had = body | {LIMIT: body.get(LIMIT, body.get(OTHER_LIMIT))}
                changed = {name for name, value in wanted.items() if had.get(name) != value}
                found[row["custom_id"]] = {
                    "sent": tuple(sorted(set(body) - changed)),
                    "changed": tuple(sorted(changed)),
                }
    return found
