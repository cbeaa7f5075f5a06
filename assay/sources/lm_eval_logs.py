"""Logs of lm-evaluation-harness as choices: what people measured already, without running a model again.

In: a Log. Out: Choice records. A log whose documents are not all there is refused: by the run's own hash over all
samples, by its count of documents, or by a gap in their numbers.
"""

import hashlib
from collections.abc import Iterator

from assay.sources.lm_eval_layouts import Log, sample_lines
from assay.sources.lm_eval_samples import NoFlips, SampleReader
from ledger.errors import ConfigError, DuplicateKey
from ledger.records import Choice

NO_FILTER = "none"
HASHES = ("doc_hash", "prompt_hash", "target_hash")


def choices(log: Log, model: str, chosen_filter: str = "") -> Iterator[Choice]:
    """One choice a document, in file order. Raises BadRecord, DuplicateKey, NoFlips, ConfigError."""
    reader = SampleReader(log, model)
    seen: dict[str, int] = {}
    hashes = hashlib.sha256()
    wanted = chosen_filter
    for number, line in sample_lines(log.path):
        if log.recorded_hash:
            hashes.update("".join(str(line.get(name)) for name in HASHES).encode())
        name = str(line.get("filter", NO_FILTER))
        wanted = wanted or name
        if name != wanted and not chosen_filter:
            raise ConfigError(
                f"has the filters {wanted!r} and {name!r}",
                where=f"{log.path}, line {number}",
                remedy="Choose one: --filter.",
            )
        if name != wanted:
            continue
        document = str(line["doc_id"])
        if seen.setdefault(document, number) != number:
            raise DuplicateKey(log.path, document, seen[document], number)
        yield reader.choice(line, number)
    if not seen:
        raise ConfigError(
            f"no line of the filter {chosen_filter!r}" if chosen_filter else "is empty", where=str(log.path)
        )
    _refuse_incomplete(log, seen, hashes.hexdigest())


def no_flips(log: Log, chosen_filter: str = "") -> NoFlips | None:
    """Why flips are not defined for a log's task, as its first sample tells; None where they are."""
    try:
        next(choices(log, "", chosen_filter))
    except NoFlips as error:
        return error
    return None


def _refuse_incomplete(log: Log, seen: dict[str, int], present_hash: str) -> None:
    """The run's hash over all samples says most; without it their count; without a results file a gap tells."""
    fault = ""
    if log.recorded_hash:
        if log.recorded_hash != present_hash:
            fault = (
                f"these are not the samples of this task's run: its hash is {log.recorded_hash}, theirs {present_hash}"
            )
    elif log.expected is not None:
        if len(seen) != log.expected:
            fault = f"{len(seen)} documents, but the run had {log.expected}"
    elif gaps := [number for number in range(len(seen)) if str(number) not in seen]:
        fault = f"document {gaps[0]} is missing, and no results file tells that the run left it out"
    if fault:
        raise ConfigError(fault, where=str(log.path), remedy="Take the files as lm-evaluation-harness wrote them.")
