"""FastChat's answers alone, for a review whose judges are still to be asked.

In: a FastChatFolder and the config of a review with imported models. Out: each model's answers to the config's own
questions, in its run folder; what does not come in is named in the manifests, so that the report can say it.
"""

from dataclasses import dataclass

from assay.sources.fastchat_answers import answer_files, json_rows
from assay.sources.fastchat_fields import question_id
from assay.sources.fastchat_folders import FastChatFolder
from assay.sources.fastchat_imports import write_answers
from assay.sources.fastchat_left_out import lines_left_out
from assay.sources.fastchat_model_answers import ModelAnswers, model_answers
from assay.sources.fastchat_notes import Notes
from assay.sources.material import questions
from ledger.config import ReviewConfig
from ledger.engines import IMPORTED
from ledger.errors import ConfigError
from ledger.origins import LeftOut
from ledger.records import Question
from ledger.runs import RunFolder, control_of
from ledger.store import key_text

QUESTIONS = "question.jsonl"


@dataclass(frozen=True)
class BroughtAnswers:
    """One model's part: how many answers came in, and how many lines did not."""

    model: str
    answers: int
    left_out: int


def import_answers(folder: FastChatFolder, run: RunFolder, config: ReviewConfig) -> list[BroughtAnswers]:
    """Write the answers of every imported model of a config. Raises ConfigError, StaleInput, StoreLocked.

    Nothing is written before all models' files are found and read.
    """
    where = str(folder.path)
    if config.questions is None:
        raise ConfigError("the config has no [questions] that these could answer.", where=config.name)
    asked = {question.id: question for question in questions(config.questions)}
    wanted = _imported(config)
    files = answer_files(folder, wanted, Notes())
    if lacking := [name for name in wanted if name not in files]:
        known = ", ".join(files) or "none"
        remedy = f"Labels are the files' names: {known}. A baseline without a second run needs control = false."
        raise ConfigError(f"there are no answers of {', '.join(lacking)}.", where=where, remedy=remedy)
    unchecked = _unlike_questions(folder, asked)
    held = {name: model_answers(name, files[name], asked) for name in wanted}
    if empty := [name for name, found in held.items() if not found.answers]:
        what = f"no line of {', '.join(empty)} answers a question of {config.questions.source}."
        raise ConfigError(what, where=where, remedy="Check `source` under [questions].")
    of_all = (*_unanswered(asked, held), *unchecked)
    for name, found in held.items():
        write_answers(run, name, found, (*lines_left_out(found), *(of_all if name == wanted[0] else ())))
    return [BroughtAnswers(name, len(each.answers), each.left_out + each.unread) for name, each in held.items()]


def _imported(config: ReviewConfig) -> list[str]:
    """The labels of the models whose records come from elsewhere, the control's too. Raises ConfigError for none."""
    names = [model.name for model in config.models if model.engine == IMPORTED]
    if not names:
        what = "no model of this review takes its answers from elsewhere."
        raise ConfigError(what, where=config.name, remedy=f'Set engine = "{IMPORTED}".')
    control = config.baseline.control and config.baseline.engine == IMPORTED
    return [*names, control_of(config.baseline.name)] if control else names


def _unlike_questions(folder: FastChatFolder, asked: dict[str, Question]) -> tuple[LeftOut, ...]:
    """What cannot be checked: ids are numbers, so that those of another set pass for these. Raises ConfigError."""
    beside = (folder.path / QUESTIONS, folder.path.parent / QUESTIONS)
    path = next((path for path in beside if path.is_file()), None)
    if path is None:
        return (
            LeftOut(kind="other", name=QUESTIONS, cause="is not beside the answers: their ids are taken as they are"),
        )
    for _, row in json_rows(path, QUESTIONS, Notes()):
        known = asked.get(question_id(row)) if "question_id" in row else None
        if known and [*known.turns] != row.get("turns"):
            what = (
                f"question {known.id} of {known.source} is not the one that was answered: the folder's own is another."
            )
            raise ConfigError(what, where=str(path), remedy=f'Set source = "{path}" under [questions].')
    return ()


def _unanswered(asked: dict[str, Question], held: dict[str, ModelAnswers]) -> tuple[LeftOut, ...]:
    """The questions that no model answered: no judgment of them is planned, so that no coverage would count them."""
    answered = {answer.question.id for found in held.values() for answer in found.answers}
    lacking = tuple(sorted(key_text(question.key) for id, question in asked.items() if id not in answered))
    cause = f"no model answered {len(lacking)} of {len(asked)} questions"
    return (LeftOut(kind="items", name="answers", cause=cause, items=lacking),) if lacking else ()
