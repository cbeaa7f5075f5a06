"""Which optional libraries are installed, and in which version.

In: names of distributions. Out: versions for a card, or one sentence that says what to install.
"""

from collections.abc import Iterable
from importlib import metadata

from ledger.errors import ConfigError


def require_libraries(names: Iterable[str], purpose: str) -> None:
    """Refuse to start, before any work, where a library is missing."""
    missing = [name for name in names if _version(name) is None]
    if missing:
        raise ConfigError(
            f"{purpose} needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            remedy="Install Assay's extra: pip install 'assay-review[cpu]' (or [gpu]).",
        )


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """The installed versions, in the order of the names; a library that is not installed is left out."""
    versions = {name: _version(name) for name in names}
    return {name: version for name, version in versions.items() if version is not None}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
