"""FastChat's answers and judgments brought into a review: its answers, ratings and games become ours.

In: a FastChatReview (fastchat_reviews.py). Out: answers, ratings and games in a run folder. Only judgments whose prompt
is today's, or could not be checked, come in, every verdict on a prompt; the rest, and lines that cannot be read, are
counted.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.sources.fastchat_model_answers import ModelAnswers
from assay.sources.fastchat_reviews import FastChatReview, JudgeWords
from ledger.changed_settings import refuse_other_settings
from ledger.digests import file_digest
from ledger.engines import IMPORTED
from ledger.facts import JudgeFacts, JudgeSettings, ModelFacts, ModelSettings, PlannedRecords
from ledger.manifests import OTHER_SETTINGS, open_manifest, read_manifest, write_manifest
from ledger.origins import LeftOut, Origin
from ledger.records import Record
from ledger.runs import RunFolder
from ledger.store import Store, write_lock

StoreRecords = tuple[Store[Any], Sequence[Record]]


def import_fastchat(
    review: FastChatReview, run: RunFolder, passed: Mapping[str, tuple[LeftOut, ...]]
) -> dict[str, int]:
    """Write records; the counts say what came in and what was left out. Raises StaleInput, StoreLocked.

    `passed` is what lies in the folder and does not come in, by the model that it is about (fastchat_left_out.py).
    Nothing is written where anything is refused: the findings of one import must not stand beside another's records.
    """
    said = {judge: review.words(judge) for judge in review.judges}
    for name, held in review.models.items():
        _refuse_others(run.generation(name).path, _answer_settings(name, held))
    settings = {judge: _judge_settings(review, judge, words) for judge, words in said.items()}
    for judge in said:
        _refuse_others(run.judge(judge).path, settings[judge])
    for name, held in review.models.items():
        write_answers(run, name, held, passed.get(name, ()))
    for judge, words in said.items():
        _write_words(run, review, judge, words, settings[judge])
    return {
        "answers": sum(len(held.answers) for held in review.models.values()),
        "ratings": sum(len(words.ratings) for words in said.values()),
        "games": sum(len(words.games) for words in said.values()),
        "answers left out": sum(held.left_out for held in review.files.values()),
        "judgments left out": sum(words.left_out for words in said.values()),
        "copies and failures that gave way": sum(words.beside for words in said.values()),
        "further verdicts on a prompt": sum(words.repeats for words in said.values()),
        "lines unread": sum(held.unread for held in review.files.values())
        + sum(file.unread for file in review.stored.files),
    }


def write_answers(run: RunFolder, model: str, held: ModelAnswers, passed: tuple[LeftOut, ...]) -> None:
    """Write one model's answers; the same again changes nothing. Raises StaleInput, StoreLocked."""
    folder, settings = run.generation(model), _answer_settings(model, held)
    more = {"origins": (Origin(file=held.name, digest=held.digest),), "left_out": passed}
    facts = ModelFacts(planned=PlannedRecords(answers=len(held.answers), choices=0)).noted() | {
        "tokens": "not counted by FastChat",
        "answers_left_out": held.left_out,
        "lines_unread": held.unread,
    }
    _write(folder.path, ("generation", model), settings, {}, {"facts": facts, **more}, [(folder.answers, held.answers)])


def _write_words(
    run: RunFolder, review: FastChatReview, judge: str, words: JudgeWords, settings: dict[str, Any]
) -> None:
    folder = run.judge(judge)
    answers = [run.generation(model).answers.path for model in review.models]
    inputs = {path.relative_to(run.path).as_posix(): file_digest(path) for path in answers}
    facts = {
        "judgments_left_out": words.left_out,
        "rows_that_gave_way": words.beside,
        "further_verdicts": words.repeats,
        "lines_unread": words.unread,
        **JudgeFacts(fastchat_averages=words.averages).noted(),
    }
    records: list[StoreRecords] = [(folder.ratings, words.ratings), (folder.games, words.games)]
    _write(folder.path, ("judge", judge), settings, inputs, {"facts": facts}, records)


def _answer_settings(model: str, held: ModelAnswers) -> dict[str, Any]:
    return ModelSettings(model=model, engine=IMPORTED, files={held.name: held.digest}).noted()


def _judge_settings(review: FastChatReview, judge: str, words: JudgeWords) -> dict[str, Any]:
    return JudgeSettings(
        judge=judge,
        model=judge,
        prompts=words.prompts,
        parsing="strict",
        baseline=review.baseline,
        files={path.name: file_digest(path) for path in words.paths},
    ).noted()


def _refuse_others(folder: Path, settings: dict[str, Any]) -> None:
    """Raises StaleInput where records of other files stand under the same name."""
    if there := read_manifest(folder):
        refuse_other_settings(str(folder), there.settings, settings, OTHER_SETTINGS)


def _write(
    folder: Path,
    stage: tuple[str, str],
    settings: dict[str, Any],
    inputs: dict[str, str],
    more: dict[str, Any],
    records: Sequence[StoreRecords],
) -> None:
    """The same again changes nothing; records of other files under the same name are refused. Raises StaleInput.

    `more` is what the manifest says beside settings and inputs.
    """
    with write_lock(folder):
        _refuse_others(folder, settings)
        if there := read_manifest(folder):
            unchanged = all(list(store.records()) == list(held) for store, held in records)
            if unchanged and there.inputs == inputs and all(getattr(there, name) == more[name] for name in more):
                return
        for store, held in records:
            store.replace(held)
        manifest = open_manifest(folder, *stage, settings, inputs, 0)
        write_manifest(folder, manifest.model_copy(update=more).ended())
