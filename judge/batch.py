"""Judging in batches: the missing calls as files, and the replies that come back as files.

In: a Sitting. Out: request files that OpenAI's Batch API and `vllm run-batch` both read; Attempt records from their
result and error files, the same as the wire gives; in batches.json what is under way at an endpoint.
Source: OpenAI Batch (custom_id, method, url, body; at most 50,000 requests and 200 MB per file; results in any order;
an expired batch has partial results).

A request's id is a hash of the judgment and of what is asked about it, so results fit without any table: what is not
due any more is passed over, and what a batch did not answer is due again in the next export.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from judge.attempts import answer_fields, conversation, failure_fields, request_digest
from judge.client import request_body
from judge.history import Due
from judge.plan import Ask
from judge.replies import Reply, reply_of
from judge.session import Sitting
from judge.verdict_forms import extras
from ledger.digests import digest_of
from ledger.endpoint.completions import FILTERED, Unfinished, completion
from ledger.endpoint.cut_prompts import plain_bytes
from ledger.endpoint.faults import fault
from ledger.endpoint.words import NO_COMPLETION
from ledger.errors import BadRecord, ConfigError, Rejected, Unavailable
from ledger.judgments import Attempt
from ledger.runs import JudgeFolder
from ledger.store import Writer, write_atomically

FOLDER = "batch"
STATE_FILE = "batches.json"
MOST_REQUESTS, MOST_BYTES = 50_000, 190_000_000
URL: Final = "/v1/chat/completions"


@dataclass(frozen=True)
class ProviderBatch:
    """One file of requests at an endpoint; `fetched` once its results are on the disk."""

    id: str
    file: str
    status: str
    fetched: bool = False


@dataclass
class Collected:
    """What result files brought: attempts that were answered and that failed, lines that nothing is due for."""

    answered: int = 0
    failed: int = 0
    passed_over: int = 0


def batches(folder: JudgeFolder) -> list[ProviderBatch]:
    """What was submitted so far."""
    path = folder.path / FOLDER / STATE_FILE
    return [ProviderBatch(**each) for each in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def keep(folder: JudgeFolder, found: Iterable[ProviderBatch]) -> None:
    """Remember the state; that of fetched ones, once their results are in the records."""
    state = json.dumps([asdict(each) for each in found], indent=1)
    write_atomically(folder.path / FOLDER / STATE_FILE, state + "\n")


def under_way(folder: JudgeFolder) -> list[ProviderBatch]:
    """What was submitted and not collected; its calls are due by the records, and would be paid for again."""
    return [batch for batch in batches(folder) if not batch.fetched]


def refuse_under_way(folder: JudgeFolder) -> None:
    """Raise ConfigError while a batch is under way."""
    if waiting := under_way(folder):
        what = f"batches are under way, and their calls are paid for: {', '.join(batch.id for batch in waiting)}."
        raise ConfigError(what, where=folder.path.name, remedy="Run: assay judge CONFIG --batch collect")


def export(held: Sitting) -> list[Path]:
    """Write every call that is due into request files, replacing earlier ones; their paths, none if nothing is due."""
    folder = held.folder.path / FOLDER
    for old in folder.glob("requests-*.jsonl"):
        old.unlink()
    paths = []
    for number, lines in enumerate(_files(_lines(held)), start=1):
        path = folder / f"requests-{number:04}.jsonl"
        write_atomically(path, lines)
        paths.append(path)
    return paths


def collect(held: Sitting, files: Iterable[Path]) -> Collected:
    """Take result and error files into the attempts. Raises BadRecord for a line that is no batch result."""
    due = {custom_id(ask, each): (ask, each) for ask, each in held.due()}
    done = Collected()
    with Writer(held.folder.attempts) as writer:
        for path in files:
            for number, row in _rows(path):
                asked = due.pop(row["custom_id"], None)
                if asked is None:
                    done.passed_over += 1
                    continue
                attempt = _attempt(held, *asked, row, path, number)
                writer.append(attempt)
                held.history.add(attempt)
                done.answered += attempt.status == "answered"
                done.failed += attempt.status != "answered"
    return done


def custom_id(ask: Ask, due: Due) -> str:
    """The name of one call, the same each time it is due."""
    return f"assay-{digest_of([ask.judgment, due.ask, due.doubled])}"


def _lines(held: Sitting) -> Iterator[str]:
    config = held.brief.config
    for ask, due in held.due():
        body = request_body(
            config.model or config.serve,
            conversation(ask, due, config.rules),
            due.room(config.max_tokens),
            extras(config.form, ask.mode),
            held.endpoint,
            config,
        )
        yield json.dumps({"custom_id": custom_id(ask, due), "method": "POST", "url": URL, "body": body}) + "\n"


def _files(lines: Iterator[str]) -> Iterator[list[str]]:
    """The lines in files within the API's limits."""
    held: list[str] = []
    size = 0
    for line in lines:
        if held and (len(held) == MOST_REQUESTS or size + len(line) > MOST_BYTES):
            yield held
            held, size = [], 0
        held.append(line)
        size += len(line)
    if held:
        yield held


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


def _attempt(held: Sitting, ask: Ask, due: Due, row: dict[str, Any], path: Path, number: int) -> Attempt:
    config = held.brief.config
    limit = due.room(config.max_tokens)
    try:
        fields = _answered(row)
    except (Rejected, Unavailable) as error:
        fields = failure_fields(error)
    except NO_COMPLETION as error:
        raise BadRecord(path, number, "response", f"not a completion: {error!r}") from error
    messages = conversation(ask, due, config.rules)
    return Attempt(
        judgment=ask.judgment,
        ask=due.ask,
        attempt=held.history.next_number(ask.judgment, due.ask),
        request_digest=request_digest(messages, limit, config),
        prompt_bytes=plain_bytes(message["content"] for message in messages),
        **fields,
    )


def _answered(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a line's reply. Raises Unavailable or Rejected for one that failed, as the wire does."""
    response, error = row.get("response") or {}, row.get("error")
    status, body = response.get("status_code"), response.get("body")
    if status == 200 and not error:
        try:
            return answer_fields(reply_of(completion(body)))
        except Unfinished as unfinished:
            raise Unavailable(f"batch: {unfinished}", status=status) from None
    failed = fault(status or 500, {}, json.dumps(error or body), "batch")
    if failed is None:
        return answer_fields(Reply("", finish=FILTERED, http_status=status or 400))
    raise failed
