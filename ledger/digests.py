"""Fingerprints: of values, texts, files and model folders.

In: anything that identifies an input. Out: short names such as `sha256:1f2e…`; equal inputs give equal names.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20
WHOLE_FILE_BYTES = 2 << 30
WEIGHT_SUFFIXES = (".safetensors", ".gguf", ".bin", ".pt")
CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def digest_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Hash of a JSON value, independent of the order of keys; 32 hexadecimal digits are plenty for a key."""
    return hashlib.sha256(CANONICAL.encode(value).encode()).hexdigest()[:32]


def file_digest(path: Path) -> str:
    """Hash of a whole file, as `sha256:<64 digits>`."""
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def weights_digest(folder: Path) -> str | None:
    """Hash over the weight files and config of a model folder, or of a file; None where there are no local weights.

    Where one file is above 2 GiB, all are hashed by size, first and last MiB (`sampled-sha256:`), so that a 70B model
    costs milliseconds; two checkpoints that differ only in the middle of such files would look equal.
    """
    files = sorted(p for p in folder.glob("*") if p.suffix in WEIGHT_SUFFIXES) if folder.is_dir() else [folder]
    if not files or not files[0].is_file():
        return None
    sampled = any(p.stat().st_size > WHOLE_FILE_BYTES for p in files)
    config = folder / "config.json"
    parts = [[p.name, _sample_digest(p) if sampled else file_digest(p)] for p in files]
    if config.exists():
        parts.append([config.name, file_digest(config)])
    return ("sampled-sha256:" if sampled else "sha256:") + digest_of(parts)


def _sample_digest(path: Path) -> str:
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as stream:
        digest.update(stream.read(CHUNK_BYTES))
        stream.seek(max(0, size - CHUNK_BYTES))
        digest.update(stream.read(CHUNK_BYTES))
    return digest.hexdigest()
