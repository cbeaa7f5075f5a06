"""The files that a report, or a judge's word, was made from, by hash: what ties it to a run folder.

In: a run folder and the names in its config, or a judge's manifest. Out: (path within the folder, digest) pairs;
sentences where they differ.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from ledger.config import ReviewConfig
from ledger.digests import file_digest
from ledger.errors import StaleInput
from ledger.manifests import Manifest
from ledger.runs import RunFolder, control_of

PATTERNS = ("manifest.json", "*.jsonl", "*.parquet")
MISSING = "missing"
Inputs = tuple[tuple[str, str], ...]


def run_inputs(config: ReviewConfig, run: RunFolder) -> Inputs:
    """Every file of records, manifest and config that this review may read, in the order of their paths."""
    models = [*(model.name for model in config.models), *config.positive_names, control_of(config.baseline.name)]
    folders = [run.generation(name).path for name in models] + [run.judge(judge.name).path for judge in config.judge]
    found = {path for folder in folders for pattern in PATTERNS for path in folder.glob(pattern)}
    found |= {path for path in (run.config, run.labels.path, run.items.path, run.checked_items.path) if path.exists()}
    return tuple((_name(path, run), file_digest(path)) for path in sorted(found))


def changed_inputs(recorded: Iterable[tuple[str, str]], present: Iterable[tuple[str, str]]) -> Iterator[str]:
    """A sentence for each file that changed, went or came since the report was made; both hashes are named."""
    before, after = dict(recorded), dict(present)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name, MISSING), after.get(name, MISSING)
        if was != now:
            yield str(StaleInput(name, was, now, "The report was made from something else than this run."))


def stale_inputs(manifest: Manifest, run: RunFolder, apart: Collection[str] = ()) -> Iterator[StaleInput]:
    """An error for each file of records that changed, or went, after it was judged; both hashes are named.

    Those of the models `apart` do not count.
    """
    others = {_name(run.generation(model).path, run) for model in apart}
    for name, recorded in sorted(manifest.inputs.items()):
        if not name.endswith(".jsonl") or name.rpartition("/")[0] in others:
            continue  # a digest of values, not of a file; or of a model that is none of these
        path = run.path / Path(name)
        present = file_digest(path) if path.exists() else MISSING
        if present != recorded:
            yield StaleInput(name, recorded, present, "Judge this review again.")


def _name(path: Path, run: RunFolder) -> str:
    return path.relative_to(run.path).as_posix()
