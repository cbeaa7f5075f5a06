"""What many tests take from the house: its folders, its project file, the real MT-Bench data, small model folders."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

HOUSE = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ROOMS = ("ledger", "generation", "judge", "analysis", "assay", "prompts")
JUDGE_PROMPTS = HOUSE / "prompts" / "judge"
MT_BENCH = HOUSE.parent / "shared" / "mt_bench"
needs_mt_bench = pytest.mark.skipif(not MT_BENCH.is_dir(), reason="the real MT-Bench files are not here")


def small_and_soak(name: str, small: int, full: int) -> pytest.MarkDecorator:
    """One number for `make test`, and the full one for `make test-long`."""
    return pytest.mark.parametrize(name, [small, pytest.param(full, marks=pytest.mark.soak)])


def model_folder(folder: Path) -> Path:
    """A new folder that passes for a model where none is loaded."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"x")
    return folder


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The lines of a JSONL file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def record_lines(runs: Path) -> dict[str, list[str]]:
    """The lines of each file that the generation of the review `r` wrote, sorted."""
    files = sorted((runs / "r" / "generation").rglob("*.jsonl"))
    return {str(path.relative_to(runs)): sorted(path.read_text().splitlines()) for path in files}
