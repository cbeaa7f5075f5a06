"""What a review was declared as: its config stands in the run folder before anything is run.

In: TOML, or the sections of one that Assay writes itself. Out: `review.toml`, which a user may edit, and
`declared.toml`, which says what the run was begun with and changes only by `amend`; an earlier one is kept as
`review.<digest>.toml`.
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.settings import overridden
from ledger.changed_settings import refuse_other_settings
from ledger.config import ReviewConfig, config_from_text, config_text, read_config
from ledger.engines import IMPORTED
from ledger.errors import StaleInput
from ledger.runs import RunFolder
from ledger.store import write_atomically

DECLARED_BEFORE = "The config was declared when the run began: give the review another name, or use --amend."
DECLARED_SINCE = "It was declared otherwise since this command began: run it again with the config that is to hold."
Value = str | float | bool | Sequence[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Declaration:
    """A config and the text that says it, comments included."""

    config: ReviewConfig
    text: str


def read_declaration(path: Path, settings: Sequence[str] = ()) -> Declaration:
    """The config in a TOML file, with its text; `settings` (KEY=VALUE) set keys of it. Raises ConfigError."""
    return declaration(overridden(config_text(path), settings, str(path)), str(path))


def declaration(text: str, where: str) -> Declaration:
    """A checked config from TOML; `where` names its origin in errors. Raises ConfigError."""
    return Declaration(config_from_text(text, where), text)


def imported_review(command: str, name: str, models: Sequence[str], sections: Iterable[str]) -> Declaration:
    """The config of a review whose records a command brings in; the first model is the baseline. Raises ConfigError."""
    head = f"# Written by `{command}`.\nname = {quoted(name)}\n"
    baseline = section("[baseline]", model=models[0], label=models[0], engine=IMPORTED, control=False)
    rivals = (section("[[candidate]]", model=each, label=each, engine=IMPORTED) for each in models[1:])
    return declaration("\n".join([head, baseline, *rivals, *sections]), command)


def section(header: str, **values: Value) -> str:
    """A table of TOML."""
    return "".join([f"{header}\n", *(f"{key} = {quoted(value)}\n" for key, value in values.items())])


def quoted(value: Value) -> str:
    """A value as TOML has it: JSON's escapes are TOML's, but for surrogate pairs and DEL."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{quoted(key)} = {quoted(each)}' for key, each in value.items())} }}"
    if isinstance(value, float):
        return repr(value)  # JSON has other words for what is no finite number
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def declare(declared: Declaration, run: RunFolder, *, amend: bool) -> None:
    """Put a config into its run folder; another one that stood there is kept.

    Raises StaleInput where the run was declared otherwise and `amend` is not set.
    """
    digest, held = declared.config.digest, _held(run)
    refuse_other(digest, run, amend=amend, config=declared.config)
    for path, other in held.items():
        if other != digest:
            shutil.copy2(path, run.path / f"review.{other[:8]}.toml")
    if held.get(run.declaration) != digest:
        write_atomically(run.declaration, declared.text)  # shards begin together; none may read half a file
    if run.config not in held or run.config.read_text(encoding="utf-8-sig") != declared.text:
        write_atomically(run.config, declared.text)


def refuse_other(
    digest: str,
    run: RunFolder,
    remedy: str = DECLARED_BEFORE,
    *,
    amend: bool = False,
    config: ReviewConfig | None = None,
) -> None:
    """Raise StaleInput where the run was declared otherwise and `amend` is not set; nothing is written.

    It names the keys that differ where it is given the `config` of the digest.
    A folder of an earlier version has no `declared.toml`; its `review.toml` is what was declared.
    """
    place, before = next(iter(_held(run).items()), (run.declaration, digest))
    if before == digest or amend:
        return
    if config:
        refuse_other_settings(str(place), read_config(place).settings, config.settings, remedy)
    else:
        raise StaleInput(str(place), before, digest, remedy)


def _held(run: RunFolder) -> dict[Path, str]:
    """The configs in a run folder and their digests, the declared one first."""
    return {path: read_config(path).digest for path in (run.declaration, run.config) if path.exists()}
