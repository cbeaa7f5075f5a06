"""FastChat's answers and judgments brought into a review: its answers, ratings and games become ours.

In: a FastChatFolder and the name of the baseline. Out: a FastChatReview, read before anything is written; then answers,
ratings and games in a run folder. Only judgments whose prompt is today's, or could not be checked, come in, each prompt
once; the rest, and lines that cannot be read, are counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.fastchat_audit.stored import USED, JudgmentFile, Stored, StoredPair, StoredRating
from assay.sources.fastchat_files import FastChatFolder, answer_rows, stored
from ledger.digests import file_digest
from ledger.engines import IMPORTED
from ledger.errors import ConfigError
from ledger.facts import JudgeSettings, ModelFacts, ModelSettings, PlannedRecords
from ledger.judgments import Game, Rating
from ledger.manifests import OTHER_SETTINGS, open_manifest, read_manifest, refuse_other_settings, write_manifest
from ledger.origins import LeftOut, Origin
from ledger.records import Answer, AnswerTurn, Finish, Question, Record
from ledger.runs import RunFolder
from ledger.store import Store, write_lock

StoreRecords = tuple[Store[Any], Sequence[Record]]


@dataclass(frozen=True)
class ModelAnswers:
    """A model's file: the answers that come in, how many rows do not, and how many lines are none."""

    path: Path
    answers: list[Answer]
    left_out: int
    unread: int


@dataclass(frozen=True)
class JudgeWords:
    """What a judge said: what comes in, how many ratings and games do not, and how many lines of its files are none."""

    paths: list[Path]
    ratings: list[Rating]
    games: list[Game]
    left_out: int
    unread: int


@dataclass(frozen=True)
class FastChatReview:
    """A folder as a review: who is the baseline, who answered, which judges said what."""

    folder: FastChatFolder
    stored: Stored
    baseline: str
    files: dict[str, ModelAnswers]
    chosen: tuple[str, ...] = ()

    @property
    def models(self) -> dict[str, ModelAnswers]:
        """Those with answers, the baseline first; only the candidates that were chosen, if any were."""
        rivals = {
            name: held
            for name, held in self.files.items()
            if held.answers and name != self.baseline and name in (self.chosen or self.files)
        }
        return {self.baseline: self.files[self.baseline], **rivals}

    @property
    def judges(self) -> dict[str, list[JudgmentFile]]:
        """Each judge's files."""
        names = dict.fromkeys(judge for file in self.stored.files for judge in file.judges)
        return {name: [file for file in self.stored.files if name in file.judges] for name in names}

    @property
    def source(self) -> str:
        """The question set."""
        return next(source for source, _ in self.stored.questions)

    @property
    def primary(self) -> str:
        """Ratings decide where there are any of the baseline and a candidate."""
        rated = {row.record.model for file in self.stored.files for row in file.ratings} & self.models.keys()
        return "rating_change" if self.baseline in rated and len(rated) > 1 else "win_change"


def fastchat_review(folder: FastChatFolder, baseline: str = "", candidates: Sequence[str] = ()) -> FastChatReview:
    """What a folder holds; without a name the baseline is the first of the models with answers. Raises ConfigError.

    Without `candidates` all other models with answers are candidates.
    """
    found, where = stored(folder, baseline), str(folder.path)
    questions = {id: question for (_, id), question in found.questions.items()}
    files = {path.stem: model_answers(path, questions) for path in folder.answers}
    names = sorted(name for name, held in files.items() if held.answers)
    if not names:
        raise ConfigError("a review needs model_answer/*.jsonl and question.jsonl.", where=where, remedy="See --data.")
    chosen = baseline or names[0]  # by name, as `stored` gives the role of the baseline in each pair
    for name in (chosen, *candidates):
        if name not in names:
            remedy = f"There are answers of {', '.join(names)}."
            raise ConfigError(f"there are no answers of {name!r}.", where=where, remedy=remedy)
    review = FastChatReview(folder, found, chosen, files, tuple(candidates))
    if not names[1:] or not review.judges:
        raise ConfigError("a review needs two models with answers, and judgments of them.", where=where)
    return review


def import_fastchat(
    review: FastChatReview, run: RunFolder, passed: Mapping[str, tuple[LeftOut, ...]]
) -> dict[str, int]:
    """Write records; the counts say what came in and what was left out. Raises StaleInput, StoreLocked.

    `passed` is what lies in the folder and does not come in, by the model that it is about (fastchat_left_out.py).
    """
    for name, held in review.models.items():
        write_answers(run, name, held, passed.get(name, ()))
    said = {judge: judge_words(review, judge, files) for judge, files in review.judges.items()}
    for judge, words in said.items():
        _write_words(run, review, judge, words)
    return {
        "answers": sum(len(held.answers) for held in review.files.values()),
        "ratings": sum(len(words.ratings) for words in said.values()),
        "games": sum(len(words.games) for words in said.values()),
        "answers left out": sum(held.left_out for held in review.files.values()),
        "judgments left out": sum(words.left_out for words in said.values()),
        "lines unread": sum(held.unread for held in review.files.values())
        + sum(len(file.faults) for file in review.stored.files),
    }


def model_answers(path: Path, questions: Mapping[str, Question]) -> ModelAnswers:
    """The last row of each known question, as FastChat judges it; turns beyond the question's own are cut."""
    unread: list[str] = []
    rows = answer_rows(path, unread)
    answers = [
        Answer(model=path.stem, sample=0, question=asked, turns=tuple(map(_turn, found[-1][: len(asked.turns)])))
        for id, found in rows.items()
        if (asked := questions.get(id)) and len(found[-1]) >= len(asked.turns)
    ]
    used = {answer.question.id for answer in answers}
    return ModelAnswers(path, answers, sum(len(found) for id, found in rows.items() if id not in used), len(unread))


def _turn(text: str) -> AnswerTurn:
    """FastChat keeps neither token counts nor how a text ended."""
    finish = Finish.STOP if text.strip() else Finish.EMPTY
    return AnswerTurn(text=text, finish=finish, prompt_tokens=0, completion_tokens=0, seed=0)


def judge_words(review: FastChatReview, judge: str, files: Sequence[JudgmentFile]) -> JudgeWords:
    """What a judge said that comes in."""
    rows = [row for file in files for row in file.ratings if row.record.judge == judge]
    pairs = [row for file in files for row in file.pairs if row.games[0].judge == judge]
    known = review.models.keys()
    ratings = [row.record for row in rows if _comes_in(row, row.record) and row.record.model in known]
    games = [
        game for row in pairs if _comes_in(row, row.games[0]) and {row.first, row.second} <= known for game in row.games
    ]
    names = {file.name for file in files}
    return JudgeWords(
        paths=[path for path in review.folder.judgments if path.name in names],
        ratings=ratings,
        games=games,
        left_out=len(rows) - len(ratings) + 2 * len(pairs) - len(games),
        unread=sum(len(file.faults) for file in files),
    )


def _comes_in(row: StoredRating | StoredPair, record: Rating | Game) -> bool:
    return row.freshness in USED and record.repeat == 0


def write_answers(run: RunFolder, model: str, held: ModelAnswers, passed: tuple[LeftOut, ...]) -> None:
    """Write one model's answers; the same again changes nothing. Raises StaleInput, StoreLocked."""
    folder, digest = run.generation(model), file_digest(held.path)
    settings = ModelSettings(model=model, engine=IMPORTED, files={held.path.name: digest}).noted()
    more = {"origins": (Origin(file=held.path.name, digest=digest),), "left_out": passed}
    facts = ModelFacts(planned=PlannedRecords(answers=len(held.answers), choices=0)).noted() | {
        "tokens": "not counted by FastChat",
        "answers_left_out": held.left_out,
        "lines_unread": held.unread,
    }
    _write(folder.path, ("generation", model), settings, {}, {"facts": facts, **more}, [(folder.answers, held.answers)])


def _write_words(run: RunFolder, review: FastChatReview, judge: str, words: JudgeWords) -> None:
    folder = run.judge(judge)
    settings = JudgeSettings(
        judge=judge,
        model=judge,
        prompts="official",
        parsing="strict",
        baseline=review.baseline,
        files={path.name: file_digest(path) for path in words.paths},
    ).noted()
    answers = [run.generation(model).answers.path for model in review.models]
    inputs = {path.relative_to(run.path).as_posix(): file_digest(path) for path in answers}
    facts = {"judgments_left_out": words.left_out, "lines_unread": words.unread}
    records: list[StoreRecords] = [(folder.ratings, words.ratings), (folder.games, words.games)]
    _write(folder.path, ("judge", judge), settings, inputs, {"facts": facts}, records)


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
        if there := read_manifest(folder):
            refuse_other_settings(str(folder), there.settings, settings, OTHER_SETTINGS)
            unchanged = all(list(store.records()) == list(held) for store, held in records)
            if unchanged and there.inputs == inputs and all(getattr(there, name) == more[name] for name in more):
                return
        for store, held in records:
            store.replace(held)
        manifest = open_manifest(folder, *stage, settings, inputs, 0)
        write_manifest(folder, manifest.model_copy(update=more).ended())
