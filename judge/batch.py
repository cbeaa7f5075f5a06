"""Judging in batches: the missing calls as files.

In: a Sitting. Out: request files that OpenAI's Batch API and `vllm run-batch` both read; in batches.json what is under
way at an endpoint.
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

from judge.attempts import conversation
from judge.client import request_fields
from judge.history import Due
from judge.plan import Ask
from judge.session import Sitting
from judge.verdict_forms import extras
from ledger.digests import digest_of
from ledger.endpoint.learning import shaped
from ledger.errors import ConfigError
from ledger.runs import JudgeFolder
from ledger.store import write_atomically

FOLDER = "batch"
STATE_FILE = "batches.json"
MOST_REQUESTS, MOST_BYTES = 50_000, 190_000_000
URL: Final = "/v1/chat/completions"


@dataclass(frozen=True)
class ProviderBatch:
    """One file of requests at an endpoint; `fetched` once its results are on the disk, `refused` if it has none."""

    id: str
    file: str
    status: str
    fetched: bool = False
    refused: bool = False


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
    for old in request_files(held.folder):
        old.unlink()
    paths = []
    for number, lines in enumerate(_files(_lines(held)), start=1):
        path = folder / f"requests-{number:04}.jsonl"
        write_atomically(path, lines)
        paths.append(path)
    return paths


def custom_id(ask: Ask, due: Due) -> str:
    """The name of one call, the same each time it is due."""
    return f"assay-{digest_of([ask.judgment, due.ask, due.doubled])}"


def asked_for(held: Sitting, ask: Ask, due: Due) -> dict[str, Any]:
    """The fields of one call, before what the endpoint refuses; no line of a batch is a stream."""
    config = held.brief.config
    return request_fields(
        config.model or config.serve,
        conversation(ask, due, config.rules),
        due.room(config.max_tokens),
        extras(config.form, ask.mode),
        config.model_copy(update={"stream": False}),
    )


def request_files(folder: JudgeFolder) -> list[Path]:
    """The request files of the last export."""
    return sorted((folder.path / FOLDER).glob("requests-*.jsonl"))


def _lines(held: Sitting) -> Iterator[str]:
    for ask, due in held.due():
        body = shaped(asked_for(held, ask, due), held.endpoint)
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
