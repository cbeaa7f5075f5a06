"""Folders that are whole or not there: written beside their place, then renamed into it.

In: the final path. Out: a folder to fill; whatever is raised, nothing half-written stays. Only a process that is killed
leaves a hidden folder beside the place (`.NAME-` and eight letters); nothing reads it, and it may be removed.
"""

import errno
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ledger.digests import file_digest
from ledger.errors import ConfigError

READABLE_FILE, READABLE_FOLDER = 0o644, 0o755


@contextmanager
def whole_folder(final: Path, *, replace: bool = False) -> Iterator[tuple[Path, Path]]:
    """An empty folder to fill and a scratch folder, on the file system of `final`; renamed when all went well.

    With `replace`, what stands at `final` is removed only after the new folder is whole.

    Raises: ConfigError where the disk is full, where writing is not allowed, or where `final` is taken.
    """
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{final.name}-", dir=final.parent) as temporary:
            scratch, folder = Path(temporary), Path(temporary) / "whole"
            folder.mkdir()
            yield folder, scratch
            _make_readable(folder)
            if replace and final.exists():
                final.rename(scratch / "replaced")
            folder.rename(final)
    except OSError as error:
        raise _refusal(final, error) from error


def copy_files(source: Path, names: Iterable[str], target: Path) -> None:
    """Copy the named files byte for byte; links are followed, permissions are not taken over."""
    for name in names:
        shutil.copyfile(source / name, target / name)


def file_digests(folder: Path) -> dict[str, str]:
    """The hash of each file under a folder, by its path relative to the folder, in order of the path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in files}


def _make_readable(folder: Path) -> None:
    """Libraries that save weights leave them readable to their owner alone (safetensors: 0600)."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(READABLE_FOLDER if path.is_dir() else READABLE_FILE)


def _refusal(final: Path, error: OSError) -> ConfigError:
    where = str(final)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ConfigError("the disk is full; nothing was kept.", where=where, remedy="Free space, or choose another.")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return ConfigError("writing here is not allowed.", where=where, remedy="Choose another place.")
    if error.errno in {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}:
        return ConfigError("something else stands in this place.", where=where, remedy="Move it, or choose another.")
    return ConfigError(f"cannot be written: {error.strerror or error}.", where=where)
