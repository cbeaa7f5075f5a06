"""Judging by OpenAI's Batch API: put request files there, fetch what became of them.

In: request files, an endpoint's files. Out: the batches' state; result and error files beside the requests.
"""

from collections.abc import Iterable
from pathlib import Path

from judge.batch import FOLDER, URL, ProviderBatch, batches, keep
from ledger.endpoint.batch_files import BatchFiles
from ledger.runs import JudgeFolder
from ledger.store import write_atomically

REFUSED = "failed"  # as a whole: no line of it was read
ENDED = frozenset({"completed", "expired", "cancelled", REFUSED})


class BatchEndpoint:
    """The batches of one judge; their ids outlive the process. Raises JudgeError."""

    def __init__(self, folder: JudgeFolder, files: BatchFiles) -> None:
        self._folder, self._files = folder, files

    def submit(self, paths: Iterable[Path]) -> list[ProviderBatch]:
        """Upload request files and start a batch for each; the state of all."""
        known = batches(self._folder)
        with self._files as files:
            for path in paths:
                made, state = files.begun(path, URL)
                known.append(ProviderBatch(made, path.name, state))
                keep(self._folder, known)
        return known

    def fetch(self) -> tuple[list[ProviderBatch], list[Path]]:
        """Ask after every batch that is not fetched; the state of all, and the files that came in now.

        An expired or cancelled batch has partial results: what it did not answer stays due. Where the endpoint refused
        a file as a whole, the state says why: nothing else would tell.
        """
        found, paths = [], []
        with self._files as files:
            for batch in batches(self._folder):
                if batch.fetched:
                    found.append(batch)
                    continue
                state, faults, made = files.state(batch.id)
                for kind, name in made.items() if state in ENDED else ():
                    path = self._folder.path / FOLDER / f"{kind}-{batch.id}.jsonl"
                    write_atomically(path, files.text(name))
                    paths.append(path)
                told = f"{state}: {faults[0]}" if faults else state
                found.append(ProviderBatch(batch.id, batch.file, told, state in ENDED, state == REFUSED))
        return found, paths
