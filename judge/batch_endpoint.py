"""OpenAI's Batch API: put request files there, fetch what became of them. It owns `openai`, as client.py does.

In: request files, a key. Out: the batches' state; result and error files beside the requests.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from judge.batch import FOLDER, URL, ProviderBatch, batches, keep
from ledger.endpoints import NO_KEY, OPENAI_URL, excerpt, is_local, place, redacted
from ledger.errors import JudgeError
from ledger.runs import JudgeFolder
from ledger.store import write_atomically

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import Batch as Submitted

ENDED = frozenset({"completed", "expired", "cancelled", "failed"})


class BatchEndpoint:
    """The batches of one judge; their ids outlive the process. Raises JudgeError."""

    def __init__(self, folder: JudgeFolder, base_url: str, api_key: str) -> None:
        self._folder, self._url, self._key = folder, base_url or OPENAI_URL, api_key
        self.where = place(self._url)

    def submit(self, files: Iterable[Path]) -> list[ProviderBatch]:
        """Upload request files and start a batch for each; the state of all."""
        known = batches(self._folder)
        with self._client() as client:
            for path in files:
                with self._told(), path.open("rb") as stream:
                    uploaded = client.files.create(file=(path.name, stream), purpose="batch")
                    made = client.batches.create(input_file_id=uploaded.id, endpoint=URL, completion_window="24h")
                known.append(ProviderBatch(made.id, path.name, made.status))
                keep(self._folder, known)
        return known

    def fetch(self) -> tuple[list[ProviderBatch], list[Path]]:
        """Ask after every batch that is not fetched; the state of all, and the files that came in now.

        An expired or cancelled batch has partial results: what it did not answer stays due.
        """
        found, paths = [], []
        with self._client() as client:
            for batch in batches(self._folder):
                if batch.fetched:
                    found.append(batch)
                    continue
                with self._told():
                    now = client.batches.retrieve(batch.id)
                    for kind, file_id in (("results", now.output_file_id), ("errors", now.error_file_id)):
                        if now.status in ENDED and file_id:
                            path = self._folder.path / FOLDER / f"{kind}-{batch.id}.jsonl"
                            write_atomically(path, redacted(client.files.content(file_id).text, self._key))
                            paths.append(path)
                found.append(ProviderBatch(batch.id, batch.file, self._state(now), now.status in ENDED))
        return found, paths

    def _state(self, now: "Submitted") -> str:
        """Its status; where the endpoint refused the file as a whole, also why: nothing else would tell."""
        faults = [fault.message for fault in now.errors.data or [] if fault.message] if now.errors else []
        return f"{now.status}: {excerpt(faults[0], self._key)}" if faults else now.status

    def _client(self) -> "OpenAI":
        from openai import DefaultHttpx2Client, OpenAI

        http = DefaultHttpx2Client(trust_env=False) if is_local(self._url) else None
        return OpenAI(base_url=self._url, api_key=self._key or NO_KEY, max_retries=3, http_client=http)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns the SDK's errors into ours, without the key."""
        import openai

        try:
            yield
        except openai.OpenAIError as error:
            what = f"the batch endpoint said: {excerpt(str(error), self._key)}"
            raise JudgeError(what, where=self.where) from None
