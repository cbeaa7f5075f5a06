"""FastChat's answers and judgments brought into a review: its answers, ratings and games become ours.

In: a FastChatFolder and the roles. Out: a run folder with answers, ratings, games and a config that `assay analyze`
reads. Only rows whose prompt is today's, or could not be checked, come in, each prompt once; the rest is counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.stored import USED, Freshness, JudgmentFile, Stored
from assay.sources.fastchat_files import FastChatFolder, answer_rows, stored
from ledger.digests import file_digest
from ledger.errors import ConfigError
from ledger.judgments import Game, Rating
from ledger.manifests import OTHER_SETTINGS, open_manifest, read_manifest, refuse_other_settings, write_manifest
from ledger.records import Answer, AnswerTurn, Finish, Question
from ledger.runs import RunFolder

IMPORTED = "imported"
Counts = dict[str, int]


@dataclass(frozen=True)
class FastChatReview:
    """What a review is made from: who is the baseline, who the candidates, which judges said what in which modes."""

    baseline: str
    candidates: tuple[str, ...]
    judges: Mapping[str, tuple[str, ...]]
    source: str
    primary: str


def import_fastchat(folder: FastChatFolder, run: RunFolder, baseline: str) -> tuple[FastChatReview, Counts]:
    """Write records; the counts say what came in and what was left out. Raises ConfigError, StaleInput."""
    found = stored(folder, baseline)
    questions = {id: question for (_, id), question in found.questions.items()}
    if not questions or not folder.answers:
        raise ConfigError(
            "a review needs model_answer/*.jsonl and question.jsonl.", where=str(folder.path), remedy="See --data."
        )
    counts = {"answers": 0, "ratings": 0, "games": 0, "left out": 0}
    names = [path.stem for path in folder.answers]
    for path in folder.answers:
        answers = list(_answers(path, questions))
        _write_answers(run, path, answers)
        counts["answers"] += len(answers)
    judges: dict[str, list[JudgmentFile]] = {}
    for file in found.files:
        for judge in file.judges:
            judges.setdefault(judge, []).append(file)
    for judge, files in judges.items():
        kept = _write_judgments(run, judge, files, folder, names, found)
        counts = {name: counts[name] + kept.get(name, 0) for name in counts}
    modes = {judge: tuple(sorted({file.mode for file in files}, reverse=True)) for judge, files in judges.items()}
    candidates = tuple(name for name in names if name != found.baseline)
    source = next(iter(questions.values())).source
    rated = {row.record.model for file in found.files for row in file.ratings}
    primary = "rating_change" if found.baseline in rated and rated & set(candidates) else "win_change"
    return FastChatReview(found.baseline, candidates, modes, source, primary), counts


def _answers(path: Path, questions: dict[str, Question]) -> Iterable[Answer]:
    """The last row of each known question, as FastChat judges it; turns beyond the question's own are cut."""
    for id, rows in answer_rows(path, []).items():
        question = questions.get(id)
        if question is None or len(rows[-1]) < len(question.turns):
            continue
        turns = tuple(_turn(text) for text in rows[-1][: len(question.turns)])
        yield Answer(model=path.stem, sample=0, question=question, turns=turns)


def _turn(text: str) -> AnswerTurn:
    """FastChat keeps neither token counts nor how a text ended."""
    finish = Finish.STOP if text.strip() else Finish.EMPTY
    return AnswerTurn(text=text, finish=finish, prompt_tokens=0, completion_tokens=0, seed=0)


def _write_answers(run: RunFolder, path: Path, answers: list[Answer]) -> None:
    folder = run.generation(path.stem)
    settings = {"model": path.stem, "engine": IMPORTED, "files": {path.name: file_digest(path)}}
    _refuse_others(folder.path, settings)
    folder.answers.replace(answers)
    manifest = open_manifest(folder.path, "generation", path.stem, settings, {}, 0)
    facts = {"planned": {"answers": len(answers), "choices": 0}, "tokens": "not counted by FastChat"}
    write_manifest(folder.path, manifest.model_copy(update={"facts": facts}))


def _write_judgments(
    run: RunFolder, judge: str, files: list[JudgmentFile], folder: FastChatFolder, models: list[str], found: Stored
) -> Counts:
    ratings = [row for file in files for row in file.ratings if row.record.judge == judge]
    pairs = [row for file in files for row in file.pairs if row.games[0].judge == judge]
    held: list[Rating] = [
        r.record for r in ratings if _comes_in(r.freshness, r.record.repeat, [r.record.model], models)
    ]
    games: list[Game] = [
        game
        for pair in pairs
        if _comes_in(pair.freshness, pair.games[0].repeat, [pair.first, pair.second], models)
        for game in pair.games
    ]
    place = run.judge(judge)
    paths = [path for path in folder.judgments if path.name in {file.name for file in files}]
    settings: dict[str, Any] = {
        "judge": judge,
        "model": judge,
        "prompts": "official",
        "parsing": "strict",
        "baseline": found.baseline,
        "files": {path.name: file_digest(path) for path in paths},
    }
    _refuse_others(place.path, settings)
    place.ratings.replace(held)
    place.games.replace(games)
    inputs = {
        path.relative_to(run.path).as_posix(): file_digest(path)
        for path in (run.generation(model).answers.path for model in models)
    }
    manifest = open_manifest(place.path, "judge", judge, settings, inputs, 0)
    left_out = len(ratings) - len(held) + 2 * len(pairs) - len(games)
    write_manifest(place.path, manifest.model_copy(update={"facts": {"rows_left_out": left_out}}))
    return {"ratings": len(held), "games": len(games), "left out": left_out}


def _comes_in(freshness: Freshness, repeat: int, about: list[str], models: list[str]) -> bool:
    return freshness in USED and repeat == 0 and set(about) <= set(models)


def _refuse_others(folder: Path, settings: dict[str, Any]) -> None:
    """The same files again change nothing; others under the same name are refused. Raises StaleInput."""
    if manifest := read_manifest(folder):
        refuse_other_settings(str(folder), manifest.settings, settings, OTHER_SETTINGS)
