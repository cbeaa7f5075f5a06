"""Inspect AI's own reader of its logs; nothing else in Assay imports it (the extra "inspect").

In: a file .eval or .json. Out: its header and its samples as plain values, as its JSON logs have them.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.errors import BadRecord, ConfigError

UNREAD = {"events", "events_data", "attachments", "store"}
"""What of a sample is not read: most of its bytes."""
UNREADABLE = (ValueError, KeyError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
INSTALL = 'Install it: pip install "assay-review[inspect]". Or write logs as JSON: inspect log convert --to json.'


def header(path: Path) -> dict[str, Any]:
    """All of a log but its samples. Raises ConfigError, BadRecord."""
    try:
        from inspect_ai.log import read_eval_log
    except ImportError as error:
        raise ConfigError("Inspect AI reads .eval files, and is not here", where=str(path), remedy=INSTALL) from error
    try:
        found: dict[str, Any] = read_eval_log(path, header_only=True).model_dump(mode="json", exclude={"samples"})
    except Exception as error:
        raise BadRecord(path, None, "", f"Inspect AI cannot read it: {error}") from error
    return found


def samples(path: Path) -> Iterator[dict[str, Any]]:
    """The samples of a log, one at a time. Raises BadRecord."""
    from inspect_ai.log import read_eval_log_samples

    read = read_eval_log_samples(path, all_samples_required=False, exclude_fields=UNREAD)
    while True:
        try:
            sample = next(read, None)
        except Exception as error:
            raise BadRecord(path, None, "", f"Inspect AI cannot read it: {error}") from error
        if sample is None:
            return
        yield sample.model_dump(mode="json", exclude=UNREAD)
