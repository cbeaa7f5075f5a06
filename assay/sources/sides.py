"""The sides of a comparison: logs of lm-evaluation-harness, logs of Inspect AI, or tables; every side of one kind.

In: a path per model, and what the user chose beforehand. Out: an offer per model, and what reads its records. The kind
is seen from the files; two kinds are refused with the words what is what.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from assay.sources.imported_records import Bringer, Import, import_records
from assay.sources.imports import TakenLogs
from assay.sources.inspect_logs import InspectOffer, inspect_offer, is_inspect_log
from assay.sources.inspect_records import InspectRecords
from assay.sources.lines import opened
from assay.sources.lm_eval_differences import note_unlike_texts
from assay.sources.lm_eval_folders import Chosen, Offer, offered
from assay.sources.lm_eval_layouts import NAMED
from assay.sources.lm_eval_scans import files_below
from assay.sources.table_offers import AS_FOUND, TableOffer, TableReading, table_offer
from assay.sources.table_records import TableRecords
from assay.sources.tables import is_table
from ledger.errors import ConfigError
from ledger.progress import Report
from ledger.runs import RunFolder

Side = Offer | TableOffer | InspectOffer
SAMPLE_FIELDS = (b'"doc_id"', b'"filter', b'"resps"', b'"arguments"')
HEAD_BYTES = 1 << 20


class LogKind(StrEnum):
    """What a side's files are."""

    LM_EVAL = "logs of lm-evaluation-harness"
    INSPECT = "logs of Inspect AI"
    TABLE = "a table"


def kind_of(path: Path) -> LogKind:
    """What a path's files are; what is nothing else is taken for logs of lm-evaluation-harness, and refused as such."""
    if path.is_dir():
        files = list(files_below(path))
        if any(NAMED.fullmatch(file.name) for file in files) or not any(map(is_inspect_log, files)):
            return LogKind.LM_EVAL
        return LogKind.INSPECT
    if is_inspect_log(path):
        return LogKind.INSPECT
    return LogKind.TABLE if path.is_file() and is_table(path) and not _holds_samples(path) else LogKind.LM_EVAL


def _holds_samples(path: Path) -> bool:
    """Whether a file of JSON has samples of lm-evaluation-harness: by its name, or by its first line."""
    if ".jsonl" not in path.suffixes or NAMED.fullmatch(path.name):
        return ".jsonl" in path.suffixes
    with opened(path) as stream:
        first = stream.readline(HEAD_BYTES)
    return first.lstrip(b"\xef\xbb\xbf").lstrip().startswith(b"[") or all(name in first for name in SAMPLE_FIELDS)


def sides_of(paths: Mapping[str, Path], chosen: Chosen, reading: TableReading = AS_FOUND) -> dict[str, Side]:
    """What each model's path offers; `reading` is of tables. Raises ConfigError where two are of different kinds."""
    kinds = {model: kind_of(path) for model, path in paths.items()}
    (first, kind), *others = kinds.items()
    for model, other in others:
        if other is not kind:
            what = f"two kinds cannot be compared: {paths[first]} is {kind}, {paths[model]} is {other}"
            raise ConfigError(what, remedy="Export both to tables of item and score.")
    for given, option, needed in (
        (reading.said, "--columns", LogKind.TABLE),
        (reading.scale != 1, "--scale", LogKind.TABLE),
        (chosen.repeats, "--repeats", LogKind.LM_EVAL),
    ):
        if given and kind is not needed:
            raise ConfigError(f"is of {needed}, and these are {kind}", where=option, remedy="Leave it out.")
    if kind is LogKind.LM_EVAL:
        return {model: offered([path], chosen) for model, path in paths.items()}
    if kind is LogKind.INSPECT:
        return {model: inspect_offer([path], chosen) for model, path in paths.items()}
    tables = {model: table_offer(path, reading, chosen) for model, path in paths.items()}
    _refuse_other_scores(tables)
    return {**tables}


def bringer_of(model: str, side: Side, filters: Mapping[str, str], report: Report) -> Bringer:
    """What reads a side's records; `filters` are those of multiple choice by task, "" for all."""
    if isinstance(side, Offer):
        return TakenLogs(model, side, filters, report)
    if isinstance(side, TableOffer):
        return TableRecords(model, side, report)
    return InspectRecords(model, side, report)


def import_sides(run: RunFolder, sides: Mapping[str, Side], filters: Mapping[str, str], report: Report) -> list[Import]:
    """Bring every side's records in, the config having been held against them before. Raises AssayError."""
    done = [
        import_records(run, model, bringer_of(model, side, filters, report), report, amend=True)
        for model, side in sides.items()
    ]
    logs = {model: side for model, side in sides.items() if isinstance(side, Offer)}
    if logs:
        note_unlike_texts(run, logs, filters)
    return done


def _refuse_other_scores(tables: Mapping[str, TableOffer]) -> None:
    """Tables that share no score cannot be compared, however alike they look. Raises ConfigError."""
    (first, held), *others = tables.items()
    for model, offer in others:
        pairs = [(each.columns.scores, bool(each.columns.options)) for each in (held, offer)]
        if not {*pairs[0][0]} & {*pairs[1][0]} and not (pairs[0][1] and pairs[1][1]):
            named = [", ".join(scores) or "none" for scores, _ in pairs]
            what = f"two tables have no score of one name: {first} has {named[0]}, {model} has {named[1]}"
            raise ConfigError(what, remedy="Give the columns one name, or choose one that both have: --columns score=…")
