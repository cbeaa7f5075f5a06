"""What a review was declared as: its config stands in the run folder before anything is run.

In: a config and its text. Out: `review.toml`, which a user may edit, and `declared.toml`, which says what the run was
begun with and changes only by `amend`; the earlier one is then kept as `review.<digest>.toml`.
"""

import shutil

from ledger.config import ReviewConfig, read_config
from ledger.errors import StaleInput
from ledger.runs import RunFolder
from ledger.store import write_atomically

DECLARED_BEFORE = "The config was declared when the run began: give the review another name, or use --amend."


def declare(config: ReviewConfig, text: str, run: RunFolder, *, amend: bool) -> None:
    """Put a config, whose text this is, into its run folder.

    Raises StaleInput where the run was declared otherwise and `amend` is not set. A folder of an earlier version has no
    `declared.toml`; its `review.toml` is what was declared.
    """
    before = run.declaration if run.declaration.exists() else run.config
    declared = read_config(before).digest if before.exists() else ""
    if declared not in ("", config.digest):
        if not amend:
            raise StaleInput(str(before), declared, config.digest, DECLARED_BEFORE)
        shutil.copy2(before, run.path / f"review.{declared[:8]}.toml")
    if declared != config.digest or before != run.declaration:
        write_atomically(run.declaration, text)  # shards begin together; none may read half a file
    if not run.config.exists() or run.config.read_text(encoding="utf-8") != text:
        write_atomically(run.config, text)
