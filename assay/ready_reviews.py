"""Ready-made reviews: what `assay demo` and `assay study` share.

In: the name of a review that stands beside the commands as data (`commands/NAME.toml`), whose candidates are
`models/SCHEME`. Out: its declaration; SmolLM2 fetched and the missing candidates compressed; a run that was begun.
"""

from collections.abc import Collection
from importlib.resources import files
from pathlib import Path

from assay.declarations import Declaration, declaration, quoted
from assay.lab.compression import compress
from assay.pipeline import Review, begin_declared
from assay.sources.smollm2 import fetch_smollm2
from assay.sources.wheels import Say, cache_folder
from ledger.errors import ConfigError
from ledger.progress import Report
from ledger.runs import RunFolder

MODELS = "models/"


def ready_review(name: str, models: Path | None = None, more: str = "") -> Declaration:
    """A ready-made review with `more` at its end; its compressed models stand in `models`, in Assay's cache by default.

    Raises ConfigError.
    """
    folder = (models or cache_folder() / MODELS).absolute()
    text = (files("assay.commands") / f"{name}.toml").read_text(encoding="utf-8")
    return declaration(text.replace(f'"{MODELS}', f"{quoted(str(folder))[:-1]}/") + more, f"{name}.toml")


def prepare_models(ready: Declaration, say: Say, only: Collection[str] = ()) -> None:
    """Fetch SmolLM2 and make the missing candidates, or those of the labels in `only`; a folder is named by its scheme.

    Raises ConfigError, SourceError, EngineError.
    """
    base = fetch_smollm2(say)
    for candidate in ready.config.candidate:
        made = Path(candidate.model)
        if made.is_absolute() and (not only or candidate.name in only):
            compress(base, made, made.name, progress=say)


def begin_ready(ready: Declaration, runs: Path, report: Report) -> Review:
    """Begin a ready-made review, or go on with it; its config is Assay's own, and may be another than last time.

    Raises ConfigError where a review of the user's has its name: a ready-made one is known by its first line.
    """
    run = RunFolder(runs / ready.config.name)
    begun_with = next((path for path in (run.declaration, run.config) if path.exists()), None)
    mark = ready.text.partition("\n")[0]
    if begun_with and not begun_with.read_text(encoding="utf-8").startswith(mark):
        what = f"a review of your own has the name {ready.config.name!r}."
        raise ConfigError(what, where=str(run.path), remedy="Give another folder with --runs.")
    return begin_declared(ready, runs, report, amend=True)
