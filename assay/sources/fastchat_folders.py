"""Where FastChat's files lie, as people leave them: beside each other, above, nested by an organization's name.

In: a folder. Out: paths, found but not read.
Source: FastChat 0.2.36 `llm_judge` (file layout). A model id with a slash makes a folder of its own there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.sources.evidence_names import holds_judgments, is_system_file
from assay.sources.mt_bench import NAME as MT_BENCH
from assay.sources.wheels import cache_folder
from ledger.errors import ConfigError

ANSWERS, JUDGMENTS = "model_answer", "model_judgment"
PARTS = (ANSWERS, JUDGMENTS, "reference_answer")
ROWS = ".jsonl"
OFFICIAL_FILE = "judge_prompts.jsonl"


@dataclass(frozen=True)
class FastChatFolder:
    """What lies in a folder. `data` are the folders that questions and prompts come from; `judge_file` is the one that
    the user names, or None for every one beside the data.
    """

    path: Path
    data: tuple[Path, ...]
    judge_file: Path | None = None

    def part(self, name: str) -> Path | None:
        """The first of the data folders' files of this name."""
        return next((folder / name for folder in self.data if (folder / name).is_file()), None)

    @property
    def answers(self) -> list[Path]:
        """One file per model."""
        return [path for path in _files(self.path / ANSWERS) if path.suffix == ROWS]

    @property
    def judgments(self) -> list[Path]:
        """Files of ratings and of games."""
        found = [path for path in _files(self.path / JUDGMENTS) if path.suffix == ROWS]
        return [path for path in found if path.stem.endswith(("_single", "_pair"))]

    @property
    def references(self) -> dict[str, Path]:
        """The reference files by their names, the nearest folder's first."""
        return _nearest((folder, "reference_answer/*.jsonl") for folder in self.data)

    @property
    def judge_files(self) -> list[Path]:
        """The files of judge prompts: the one that was named, else FastChat's own and then all that are called so."""
        if self.judge_file:
            return [self.judge_file]
        found = _nearest((folder, "judge*_prompts*.jsonl") for folder in self.data)
        own = [path for path in [self.part(OFFICIAL_FILE)] if path]
        return [*own, *(path for path in found.values() if path not in own)]

    def name(self, path: Path) -> str:
        """A file's name within model_judgment, model_answer, or the folder itself."""
        for part in (self.path / JUDGMENTS, self.path / ANSWERS, self.path):
            if path.is_relative_to(part):
                return path.relative_to(part).as_posix()
        return path.name

    def others(self, used: Iterable[Path]) -> Iterator[Path]:
        """The files in the folder and its two parts that nothing was read from, whatever they are, and links to none;
        then the folders beside those parts that hold judgments, or are named as if.
        """
        here = [path for path in self.path.glob("*") if not path.is_dir()]
        parts = [path for part in (ANSWERS, JUDGMENTS) for path in (self.path / part).rglob("*") if not path.is_dir()]
        known = {*used, *self.judge_files, self.part("question.jsonl")}
        yield from (path for path in sorted({*here, *parts}) if path not in known)
        beside = [path for path in sorted(self.path.glob("*")) if path.is_dir() and path.name not in PARTS]
        yield from (path for path in beside if not is_system_file(path.name) and holds_judgments(path))


def fastchat_folder(path: Path, data: Path | None = None, judge_file: Path | None = None) -> FastChatFolder:
    """A folder in FastChat's layout, or a model_answer or model_judgment within one. Raises ConfigError, also where
    what the user names is not there.
    """
    if data and not data.is_dir():
        raise ConfigError("there is no such folder.", where=str(data), remedy="Give --data a folder.")
    if judge_file and not judge_file.is_file():
        what = "this is a folder." if judge_file.is_dir() else "there is no such file."
        raise ConfigError(what, where=str(judge_file), remedy="Give --judge-file a file of judge prompts.")
    path = path.resolve()
    path = path.parent if path.name in (ANSWERS, JUDGMENTS) else path
    near = (*([data.resolve()] if data else []), path, path.parent, cache_folder() / MT_BENCH)
    folder = FastChatFolder(path, near, judge_file)
    if not (folder.answers or folder.judgments):
        raise ConfigError(
            "there is neither model_answer/*.jsonl nor model_judgment/*_single.jsonl or *_pair.jsonl.",
            where=str(path),
            remedy="Give the folder that holds them, as FastChat's data/mt_bench.",
        )
    return folder


def _files(folder: Path) -> list[Path]:
    """The files under a folder; a link to nothing is none, nor is what systems and editors leave beside files."""
    found = sorted(folder.rglob("*"))
    return [path for path in found if path.is_file() and not is_system_file(path.relative_to(folder).as_posix())]


def _nearest(places: Iterable[tuple[Path, str]]) -> dict[str, Path]:
    """Files by their names, the nearest folder's where several have one."""
    found: dict[str, Path] = {}
    for folder, pattern in places:
        for path in sorted(folder.glob(pattern)):
            found.setdefault(path.stem, path)
    return found
