"""FastChat's folders, read as people have them: answers, judgments, questions, references and judge prompts.

In: a folder with model_answer and model_judgment; the rest beside it, above it, or in the fetched MT-Bench.
Out: Stored, where each row says whether its prompt is still the one that today's files render to.
Source: FastChat 0.2.36 `llm_judge` (`common.py`, `gen_model_answer.py`: file layout, keys). A line that cannot be read
is told and left out; nothing stops an audit but a folder without judgments and answers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.fastchat_audit.stored import JudgmentFile, Stored, StoredModel
from analysis.statistics.cells import Cell
from assay.sources.fastchat_rows import Checker, judgment_file, question_id, stated
from assay.sources.lines import Row, json_objects
from assay.sources.mt_bench import NAME as MT_BENCH
from assay.sources.mt_bench import PARTS
from assay.sources.wheels import cache_folder
from generation.sampling import temperature_of
from judge.official_prompts import OfficialPrompts, read_official
from ledger.digests import file_digest
from ledger.errors import ConfigError
from ledger.records import Question

ERRORS = frozenset({"$ERROR$", "ERROR"})
"""What FastChat stores as an answer when generation failed."""
NO_REFERENCES = "none"


@dataclass(frozen=True)
class FastChatFolder:
    """What lies in a folder: paths, found but not read. `data` are the folders that questions and prompts come from."""

    path: Path
    data: tuple[Path, ...]

    def part(self, name: str) -> Path | None:
        """The first of the data folders' files of this name."""
        return next((folder / name for folder in self.data if (folder / name).is_file()), None)

    @property
    def answers(self) -> list[Path]:
        """One file per model."""
        return sorted((self.path / "model_answer").glob("*.jsonl"))

    @property
    def judgments(self) -> list[Path]:
        """Files of ratings and of games."""
        found = sorted((self.path / "model_judgment").glob("*.jsonl"))
        return [path for path in found if path.stem.endswith(("_single", "_pair"))]

    @property
    def references(self) -> dict[str, Path]:
        """The reference files by their names, the nearest folder's first."""
        found: dict[str, Path] = {}
        for folder in self.data:
            for path in sorted((folder / "reference_answer").glob("*.jsonl")):
                found.setdefault(path.stem, path)
        return found


def fastchat_folder(path: Path, data: Path | None = None) -> FastChatFolder:
    """A folder in FastChat's layout, or a model_answer or model_judgment within one. Raises ConfigError."""
    path = path.resolve()
    path = path.parent if path.name in ("model_answer", "model_judgment") else path
    folder = FastChatFolder(path, (*([data] if data else []), path, path.parent, cache_folder() / MT_BENCH))
    if not (folder.answers or folder.judgments):
        raise ConfigError(
            "there is neither model_answer/*.jsonl nor model_judgment/*_single.jsonl or *_pair.jsonl.",
            where=str(path),
            remedy="Give the folder that holds them, as FastChat's data/mt_bench.",
        )
    return folder


def stored(folder: FastChatFolder, baseline: str = "") -> Stored:
    """Everything in a folder. `baseline` is a model's name, or empty for the first by name. Raises ConfigError."""
    notes: list[str] = []
    sets = _question_sets(folder, notes)
    answers = {path.stem: answer_rows(path, notes) for path in folder.answers}
    turns = {name: {id: rows[-1] for id, rows in found.items()} for name, found in answers.items()}
    files = _judgment_files(folder, Checker(sets, turns, _prompts(folder, notes), baseline))
    judged = {rating.record.model for file in files for rating in file.ratings}
    judged |= {name for file in files for pair in file.pairs for name in (pair.first, pair.second)}
    names = sorted(answers.keys() | judged)
    if baseline and baseline not in names:
        raise ConfigError(
            f"no model is called {baseline!r}.", where=str(folder.path), remedy=f"Known: {', '.join(names)}."
        )
    known = next(iter(sets.values()), {}).values()
    source = next((question.source for question in known), MT_BENCH)
    return Stored(
        folder=folder.path.name,
        baseline=baseline or names[0],
        questions={(question.source, question.id): question for question in known},
        models=tuple(_model(name, source, answers.get(name, {})) for name in names),
        files=files,
        facts=tuple(_facts(folder)),
        notes=tuple(notes),
    )


def answer_rows(path: Path, notes: list[str]) -> dict[str, list[tuple[str, ...]]]:
    """The turns of choices[0] of each question, every row in file order: FastChat judges the last. Faults are noted."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for number, row in json_rows(path, notes):
        try:
            turns = _turns(row["choices"][0]["turns"])
            found.setdefault(question_id(row), []).append(turns)
        except (KeyError, IndexError, TypeError):
            notes.append(f"{path.name}, line {number}: not an answer of FastChat's")
    return found


def json_rows(path: Path, notes: list[str]) -> Iterator[Row]:
    """The objects of a JSONL file with their line numbers; a line that is none becomes a note."""
    return json_objects(path, lambda number: notes.append(f"{path.name}, line {number}: not a JSON object"))


def _question_sets(folder: FastChatFolder, notes: list[str]) -> dict[str, dict[str, Question]]:
    """The questions with each set of references, the nearest first, and last with none, by the references' name."""
    path = folder.part("question.jsonl")
    if path is None:
        notes.append("no question.jsonl was found: categories are unknown and no prompt could be rendered again")
        return {}
    source = MT_BENCH if _official(path, "question.jsonl") else path.parent.name
    asked = {question.id: question for question in _questions(path, source, notes)}
    sets = {}
    for name, file in folder.references.items():
        held = {id: found[-1] for id, found in answer_rows(file, notes).items()}
        sets[name] = {id: _referenced(question, name, held.get(id, ())) for id, question in asked.items()}
    return {**sets, NO_REFERENCES: asked}


def _questions(path: Path, source: str, notes: list[str]) -> Iterator[Question]:
    """The rows that ask something, without references; others become notes."""
    for number, row in json_rows(path, notes):
        try:
            id, category, turns = question_id(row), stated(row["category"]), _turns(row["turns"])
        except (KeyError, TypeError):
            notes.append(f"{path.name}, line {number}: not a question of FastChat's")
        else:
            yield Question(source=source, id=id, category=category, turns=turns, temperature=temperature_of(category))


def _referenced(question: Question, name: str, references: tuple[str, ...]) -> Question:
    return question.model_copy(update={"reference_set": name, "references": references}) if references else question


def _turns(said: object) -> tuple[str, ...]:
    """The texts of a list. Raises TypeError where there are none."""
    if not isinstance(said, list) or not said:
        raise TypeError("no list of turns")
    return tuple(map(stated, said))


def _prompts(folder: FastChatFolder, notes: list[str]) -> OfficialPrompts | None:
    path = folder.part("judge_prompts.jsonl")
    if path is None:
        notes.append("no judge_prompts.jsonl was found: whether judgments are stale could not be checked")
        return None
    try:
        return read_official(path)
    except ConfigError as error:
        notes.append(f"whether judgments are stale could not be checked: {error.what}")
        return None


def _judgment_files(folder: FastChatFolder, checker: Checker) -> tuple[JudgmentFile, ...]:
    files = []
    for path in folder.judgments:
        faults: list[str] = []
        files.append(judgment_file(path.name, list(json_rows(path, faults)), checker, faults))
    return tuple(files)


def _model(name: str, source: str, rows: Mapping[str, list[tuple[str, ...]]]) -> StoredModel:
    last = {id: found[-1] for id, found in rows.items()}
    texts = [text for turns in last.values() for text in turns]
    lengths = {
        Cell(source, id, 0, turn, 0): len(text)
        for id, turns in last.items()
        for turn, text in enumerate(turns, start=1)
    }
    return StoredModel(
        name=name,
        questions=len(rows),
        repeated=sum(len(found) - 1 for found in rows.values()),
        empty=sum(not text.strip() for text in texts),
        errors=sum(text.strip() in ERRORS for text in texts),
        lengths=lengths,
    )


def _facts(folder: FastChatFolder) -> Iterator[tuple[str, str]]:
    """Each file that judgments were checked against, and whether it is the official one."""
    for name in ("question.jsonl", "judge_prompts.jsonl"):
        path = folder.part(name)
        yield name, _described(path, name) if path else "not found"
    for name, path in folder.references.items():
        yield f"references {name}", _described(path, f"reference_answer/{path.name}")


def _described(path: Path, name: str) -> str:
    digest = file_digest(path).removeprefix("sha256:")
    return f"sha256 {digest[:8]}…, {'the official file' if _official(path, name) else 'not the official file'}"


def _official(path: Path, name: str) -> bool:
    return any(part.path == name and file_digest(path) == f"sha256:{part.sha256}" for part in PARTS)
