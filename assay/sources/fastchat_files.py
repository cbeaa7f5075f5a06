"""FastChat's folders, read as people have them: answers, judgments, questions, references and judge prompts.

In: a FastChatFolder. Out: FastChatFiles: who answered what, and Stored, where each row says whether its prompt is still
the one that today's files render to.
Source: FastChat 0.2.36 `llm_judge` (`common.py`, `gen_model_answer.py`: keys). A line that cannot be read is told and
left out; nothing stops an audit but a folder without judgments and answers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from analysis.fastchat_audit.stored import JudgmentFile, Stored, StoredModel
from analysis.statistics.cells import Cell
from assay.sources.fastchat_answers import ModelFile, Turns, answer_files, json_rows, reference_rows, turns_of
from assay.sources.fastchat_fields import question_id, stated
from assay.sources.fastchat_folders import OFFICIAL_FILE, FastChatFolder
from assay.sources.fastchat_notes import Notes
from assay.sources.fastchat_prompts import ERRORS, Checker, JudgeFile, is_failed, judge_file
from assay.sources.fastchat_recovered import recovered
from assay.sources.fastchat_repeats import counted, one_way
from assay.sources.fastchat_rows import is_single, judgment_file, models_in, prompts
from assay.sources.lines import Row
from assay.sources.mt_bench import NAME as MT_BENCH
from assay.sources.mt_bench import PARTS
from generation.sampling import temperature_of
from ledger.digests import file_digest
from ledger.errors import ConfigError
from ledger.records import Question

NO_REFERENCES = "none"
DOUBLED = "another question has the same id; the last is taken"


@dataclass(frozen=True)
class FastChatFiles:
    """A folder that was read: what its judgments are, and each model's answers."""

    stored: Stored
    answers: Mapping[str, ModelFile]


def stored(folder: FastChatFolder, baseline: str = "") -> Stored:
    """Everything that an audit looks at. `baseline` as for `read_folder`. Raises ConfigError."""
    return read_folder(folder, baseline).stored


def read_folder(folder: FastChatFolder, baseline: str = "") -> FastChatFiles:
    """Everything in a folder. `baseline` is a model's name, or empty for the first by name that was judged and has
    answers. Raises ConfigError.
    """
    notes = Notes()
    sets = _question_sets(folder, notes)
    faults = {path: Notes() for path in folder.judgments}
    rows = {path: list(json_rows(path, folder.name(path), faults[path])) for path in folder.judgments}
    judged = {name for path, held in rows.items() for name in models_in(held, single=is_single(path.name))}
    answers = answer_files(folder, judged, notes)
    checker = Checker(sets, {name: each.last for name, each in answers.items()}, _judge_files(folder, notes))
    texts = [each for path, held in rows.items() for each in prompts(held, single=is_single(path.name))]
    read_out = recovered(texts, judged - answers.keys(), checker)
    answers |= read_out
    checker = replace(checker, answers={name: each.last for name, each in answers.items()}, read_out=read_out.keys())
    names = sorted(answers.keys() | judged)
    if baseline and baseline not in names:
        raise ConfigError(
            f"no model is called {baseline!r}.", where=str(folder.path), remedy=f"Known: {', '.join(names)}."
        )
    first = baseline or min(names, key=lambda name: (name not in judged, name not in answers, name))
    files = _judgment_files(folder, rows, replace(checker, baseline=first), faults)
    known = next(iter(sets.values()), {}).values()
    source = next((question.source for question in known), MT_BENCH)
    found = Stored(
        folder=folder.path.name,
        baseline=first,
        questions={(question.source, question.id): question for question in known},
        models=tuple(_model(name, source, answers.get(name, ModelFile(None, {}))) for name in names),
        files=files,
        facts=tuple(_facts(folder)),
        notes=notes.told(),
        unread=tuple(_unread(folder, files, answers)),
    )
    return FastChatFiles(found, dict(sorted(answers.items())))


def _question_sets(folder: FastChatFolder, notes: Notes) -> dict[str, dict[str, Question]]:
    """The questions with each set of references, the nearest first, and last with none, by the references' name."""
    path = folder.part("question.jsonl")
    if path is None:
        notes.add("", "no question.jsonl was found: categories are unknown and no prompt could be rendered again")
        return {}
    source = MT_BENCH if _official(path, "question.jsonl") else path.parent.name
    asked: dict[str, Question] = {}
    for number, question in _questions(path, source, notes):
        if asked.get(question.id, question) != question:
            notes.add(path.name, DOUBLED, number)
        asked[question.id] = question
    sets = {}
    for name, file in folder.references.items():
        held = reference_rows(file, notes)
        sets[name] = {id: _referenced(question, name, held.get(id, ())) for id, question in asked.items()}
    return {**sets, NO_REFERENCES: asked}


def _questions(path: Path, source: str, notes: Notes) -> Iterator[tuple[int, Question]]:
    """The rows that ask something, without references, with their lines; others become notes."""
    for number, row in json_rows(path, path.name, notes):
        try:
            id, category, turns = question_id(row), stated(row["category"]), turns_of(row["turns"])
        except (KeyError, TypeError):
            notes.add(path.name, "not a question of FastChat's", number)
        else:
            sampled = temperature_of(category)
            yield number, Question(source=source, id=id, category=category, turns=turns, temperature=sampled)


def _referenced(question: Question, name: str, references: Turns) -> Question:
    return question.model_copy(update={"reference_set": name, "references": references}) if references else question


def _judge_files(folder: FastChatFolder, notes: Notes) -> tuple[JudgeFile, ...]:
    """Every file of judge prompts that can be read. Raises ConfigError where the one that was named cannot be."""
    if folder.judge_file:
        return (judge_file(folder.judge_file),)
    found = []
    for path in folder.judge_files:
        try:
            found.append(judge_file(path))
        except ConfigError as error:
            notes.add(path.name, f"whether judgments are stale could not be checked by it: {error.what}")
    if not folder.judge_files:
        notes.add("", "no judge_prompts.jsonl was found: whether judgments are stale could not be checked")
    return tuple(found)


def _judgment_files(
    folder: FastChatFolder, rows: Mapping[Path, Sequence[Row]], checker: Checker, faults: Mapping[Path, Notes]
) -> tuple[JudgmentFile, ...]:
    """Every file; all rows of a judge and mode are held to the one way that renders most of them, and counted beside
    each other, whichever files they stand in.
    """
    files = [judgment_file(folder.name(path), held, checker, faults[path]) for path, held in rows.items()]
    ratings = iter(counted(one_way([row for file in files for row in file.ratings])))
    pairs = iter(counted(one_way([row for file in files for row in file.pairs])))
    return tuple(
        replace(
            file,
            ratings=tuple(islice(ratings, len(file.ratings))),
            pairs=tuple(islice(pairs, len(file.pairs))),
        )
        for file in files
    )


def _model(name: str, source: str, held: ModelFile) -> StoredModel:
    turns = {
        Cell(source, id, 0, turn, 0): text
        for id, turns in held.last.items()
        for turn, text in enumerate(turns, start=1)
    }
    failed = {id for id, turns in held.last.items() if is_failed(turns)}
    written = {cell: text for cell, text in turns.items() if text.strip() not in ERRORS}
    return StoredModel(
        name=name,
        questions=len(held.rows) - len(failed),
        failed=len(failed),
        repeated=sum(len(found) - 1 for found in held.rows.values()),
        empty=sum(not text.strip() for text in written.values()),
        errors=len(turns) - len(written),
        texts={cell: text for cell, text in written.items() if cell.question not in failed},
        written=written,
        choices=held.choices,
        recovered=held.path is None and bool(held.rows),
    )


def _unread(folder: FastChatFolder, files: Sequence[JudgmentFile], answers: Mapping[str, ModelFile]) -> Iterator[str]:
    """The files that nothing was read from, by their path in the folder."""
    words = {file.name for file in files if file.ratings or file.pairs}
    used = [path for path in folder.judgments if folder.name(path) in words]
    used += [held.path for held in answers.values() if held.path]
    for path in folder.others(used):
        yield path.relative_to(folder.path).as_posix() + "/" * path.is_dir()


def _facts(folder: FastChatFolder) -> Iterator[tuple[str, str]]:
    """Each file that judgments were checked against, and whether it is the official one."""
    path = folder.part("question.jsonl")
    yield "question.jsonl", _described(path, "question.jsonl") if path else "not found"
    if not folder.judge_files:
        yield OFFICIAL_FILE, "not found"
    for path in folder.judge_files:
        yield path.name, _described(path, OFFICIAL_FILE)
    for name, path in folder.references.items():
        yield f"references {name}", _described(path, f"reference_answer/{path.name}")


def _described(path: Path, name: str) -> str:
    digest = file_digest(path).removeprefix("sha256:")
    return f"sha256 {digest[:8]}…, {'the official file' if _official(path, name) else 'not the official file'}"


def _official(path: Path, name: str) -> bool:
    return any(part.path == name and file_digest(path) == f"sha256:{part.sha256}" for part in PARTS)
