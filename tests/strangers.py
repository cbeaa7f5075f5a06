"""A user's working folder whose modules have the names of our rooms, and which of them were executed."""

from collections.abc import Sequence
from pathlib import Path

NAMES = ("generation", "judge", "analysis")


def strangers(folder: Path, names: Sequence[str] = NAMES) -> Path:
    """A new folder with a module of each name, which leaves a mark when it is executed."""
    folder.mkdir()
    for name in names:
        (folder / f"{name}.py").write_text(f"open({str(folder / name)!r} + '.mark', 'w').close()\n")
    return folder


def executed(folder: Path) -> list[str]:
    """The names of the modules that were executed."""
    return sorted(path.stem for path in folder.glob("*.mark"))
